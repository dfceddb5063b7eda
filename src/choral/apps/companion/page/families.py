"""Time-use groups by their first digit, as colours and words; a colour never stands without its word."""

from collections.abc import Mapping

from choral.apps.companion.activities import ACTIVITIES, NUMBERS

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
