"""Time-use groups by their first digit, as colours and words; a colour never stands without its word."""

from bisect import bisect_right
from collections.abc import Mapping

from choral.apps.companion.device.activities import ACTIVITIES, NUMBERS

FAMILIES: Mapping[int, str] = {
    0: "sleep, food and care",
    1: "work",
    2: "study",
    3: "home and family",
    4: "helping and worship",
    5: "people and rest",
    6: "sport and outdoors",
    7: "hobbies and games",
    8: "reading and media",
    9: "travel",
}
UNKNOWN = "unknown"
PARTS = (6, 9, 12, 14, 18, 21)  # hours at which another part of the day begins
COMMON = (  # what many people do in each part: the first choices of somebody who has not said anything yet
    ("sleeping",),
    ("sleeping", "washing and dressing", "eating", "commuting", "the news"),
    ("working", "a class", "a meeting", "homework", "cleaning", "buying food"),
    ("eating", "lunch at work", "cooking", "working", "a class", "a walk"),
    ("working", "a class", "errands", "a walk", "resting", "time with friends"),
    ("cooking", "eating", "commuting", "time with family", "television", "the gym"),
    ("television", "reading a book", "social media", "computer games", "time with friends", "sleeping"),
)


def family(activity: str) -> int:
    """The first digit of an activity's two-digit group; -1 for what is not in the list."""
    return ACTIVITIES[NUMBERS[activity]].group // 10 if activity in NUMBERS else -1


def colour(activity: str) -> str:
    """The style class of an activity."""
    number = family(activity)
    return f"g{number}" if number >= 0 else UNKNOWN


def by_family() -> list[tuple[str, list[str]]]:
    """All activities under the name of their family."""
    return [
        (name, [one.name for one in ACTIVITIES if one.group // 10 == number])
        for number, name in FAMILIES.items()
        if any(one.group // 10 == number for one in ACTIVITIES)
    ]


def part_of_day(fragment: int, per_day: int) -> int:
    """In which part of the day a fragment begins.

    >>> part_of_day(0, 24), part_of_day(6, 24), part_of_day(47, 48)
    (0, 1, 6)
    """
    return bisect_right(PARTS, fragment * 24 // per_day)


def clock(fragment: int, per_day: int) -> str:
    """When a fragment begins by the clock on the wall.

    >>> clock(7, 24), clock(15, 48), clock(24, 24)
    ('07:00', '07:30', '24:00')
    """
    minutes = fragment * 1440 // per_day
    return f"{minutes // 60:02}:{minutes % 60:02}"


def stretch(first: int, last: int, per_day: int) -> str:
    """From the beginning of one fragment to the end of another."""
    return f"{clock(first, per_day)}–{clock(last + 1, per_day)}"
