"""The shuffle: the minimum, the sifting, the order, the erasure."""

from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from scipy.stats import chisquare

from choral.errors import StoreError
from choral.numerics import ScriptedEntropy, SeededEntropy
from choral.protocol import Report, seal
from choral.server import shuffle_once
from choral.server.shuffle import grouped, permutation
from choral.storage import BELOW_MINIMUM, RETENTION_OVER, SqliteServerStore
from tests.server.house import DAY, NAMES, House, garbage, make_task, report

FALSE_ALARM = 1e-9


def filled(house, reports, **changes):
    task = make_task(**changes)
    house.publish(task)
    house.ingest(reports(task))
    return task


def payloads(house, task):
    return [int(value) for part in house.store.parts(house.store.batch(task.hash, 0)) for value in np.frombuffer(part, "<u4")]


def test_the_minimum_counts_legal_reports_after_unsealing():
    for legal, state in ((2, "erased"), (3, "shuffled")):
        house = House()
        task = filled(house, lambda task: [report(task, n) for n in range(legal)] + [garbage(task, n) for n in range(5)])  # noqa: B023
        house.second = 2 * DAY
        batch = house.shuffle()
        assert (batch.state, batch.legal, batch.dropped) == (state, legal, 5)
        assert batch.why == (BELOW_MINIMUM if state == "erased" else "")
        assert (house.release() is None) == (state == "erased")
        assert task


def test_broken_seals_foreign_headers_and_illegal_rows_are_dropped_and_counted():
    house = House()

    def reports(task):
        other = replace(task, revision=7)
        moved = bytearray(report(task, 20, round_=1))
        moved[34:38] = bytes(4)
        yield from (report(task, n, category=n) for n in range(3))
        yield garbage(task, 10)
        yield bytes(moved)
        yield Report(task.hash, 0, Report.from_bytes(report(other, 1)).seal).to_bytes()
        yield report(task, 11, category=50)
        yield seal(b"\1\0\0\0\1", task.hash, 0, task.shuffler_key).to_bytes()
        yield seal(b"\1\0\0\0", task.hash, 0, X25519PrivateKey.generate().public_key().public_bytes_raw()).to_bytes()

    task = filled(house, reports, goal=9)
    batch = house.shuffle()
    assert (batch.reports, batch.legal, batch.dropped) == (9, 3, 6)
    assert sorted(payloads(house, task)) == [0, 1, 2]


def test_a_batch_is_cut_at_its_goal_or_when_its_round_closes_and_not_before():
    house = House()
    task = filled(house, lambda task: [report(task, n) for n in range(5)], goal=6)
    house.second = 2 * DAY - 1
    assert house.shuffle() is None
    house.ingest([report(task, 5)])
    assert house.shuffle().legal == 6
    house = House()
    filled(house, lambda task: [report(task, n) for n in range(5)], goal=6)
    house.second = 2 * DAY
    assert house.shuffle().legal == 5


def test_a_round_that_closes_below_its_minimum_is_erased_and_says_so():
    house = House()
    task = filled(house, lambda task: [report(task, n) for n in range(2)])
    house.second = 2 * DAY - 1
    assert house.close() is None
    house.second = 2 * DAY
    assert house.shuffle() is None
    assert (house.close().state, house.close()) == ("erased", None)
    (round_,) = house.ask("GET", f"/v1/tasks/{task.hash.hex()}").json()["rounds"]
    assert (round_["state"], round_["why"], round_["reports"]) == ("erased", BELOW_MINIMUM, 2)


def test_what_outlives_its_retention_is_erased_unreleased():
    house = House()
    filled(house, lambda task: [report(task, n) for n in range(5)], retention_days=3, goal=5)
    house.shuffle()
    house.second = 3 * DAY - 1
    assert house.close() is None
    house.second = 3 * DAY
    assert house.close().why == RETENTION_OVER
    assert house.release() is None


