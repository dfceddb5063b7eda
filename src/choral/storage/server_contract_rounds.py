"""What every server store must do for rounds of training: opened with a chance, joined by late reports, streamed."""

from collections.abc import Sequence
from dataclasses import replace

from choral.storage.server import ServerStore
from choral.storage.server_contract_parts import (
    CLOSES,
    ERASE_BY,
    GOAL,
    MINIMUM,
    NUMBERS,
    TASK,
    arrival,
    first_row,
    head,
    keep_task,
    leased,
    refused,
    require,
)
from choral.storage.server_rows import BELOW_MINIMUM, Arrival, OpeningRow, ReleaseRow, Slot

STREAM = Slot(TASK, 0, 1, 1, CLOSES, ERASE_BY, streams=True)
SLOT = Slot(TASK, 0, MINIMUM, GOAL, CLOSES, ERASE_BY, chance=77)


def _opens_a_round_once_and_for_all(store: ServerStore) -> None:
    keep_task(store)
    require(store.opening(TASK, 0) is None, "knows nothing of a round that nobody opened")
    said = OpeningRow(60, 77, CLOSES, b"params")
    require(store.open_round(SLOT, 60, b"params") == said, "keeps what a round says as it is opened")
    again = replace(SLOT, chance=88, closes=CLOSES + 1)
    require(store.open_round(again, 120, b"other") == said, "keeps what a round said first")
    store.add([arrival(next(NUMBERS))])
    require((first_row(store).reports, first_row(store).chance) == (1, 77), "counts into the row that was opened")
    other = replace(SLOT, round=1, chance=0)
    require(store.open_round(other, 180, b"") == OpeningRow(180, 0, CLOSES, b""), "opens another round, also for nobody")
    require(store.open_round(replace(other, chance=5), 180, b"") == OpeningRow(180, 0, CLOSES, b""), "keeps a chance of 0")
    require(store.opening(TASK, 0) == said, "keeps each round's opening")


def _settles_the_chance_of_a_round_that_began_with_a_report(store: ServerStore) -> None:
    keep_task(store)
    store.add([arrival(next(NUMBERS))])
    require(first_row(store).chance == 0, "knows no chance of a round before its check-out")
    require(store.opening(TASK, 0) is None, "knows no opening of a round that began with a report")
    opening = store.open_round(replace(SLOT, closes=CLOSES + 1), 60, b"params")
    require(opening == OpeningRow(60, 77, CLOSES, b"params"), "settles a round's chance once, and not when it closes")
    require((first_row(store).chance, first_row(store).reports) == (77, 1), "keeps the chance that was settled")


def _says_nothing_of_a_round_that_takes_no_reports(store: ServerStore) -> None:
    keep_task(store)
    store.open_round(SLOT, 60, b"params")
    store.add([arrival(next(NUMBERS)) for _ in range(GOAL)])
    leased(store, "shuffle", 70)
    require(store.opening(TASK, 0) is None, "forgets what a round said as its batch is cut")
    require(store.open_round(SLOT, 80, b"other") is None, "opens no round whose batch is cut")
    store.open_round(replace(SLOT, round=1), 80, b"params")
    store.erase_due(CLOSES)
    require(store.opening(TASK, 1) is None, "forgets what a round said as it is abandoned")
    require(store.open_round(replace(SLOT, round=1), CLOSES, b"") is None, "opens no round that was abandoned")


def _abandons_a_round_that_nobody_joined(store: ServerStore) -> None:
    keep_task(store)
    store.open_round(replace(SLOT, chance=0), 60, b"params")
    row = store.erase_due(CLOSES)
    require(row is not None and (row.state, row.why) == ("erased", BELOW_MINIMUM), "erases a round that nobody joined")
    require(head(store).round == 1, "passes a round that it erased")


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
    require(head(store).revision == 2, "counts how often a state was written")


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


ROUND_CHECKS = (
    _opens_a_round_once_and_for_all,
    _settles_the_chance_of_a_round_that_began_with_a_report,
    _says_nothing_of_a_round_that_takes_no_reports,
    _abandons_a_round_that_nobody_joined,
    _lets_late_reports_join_the_open_batch_once,
    _streams_each_report_once,
    _releases_a_stream_when_it_is_closed_and_folded,
    _erases_a_stream_without_a_legal_report,
)


def _late(round_: int) -> Arrival:
    one = arrival(next(NUMBERS), round_=round_)
    return replace(one, slot=replace(one.slot, late=2))


def _streaming(store: ServerStore, reports: int) -> Sequence[Arrival]:
    keep_task(store)
    sent = [replace(arrival(next(NUMBERS)), slot=STREAM) for _ in range(reports)]
    store.add(sent)
    return sent
