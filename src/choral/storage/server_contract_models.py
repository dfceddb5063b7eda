"""What every server store must do for tasks that train: rounds that open with a chance, late reports, streams, versions."""

from collections.abc import Sequence
from dataclasses import replace

from choral.storage.server import ServerStore
from choral.storage.server_contract_parts import (
    CLOSES,
    ERASE_BY,
    GOAL,
    MINIMUM,
    NUMBERS,
    arrival,
    filled,
    first_row,
    keep_release,
    keep_task,
    leased,
    refused,
    require,
    revision,
)
from choral.storage.server_rows import BELOW_MINIMUM, Arrival, BatchRow, ReleaseRow, Slot, TaskRow, VersionRow

TASK = b"t" * 32
START = VersionRow(TASK, 0, 0, 0, "published", b"", 0, 1)
STREAM = Slot(TASK, 0, 1, 1, CLOSES, ERASE_BY, streams=True)


def _opens_a_round_once_with_its_chance(store: ServerStore) -> None:
    keep_task(store)
    slot = Slot(TASK, 0, MINIMUM, GOAL, CLOSES, ERASE_BY, chance=77)
    require(store.open_round(slot).chance == 77, "keeps the chance of a round")
    row = store.open_round(replace(slot, chance=88, closes=CLOSES + 1))
    require((row.chance, row.closes, row.reports) == (77, CLOSES, 0), "keeps what a round's row said first")
    store.add([arrival(next(NUMBERS))])
    require((first_row(store).reports, first_row(store).chance) == (1, 77), "counts into the row that was opened")


def _abandons_a_round_that_nobody_joined(store: ServerStore) -> None:
    keep_task(store)
    store.open_round(Slot(TASK, 0, MINIMUM, GOAL, CLOSES, ERASE_BY))
    row = store.erase_due(CLOSES)
    require(row is not None and (row.state, row.why) == ("erased", BELOW_MINIMUM), "erases a round that nobody joined")
    require(_head(store).round == 1, "passes a round that it erased")


def _lets_late_reports_join_the_open_batch_once(store: ServerStore) -> None:
    keep_task(store)
    early = [_late(0) for _ in range(GOAL)]
    store.add(early)
    cut = leased(store, "shuffle", 10)
    late = _late(0)
    require(store.add([late, early[0], late]) == (True, True, True), "takes a late report, and knows an early one")
    require(cut.cut_at == 10, "writes down when it cut a batch")
    row = store.batch(TASK, 1)
    require(row is not None and row.reports == 1, "counts a late report in the batch that is open, once")
    store.finish_shuffle(cut, [b"a"], legal=GOAL, dropped=0, now=20)
    require(store.forget_ids(CLOSES) == 0, "forgets no id of a report that an open round would take")
    store.add([_late(1) for _ in range(GOAL - 1)])
    leased(store, "shuffle", 30)
    require(store.add([late, early[0]]) == (True, True), "knows late reports after the cut")
    require(store.batch(TASK, 2) is None, "counts nothing twice")
    store.add([_late(2) for _ in range(GOAL)])
    leased(store, "shuffle", 40)
    require(store.add([_late(0)]) == (False,), "takes no report that is later than its task allows")
    require(store.forget_ids(41) == GOAL, "forgets ids once no open round would take their reports")


