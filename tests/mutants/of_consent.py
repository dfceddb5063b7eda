"""Bugs of a device: consent that is not asked, silence that says something."""

from tests.mutants.mutant import Edit, Mutant

LAWS = "tests/device/test_laws.py"
CONSENT = "tests/laws/test_consent.py"
SILENCE = "tests/laws/test_silence.py"

CONSENT_AND_SILENCE = (
    Mutant(
        "consent-unchecked-on-journalled-signals",
        "no event of a journalled signal is kept before its person said yes",
        (f"{CONSENT}::test_no_event_is_kept_before_a_yes_or_after_a_no",),
        (
            Edit(
                "choral.device.noting",
                "        if agreed and not signal.immediate:\n"
                "            journal.append(tx, signal, event, "
                "ttl_days=min(one.retention_days for one in agreed), now=now)\n",
                "        if not signal.immediate:\n"
                "            days = min((one.retention_days for one in agreed), default=30)\n"
                "            journal.append(tx, signal, event, ttl_days=days, now=now)\n",
            ),
        ),
    ),
    Mutant(
        "outbox-left-after-a-no",
        "a withdrawal empties the outbox at once",
        (f"{CONSENT}::test_a_no_empties_the_outbox_at_once", f"{LAWS}::test_opting_out_empties_journal_and_outbox"),
        (Edit("choral.device.agent", "            outbox.drop(tx, terms_hash)\n", ""),),
    ),
    Mutant(
        "sent-without-live-consent",
        "a report is sent only under a consent that is live as it leaves",
        (f"{CONSENT}::test_a_report_that_was_on_its_way_stays_when_its_person_says_no",),
        (Edit("choral.device.outbox", " and consent.has_agreed(tx, outgoing.terms)", ""),),
    ),
    Mutant(
        "rows-put-back",
        "no row that decides what may leave can be put back",
        (f"{CONSENT}::test_a_row_that_is_put_back_after_a_no_is_no_yes_and_is_not_sent",),
        (Edit("choral.device.binding", "        if not bound.holds():", "        if bound is None:"),),
    ),
    Mutant(
        "stale-snapshot-kept",
        "what was made under a consent, ledger, turn or check-out that changed meanwhile is thrown away",
        (f"{CONSENT}::test_what_was_made_before_a_no_is_not_kept_after_it",),
        (
            Edit(
                "choral.device.contribution",
                '        return Step("skipped", f"{seen.signal.name}: {CHANGED}", '
                'seen.signal.name, offer.task_hash, code="changed")',
                "        pass",
            ),
        ),
    ),
    Mutant(
        "noise-reused-between-nothings",
        "each report of nothing has noise of its own",
        (f"{SILENCE}::test_reports_of_nothing_do_not_share_their_noise",),
        (
            Edit(
                "choral.device.answers",
                "    rows = [*values[:count], *[offer.nothing] * (count - len(values))]\n"
                "    return [randomize(offer, row, entropy) for row in rows]",
                "    said = [randomize(offer, row, entropy) for row in values[:count]]\n"
                "    missing = count - len(said)\n"
                "    return [*said, *([randomize(offer, offer.nothing, entropy)] * missing if missing > 0 else [])]",
            ),
        ),
    ),
    Mutant(
        "refusal-after-reading",
        "a person's data can refuse nothing",
        (f"{SILENCE}::test_data_can_refuse_nothing",),
        (
            Edit(
                "choral.device.answers",
                "    except Exception:  # noqa: BLE001  "
                "# whatever a person's data made of an app's or an algorithm's code must not show\n"
                "        return None",
                "    except Exception as error:\n"
                "        from choral.errors import TaskRefused\n"
                "        raise TaskRefused(str(error)) from error",
            ),
        ),
        raises=("TaskRefused",),
    ),
    Mutant(
        "nothing-for-nothing",
        "a report of nothing is paid like any other",
        (f"{SILENCE}::test_a_report_that_says_nothing_costs_what_one_costs_that_says_something",),
        (
            Edit(
                "choral.device.contribution",
                "    LEDGER.put(tx, LEDGER_KEY, seen.account.spend(offer.terms, budget, now, reports=number))",
                "    said = len(seen.chosen) + len(made.used)\n"
                "    if said:\n"
                "        LEDGER.put(tx, LEDGER_KEY, seen.account.spend(offer.terms, budget, now, reports=min(said, number)))",
            ),
        ),
    ),
    Mutant(
        "silence-by-the-check-out",
        "where Terms allow silence it hangs on the person's events alone, never on what a check-out asks",
        (f"{SILENCE}::test_a_check_out_cannot_make_a_device_silent",),
        (
            Edit(
                "choral.device.contribution",
                "(seen.is_empty if signal.immediate else not any(flags)):",
                "(\n"
                "        seen.is_empty\n"
                "        if signal.immediate\n"
                "        else all((row == offer.nothing).all() for row in answers.values_of(offer, signal, events))\n"
                "    ):",
            ),
        ),
    ),
    Mutant(
        "sent-whatever-the-conditions",
        "a due report waits for the conditions that its person set",
        (f"{SILENCE}::test_a_due_report_waits_for_its_persons_conditions",),
        (Edit("choral.device.agent", "        if not conditions.lacking(self.send_needs):", "        if self.send_needs:"),),
    ),
    Mutant(
        "computed-inside-the-transaction",
        "nothing is computed inside the write transaction",
        (f"{SILENCE}::test_nothing_is_computed_inside_a_transaction",),
        (
            Edit(
                "choral.device.agent",
                "            made = seen if isinstance(seen, Step) else contribution.make(seen, self.entropy)\n"
                "            if isinstance(made, Step):",
                "                made = seen if isinstance(seen, Step) else contribution.make(seen, self.entropy)\n"
                "            if isinstance(made, Step):",
            ),
        ),
    ),
)
