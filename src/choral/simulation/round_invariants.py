"""The promises of a round: whoever asks is asked the same, from its first check-out to its last, and no sooner than allowed.

Checked from what devices downloaded. Where each draws its own parameters, they lie around what the round opened with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from choral.learning import Arrays
from choral.protocol import Bundle, Checkout, Task, decode
from choral.protocol.messages import ARRAYS, Opening, Openings, question_of
from choral.protocol.task import NOBODY
from choral.protocol.wire import Reader
from choral.server.openings import VERSION
from choral.server.tasks import Known
from choral.simulation.memory import require
from choral.simulation.world import World

MINUTE = 60
OPENINGS = "/v1/openings"


def check_rounds(world: World) -> None:
    """Returns if every promise of the rounds that were downloaded since the last look holds; Broken otherwise."""
    memory, asked = world.memory, {one.hash: one for one in world.asked}
    for body, path in islice(world.wire.asked.items(), memory.looked_at, None):
        for found in _told(body) if path == OPENINGS else _asked(world, asked, body):
            if found.task in asked:
                _says_what_was_said_before(world, found)
                _keeps_its_dates(world, asked[found.task].task, found)
    memory.looked_at = len(world.wire.asked)


def _told(body: bytes) -> Iterator[Opening]:
    """What a document of openings says."""
    return (decode(one.body, Opening) for one in decode(body, Openings).items)


def _asked(world: World, asked: Mapping[bytes, Known], body: bytes) -> Iterator[Opening]:
    """What the check-outs of a bundle say, as their openings would."""
    for signed in decode(body, Bundle).items:
        checkout = decode(signed.body, Checkout)
        task = decode(checkout.task.body, Task).hash
        question, around = question_of(checkout.params), dict[str, Any]()
        if task in asked and asked[task].streams:
            question, around = NOBODY, dict(_around(world, asked[task], checkout))
        dates = (checkout.issued, checkout.valid_until)
        yield Opening(task, checkout.round, checkout.chance, *dates, question, around)


def _around(world: World, known: Known, checkout: Checkout) -> Arrays:
    """What the round opened with, once what was drawn is seen to lie near it; nothing where the round is over by now."""
    row = world.faults.inner.opening(known.hash, checkout.round)
    if row is None:
        return {}
    around, algorithm = ARRAYS.read(Reader(row.params)), known.algorithm
    distance = np.abs(checkout.params["params"].astype(np.float64) - around["params"]).max()
    require(distance <= algorithm.drawn_within, "an instance was given out that lies too far off")  # type: ignore[attr-defined]
    require(checkout.params[VERSION] == around[VERSION], "a check-out names another version than its round opened with")
    return around


def _says_what_was_said_before(world: World, found: Opening) -> None:
    before = world.memory.asked.setdefault((found.task, found.round), found)
    require(replace(before, around={}) == replace(found, around={}), "two check-outs of a round say different things")
    for name in before.around.keys() & found.around.keys():
        require(np.array_equal(before.around[name], found.around[name]), "what a round's draws lie around has moved")


def _keeps_its_dates(world: World, task: Task, found: Opening) -> None:
    """By arithmetic where rounds follow the clock; where they follow releases, not too soon, and no longer than the rule."""
    rule = task.rule
    require(task.least_chance <= found.chance <= task.most_chance, "a chance is not what its task allows")
    if rule.advance == "time":
        begin = task.start + found.round * rule.round_seconds
        dates = (begin, min(task.expires, begin + rule.round_seconds))
        require((found.issued, found.valid_until) == dates, "a round by the clock has other dates")
        return
    most = (int(world.now.timestamp()) - task.start) // rule.least_seconds
    require(found.round <= most, "a round is higher than its task allows since its start")
    require(found.issued == task.start or found.issued % MINUTE == 0, "a round was opened on no whole minute")
    longest = min(task.expires, found.issued + rule.rounds_open * rule.round_seconds)
    require(task.start <= found.issued < found.valid_until <= longest, "a round lasts longer than its rule says")