def _streams_each_report_once(store: ServerStore) -> None:
    _streaming(store, 4)
    require(store.lease("shuffle", now=CLOSES, until=CLOSES + 1) is None, "never cuts a batch that streams for the shuffle")
    batch = leased(store, "stream", 10)
    require(store.lease("stream", now=50, until=60) is None, "streams a task's batches to one worker at a time")
    waiting = store.waiting(batch, 3)
    require([id_ for id_, _ in waiting] == sorted(id_ for id_, _ in waiting), "gives waiting reports in the order of ids")
    ids = [id_ for id_, _ in waiting]
    store.finish_stream(batch, ids, legal=2, dropped=1, state=b"one", base=0)
    row = first_row(store)
    require((row.state, row.legal, row.dropped, row.waiting) == ("open", 2, 1, 1), "counts what was folded, and stays open")
    refused(lambda: store.finish_stream(batch, ids, legal=2, dropped=1, state=b"two", base=1))
    slow = leased(store, "stream", 20)
    refused(lambda: store.finish_stream(slow, [], legal=1, dropped=0, state=b"two", base=0))
    quick = leased(store, "stream", 120)
    refused(lambda: store.finish_stream(slow, [], legal=1, dropped=0, state=b"two", base=1))
    rest = [id_ for id_, _ in store.waiting(quick, 9)]
    store.finish_stream(quick, rest, legal=1, dropped=0, state=b"two", base=1)
    require(store.lease("stream", now=200, until=300) is None, "streams nothing twice")
    require(_head(store).revision == 2, "counts how often a state was written")


def _releases_a_stream_when_it_is_closed_and_folded(store: ServerStore) -> None:
    first, *_ = _streaming(store, 2)
    require(store.lease("release", now=CLOSES, until=CLOSES + 1) is None, "releases no stream that has reports to fold")
    batch = leased(store, "stream", 10)
    ids = [id_ for id_, _ in store.waiting(batch, 9)]
    store.finish_stream(batch, ids, legal=2, dropped=0, state=b"one", base=0)
    require(store.add([first]) == (True,), "knows the id of a report that was folded")
    require(store.lease("release", now=CLOSES - 1, until=CLOSES) is None, "releases no stream whose round is open")
    due = leased(store, "release", CLOSES)
    require(store.add([arrival(next(NUMBERS))]) == (False,), "takes no report once a stream is released")
    row = ReleaseRow(b"r" * 32, TASK, 0, "model", 2, CLOSES)
    store.finish_release(due, row, signed=b"signed", unpublished=b"full", state=None, base=99)
    task = store.task(TASK)
    require(task is not None and (task.state, task.revision) == (b"one", 1), "leaves the state that was streamed into")


def _erases_a_stream_without_a_legal_report(store: ServerStore) -> None:
    _streaming(store, 1)
    batch = leased(store, "stream", 10)
    store.finish_stream(batch, [id_ for id_, _ in store.waiting(batch, 9)], legal=0, dropped=1, state=b"one", base=0)
    require(store.lease("release", now=CLOSES, until=CLOSES + 1) is None, "releases nothing of no legal report")
    row = store.erase_due(CLOSES)
    require(row is not None and row.why == BELOW_MINIMUM, "erases a stream without a legal report")


def _begins_a_model_once(store: ServerStore) -> None:
    keep_task(store)
    require(store.begin_model(START, b"start"), "keeps the start of a model")
    require(not store.begin_model(START, b"other"), "keeps the first start")
    require((store.version_state(TASK, 0), store.versions(TASK)) == (b"start", (START,)), "gives the start back")


def _keeps_versions_with_their_releases(store: ServerStore) -> None:
    batch = _ready(store)
    version = VersionRow(TASK, 1, 0, 0, "published", b"r" * 32, GOAL, 40, 0.75, 0.01, 0.5, None)
    row = ReleaseRow(b"r" * 32, TASK, 0, "model", GOAL, 40)
    named = {"signed": b"signed", "unpublished": b"full"}
    refused(lambda: store.finish_release(batch, row, **named, state=b"full", base=0, version=version))
    require(len(store.versions(TASK)) == 1 and store.releases() == (), "keeps nothing of a fold into an older state")
    store.finish_release(batch, row, **named, state=b"full", base=1, version=version)
    require(store.versions(TASK) == (START, version), "gives versions back as they were, also what they do not know")
    require((_head(store).version, store.version_state(TASK, 1)) == (1, b"full"), "makes a new version the current one")


