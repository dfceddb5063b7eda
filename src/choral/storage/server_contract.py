"""What every server store must do. `check_server_store` runs all of it on a store that `make` opens, anew or again."""

import hashlib
from collections.abc import Callable
from itertools import count

from choral.storage.server import (
    BELOW_MINIMUM,
    RETENTION_OVER,
    Arrival,
    BatchRow,
    LeaseLost,
    ReleaseRow,
    ServerStore,
    Slot,
    TaskRow,
)

CLOSES, ERASE_BY = 1_000, 5_000
MINIMUM, GOAL = 3, 10
_NUMBERS = count()


def check_server_store(make: Callable[[], ServerStore]) -> None:
    """Raises AssertionError with the broken promise, or returns. `make` gives an empty store at each call."""
    for check in (
        _counts_a_report_once,
        _takes_nothing_after_the_cut,
        _knows_an_id_until_its_round_closes,
        _gives_reports_in_an_order_without_meaning,
        _leases_to_one_worker_at_a_time,
        _lets_nobody_finish_without_the_lease,
        _keeps_release_and_state_and_erases_payloads,
        _erases_below_the_minimum,
        _erases_what_outlived_its_retention,
        _keeps_public_data_once,
    ):
        store = make()
        try:
            check(store)
        finally:
            store.close()


def arrival(number: int, *, task: bytes = b"t" * 32, round_: int = 0) -> Arrival:
    """A report unlike any other."""
    body = number.to_bytes(8, "little") * 32
    return Arrival(hashlib.sha256(body).digest(), body, Slot(task, round_, MINIMUM, GOAL, CLOSES, ERASE_BY))


def _task(store: ServerStore) -> None:
    _require(store.put_task(TaskRow(b"t" * 32, "emoji", 10_000, b"signed")), "keeps a new task")
    _require(not store.put_task(TaskRow(b"t" * 32, "emoji", 10_000, b"other")), "keeps a task once")
    task = store.task(b"t" * 32)
    _require(task is not None and task.signed == b"signed" and len(store.tasks()) == 1, "gives a task back as it was")


def _filled(store: ServerStore, reports: int) -> BatchRow:
    _task(store)
    store.add([arrival(next(_NUMBERS)) for _ in range(reports)])
    return _row(store)


def _row(store: ServerStore) -> BatchRow:
    row = store.batch(b"t" * 32, 0)
    if row is None:
        raise AssertionError("this store breaks a promise: makes a ledger row with the first report")
    return row


def _leased(store: ServerStore, duty: str, now: int) -> BatchRow:
    row = store.lease("shuffle" if duty == "shuffle" else "release", now=now, until=now + 100)
    if row is None:
        raise AssertionError(f"this store breaks a promise: leases a batch that is due for {duty}")
    return row


def _counts_a_report_once(store: ServerStore) -> None:
    _task(store)
    one, two = arrival(1), arrival(2)
    _require(store.add([one, two, one]) == (True, True, True), "takes new reports, and a duplicate among them")
    _require(store.add([one]) == (True,), "answers a duplicate like the first")
    _require(_row(store).reports == 2, "counts a report once")


def _takes_nothing_after_the_cut(store: ServerStore) -> None:
    _filled(store, GOAL)
    _require(_leased(store, "shuffle", 10).state == "cut", "cuts a batch as it is leased to the shuffle")
    _require(store.add([arrival(next(_NUMBERS))]) == (False,), "takes no report after the cut")
    task = store.task(b"t" * 32)
    _require(task is not None and task.round == 1, "passes the round as its batch is cut")
    _require(store.add([arrival(next(_NUMBERS), round_=1)]) == (True,), "takes reports of the next round")


def _knows_an_id_until_its_round_closes(store: ServerStore) -> None:
    _filled(store, GOAL - 1)
    late = arrival(next(_NUMBERS))
    store.add([late])
    row = _leased(store, "shuffle", 10)
    _require(store.add([late]) == (True,), "answers a duplicate like the first after the cut")
    store.finish_shuffle(row, [b"payloads"], legal=GOAL, dropped=0, now=20)
    _require(store.add([late]) == (True,) and _row(store).reports == GOAL, "knows an id after the shuffle, counts nothing")
    _require(store.forget_ids(CLOSES - 1) == 0, "forgets no id while the round is open")
    _require(store.forget_ids(CLOSES) == GOAL, "forgets all ids once the round is closed")
    _require(store.add([late]) == (False,), "takes no report for a closed round")


def _gives_reports_in_an_order_without_meaning(store: ServerStore) -> None:
    _task(store)
    sent = [arrival(next(_NUMBERS)) for _ in range(GOAL)]
    for one in sent:
        store.add([one])
    given = list(store.sealed(_leased(store, "shuffle", 10)))
    _require(given == [one.body for one in sorted(sent, key=lambda one: one.id)], "gives reports in the order of their ids")


