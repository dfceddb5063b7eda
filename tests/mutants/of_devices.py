"""Bugs of a device: price, time, retries, turns."""

from tests.mutants.mutant import Edit, Mutant

LAWS = "tests/device/test_laws.py"
WITNESS = "tests/device/test_witness.py"

DEVICE = (
    Mutant(
        "randomized-again-on-retry",
        "a retry draws nothing new: identical bytes go again",
        (f"{LAWS}::test_a_record_is_randomized_once_and_a_retry_draws_nothing_new",),
        (
            Edit(
                "choral.device.contribution",
                '    """The report, to be sent at a random time within the task\'s delay and before its round closes."""\n',
                "    outbox.OFFERS[seen.offer.task_hash] = seen.offer\n",
            ),
            Edit("choral.device.outbox", 'PULSE = Table("pulse", Pulse)\n', 'PULSE = Table("pulse", Pulse)\nOFFERS = {}\n'),
            Edit(
                "choral.device.outbox",
                "        if OUTBOX.has(tx, key):\n"
                "            OUTBOX.put(tx, key, replace(outgoing, due=due, attempts=outgoing.attempts + 1))\n",
                "        if OUTBOX.has(tx, key):\n"
                "            from choral.protocol import seal\n"
                "            offer = OFFERS[outgoing.task]\n"
                "            import numpy as np\n"
                '            value = np.frombuffer(outgoing.payload, offer.mechanism.payload)["value"].astype(np.int64)\n'
                "            payload = offer.mechanism.randomize(value, entropy)[0].tobytes()\n"
                "            sealed = seal(payload, outgoing.task, offer.checkout.round, offer.task.shuffler_key).to_bytes()\n"
                "            OUTBOX.delete(tx, key)\n"
                "            fresh = replace(outgoing, payload=payload, report=sealed, due=due)\n"
                "            OUTBOX.put(tx, report_id(sealed), fresh)\n",
            ),
        ),
    ),
    Mutant(
        "charge-undone-with-a-refusal",
        "what a server refuses for good is not refunded",
        (f"{LAWS}::test_a_late_report_is_refused_for_good_without_a_refund",),
        (
            Edit(
                "choral.device.outbox",
                "        SENT.put(tx, key, SentReport(second, outcome, outgoing))\n",
                "        SENT.put(tx, key, SentReport(second, outcome, outgoing))\n"
                "        if outcome != DELIVERED:\n"
                "            from choral.device.contribution import LEDGER, LEDGER_KEY, ledger\n"
                "            account = ledger(tx)\n"
                "            back = tuple(\n"
                "                replace(one, life_micro=one.life_micro - outgoing.price_micro) for one in account.accounts\n"
                "            )\n"
                "            LEDGER.put(tx, LEDGER_KEY, replace(account, accounts=back))\n",
            ),
        ),
    ),
    Mutant(
        "price-of-one-for-several",
        "several reports cost several times the price of one",
        ("tests/laws/test_price.py",),
        (Edit("choral.device.ledger", ".charged(terms.price_micro * reports, day)", ".charged(terms.price_micro, day)"),),
    ),
    Mutant(
        "no-budget-for-life",
        "a budget holds for life, not only for a day and a year",
        ("tests/device/test_ledger.py::test_the_budget_for_life_never_opens_again",),
        (Edit("choral.device.ledger", '                ("life", budget.for_life_micro, account.life_micro),\n', ""),),
    ),
    Mutant(
        "refund-on-a-clock-jump",
        "the ledger's clock is a high-water mark: a clock set back never refunds",
        ("tests/device/test_ledger.py::test_a_clock_set_back_never_refunds",),
        (Edit("choral.device.ledger", "return max(int(now.timestamp()), self.mark)", "return int(now.timestamp())"),),
    ),
    Mutant(
        "older-copy-believed",
        "a restored backup never refunds",
        (f"{WITNESS}::test_a_restored_older_store_never_refunds_and_asks_again",),
        (Edit("choral.device.upkeep", "        if own.is_behind(seen):", "        if own is None:"),),
    ),
    Mutant(
        "forgetting-refunds",
        "forgetting keeps what was paid",
        (f"{LAWS}::test_export_is_complete_and_forgetting_leaves_only_what_was_paid",),
        (Edit("choral.device.upkeep", "    LOST,\n)  # everything but the ledger", "    LOST,\n    LEDGER,\n)"),),
    ),
    Mutant(
        "split-commit-on-the-device",
        "charge, report and what was used are one transaction",
        ("tests/device/test_crash.py::test_a_failure_at_every_write_leaves_no_partial_effect",),
        (
            Edit(
                "choral.device.contribution",
                "        outbox.put(tx, replace(sealed, token=token))\n",
                "        outbox.LATER.append(replace(sealed, token=token))\n",
            ),
            Edit("choral.device.outbox", 'PULSE = Table("pulse", Pulse)\n', 'PULSE = Table("pulse", Pulse)\nLATER = []\n'),
            Edit(
                "choral.device.agent",
                "                return contribution.keep(tx, made, budget=self.budget, now=now)\n",
                "                outbox.LATER.clear()\n"
                "                step = contribution.keep(tx, made, budget=self.budget, now=now)\n"
                "            with self._store.transaction() as tx:\n"
                "                for one in outbox.LATER:\n"
                "                    outbox.put(tx, one)\n"
                "            return step\n",
            ),
        ),
    ),
    Mutant(
        "coin-drawn-again",
        "the coin of a round is drawn once and kept",
        (f"{LAWS}::test_the_coin_is_drawn_once_a_round_and_kept",),
        (
            Edit(
                "choral.device.contribution",
                "    if turns.of(offer.checkout.round) is None:\n",
                "    turn = turns.of(offer.checkout.round)\n    if turn is None or not turn.coin:\n",
            ),
        ),
    ),
    Mutant(
        "several-turns-a-round",
        "training takes one turn a round",
        (f"{LAWS}::test_training_contributes_once_a_round_and_deletes_what_it_used",),
        (Edit("choral.device.contribution", "    if not signal.immediate and turn.reports:", "    if turn.reports < 0:"),),
    ),
    Mutant(
        "sent-at-a-fixed-time",
        "a report leaves at a random time within its task's delay",
        (f"{LAWS}::test_a_report_goes_at_a_random_time_within_the_delay",),
        (
            Edit(
                "choral.device.contribution",
                "    wait = int(entropy.below(1, delay + 1)[0]) if delay > 0 else 0",
                "    wait = max(delay, 0)",
            ),
        ),
    ),
    Mutant(
        "old-answers-to-a-new-question",
        "a record that answers other parameters is never sent",
        (f"{LAWS}::test_a_record_that_answers_other_parameters_is_never_sent_and_its_loss_makes_nobody_silent",),
        (Edit("choral.device.checkouts", "        records.drop_answers(tx, offer.task_hash)", "        pass"),),
    ),
    Mutant(
        "records-kept-for-ever",
        "private records are gone after the time that their Terms name",
        (f"{LAWS}::test_private_records_are_forgotten_after_their_time",),
        (Edit("choral.device.upkeep", "        records.purge(tx, now)\n", ""),),
    ),
)