def test_a_round_counted_by_releases_passes_as_its_batch_is_cut():
    house = House()
    task = filled(house, lambda task: [report(task, n) for n in range(4)], advance="release", goal=4, rounds_open=1)
    house.shuffle()
    house.ingest([report(task, 9, round_=1)])
    assert house.store.batch(task.hash, 1).reports == 1
    assert house.ask("POST", "/v1/reports", content=report(task, 9, round_=2)).json()["type"].endswith("round-unopened")
    assert house.ask("POST", "/v1/reports", content=report(task, 9, round_=0)).json()["type"].endswith("round-closed")


def test_the_shuffler_refuses_a_foreign_key_and_erases_nothing():
    house = House()
    task = filled(house, lambda task: [report(task, n) for n in range(4)], goal=4)
    with pytest.raises(StoreError, match="another shuffler's key"):
        shuffle_once(house.store, X25519PrivateKey.generate(), names=NAMES, entropy=SeededEntropy(1), now=house.now)
    house.second = 3_600
    assert house.shuffle().legal == 4
    assert task


def test_stored_order_row_ids_and_times_carry_nothing():
    """The same reports in another order of arrival leave the same rows, but for the order that fresh entropy gives."""
    orders = []
    for arrival, seed in ((1, 1), (-1, 1), (1, 2)):
        house = House()
        task = make_task(goal=50)
        house.publish(task)
        bodies = BODIES if task.hash == BODIES_TASK.hash else []
        house.ingest(bodies[::arrival])
        house.shuffle(seed)
        orders.append(payloads(house, task))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == list(range(50))
    assert orders[0] != list(range(50))


BODIES_TASK = make_task(goal=50)
BODIES = [report(BODIES_TASK, number, category=number) for number in range(50)]


def test_the_tables_of_reports_hold_no_time_and_no_row_number(tmp_path):
    store = SqliteServerStore(tmp_path / "store.sqlite")
    columns = {row[1] for row in store._database.read("PRAGMA table_info(report)")}
    assert columns == {"batch", "id", "body"}
    (sql,) = store._database.read("SELECT sql FROM sqlite_schema WHERE name = 'report'")[0]
    assert "WITHOUT ROWID" in sql
    store.close()


def test_equal_words_are_drawn_again():
    assert permutation(3, ScriptedEntropy([5, 5, 1, 3, 1, 2])).tolist() == [1, 2, 0]
    assert permutation(0, ScriptedEntropy([])).tolist() == []


def test_every_order_is_as_likely_as_every_other():
    """24 orders, 24,000 draws: an order 25 % too likely is missed with chance below 1e-9; false alarm 1e-9."""
    entropy, seen = SeededEntropy(5), dict.fromkeys(range(256), 0)
    for _ in range(24_000):
        order = permutation(4, entropy).tolist()
        seen[sum(value << 2 * place for place, value in enumerate(order))] += 1
    counts = [count for count in seen.values() if count]
    assert len(counts) == 24
    assert chisquare(counts).pvalue > FALSE_ALARM


def test_erased_reports_leave_no_bytes_in_any_file(tmp_path):
    house = House(SqliteServerStore(tmp_path / "store.sqlite"))
    task = make_task(goal=40)
    house.publish(task)
    bodies = [report(task, number) for number in range(40)]
    house.ingest(bodies)
    assert _files_with(tmp_path, bodies) == 40
    house.shuffle()
    assert _files_with(tmp_path, bodies) == 0
    house.release()
    house.store.close()
    assert _files_with(tmp_path, bodies) == 0


def _files_with(folder, bodies):
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    return sum(body[60:100] in written for body in bodies)


def test_rows_of_a_sketch_stand_together_and_keep_their_random_order_within():
    payloads = np.array([(2, 0), (1, 1), (2, 2), (1, 3)], np.dtype([("row", "<u4"), ("bits", "u1")]))
    assert grouped(payloads).tolist() == [(1, 1), (1, 3), (2, 0), (2, 2)]
    others = np.array([(2,), (1,)], np.dtype([("value", "<u4")]))
    assert grouped(others).tolist() == [(2,), (1,)]
