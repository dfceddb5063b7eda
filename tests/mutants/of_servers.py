"""Bugs of a server's roads and duties, and of the seal."""

from tests.mutants.mutant import Edit, Mutant

INGEST = "tests/server/test_ingest.py"
SHUFFLE = "tests/server/test_shuffle.py"

SERVER = (
    Mutant(
        "acknowledged-before-the-commit",
        "a 2xx means durable",
        (f"{INGEST}::test_reports_that_wait_for_the_disk_are_kept_together_and_answered_after_the_commit",),
        (
            Edit(
                "choral.server.intake",
                "        require_kept(self._store, arrival, await done)",
                "        done.add_done_callback(lambda found: found.exception())",
            ),
        ),
    ),
    Mutant(
        "body-read-whole",
        "a body is bounded before it is buffered",
        (f"{INGEST}::test_a_body_in_pieces_is_put_together_and_never_read_beyond_the_largest_report",),
        (
            Edit(
                "choral.server.upload",
                "        if len(body) > LARGEST:",
                '        if len(body) > LARGEST and not message.get("more_body", False):',
            ),
        ),
        raises=("IndexError",),  # it asks for pieces that nobody has
    ),
    Mutant(
        "minimum-off-by-one",
        "no batch below its minimum is released",
        (f"{SHUFFLE}::test_the_minimum_counts_legal_reports_after_unsealing",),
        (Edit("choral.server.shuffle", "    if len(legal) < batch.minimum:", "    if len(legal) < batch.minimum - 1:"),),
    ),
    Mutant(
        "shuffle-keeps-the-order",
        "a batch is permuted with fresh entropy",
        (f"{SHUFFLE}::test_every_order_is_as_likely_as_every_other",),
        (Edit("choral.server.shuffle", "        order = np.argsort(words)\n", "        order = np.arange(n)\n"),),
    ),
    Mutant(
        "seal-not-bound-to-its-header",
        "a report belongs to one round and one task under its seal",
        ("tests/protocol/test_sealing.py::test_a_report_belongs_to_one_round_and_task_under_the_seal",),
        (
            Edit("choral.protocol.sealing", "info=INFO + header))", "info=INFO))"),
            Edit("choral.protocol.sealing", "info=INFO + report.header)", "info=INFO)"),
        ),
    ),
)
