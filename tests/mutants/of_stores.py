"""Bugs of the stores, the device's and the server's."""

from tests.mutants.mutant import Edit, Mutant

FILE = "tests/device/test_store_file.py"
CONTRACT = "tests/contracts/test_server_stores.py::test_the_sqlite_store_keeps_the_contract"

STORE = (
    Mutant(
        "synchronous-normal-on-the-device",
        "what a device has written survives a power cut",
        (f"{FILE}::test_the_file_syncs_fully_and_overwrites_what_it_deletes",),
        (Edit("choral.storage.device_sqlite", '"synchronous = FULL"', '"synchronous = NORMAL"'),),
    ),
    Mutant(
        "shred-keeps-the-key",
        "after shredding no key opens an older copy",
        (f"{FILE}::test_shredding_leaves_no_key_that_opens_an_older_copy",),
        (Edit("choral.storage.device_sqlite", "        if self._renew is not None:", "        if self._renew is self:"),),
    ),
    Mutant(
        "nonce-used-again",
        "no two seals of a device's store share a nonce",
        ("tests/laws/test_store.py::test_no_two_seals_share_a_nonce",),
        (
            Edit(
                "choral.storage.device_sqlite", "        nonce = os.urandom(NONCE_BYTES)", "        nonce = name[:NONCE_BYTES]"
            ),
        ),
    ),
    Mutant(
        "synchronous-normal-on-the-server",
        "what a server has acknowledged survives a power cut",
        ("tests/world/test_power_cut.py::test_no_second_power_cut_loses_a_report_either",),
        (Edit("choral.storage.server_schema", '"synchronous = FULL"', '"synchronous = NORMAL"'),),
    ),
    Mutant(
        "no-dedupe",
        "a report is counted once, however often it comes",
        (CONTRACT,),
        (
            Edit(
                "choral.storage.server_sql_reports",
                "sorted((arrivals[index].id, arrivals[index].body) for index in indices)",
                "sorted((__import__('os').urandom(32), arrivals[index].body) for index in indices)",
            ),
        ),
        says="counts a report once",
    ),
    Mutant(
        "token-spent-twice",
        "a token is spent on one report only",
        (CONTRACT,),
        (Edit("choral.storage.server_sql_reports", "(task, token)).rowcount == 1", "(task, token)).rowcount >= 0"),),
        says="keeps one report a token",
    ),
    Mutant(
        "reports-taken-after-the-cut",
        "a batch that was cut takes no more reports",
        (CONTRACT,),
        (Edit("choral.storage.server_sql_rounds", 'found[1] == "open"', 'found[1] != "erased"'),),
        says="after the cut",
    ),
    Mutant(
        "id-forgotten-too-early",
        "ids live exactly as long as their round is open",
        (CONTRACT,),
        (
            Edit(
                "choral.storage.server_sql_rounds",
                '    if db.execute(is_past, {"number": batch.number, "now": now}).fetchone():',
                "    if is_past:",
            ),
        ),
        says="knows an id after the shuffle",
    ),
    Mutant(
        "payloads-outlive-their-release",
        "raw reports are erased as their release is written",
        (CONTRACT,),
        (
            Edit(
                "choral.storage.server_sql",
                "                models.add_version(db, version)\n"
                '            db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))',
                "                models.add_version(db, version)",
            ),
        ),
        says="erases payloads as it keeps the release",
    ),
    Mutant(
        "split-commit-on-the-server",
        "a report and the count of its batch are one transaction",
        ("tests/server/test_crashes.py::test_reports_whose_commit_died_are_gone_or_there_and_can_be_sent_again",),
        (
            Edit(
                "choral.storage.server_sql_reports",
                '    db.execute("UPDATE batch SET reports = reports + ? WHERE number = ?", (added, batch))',
                "    LATER.append((added, batch))",
            ),
            Edit("choral.storage.server_sql_reports", "ROWS_AT_ONCE = 256", "LATER = []\nROWS_AT_ONCE = 256"),
            Edit(
                "choral.storage.server_sql",
                "                reports.add(db, slot, arrivals, indices, kept)\n",
                "                reports.add(db, slot, arrivals, indices, kept)\n"
                "        with self._database.transaction() as db:\n"
                "            while reports.LATER:\n"
                '                db.execute("UPDATE batch SET reports = reports + ? WHERE number = ?", reports.LATER.pop())\n',
            ),
        ),
    ),
)
