"""What the harness would notice in training: known bugs of a server, planted one by one, each seen by the World.

Each test tells one story twice: the honest system lives through it, the one with the bug does not.
"""

from dataclasses import replace

import pytest

from choral.simulation.memory import Broken
from choral.simulation.ops import Kind, Op
from choral.simulation.story import run
from choral.simulation.world import World
from choral.storage import MemoryServerStore
from tests.world.stories import for_all, training_day, training_duties
from tests.world.test_training import AVERAGED, DRAWN, TRAINING, WITH_TOKENS


class SumsABatchTwice(MemoryServerStore):
    """Bug: a part of a batch is given to the sum again."""

    def parts(self, batch):
        return (part for part in super().parts(batch) for _ in range(2))


class LeavesAReportOut(MemoryServerStore):
    """Bug: one report of a batch is never summed, though it is counted."""

    def parts(self, batch):
        return (part[: len(part) * (batch.legal - 1) // batch.legal] for part in super().parts(batch))


class StreamsWithoutALease(MemoryServerStore):
    """Bug: a worker that was overtaken folds its reports all the same."""

    def finish_stream(self, batch, ids, **given):
        row = self._tables.batches[batch.number]
        super().finish_stream(replace(batch, lease=row.lease), ids, **given)


class KeepsAnyState(MemoryServerStore):
    """Bug: a state is kept whatever came meanwhile, so that a roll-back is lost."""

    def finish_stream(self, batch, ids, **given):
        super().finish_stream(batch, ids, **{**given, "base": self._tables.tasks[batch.task].revision})

    def finish_release(self, batch, row, **given):
        super().finish_release(batch, row, **{**given, "base": self._tables.tasks[batch.task].revision})


class ForgetsAVersion(MemoryServerStore):
    """Bug: a release is kept and its version is not."""

    def finish_release(self, batch, row, **given):
        super().finish_release(batch, row, **{**given, "version": None})


class SpendsTokensAgain(MemoryServerStore):
    """Bug: nobody writes down which tokens were spent."""

    def add(self, arrivals):
        return super().add([replace(one, token=b"") for one in arrivals])


class PassesEveryRound(MemoryServerStore):
    """Bug: as a batch of one task is cut, the rounds of the others pass too."""

    def lease(self, duty, **given):
        found = super().lease(duty, **given)
        if found is not None and found.state == "cut":
            for hash_, row in self._tables.tasks.items():
                self._tables.tasks[hash_] = replace(row, round=row.round + (hash_ != found.task))
        return found


class ForgetsWhatItAsked(MemoryServerStore):
    """Bug: what a round asks is not kept, so that another process asks by the state that it finds."""

    def opening(self, task, round_):
        return None

    def open_round(self, slot, *said):
        self._tables.openings.clear()
        return super().open_round(slot, *said)


class OpensEarlier(MemoryServerStore):
    """Bug: a round tells another moment of its opening than the clock's."""

    def open_round(self, slot, issued, params):
        return super().open_round(slot, issued - 60, params)


OVERTAKEN = [*training_day(3)[:-9], Op(Kind.STALL, 0, 121), Op(Kind.STREAM)]
FORGED = [Op(Kind.FORGE, 0, AVERAGED + 4 * number) for number in range(4)]
DAYS = [*training_day(), *training_day(), *training_duties()]
ROLLED_BACK = [*training_day(2) * 3, *for_all(Kind.TICK), Op(Kind.ROLL_BACK_MEANWHILE, 0, DRAWN - 1), Op(Kind.STREAM)]
ASKED_ANEW = [*DAYS, *for_all(Kind.TICK), Op(Kind.ADVANCE, 0, 60), Op(Kind.RESTART_SERVER), *for_all(Kind.TICK)]
BUGS = [
    (SumsABatchTwice, DAYS, "does not hold the reports of its batch|a release counts a report twice"),  # whichever is first
    (LeavesAReportOut, DAYS, "does not hold the reports of its batch|a release lacks an acknowledged report"),
    (StreamsWithoutALease, OVERTAKEN, "more reports were sifted than there were|folded twice"),
    (KeepsAnyState, ROLLED_BACK, "folded twice, or counted and not folded"),
    (ForgetsAVersion, DAYS, "made no version"),
    (SpendsTokensAgain, [*DAYS, *FORGED], "a token was spent twice"),
    (PassesEveryRound, DAYS, "touched 4 tasks"),
    (ForgetsWhatItAsked, ASKED_ANEW, "two check-outs of a round say different things"),
    (OpensEarlier, DAYS, "a round by the clock has other dates"),
]


@pytest.mark.parametrize(("bug", "story", "broken"), BUGS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_bug_in_training_is_noticed_and_its_story_is_harmless_without_it(bug, story, broken):
    setting = WITH_TOKENS if bug is SpendsTokensAgain else TRAINING
    with World.begin(setting) as world:
        run(world, story)
    store = bug()
    with World.begin(setting, lambda: store) as world, pytest.raises(Broken, match=broken):
        run(world, story)
