"""The promises of the server's ledger, checked from outside: by what an observer of the wire and the operator can see.

A World can read what was meant to stay sealed, too. Devices and models have files of their own.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from choral.errors import PeerError
from choral.mechanisms import payloads_from
from choral.numerics import UNIT
from choral.protocol import PROBLEMS, Release, decode
from choral.server.tasks import Known
from choral.server.versions import REFUSED
from choral.simulation.device_invariants import check_device
from choral.simulation.memory import Broken, require
from choral.simulation.model_invariants import check_model
from choral.simulation.round_invariants import check_rounds
from choral.simulation.setting import MECHANISM, NOTHING
from choral.simulation.world import World
from choral.storage import BELOW_MINIMUM, BatchRow, ReleaseRow

ORDER = ("open", "cut", "shuffled", "released", "erased")
DONE = ("released", "erased")


def check(world: World) -> None:
    """Returns if every promise holds; Broken otherwise."""
    for number, device in enumerate(world.devices):
        check_device(world, number, device)
    _a_record_is_randomized_once(world)
    check_rounds(world)
    for known in world.asked:
        rows = world.faults.inner.batches(known.hash)
        for row in rows:
            _a_batch_goes_forward_only(world, row)
            _nothing_is_left_of_a_finished_batch(world, row)
        _what_was_acknowledged_is_kept_and_counted_once(world, known, rows)
        _a_batch_is_released_once_or_never(world, known, {row.round: row for row in rows})
    for known in world.asked[1:]:
        check_model(world, known)
    _what_was_published_stays(world)


def require_welcome(world: World, name: bytes, error: PeerError) -> None:
    """Broken if the server refuses for good, while its round is open, a report that it acknowledged."""
    task, round_ = world.wire.places[name]
    row, head = world.faults.inner.batch(task, round_), world.faults.inner.head(task)
    rule = next(one.task.rule for one in world.asked if one.hash == task)
    cut = head.round if head is not None and rule.advance == "release" else 0
    is_open = row is not None and world.now.timestamp() < row.closes and round_ > cut - rule.rounds_open
    if name in world.wire.acknowledged and is_open and not PROBLEMS[error.problem].retry:
        raise Broken(f"a duplicate of an acknowledged report is refused as {error.problem} while its round is open")


def _a_record_is_randomized_once(world: World) -> None:
    said = Counter(_category(world, name) for name in world.wire.sent if world.wire.places[name][0] == world.asked[0].hash)
    twice = [category for category, count in said.items() if count > 1 and category != NOTHING]
    require(not twice, "one record left its device in two reports")


def _a_batch_goes_forward_only(world: World, row: BatchRow) -> None:
    before = world.memory.batches.get((row.task, row.round), row)
    require(before.state not in DONE or row.state == before.state, f"a batch that was {before.state} became {row.state}")
    require(ORDER.index(row.state) >= ORDER.index(before.state), f"a batch went back from {before.state} to {row.state}")
    require(before.state == "open" or row.reports == before.reports, "a batch took reports after it was cut")
    world.memory.batches[row.task, row.round] = row


def _what_was_acknowledged_is_kept_and_counted_once(world: World, known: Known, rows: tuple[BatchRow, ...]) -> None:
    """Round by round; where late reports join a later batch, over all rounds together."""
    wire = world.wire
    least, most, strange = (
        Counter(wire.places[name][1] for name in names if wire.places[name][0] == known.hash)
        for names in (wire.acknowledged, wire.delivered, wire.forged)
    )
    if any(row.late for row in rows):
        _require_counted(rows, least.total(), most.total(), strange.total())
        return
    for row in rows:
        _require_counted((row,), least[row.round], most[row.round], strange[row.round])
        if known is world.asked[0] and row.state == "released":
            _a_histogram_counts_each_report_once(world, row)


def _require_counted(rows: tuple[BatchRow, ...], least: int, most: int, strange: int) -> None:
    """least, most: reports that were acknowledged, that reached the server; strange: those that no device made."""
    reports = sum(row.reports for row in rows)
    require(reports >= least, "an acknowledged report is lost")
    require(reports <= most + strange, "a report was counted twice")
    require(sum(row.dropped for row in rows) <= strange, "honest reports were dropped as illegal")
    require(all(row.legal + row.dropped <= row.reports for row in rows), "more reports were sifted than there were")
    sifted = [row for row in rows if row.state in ("shuffled", "released")]
    require(all(row.legal + row.dropped == row.reports for row in sifted), "a report is neither legal nor dropped")


def _a_histogram_counts_each_report_once(world: World, row: BatchRow) -> None:
    counts, wire = _released_counts(world, row), world.wire
    least, most = (
        Counter(_category(world, name) for name in names if wire.places[name] == (row.task, row.round))
        for names in (wire.acknowledged, wire.delivered)
    )
    require(all(counts[one] >= count for one, count in least.items()), "a release lacks an acknowledged report")
    require(all(most[one] >= count for one, count in counts.items()), "a release counts a report twice")


def _nothing_is_left_of_a_finished_batch(world: World, row: BatchRow) -> None:
    if row.state in DONE:
        left = [*world.faults.inner.sealed(row), *world.faults.inner.parts(row)]
        require(not left, f"reports are left of a batch that was {row.state}")
    if row.state == "erased" and row.why == BELOW_MINIMUM:
        legal = row.legal if row.dropped else row.reports
        require(legal < row.minimum, "a batch that had its minimum was erased as being below")
    if row.state == "erased" and row.why.startswith(REFUSED):
        refused = [one.round for one in world.faults.inner.versions(row.task) if one.state == "refused"]
        require(row.round in refused, "a batch was refused without a version that says why")


def _a_batch_is_released_once_or_never(world: World, known: Known, rows: dict[int, BatchRow]) -> None:
    found: dict[int, bytes] = {}
    for release in _releases(world, known):
        require(release.round not in found, "a batch was released twice")
        require(release.reports >= known.task.rule.minimum, "a batch below the minimum was released")
        require(rows[release.round].state == "released", f"a batch that is {rows[release.round].state} was released")
        row = rows[release.round]
        require(row.streams or release.reports == row.legal, "a release tells another number of reports than its batch")
        found[release.round] = release.hash
    for (task, round_), hash_ in world.memory.releases.items():
        require(task != known.hash or found.get(round_) == hash_, "a release changed or is gone")
    require(
        all(row.state != "released" or row.round in found for row in rows.values()),
        "a batch is called released and has no release",
    )
    world.memory.releases |= {(known.hash, round_): hash_ for round_, hash_ in found.items()}


def _what_was_published_stays(world: World) -> None:
    store = world.faults.inner
    gone = [hash_ for hash_ in world.memory.published if store.release(hash_) is None and store.head(hash_) is None]
    require(not gone, "what an operator published is gone")


def _released_counts(world: World, row: BatchRow) -> Counter[int]:
    """How often the release counts each category, read back from its unbiased estimate."""
    hash_ = next(release.hash for release in _releases(world, world.asked[0]) if release.round == row.round)
    full = decode(world.faults.inner.unpublished(hash_) or b"", Release)
    truth = MECHANISM.keep / UNIT
    lie = (1 - truth) / NOTHING
    counts = np.rint(full.arrays["estimate"] * (truth - lie) + full.reports * lie).astype(int)
    return Counter({int(category): int(counts[category]) for category in np.flatnonzero(counts)})


def _releases(world: World, known: Known) -> Iterator[ReleaseRow]:
    return (row for row in world.faults.inner.releases() if row.task == known.hash)


def _category(world: World, name: bytes) -> int:
    """What the report of a count says."""
    if name not in world.memory.said:
        world.memory.said[name] = int(payloads_from(MECHANISM, [world.payload(name)])["value"][0])
    return world.memory.said[name]
