"""What every server store must do. `check_server_store` runs all of it on a store that `make` opens, anew or again."""

from collections.abc import Callable
from dataclasses import replace

from choral.storage.server import ServerStore
from choral.storage.server_contract_models import MODEL_CHECKS
from choral.storage.server_contract_parts import (
    CLOSES,
    ERASE_BY,
    GOAL,
    MINIMUM,
    NUMBERS,
    TASK,
    arrival,
    filled,
    first_row,
    keep_release,
    keep_task,
    leased,
    refused,
    require,
)
from choral.storage.server_contract_rounds import ROUND_CHECKS
from choral.storage.server_rows import BELOW_MINIMUM, RETENTION_OVER, ReleaseRow


def check_server_store(make: Callable[[], ServerStore]) -> None:
    """Raises AssertionError with the broken promise, or returns. `make` gives an empty store at each call."""
    for check in (
        _counts_a_report_once,
        _spends_a_token_once,
        _takes_nothing_after_the_cut,
        _knows_an_id_until_its_round_closes,
        _gives_reports_in_an_order_without_meaning,
        _leases_to_one_worker_at_a_time,
        _lets_nobody_finish_without_the_lease,
        _keeps_release_and_state_and_erases_payloads,
        _erases_below_the_minimum,
        _erases_what_outlived_its_retention,
        _keeps_public_data_once,
        *ROUND_CHECKS,
        *MODEL_CHECKS,
    ):
        store = make()
        try:
            check(store)
        finally:
            store.close()


def _counts_a_report_once(store: ServerStore) -> None:
    keep_task(store)
    one, two = arrival(1), arrival(2)
    require(store.add([one, two, one]) == (True, True, True), "takes new reports, and a duplicate among them")
    require(store.add([one]) == (True,), "answers a duplicate like the first")
    require(first_row(store).reports == 2, "counts a report once")


def _spends_a_token_once(store: ServerStore) -> None:
    keep_task(store)
    one, other, third = (replace(arrival(next(NUMBERS)), token=token * 32) for token in (b"a", b"a", b"b"))
    require(store.add([one, other, one]) == (True, False, True), "keeps one report a token, and knows it again")
    require(first_row(store).reports == 1, "counts a report whose token was spent on another one not at all")
    require(store.is_spent(TASK, b"a" * 32) and not store.is_spent(TASK, b"b" * 32), "says which tokens are spent")
    require(store.add([other, third]) == (False, True), "remembers spent tokens")
    filler = [arrival(next(NUMBERS)) for _ in range(GOAL)]
    store.add(filler)
    leased(store, "shuffle", 10)
    late = replace(arrival(next(NUMBERS)), token=b"c" * 32)
    require(store.add([late, one]) == (False, True), "keeps nothing after the cut")
    require(not store.is_spent(TASK, b"c" * 32), "spends no token on a report that came too late")
    store.forget_ids(10_000)
    require(not store.is_spent(TASK, b"a" * 32), "forgets the tokens of a task that is over")


def _takes_nothing_after_the_cut(store: ServerStore) -> None:
    filled(store, GOAL)
    require(leased(store, "shuffle", 10).state == "cut", "cuts a batch as it is leased to the shuffle")
    require(store.add([arrival(next(NUMBERS))]) == (False,), "takes no report after the cut")
    task = store.task(TASK)
    require(task is not None and task.round == 1, "passes the round as its batch is cut")
    require(store.add([arrival(next(NUMBERS), round_=1)]) == (True,), "takes reports of the next round")


def _knows_an_id_until_its_round_closes(store: ServerStore) -> None:
    filled(store, GOAL - 1)
    late = arrival(next(NUMBERS))
    store.add([late])
    row = leased(store, "shuffle", 10)
    require(store.add([late]) == (True,), "answers a duplicate like the first after the cut")
    store.finish_shuffle(row, [b"payloads"], legal=GOAL, dropped=0, now=20)
    require(store.add([late]) == (True,) and first_row(store).reports == GOAL, "knows an id after the shuffle, counts nothing")
    require(store.forget_ids(CLOSES - 1) == 0, "forgets no id while the round is open")
    require(store.forget_ids(CLOSES) == GOAL, "forgets all ids once the round is closed")
    require(store.add([late]) == (False,), "takes no report for a closed round")


def _gives_reports_in_an_order_without_meaning(store: ServerStore) -> None:
    keep_task(store)
    sent = [arrival(next(NUMBERS)) for _ in range(GOAL)]
    for one in sent:
        store.add([one])
    given = list(store.sealed(leased(store, "shuffle", 10)))
    require(given == [one.body for one in sorted(sent, key=lambda one: one.id)], "gives reports in the order of their ids")


