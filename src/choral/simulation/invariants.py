"""The promises, checked from outside: by what an observer of the wire, the operator and each person can see.

Knows the shuffler's key of a World, so that it can read what was meant to stay sealed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from choral.device.consent import has_agreed
from choral.device.ledger import DAY
from choral.device.records import is_empty
from choral.errors import PeerError
from choral.mechanisms import payloads_from
from choral.numerics import UNIT
from choral.protocol import PROBLEMS, Release, Report, decode, unseal
from choral.simulation.setting import MECHANISM, NOTHING, PRICE_MICRO, shuffler_key
from choral.storage import BELOW_MINIMUM, BatchRow, ReleaseRow

if TYPE_CHECKING:
    from choral.simulation.world import Device, World

ORDER = ("open", "cut", "shuffled", "released", "erased")
DONE = ("released", "erased")


class Broken(AssertionError):  # noqa: N818  # named for what a promise is then
    """A promise that does not hold."""


@dataclass(slots=True)
class Memory:
    """What was true before, so that what must not change can be seen to change.

    paid: micronats by device; batches: rows by round; releases: hashes by round; categories: by report
    """

    paid: dict[int, int] = field(default_factory=dict)
    batches: dict[int, BatchRow] = field(default_factory=dict)
    releases: dict[int, bytes] = field(default_factory=dict)
    categories: dict[bytes, int] = field(default_factory=dict)


def check(world: "World") -> None:
    """Returns if every promise holds; Broken otherwise."""
    for number, device in enumerate(world.devices):
        _the_ledger_is_never_exceeded_and_never_refunded(world, number, device)
        _nothing_exists_without_a_spend(world, number, device)
        _withdrawing_empties_the_device(world, device)
    _a_record_is_randomized_once(world)
    rows = world.faults.inner.batches(world.task.hash)
    for row in rows:
        _a_batch_goes_forward_only(world, row)
        _what_was_acknowledged_is_kept_and_counted_once(world, row)
        _nothing_is_left_of_a_finished_batch(world, row)
    _a_batch_is_released_once_or_never(world, {row.round: row for row in rows})


def require_welcome(world: "World", name: bytes, error: PeerError) -> None:
    """Broken if the server refuses for good, while its round is open, a report that it acknowledged."""
    row = world.faults.inner.batch(world.task.hash, _round(world, name))
    is_open = row is not None and world.now.timestamp() < row.closes
    if name in world.wire.acknowledged and is_open and not PROBLEMS[error.problem].retry:
        raise Broken(f"a duplicate of an acknowledged report is refused as {error.problem} while its round is open")


def _the_ledger_is_never_exceeded_and_never_refunded(world: "World", number: int, device: "Device") -> None:
    ledger, budget, terms = device.agent.ledger(), world.setting.budget, world.task.terms
    account, use = ledger.account("nobody"), ledger.use(terms.hash)
    _require(account.life_micro <= budget.for_life_micro, "a lifetime budget is exceeded")
    _require(all(spent <= budget.per_day_micro for spent in account.days.values()), "a day's budget is exceeded")
    _require(use.life_reports <= terms.reports_for_life, "more reports for life than the Terms allow")
    _require(account.life_micro >= world.memory.paid.get(number, 0), "the ledger gave something back")
    world.memory.paid[number] = account.life_micro
    if not use.life_reports:
        device.first_day = min(device.first_day, int(device.clock(world.now).timestamp()) // DAY)
    days = int(device.latest.timestamp()) // DAY - device.first_day + 1
    _require(use.life_reports <= days * terms.reports_per_day, "more reports than the days that this device has seen allow")


def _nothing_exists_without_a_spend(world: "World", number: int, device: "Device") -> None:
    sent = {name for name, sender in world.wire.sender.items() if sender == number}
    waiting = [outgoing.report for outgoing in device.agent.waiting() if outgoing.report not in world.wire.sent.values()]
    paid = device.agent.ledger().account("nobody").life_micro
    _require((len(sent) + len(waiting)) * PRICE_MICRO <= paid, "there are more reports than were paid for")


def _withdrawing_empties_the_device(world: "World", device: "Device") -> None:
    with device.store.inner.transaction() as tx:
        agreed, has_records = has_agreed(tx, world.task.terms.hash), not is_empty(tx, world.task.hash)
    _require(agreed or not has_records, "private records are kept on a device that has withdrawn")
    _require(agreed or not device.agent.waiting(), "reports wait on a device that has withdrawn")


def _a_record_is_randomized_once(world: "World") -> None:
    said = Counter(_category(world, name) for name in world.wire.sent)
    twice = [category for category, count in said.items() if count > 1 and category != NOTHING]
    _require(not twice, "one record left its device in two reports")


def _a_batch_goes_forward_only(world: "World", row: BatchRow) -> None:
    before = world.memory.batches.get(row.round, row)
    _require(before.state not in DONE or row.state == before.state, f"a batch that was {before.state} became {row.state}")
    _require(ORDER.index(row.state) >= ORDER.index(before.state), f"a batch went back from {before.state} to {row.state}")
    _require(before.state == "open" or row.reports == before.reports, "a batch took reports after it was cut")
    world.memory.batches[row.round] = row


def _what_was_acknowledged_is_kept_and_counted_once(world: "World", row: BatchRow) -> None:
    acknowledged = {name for name in world.wire.acknowledged if _round(world, name) == row.round}
    delivered = {name for name in world.wire.delivered if _round(world, name) == row.round}
    _require(row.reports >= len(acknowledged), "an acknowledged report is lost")
    _require(row.reports <= len(delivered), "a report was counted twice")
    if row.state in ("shuffled", "released"):
        _require(row.legal == row.reports, "honest reports were dropped as illegal")
    if row.state == "released":
        counts = _released_counts(world, row)
        least = Counter(_category(world, name) for name in acknowledged)
        most = Counter(_category(world, name) for name in delivered)
        _require(all(counts[one] >= count for one, count in least.items()), "a release lacks an acknowledged report")
        _require(all(most[one] >= count for one, count in counts.items()), "a release counts a report twice")


def _nothing_is_left_of_a_finished_batch(world: "World", row: BatchRow) -> None:
    if row.state in DONE:
        left = [*world.faults.inner.sealed(row), *world.faults.inner.parts(row)]
        _require(not left, f"reports are left of a batch that was {row.state}")
    if row.state == "erased" and row.why == BELOW_MINIMUM:
        _require(row.reports < world.task.rule.minimum, "a batch that had its minimum was erased as being below")


def _a_batch_is_released_once_or_never(world: "World", rows: dict[int, BatchRow]) -> None:
    found: dict[int, bytes] = {}
    for release in _releases(world):
        _require(release.round not in found, "a batch was released twice")
        _require(release.reports >= world.task.rule.minimum, "a batch below the minimum was released")
        _require(rows[release.round].state == "released", f"a batch that is {rows[release.round].state} was released")
        _require(release.reports == rows[release.round].legal, "a release tells another number of reports than its batch")
        found[release.round] = release.hash
    for round_, hash_ in world.memory.releases.items():
        _require(found.get(round_) == hash_, "a release changed or is gone")
    _require(
        all(row.state != "released" or row.round in found for row in rows.values()),
        "a batch is called released and has no release",
    )
    world.memory.releases = found


def _released_counts(world: "World", row: BatchRow) -> Counter[int]:
    """How often the release counts each category, read back from its unbiased estimate."""
    hash_ = next(release.hash for release in _releases(world) if release.round == row.round)
    full = decode(world.faults.inner.unpublished(hash_) or b"", Release)
    truth = MECHANISM.keep / UNIT
    lie = (1 - truth) / NOTHING
    counts = np.rint(full.arrays["estimate"] * (truth - lie) + full.reports * lie).astype(int)
    return Counter({int(category): int(counts[category]) for category in np.flatnonzero(counts)})


def _releases(world: "World") -> Iterator[ReleaseRow]:
    return (row for row in world.faults.inner.releases() if row.task == world.task.hash)


def _category(world: "World", name: bytes) -> int:
    """What the report says, unsealed once."""
    if name not in world.memory.categories:
        payload = unseal(Report.from_bytes(world.wire.sent[name]), MECHANISM.payload.itemsize, shuffler_key())
        world.memory.categories[name] = int(payloads_from(MECHANISM, [payload])["value"][0])
    return world.memory.categories[name]


def _round(world: "World", name: bytes) -> int:
    return Report.from_bytes(world.wire.sent[name]).round


def _require(holds: bool, broken: str) -> None:
    if not holds:
        raise Broken(broken)
