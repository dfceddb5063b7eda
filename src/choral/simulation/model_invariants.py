"""The promises of a model: its versions have no gaps, and each holds the reports of its batch, every one once, no others.

What a version should be is computed again, from reports as they passed on the wire, by the algorithm itself.
"""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from choral.learning import Arrays
from choral.mechanisms import empty_state, payloads_from
from choral.numerics import SeededEntropy
from choral.server.models import unpacked
from choral.server.tasks import Known
from choral.simulation.memory import Broken, Streamed, require
from choral.simulation.world import World
from choral.storage import AuditRow, BatchRow, VersionRow

PUBLISHED = ("published", "rolled back")


def check_model(world: World, known: Known) -> None:
    """Returns if every promise of this task's model holds; Broken otherwise."""
    store = world.faults.inner
    versions, rows = store.versions(known.hash), {row.round: row for row in store.batches(known.hash)}
    if not versions:
        require(not any(row.state == "released" for row in rows.values()), "a batch was released and made no version")
        return
    _the_current_version_is_the_latest_that_stands(world, known, versions)
    _versions_have_no_gaps_and_do_not_change(world, versions)
    _a_batch_makes_one_version(world, versions, rows)
    if any(row.streams for row in rows.values()):
        _what_streams_is_folded_once(world, known, versions, tuple(rows.values()))
    else:
        for version in versions[1:]:
            _a_version_holds_its_batch(world, known, version, rows[version.round])


def _versions_have_no_gaps_and_do_not_change(world: World, versions: tuple[VersionRow, ...]) -> None:
    require([one.number for one in versions] == list(range(len(versions))), "the versions of a model have a gap")
    for one in versions:
        parent, before = versions[one.parent], world.memory.versions.get((one.task, one.number), one)
        require(not one.number or (one.parent < one.number and parent.state in PUBLISHED), "a version has no parent that stood")
        require((one.state == "refused") == (before.state == "refused"), f"a version that was {before.state} is {one.state}")
        require(replace(before, state=one.state) == one, "a version changed")
        world.memory.versions[one.task, one.number] = one
    seen = sum(task == versions[0].task for task, _ in world.memory.versions)
    require(seen == len(versions), "a version is gone")


def _the_current_version_is_the_latest_that_stands(world: World, known: Known, versions: tuple[VersionRow, ...]) -> None:
    head, deeds = world.faults.inner.head(known.hash), world.faults.inner.audit(known.hash)
    latest = max(one.number for one in versions if one.state == "published")
    require(head is not None and head.version == latest, "the current version is not the latest that stands")
    before, roll_backs = world.memory.current.get(known.hash, (0, 0))
    parent = _target(deeds[-1]) if len(deeds) > roll_backs else before
    for one in versions[1:]:
        if (known.hash, one.number) not in world.memory.versions:
            require(one.parent == parent, "a version was not made from the current one")
            parent = one.number if one.state == "published" else parent
    world.memory.current[known.hash] = (latest, len(deeds))


def _target(deed: AuditRow) -> int:
    """The version that a roll-back made current."""
    return int(deed.detail.rsplit(" ", 1)[1])


def _a_batch_makes_one_version(world: World, versions: tuple[VersionRow, ...], rows: dict[int, BatchRow]) -> None:
    made = {one.round: one for one in versions[1:]}
    require(len(made) == len(versions) - 1, "a batch was folded into two versions")
    for one in versions[1:]:
        state = "released" if one.state in PUBLISHED else "erased"
        require(rows[one.round].state == state, f"a version is {one.state} and its batch {rows[one.round].state}")
        row = rows[one.round]
        require(row.streams or row.legal == one.reports, "a version tells another number of reports than its batch")
        require((world.faults.inner.release(one.release) is not None) == (state == "released"), "a version lacks its release")
    require(all(row.state != "released" or row.round in made for row in rows.values()), "a released batch made no version")


def _a_version_holds_its_batch(world: World, known: Known, version: VersionRow, row: BatchRow) -> None:
    """The version follows from its parent by just so many reports that are in no other version."""
    place = (known.hash, version.number)
    if version.state == "refused" or place in world.memory.folded:
        return
    used = set[bytes]().union(*(names for (hash_, _), names in world.memory.folded.items() if hash_ == known.hash))
    rounds = range(row.round - row.late, row.round + 1)
    sent = [name for name in world.wire.delivered - used if world.wire.places[name] in [(known.hash, one) for one in rounds]]
    store, algorithm = world.faults.inner, known.algorithm
    parent, child = (unpacked(store.version_state(known.hash, one) or b"") for one in (version.parent, version.number))
    for names in combinations(sorted(sent), version.reports):
        folded = algorithm.fold(parent, _estimate(world, known, names), SeededEntropy(0))
        if _equal(folded, child):
            world.memory.folded[place] = frozenset(names)
            return
    raise Broken("a version does not hold the reports of its batch, each once and no others")


def _what_streams_is_folded_once(
    world: World, known: Known, versions: tuple[VersionRow, ...], rows: tuple[BatchRow, ...]
) -> None:
    """So many updates as reports were legal, counted from whatever state came in between."""
    row, before = world.faults.inner.task(known.hash), world.memory.streamed.get(known.hash)
    if row is None or (before is not None and before.revision == row.revision):
        return
    state, deeds = unpacked(row.state), world.faults.inner.audit(known.hash)
    _instances_are_reports(world, known, state)
    for one in (version for version in versions[1:] if version.state != "refused"):
        new = _updates(world, known, one.number) - _updates(world, known, one.parent)
        require(new == one.reports, "a version tells another number of reports than it has and its parent has not")
    refused = [one for one in versions if one.state == "refused"]
    legal = sum(one.legal for one in rows)
    now = Streamed(row.revision, int(state["updates"][0]), legal, len(deeds), len(refused))
    if before is not None:
        bases = {before.updates}
        if now.roll_backs > before.roll_backs:
            bases = {_updates(world, known, _target(deeds[-1]))}
        if now.refused > before.refused:
            bases.add(_updates(world, known, refused[-1].parent))
        counted = now.updates - (now.legal - before.legal)
        require(counted in bases, "a report was folded twice, or counted and not folded")
    world.memory.streamed[known.hash] = now


def _instances_are_reports(world: World, known: Known, state: Arrays) -> None:
    """Each instance is the start's or one report's, no two the same one's."""
    start = unpacked(world.faults.inner.version_state(known.hash, 0) or b"")["instances"]
    delivered = (name for name in world.wire.delivered if world.wire.places[name][0] == known.hash)
    returned = [_estimate(world, known, (name,)).values for name in delivered]
    held = [one.tobytes() for one in state["instances"]]
    require(set(held) <= {one.tobytes() for one in (*start, *returned)}, "an instance is nobody's")
    require(len(set(held)) == len(held), "a report is in two instances")


def _updates(world: World, known: Known, number: int) -> int:
    """How many reports had been folded into a version."""
    return int(unpacked(world.faults.inner.version_state(known.hash, number) or b"")["updates"][0])


def _estimate(world: World, known: Known, names: tuple[bytes, ...]) -> Any:
    """The sum of what these reports say, as the server would estimate it."""
    mechanism = known.mechanism
    payloads = payloads_from(mechanism, [world.payload(name) for name in names])
    return mechanism.estimate(mechanism.accumulate(empty_state(mechanism), payloads), len(names))


def _equal(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