def _keeps_refused_versions_without_a_state(store: ServerStore) -> None:
    batch = _ready(store)
    version = VersionRow(TASK, 1, 0, 0, "refused", b"", GOAL, 40, 0.25, 0.01, 0.5, 0.01, "worse")
    store.finish_erased(batch, "refused", legal=GOAL, dropped=0, now=40, version=version)
    require((store.versions(TASK)[1], store.version_state(TASK, 1)) == (version, None), "keeps a refused version's row only")
    require((_head(store).version, _head(store).revision) == (0, 1), "leaves the model alone")
    require(first_row(store).state == "erased" and not list(store.parts(batch)), "spends a refused batch")


def _rolls_back_whole_and_writes_it_down(store: ServerStore) -> None:
    batch = _ready(store)
    version = VersionRow(TASK, 1, 0, 0, "published", b"r" * 32, GOAL, 40)
    row = ReleaseRow(b"r" * 32, TASK, 0, "model", GOAL, 40)
    store.finish_release(batch, row, signed=b"signed", unpublished=b"full", state=b"full", base=1, version=version)
    require(not store.roll_back(version, now=50), "rolls back to no version that is current")
    require(store.roll_back(START, now=60), "rolls back to the start")
    task = store.task(TASK)
    require(task is not None and (task.state, task.version, task.revision) == (b"start", 0, 3), "restores a state whole")
    require([one.state for one in store.versions(TASK)] == ["published", "rolled back"], "marks what it rolled back")
    (deed,) = store.audit(TASK)
    require((deed.at, deed.detail) == (60, "from version 1 to version 0"), "writes down what an operator did")
    require(store.roll_back(store.versions(TASK)[1], now=70), "can go forward again")
    require(_head(store).version == 1 and len(store.audit(TASK)) == 2, "writes down each deed")


def _releases_one_batch_of_a_task_at_a_time(store: ServerStore) -> None:
    keep_task(store)
    for round_ in (0, 1):
        store.add([arrival(next(NUMBERS), round_=round_) for _ in range(GOAL)])
    for _ in (0, 1):
        store.finish_shuffle(leased(store, "shuffle", 10), [b"a"], legal=GOAL, dropped=0, now=20)
    first = leased(store, "release", 30)
    require(store.lease("release", now=31, until=99) is None, "releases one batch of a task at a time")
    keep_release(store, first, ReleaseRow(b"r" * 32, TASK, first.round, "model", GOAL, 40))
    require(leased(store, "release", 32).round == 1 - first.round, "goes on with the next batch")


MODEL_CHECKS = (
    _opens_a_round_once_with_its_chance,
    _abandons_a_round_that_nobody_joined,
    _lets_late_reports_join_the_open_batch_once,
    _streams_each_report_once,
    _releases_a_stream_when_it_is_closed_and_folded,
    _erases_a_stream_without_a_legal_report,
    _begins_a_model_once,
    _keeps_versions_with_their_releases,
    _keeps_refused_versions_without_a_state,
    _rolls_back_whole_and_writes_it_down,
    _releases_one_batch_of_a_task_at_a_time,
)


def _late(round_: int) -> Arrival:
    one = arrival(next(NUMBERS), round_=round_)
    return replace(one, slot=replace(one.slot, late=2))


def _streaming(store: ServerStore, reports: int) -> Sequence[Arrival]:
    keep_task(store)
    sent = [replace(arrival(next(NUMBERS)), slot=STREAM) for _ in range(reports)]
    store.add(sent)
    return sent


def _ready(store: ServerStore) -> BatchRow:
    """A batch of a model that has begun, leased for its release."""
    filled(store, GOAL)
    store.begin_model(START, b"start")
    store.finish_shuffle(leased(store, "shuffle", 10), [b"a"], legal=GOAL, dropped=0, now=20)
    require(revision(store) == 1, "counts the start as the first state")
    return leased(store, "release", 30)


def _head(store: ServerStore) -> TaskRow:
    head = store.head(TASK)
    if head is None:
        raise AssertionError("this store breaks a promise: knows the task that it keeps")
    return head
