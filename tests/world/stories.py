"""Lists of ops: generated ones, and a few that every World must live through."""

from hypothesis import strategies as st

from choral.simulation.ops import Kind, Op

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
