"""A power cut at any moment: what was acknowledged is there, once, and another worker ends every duty the same way.

The numbers in a message make its image again: `check(life, seed, number, folder)`. A disk that says it has synced and has
not is beyond this, and beyond any store: `NeverSyncs` shows what then happens.
"""

import tempfile
from bisect import bisect_left, bisect_right
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from choral.numerics import SeededEntropy
from choral.simulation.faults import WRITES
from choral.storage import SqliteDeviceStore
from tests.world.power_record import NAME, Broken, check, first_life, lay_out, next_life
from tests.world.torn_disk import Journal
from tests.world.watched_sqlite import Recorder

SEED = 11
IMAGES, SHORT_LOG, LIVES, IMAGES_A_LIFE, DEVICE = 1_200, 300, 15, 20, 200  # together 2,000
PLANTED = 60
KEY = bytes(range(32))
MEMORY = Path("/dev/shm")  # a sync costs nothing there; any other place will do


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        yield Path(name)


def as_it_is(connection):
    """A connection as the store opens it."""
    return connection


def with_short_log(connection):
    """The log is copied back after 8 pages, where the store waits for 32,768: then it is used again from its start."""
    connection.execute("PRAGMA wal_autocheckpoint = 8")
    return connection


def test_no_power_cut_loses_or_doubles_a_report_or_changes_how_a_duty_ends(folder):
    life = first_life(folder / "told")
    cut = Counter(check(life, SEED, number, folder / "image") for number in range(IMAGES))
    assert set(cut) >= set(WRITES), "each kind of write was cut"


def test_no_power_cut_loses_a_report_while_the_log_is_copied_back_and_used_again(folder):
    life = first_life(folder / "told", with_short_log)
    for number in range(SHORT_LOG):
        check(life, SEED, number, folder / "image")


def test_no_second_power_cut_loses_a_report_either(folder):
    life = first_life(folder / "told")
    for number in range(LIVES):
        again = next_life(life, SEED, number, folder / "again")
        for cut in range(IMAGES_A_LIFE):
            check(again, SEED, cut, folder / "image")


@pytest.mark.acceptance
@pytest.mark.parametrize("adjust", [as_it_is, with_short_log])
def test_none_of_forty_thousand_power_cuts_loses_a_report(adjust, folder):
    life = first_life(folder / "told", adjust)
    for number in range(40_000):
        check(life, SEED + 1, number, folder / "image")


@pytest.mark.acceptance
def test_none_of_twenty_thousand_second_power_cuts_loses_a_report(folder):
    life = first_life(folder / "told")
    for number in range(200):
        again = next_life(life, SEED + 1, number, folder / "again")
        for cut in range(100):
            check(again, SEED + 1, cut, folder / "image")


def test_the_same_story_leaves_the_same_bytes_so_that_a_number_makes_its_image_again(folder):
    one, other = first_life(folder / "one"), first_life(folder / "other")
    assert one.journal.events == other.journal.events
    assert lay_out(one.journal, SEED, 3, folder / "image") == lay_out(other.journal, SEED, 3, folder / "image")


class Around:
    """A connection with a bug: it says so itself."""

    def __init__(self, connection):
        self.inner = connection
        self.executemany, self.close = connection.executemany, connection.close

    def execute(self, sql, values=()):
        return self.inner.execute(sql, values)

    @property
    def in_transaction(self):
        return self.inner.in_transaction


class SyncsSeldom(Around):
    """Bug: what is committed is synced when the log is copied back, as many advise for speed."""

    def __init__(self, connection):
        super().__init__(connection)
        connection.execute("PRAGMA synchronous = NORMAL")


class NeverSyncs(Around):
    """Bug: nothing is ever synced."""

    def __init__(self, connection):
        super().__init__(connection)
        connection.execute("PRAGMA synchronous = OFF")


class CommitsLater(Around):
    """Bug: a write is acknowledged at once, and committed when the next one comes."""

    is_open = False

    def execute(self, sql, values=()):
        if sql == "COMMIT":
            self.is_open = True
            return None
        if self.is_open and sql.startswith(("BEGIN", "PRAGMA")):
            self.is_open = False
            super().execute("COMMIT")
        return super().execute(sql, values)

    @property
    def in_transaction(self):
        return self.inner.in_transaction and not self.is_open


class CommitsInPieces(Around):
    """Bug: each statement is a transaction of its own."""

    def execute(self, sql, values=()):
        return super().execute("SELECT 1" if sql in ("BEGIN IMMEDIATE", "COMMIT") else sql, values)


BUGS = [
    (SyncsSeldom, "acknowledged reports are lost"),
    (NeverSyncs, "acknowledged reports are lost"),
    (NeverSyncs, "does not open"),
    (CommitsLater, "acknowledged reports are lost"),
    (CommitsInPieces, "neither the state before the write nor the one after"),
]


@pytest.mark.parametrize(("bug", "broken"), BUGS)
def test_a_store_that_would_lose_reports_is_noticed(bug, broken, folder):
    life = first_life(folder / "told", bug)
    assert any(broken in what_breaks(life, number, folder / "image") for number in range(PLANTED))


def what_breaks(life, number, folder):
    try:
        check(life, SEED, number, folder)
    except Broken as error:
        return str(error)
    return ""


def test_no_power_cut_tears_a_transaction_of_a_device(folder):
    recorder, chance, rows = Recorder("device"), SeededEntropy(SEED), {}
    (folder / "told").mkdir()
    with recorder.watching():
        store = SqliteDeviceStore(folder / "told" / NAME, KEY)
    ends, states = [len(recorder.events)], [{}]
    for _ in range(40):
        with store.transaction() as tx:
            for key, size in chance.below(6, 2_000).reshape(3, 2).tolist():
                rows[b"%d" % (key % 16)] = bytes(size)
                tx.put("some", b"%d" % (key % 16), bytes(size))
        ends.append(len(recorder.events))
        states.append(dict(rows))
    journal = Journal(recorder.events)
    for number in range(DEVICE):
        cut = lay_out(journal, SEED, number, folder / "image")
        done, begun = (max(0, find(ends, cut.moment) - 1) for find in (bisect_right, bisect_left))
        with closing(SqliteDeviceStore(folder / "image" / NAME, KEY)) as left, left.transaction() as tx:
            assert dict(tx.scan("some")) in states[done : begun + 2], f"image {number} of seed {SEED}: {cut}"