def _leases_to_one_worker_at_a_time(store: ServerStore) -> None:
    filled(store, MINIMUM)
    require(store.lease("shuffle", now=CLOSES - 1, until=CLOSES) is None, "cuts no open round below its goal")
    first = leased(store, "shuffle", CLOSES)
    require(store.lease("shuffle", now=CLOSES + 99, until=CLOSES + 200) is None, "leases a batch to one worker at a time")
    second = leased(store, "shuffle", CLOSES + 100)
    require(second.number == first.number and second.lease > first.lease, "leases again once a lease ran out")


def _lets_nobody_finish_without_the_lease(store: ServerStore) -> None:
    filled(store, GOAL)
    slow = leased(store, "shuffle", 10)
    quick = leased(store, "shuffle", 110)
    refused(lambda: store.finish_shuffle(slow, [b"slow"], legal=GOAL, dropped=0, now=120))
    store.finish_shuffle(quick, [b"quick"], legal=GOAL, dropped=0, now=120)
    refused(lambda: store.finish_shuffle(quick, [b"again"], legal=GOAL, dropped=0, now=120))
    late, soon = leased(store, "release", 200), leased(store, "release", 300)
    require(list(store.parts(soon)) == [b"quick"], "keeps what the holder of the lease wrote, and nothing else")
    row = ReleaseRow(b"r" * 32, soon.task, 0, "histogram", GOAL, 310)
    refused(lambda: keep_release(store, late, row))
    keep_release(store, soon, row)
    refused(lambda: keep_release(store, soon, row))
    require(len(store.releases()) == 1, "releases a batch once")


def _keeps_release_and_state_and_erases_payloads(store: ServerStore) -> None:
    filled(store, GOAL)
    store.finish_shuffle(leased(store, "shuffle", 10), [b"a", b"b"], legal=GOAL - 2, dropped=2, now=20)
    batch = leased(store, "release", 30)
    require(not list(store.sealed(batch)), "erases sealed reports as it keeps their payloads")
    require(list(store.parts(batch)) == [b"a", b"b"], "gives payloads back part by part")
    row = ReleaseRow(b"r" * 32, batch.task, 0, "histogram", GOAL - 2, 40)
    keep_release(store, batch, row)
    require(not list(store.parts(batch)), "erases payloads as it keeps the release")
    require(store.release(row.hash) == b"signed" and store.unpublished(row.hash) == b"full", "gives a release back")
    require(store.releases() == (row,) and first_row(store).state == "released", "lists the release, marks its batch")
    task = store.task(batch.task)
    require(task is not None and task.state == b"state", "keeps the algorithm's state with the release")
    require(store.lease("release", now=10**6, until=10**7) is None, "releases a batch once")


def _erases_below_the_minimum(store: ServerStore) -> None:
    filled(store, MINIMUM - 1)
    require(store.erase_due(CLOSES - 1) is None, "erases no open round")
    require(store.lease("shuffle", now=CLOSES, until=CLOSES + 1) is None, "cuts no batch below its minimum")
    erased = store.erase_due(CLOSES)
    require(erased is not None and (erased.state, erased.why) == ("erased", BELOW_MINIMUM), "writes down why it erased")
    require(erased is not None and not list(store.sealed(erased)), "erases the reports")
    require(store.erase_due(CLOSES) is None, "erases once")


def _erases_what_outlived_its_retention(store: ServerStore) -> None:
    filled(store, GOAL)
    store.finish_shuffle(leased(store, "shuffle", 10), [b"a"], legal=GOAL, dropped=0, now=20)
    worker = leased(store, "release", ERASE_BY - 1)
    erased = store.erase_due(ERASE_BY)
    require(erased is not None and (erased.state, erased.why) == ("erased", RETENTION_OVER), "erases after the retention")
    require(not list(store.parts(worker)), "erases payloads after the retention")
    refused(lambda: keep_release(store, worker, ReleaseRow(b"r" * 32, worker.task, 0, "histogram", GOAL, ERASE_BY)))
    require(store.releases() == (), "releases nothing of an erased batch")


def _keeps_public_data_once(store: ServerStore) -> None:
    row = ReleaseRow(b"d" * 32, bytes(32), 0, "dictionary", 0, 1)
    require(store.put_release(row, b"names"), "keeps public data")
    require(not store.put_release(row, b"other"), "keeps public data once")
    require(store.put_release(ReleaseRow(b"e" * 32, bytes(32), 0, "dictionary", 0, 2), b"more"), "keeps more public data")
    require(store.release(b"d" * 32) == b"names" and store.unpublished(b"d" * 32) is None, "gives public data back")
    require(store.release(b"x" * 32) is None, "knows what it does not have")
