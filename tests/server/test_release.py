"""Releases: once or never, with the error and the guarantees of what was summed, and nothing left behind."""

import numpy as np
import pytest

from choral.engines import Processes, Serial
from choral.learning import Count
from choral.mechanisms import CountMeanSketch, empty_state
from choral.numerics import SeededEntropy
from choral.protocol import Release, Spec, decode
from choral.server import release as release_module
from choral.server import release_once
from choral.server.release import total
from choral.storage import LeaseLost, SqliteServerStore
from tests.server.house import DAY, NAMES, RESPONSE, SERVER, House, make_task, report


def shuffled(house, n=200, **changes):
    task = make_task(goal=n, **changes)
    house.publish(task)
    house.ingest(report(task, number) for number in range(n))
    house.shuffle()
    return task


def test_a_release_says_what_it_was_made_of_and_under_which_guarantees():
    house = House(second=100)
    task = shuffled(house)
    release = house.release()
    assert (release.task, release.round, release.kind, release.reports) == (task.hash, 0, "histogram", 200)
    assert release.guarantees == RESPONSE.guarantees(task.rule.minimum, task.reports_per_device)
    estimate, stderr = release.arrays["estimate"], release.arrays["stderr"]
    assert (estimate > 3 * stderr).all()
    assert set(release.arrays["item"].tolist()) <= set(range(7)), "only what is there stands out of the noise"


def test_the_operator_alone_reads_the_whole_estimate():
    house = House()
    shuffled(house, algorithm=Spec.of(Count(threshold_milli=100_000)))
    release = house.release()
    assert len(release.arrays["item"]) == 0
    full = decode(house.store.unpublished(release.hash), Release)
    assert (full.kind, full.reports, len(full.arrays["estimate"])) == ("unpublished", 200, 50)
    assert full.arrays["estimate"].sum() == pytest.approx(200)


def test_a_batch_is_released_once_or_never():
    house = House()
    shuffled(house)
    assert house.release() is not None
    for second in (0, 3_600, 30 * DAY, 3_650 * DAY):
        house.second = second
        assert house.release() is None
        assert house.shuffle() is None
    assert len(house.store.releases()) == 1


class Overtaken:
    """A store in which another worker's lease runs out the first, and releases, just before this one writes."""

    def __init__(self, house):
        self._house = house

    def __getattr__(self, name):
        return getattr(self._house.store, name)

    def finish_release(self, *arguments, **named):
        self._house.second += 3_600
        assert self._house.release() is not None
        self._house.store.finish_release(*arguments, **named)


@pytest.mark.parametrize("memory", [True, False])
def test_of_two_workers_that_race_one_releases(memory, tmp_path):
    house = House() if memory else House(SqliteServerStore(tmp_path / "store.sqlite"))
    shuffled(house)
    with pytest.raises(LeaseLost):
        release_once(Overtaken(house), SERVER, names=NAMES, engine=Serial(), entropy=SeededEntropy(1), now=house.now)
    assert len(house.store.releases()) == 1
    assert house.release() is None


def test_payloads_are_gone_after_the_release_and_the_ledger_row_remains():
    house = House()
    task = shuffled(house)
    house.release()
    row = house.store.batch(task.hash, 0)
    assert list(house.store.parts(row)) == []
    assert (row.state, row.reports, row.legal) == ("released", 200, 200)


def test_the_sum_is_the_same_for_every_engine_and_every_cut_into_parts():
    mechanism = CountMeanSketch.for_epsilon(4.0, 100, seed=bytes(32), width=64, rows=32)
    payloads = mechanism.randomize(np.arange(300) % 100, SeededEntropy(1))
    expected = mechanism.accumulate(empty_state(mechanism), payloads)
    for size in (300, 100, 7):
        parts = [payloads[start : start + size].tobytes() for start in range(0, 300, size)]
        assert (total(mechanism, iter(parts), Serial()) == expected).all()
    assert (total(mechanism, iter([*parts[:3], b"".join(parts[3:])]), Processes(2)) == expected).all()
    assert (total(mechanism, iter([]), Serial()) == 0).all()


def test_a_part_is_summed_a_bounded_number_of_rows_at_a_time():
    rows = release_module.ROWS_AT_ONCE + 5
    payloads = RESPONSE.randomize(np.zeros(rows, np.int64), SeededEntropy(1))
    assert release_module.accumulated(RESPONSE, payloads.tobytes()).sum() == rows
