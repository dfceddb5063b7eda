"""Bugs of what a device lets in: a server's claims that are believed."""

from tests.mutants.mutant import Edit, Mutant

JUDGED = "tests/laws/test_letting_in.py"

LETTING_IN = (
    Mutant(
        "round-taken-from-the-server",
        "a device answers only in the round of its own clock",
        (f"{JUDGED}::test_a_device_answers_only_in_the_round_of_its_own_clock",),
        (
            Edit(
                "choral.device.offer",
                'return self.task.rule.advance == "release" or asked == clock.own_round(self.task, second)',
                "return asked >= 0",
            ),
        ),
    ),
    Mutant(
        "far-rounds-taken",
        "a check-out of a round that cannot be now is refused and said to be",
        ("tests/device/test_refused_tasks.py::test_a_stale_check_out_waits_for_a_newer_one_unpaid",),
        (Edit("choral.device.clock", "own_round(task, second)) <= 1:", "own_round(task, second)) <= 1_000:"),),
    ),
    Mutant(
        "check-out-unsigned",
        "a check-out that its server did not sign is not let in",
        (f"{JUDGED}::test_a_false_claim_is_refused_by_its_reason[forged_check_out]",),
        (
            Edit(
                "choral.protocol.sealing",
                "    return task, verify(signed, Checkout, task.server_key)",
                "    return task, decode(signed.body, Checkout)",
            ),
        ),
    ),
    Mutant(
        "task-of-a-stranger",
        "a task that no trusted operator signed is not let in",
        (f"{JUDGED}::test_a_false_claim_is_refused_by_its_reason[forged_task]",),
        (
            Edit(
                "choral.protocol.sealing",
                "    task = verify_any(first(signed.body, Checkout), Task, operators)",
                "    task = decode(first(signed.body, Checkout).body, Task)",
            ),
        ),
    ),
    Mutant(
        "price-unchecked",
        "a task costs at least what its mechanism does",
        (f"{JUDGED}::test_a_false_claim_is_refused_by_its_reason[too_cheap]",),
        (Edit("choral.device.judging", "    if cost > task.terms.price_micro:", "    if cost > 2 * task.terms.price_micro:"),),
    ),
    Mutant(
        "another-question-answered",
        "what is asked has the very size that the app holds",
        (f"{JUDGED}::test_a_false_claim_is_refused_by_its_reason[another_size]",),
        (Edit("choral.device.judging", "        if found != {value}:", "        if not found:"),),
    ),
    Mutant(
        "dates-believed",
        "a check-out is valid within its round only",
        (f"{JUDGED}::test_a_false_claim_is_refused_by_its_reason[too_long]",),
        (
            Edit(
                "choral.device.judging",
                "    if not begin <= checkout.issued < checkout.valid_until <= end:",
                "    if not begin <= checkout.issued <= end:",
            ),
        ),
    ),
    Mutant(
        "chance-believed",
        "the chance of taking part lies within what the signed task allows",
        (f"{JUDGED}::test_a_false_claim_is_refused_by_its_reason[too_seldom]",),
        (
            Edit(
                "choral.device.judging",
                "    if not task.least_chance <= checkout.chance <=",
                "    if not 0 <= checkout.chance <=",
            ),
        ),
    ),
    Mutant(
        "work-unbounded",
        "no task asks for more work than a device gives",
        (f"{JUDGED}::test_a_false_claim_is_refused_by_its_reason[too_much_work]",),
        (Edit("choral.device.judging", "    if operations > MOST_OPERATIONS or numbers", "    if operations < 0 or numbers"),),
    ),
    Mutant(
        "openings-not-compared",
        "a check-out says what everyone is told of its round",
        (f"{JUDGED}::test_a_check_out_that_not_everyone_gets_is_refused",),
        (
            Edit(
                "choral.device.published",
                '        problem = _difference(offer, found[0]) if len(found) == 1 else "its round was published twice"\n',
                '        problem = ""\n',
            ),
        ),
    ),
    Mutant(
        "servers-words-shown-raw",
        "what a server says is shown without control, bidi or zero-width characters",
        (f"{JUDGED}::test_a_servers_words_are_shown_without_what_would_not_be_seen",),
        (
            Edit(
                "choral.protocol.problems",
                '    return "".join(kept)[:MOST_SHOWN]\n',
                "    return text\n",
            ),
        ),
    ),
)
