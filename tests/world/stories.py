"""Lists of ops: generated ones, and a few that every World must live through."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from choral.simulation.faults import WRITES
from choral.simulation.ops import Kind, Op, save
from choral.simulation.story import run
from choral.simulation.world import World

REPRODUCTIONS = Path(__file__).parent / "reproductions"
HOUR, DAY = 3_600, 86_400
DEVICES = 3
PEOPLE = st.integers(0, DEVICES - 1)
OFTEN = (Kind.RECORD, Kind.TICK, Kind.TICK)
SELDOM = (Kind.AGREE, Kind.WITHDRAW, Kind.DROP_REQUEST, Kind.DROP_RESPONSE, Kind.RESTART_DEVICE)
DUTIES = (Kind.SHUFFLE, Kind.RELEASE, Kind.CLOSE)
MISHAPS = (Kind.CRASH_BEFORE_COMMIT, Kind.CRASH_AFTER_COMMIT, Kind.RESTART_SERVER)

ops = st.one_of(
    st.builds(Op, st.sampled_from(OFTEN), PEOPLE),
    st.builds(Op, st.sampled_from(OFTEN), PEOPLE),
    st.builds(Op, st.just(Kind.ADVANCE), st.just(0), st.sampled_from([60, HOUR, 6 * HOUR, DAY, DAY])),
    st.builds(Op, st.just(Kind.ADVANCE), st.just(0), st.sampled_from([60, HOUR, 6 * HOUR, DAY, DAY])),
    st.builds(Op, st.sampled_from(DUTIES)),
    st.builds(Op, st.sampled_from(SELDOM), PEOPLE),
    st.builds(Op, st.sampled_from(MISHAPS)),
    st.builds(Op, st.just(Kind.REPLAY), st.just(0), st.integers(0, 20)),
    st.builds(Op, st.just(Kind.CLOCK_BACK), PEOPLE, st.sampled_from([-2 * DAY, -HOUR, HOUR, DAY, 2 * DAY])),
    st.builds(Op, st.just(Kind.CRASH_DEVICE), PEOPLE, st.integers(1, 12)),
)

TRAINING_DUTIES = (*DUTIES, Kind.STREAM, Kind.STREAM)
OPERATOR = (Kind.PUBLISH, Kind.ROLL_BACK, Kind.ROLL_BACK_MEANWHILE)
DEATHS = (Kind.CRASH_BEFORE_COMMIT, Kind.CRASH_AFTER_COMMIT)
AMOUNTS = st.integers(0, 12)

training_ops = st.one_of(
    ops,
    ops,
    st.builds(Op, st.sampled_from(TRAINING_DUTIES)),
    st.builds(Op, st.sampled_from(TRAINING_DUTIES)),
    st.builds(Op, st.sampled_from(OPERATOR), st.just(0), AMOUNTS),
    st.builds(Op, st.sampled_from(DEATHS), st.just(0), st.integers(0, len(WRITES))),
    st.builds(Op, st.just(Kind.STALL), st.just(0), st.sampled_from([0, 60, 121, HOUR])),
    st.builds(Op, st.just(Kind.FORGE), st.just(0), AMOUNTS),
    st.builds(Op, st.just(Kind.WITHDRAW), PEOPLE, AMOUNTS),
)


def live(story: Sequence[Op], kept_as: str, **given) -> None:
    """Runs the story; one that breaks a promise is kept, the shortest last, and from then on replayed below."""
    try:
        with World.begin(**given) as world:
            run(world, story)
    except Exception as error:
        save(story, REPRODUCTIONS / f"{kept_as}.json", f"{type(error).__name__}: {error}")
        raise


def for_all(kind):
    return [Op(kind, device) for device in range(DEVICES)]


def advance(seconds):
    return Op(Kind.ADVANCE, 0, seconds)


def day():
    """Everyone records something, ticks until it is sent, and the operator's loops turn."""
    hours = [op for _ in range(12) for op in (*for_all(Kind.TICK), advance(HOUR))]
    return [*for_all(Kind.RECORD), *hours, advance(12 * HOUR), *duties()]


def duties():
    return [Op(Kind.SHUFFLE), Op(Kind.RELEASE), Op(Kind.CLOSE)]


def training_day(hours=4):
    """The same with fewer turns, and with the duties that training needs; each model makes a version."""
    turns = [op for _ in range(hours) for op in (*for_all(Kind.TICK), advance(24 // hours * HOUR))]
    return [*for_all(Kind.RECORD), *turns, *training_duties()]


def training_duties():
    """Each duty once for each task that it could be due for."""
    return [Op(kind) for kind in (*[Kind.SHUFFLE] * 3, Kind.STREAM, *[Kind.RELEASE] * 4, Kind.CLOSE)]