def _leases_to_one_worker_at_a_time(store: ServerStore) -> None:
    _filled(store, MINIMUM)
    _require(store.lease("shuffle", now=CLOSES - 1, until=CLOSES) is None, "cuts no open round below its goal")
    first = _leased(store, "shuffle", CLOSES)
    _require(store.lease("shuffle", now=CLOSES + 99, until=CLOSES + 200) is None, "leases a batch to one worker at a time")
    second = _leased(store, "shuffle", CLOSES + 100)
    _require(second.number == first.number and second.lease > first.lease, "leases again once a lease ran out")


def _lets_nobody_finish_without_the_lease(store: ServerStore) -> None:
    _filled(store, GOAL)
    slow = _leased(store, "shuffle", 10)
    quick = _leased(store, "shuffle", 110)
    _refused(lambda: store.finish_shuffle(slow, [b"slow"], legal=GOAL, dropped=0, now=120))
    store.finish_shuffle(quick, [b"quick"], legal=GOAL, dropped=0, now=120)
    _refused(lambda: store.finish_shuffle(quick, [b"again"], legal=GOAL, dropped=0, now=120))
    late, soon = _leased(store, "release", 200), _leased(store, "release", 300)
    _require(list(store.parts(soon)) == [b"quick"], "keeps what the holder of the lease wrote, and nothing else")
    row = ReleaseRow(b"r" * 32, soon.task, 0, "histogram", GOAL, 310)
    _refused(lambda: _release(store, late, row))
    _release(store, soon, row)
    _refused(lambda: _release(store, soon, row))
    _require(len(store.releases()) == 1, "releases a batch once")


def _keeps_release_and_state_and_erases_payloads(store: ServerStore) -> None:
    _filled(store, GOAL)
    store.finish_shuffle(_leased(store, "shuffle", 10), [b"a", b"b"], legal=GOAL - 2, dropped=2, now=20)
    batch = _leased(store, "release", 30)
    _require(not list(store.sealed(batch)), "erases sealed reports as it keeps their payloads")
    _require(list(store.parts(batch)) == [b"a", b"b"], "gives payloads back part by part")
    row = ReleaseRow(b"r" * 32, batch.task, 0, "histogram", GOAL - 2, 40)
    _release(store, batch, row)
    _require(not list(store.parts(batch)), "erases payloads as it keeps the release")
    _require(store.release(row.hash) == b"signed" and store.unpublished(row.hash) == b"full", "gives a release back")
    _require(store.releases() == (row,) and _row(store).state == "released", "lists the release, marks its batch")
    task = store.task(batch.task)
    _require(task is not None and task.state == b"state", "keeps the algorithm's state with the release")
    _require(store.lease("release", now=10**6, until=10**7) is None, "releases a batch once")


def _erases_below_the_minimum(store: ServerStore) -> None:
    _filled(store, MINIMUM - 1)
    _require(store.erase_due(CLOSES - 1) is None, "erases no open round")
    _require(store.lease("shuffle", now=CLOSES, until=CLOSES + 1) is None, "cuts no batch below its minimum")
    erased = store.erase_due(CLOSES)
    _require(erased is not None and (erased.state, erased.why) == ("erased", BELOW_MINIMUM), "writes down why it erased")
    _require(erased is not None and not list(store.sealed(erased)), "erases the reports")
    _require(store.erase_due(CLOSES) is None, "erases once")


def _erases_what_outlived_its_retention(store: ServerStore) -> None:
    _filled(store, GOAL)
    store.finish_shuffle(_leased(store, "shuffle", 10), [b"a"], legal=GOAL, dropped=0, now=20)
    worker = _leased(store, "release", ERASE_BY - 1)
    erased = store.erase_due(ERASE_BY)
    _require(erased is not None and (erased.state, erased.why) == ("erased", RETENTION_OVER), "erases after the retention")
    _require(not list(store.parts(worker)), "erases payloads after the retention")
    _refused(lambda: _release(store, worker, ReleaseRow(b"r" * 32, worker.task, 0, "histogram", GOAL, ERASE_BY)))
    _require(store.releases() == (), "releases nothing of an erased batch")


def _keeps_public_data_once(store: ServerStore) -> None:
    row = ReleaseRow(b"d" * 32, bytes(32), 0, "dictionary", 0, 1)
    _require(store.put_release(row, b"names"), "keeps public data")
    _require(not store.put_release(row, b"other"), "keeps public data once")
    _require(store.put_release(ReleaseRow(b"e" * 32, bytes(32), 0, "dictionary", 0, 2), b"more"), "keeps more public data")
    _require(store.release(b"d" * 32) == b"names" and store.unpublished(b"d" * 32) is None, "gives public data back")
    _require(store.release(b"x" * 32) is None, "knows what it does not have")


def _release(store: ServerStore, batch: BatchRow, row: ReleaseRow) -> None:
    store.finish_release(batch, row, signed=b"signed", unpublished=b"full", state=b"state")


def _refused(attempt: Callable[[], None]) -> None:
    try:
        attempt()
    except LeaseLost:
        return
    _require(False, "refuses to finish what another worker took over")


def _require(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(f"this store breaks a promise: {promise}")
