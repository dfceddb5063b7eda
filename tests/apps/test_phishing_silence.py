"""Silence is counted in links: no feed of labels, whatever it names and whenever it changes, moves a step, a cost or a record.

Two devices that the same links come to, one without a feed and one with any, do the same in every turn. Only what is inside
a report may differ, and that is randomized. Deterministic: Hypothesis's seeds are fixed by its profile, and the devices'
draws are seeded.
"""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from choral.apps.phishing.device import records
from choral.apps.phishing.device.features import look
from choral.apps.phishing.device.records import (
    LINKS,
    MOST_RECORDS,
    UNIT_LINKS,
    WIDE_LINKS,
    WINDOW,
    marks_of,
    received,
    signals,
)
from choral.apps.phishing.device.tasks import REPORTS_FOR_LIFE, drawn_task
from choral.device import Event
from choral.device.signal import Signal
from choral.protocol import sign
from tests.apps.phishing_device import BAD, GOOD, HERE, LinkDesk, device, feed, kept, links_task, operator_desk
from tests.device.setting import NOW, OPERATOR, READY

SITE, OTHERS = BAD, GOOD  # pages of one site, and of as many sites as there are pages
TURNS = 4
LINK = st.tuples(st.sampled_from([SITE, OTHERS]), st.integers(0, 60))
CAME = st.lists(st.lists(LINK, min_size=WINDOW // 2, max_size=WINDOW + 8), min_size=1, max_size=TURNS)
SAID = st.one_of(
    st.none(),  # no new feed in this turn
    st.just("empty"),
    st.just("one site"),
    st.just("everything"),
    st.just("contradictory"),
    st.frozensets(st.integers(0, 60), min_size=1, max_size=30),
)
FEEDS = st.lists(SAID, min_size=TURNS, max_size=TURNS)


@cache
def link_came(kind, page):
    """The event that a link of this kind was received."""
    return received(look(kind.format(page), None, HERE), NOW)


def labels_of(said, turn):
    """What a feed of this kind names, as (link, is it phishing)."""
    site, others = ([(kind.format(number), kind == SITE) for number in range(61)] for kind in (SITE, OTHERS))
    named = {"empty": [], "one site": site, "everything": site + others}
    if said == "contradictory":  # says the opposite from turn to turn, and of half of the links otherwise than they are
        return [(link, (number + turn) % 2 == 0) for number, (link, _) in enumerate(site + others)]
    return named[said] if said in named else [site[number] for number in said] + [others[number] for number in said]


@cache
def signed_feed(said, turn):
    """A feed of this kind, as its operator signs it."""
    found = feed(*labels_of(said, turn), now=NOW + turn * timedelta(days=1)).release()
    return sign(found, OPERATOR)


class Life:
    """A device of both ways to learn, and all that can be seen of it but the randomized bytes."""

    def __init__(self, **terms):
        self.desk = LinkDesk(links_task(**terms), drawn_task(operator_desk(), **terms))
        self.desk.round = None
        self.watch = device(self.desk)

    def turn(self, number, links, said):
        """Links come, a feed may come, and the device has its turn in a round of its own: what was seen of it."""
        now = NOW + number * timedelta(days=1)
        self.desk.now, self.desk.round = now + timedelta(hours=2), None
        for minute, link in enumerate(links):
            self.watch.agent.record(replace(link_came(*link), at=now + timedelta(minutes=minute)), now)
        if said is not None:
            self.watch.book.take(signed_feed(said, number), self.watch.operators)
        steps = self.watch.agent.tick(self.desk.now, READY)
        agent = self.watch.agent
        return {
            "steps": [(step.kind, step.text) for step in sorted(steps, key=_place)],
            "sizes": [len(report) for report in self.desk.received],
            "sent": sorted(
                (row.sent, row.outgoing.signal, row.outgoing.made, row.outgoing.price_micro) for row in agent.sent()
            ),
            "asked": list(self.desk.asked),
            "ledger": agent.ledger(),
            "kept": {name: kept(self.watch, name) for name in (LINKS, UNIT_LINKS)},
        }


def _place(step):
    """Steps as they came; but reports that are due in the same second leave in the order of their random ids."""
    return (1, step.text) if step.kind == "sent" else (0, "")


def lives(came, feeds, **terms):
    """Turn by turn, what is seen of a device without a feed, and of one with these."""
    plain, fed = Life(**terms), Life(**terms)
    for number, links in enumerate(came):
        yield plain.turn(number, links, None), fed.turn(number, links, feeds[number])


def require_alike(came, feeds, **terms):
    for number, (plain, fed) in enumerate(lives(came, feeds, **terms)):
        for name, seen in plain.items():
            assert fed[name] == seen, f"turn {number}: a feed changed {name}"


FULL = [[(SITE, number) for number in range(WINDOW)]] * 2
FEW = [[(SITE, number) for number in range(WINDOW - 1)], [(OTHERS, 1)]]


@settings(max_examples=40, deadline=None, phases=[Phase.generate], database=None, derandomize=True)
@given(CAME, FEEDS, st.booleans())
def generated_by_itself(came, feeds, silent):
    """The law on generated lives alone; no example is handed, and none is made smaller."""
    require_alike(came, feeds, silent=silent)


@settings(max_examples=30, deadline=None)
@given(CAME, FEEDS, st.booleans())
@example(FULL, ["one site"] * TURNS, True)
@example(FEW, ["everything", None, None, None], True)
@example(FULL, ["contradictory"] * TURNS, False)
def test_whatever_a_feed_names_a_device_does_the_same(came, feeds, silent):
    require_alike(came, feeds, silent=silent)


def test_a_feed_that_names_one_site_sees_the_same_report_from_who_was_there_and_who_was_not():
    """The question that was free before: were at least five pages of this site received here?"""
    there, elsewhere = Life(), Life()
    seen = [
        one.turn(0, [(site, number) for number in range(WINDOW)], "one site")
        for one, site in ((there, SITE), (elsewhere, OTHERS))
    ]
    (here, other) = [{name: value for name, value in one.items() if name != "kept"} for one in seen]
    assert here == other
    assert [kind for kind, _ in here["steps"]].count("contributed") == 2
    assert not any(any(one["kept"].values()) for one in seen)


def test_reports_end_with_those_for_life_and_say_so_alike():
    came = [[(OTHERS, number * WINDOW + page) for page in range(WINDOW)] for number in range(REPORTS_FOR_LIFE + 1)]
    found = list(lives(came, [None, "everything", "one site", "empty", "contradictory"]))
    assert all(plain == fed for plain, fed in found)
    assert len(found[-1][0]["sent"]) == len(found[-2][0]["sent"]) == 2 * REPORTS_FOR_LIFE


@settings(max_examples=50, deadline=None)
@given(st.integers(0, MOST_RECORDS), st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=7))
def test_uses_counts_links_and_never_asks_for_a_label(count, said):
    """A signal whose labels may not be asked for answers as any other does."""

    def nobody(of_link):
        raise AssertionError("whether a link is used asked for its label")

    events = [Event(records.KIND, NOW, {records.MARKS: f"{number:016x}"}) for number in range(count)]
    expected = [place < WINDOW and count >= WINDOW for place in range(count)]
    for name, quiet, open_ in zip(
        (LINKS, UNIT_LINKS, WIDE_LINKS), signals(nobody), signals(lambda of_link: said[of_link[0] % len(said)]), strict=True
    ):
        assert quiet.name == name
        assert list(quiet.uses(events)) == list(open_.uses(events)) == expected


def _by_labels(name, layout, labels, window, rows):
    """As it was: the newest labelled records, and silence where there are too few."""
    sound = SOUND(name, layout, labels, window, rows)

    def used(events):
        places = [place for place, event in enumerate(events) if labels(marks_of(event)) is not None][-rows:]
        return [place in places and len(places) == rows for place in range(len(events))]

    return Signal(name, sound.kinds, sound.examples, sound.limit, immediate=False, used=used)


def _only_the_labelled_go(name, layout, labels, window, rows):
    """Sends as it should, but what is deleted depends on labels."""
    sound = SOUND(name, layout, labels, window, rows)

    def used(events):
        found = sound.uses(events)
        go = [one and labels(marks_of(event)) is not None for one, event in zip(found, events, strict=True)]
        return go if any(go) else found

    return Signal(name, sound.kinds, sound.examples, sound.limit, immediate=False, used=used)


def _later_without_labels(name, layout, labels, window, rows):
    """Waits for twice as many links where none of the window is labelled."""
    sound = SOUND(name, layout, labels, window, rows)

    def used(events):
        known = any(labels(marks_of(event)) is not None for event in events[:window])
        return sound.uses(events) if known or len(events) >= 2 * window else [False] * len(events)

    return Signal(name, sound.kinds, sound.examples, sound.limit, immediate=False, used=used)


SOUND = records._signal


@pytest.mark.parametrize("planted", [_by_labels, _only_the_labelled_go, _later_without_labels])
def test_a_device_that_lets_labels_decide_is_found(planted, monkeypatch):
    monkeypatch.setattr(records, "_signal", planted)
    half = [[(SITE, number) for number in range(WINDOW // 2)] + [(OTHERS, number) for number in range(WINDOW // 2)]]
    with pytest.raises(AssertionError, match="turn 0: a feed changed"):
        require_alike(half, ["one site"])
    with pytest.raises(AssertionError, match="a feed changed"):
        generated_by_itself()
