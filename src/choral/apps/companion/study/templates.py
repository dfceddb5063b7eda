"""What the generator's days are made of: kinds of hours with templates of six slots, and profiles of people.

A star is an open slot: something that this person likes. The four templates of a kind are equally likely.
"""

from collections.abc import Mapping

OPEN = 255
Template = tuple[str, str, str, str, str, str]


def _even(name: str) -> Template:
    return (name, name, name, name, name, name)


def _halves(first: str, second: str) -> Template:
    return (first, first, first, second, second, second)


def _thirds(first: str, second: str, third: str) -> Template:
    return (first, first, second, second, third, third)


SLEEP, WASH, EAT, WORK, MOVE = "sleeping", "washing and dressing", "eating", "working", "commuting"
KINDS: Mapping[str, tuple[Template, Template, Template, Template]] = {
    "N": (_even(SLEEP), _even(SLEEP), _even(SLEEP), _even(SLEEP)),
    "M": (
        _thirds(SLEEP, WASH, EAT),
        (SLEEP, WASH, WASH, EAT, EAT, "the news"),
        (WASH, WASH, EAT, EAT, "tidying", MOVE),
        (SLEEP, SLEEP, SLEEP, WASH, EAT, MOVE),
    ),
    "C": (
        (MOVE, MOVE, MOVE, MOVE, WORK, WORK),
        _halves(MOVE, WORK),
        (MOVE, MOVE, MOVE, MOVE, MOVE, "the news"),
        _halves(MOVE, "listening to music"),
    ),
    "W": (
        _even(WORK),
        _halves(WORK, "a meeting"),
        (WORK, WORK, "a break at work", WORK, WORK, WORK),
        (WORK, WORK, WORK, WORK, "a break at work", "a meeting"),
    ),
    "L": (
        _halves("lunch at work", WORK),
        (WORK, "lunch at work", "lunch at work", "lunch at work", "a walk", WORK),
        _thirds("lunch at work", "a break at work", WORK),
        ("lunch at work", "lunch at work", "social media", "social media", WORK, WORK),
    ),
    "S": (
        _even("a class"),
        (*_even("a class")[:5], "a break at work"),
        _even("homework"),
        _halves("a class", "homework"),
    ),
    "T": (
        _even("homework"),
        _halves("homework", "learning for oneself"),
        (*_even("homework")[:4], "social media", "social media"),
        _even("learning for oneself"),
    ),
    "H": (
        _thirds("cleaning", "laundry", "tidying"),
        _halves("cleaning", "bills and letters"),
        _halves("buying food", "errands"),
        (*_even("buying food")[:4], "tidying", "tidying"),
    ),
    "D": (
        _halves("cooking", EAT),
        ("cooking", "cooking", EAT, EAT, "washing up", "television"),
        ("buying food", "cooking", "cooking", EAT, EAT, "washing up"),
        _thirds("cooking", EAT, "time with family"),
    ),
    "K": (
        _even("looking after a child"),
        _halves("looking after a child", "playing with a child"),
        _even("playing with a child"),
        _thirds("looking after a child", "cooking", EAT),
    ),
    "B": (
        _even("resting"),
        _halves("resting", "the news"),
        _halves("resting", "a phone call"),
        _thirds("caring for a pet", "resting", "*"),
    ),
    "E": (
        _even("*"),
        _halves("*", "television"),
        _halves("time with family", "*"),
        (*_even("*")[:4], "social media", "resting"),
    ),
    "F": (_even("*"), _even("*"), _halves("travelling for pleasure", "*"), _halves("*", "time with friends")),
    "P": (
        _halves("television", SLEEP),
        ("*", "*", WASH, SLEEP, SLEEP, SLEEP),
        (WASH, "reading a book", "reading a book", SLEEP, SLEEP, SLEEP),
        _halves("social media", SLEEP),
    ),
    "V": (_even("volunteering"), _halves("helping a neighbour", "resting"), _halves("worship", "time with family"), _even("*")),
}
LETTERS = "".join(KINDS)
DAYS: Mapping[str, tuple[str, str]] = {  # hours from midnight of a workday and of a day off
    "office": ("NNNNNNMCWWWWLWWWWCDEEEPN", "NNNNNNNNMHHEDFFFEEDEEEEP"),
    "nurse": ("NNNNNMCWWWWWLWWWCBDEEPNN", "NNNNNNNMHBEEDFFBEEDEEPNN"),
    "night shift": ("WWWWWWCMNNNNNNNBHDEEEMCW", "NNNNNNNNNMHEDFFFEEDEEEPN"),
    "student": ("NNNNNNNNMCSSBSSTTFDEEEEP", "NNNNNNNNNMTEDFFFFTDFFEEP"),
    "pupil": ("NNNNNNNMSSSSBSSSTEEDEPNN", "NNNNNNNNMEEEDFFFTEDEEPNN"),
    "parent": ("NNNNNNMKKHHKDKHEKKDKEEPN", "NNNNNNNMKKHKDKFFKKDKEEPN"),
    "retired": ("NNNNNNNMBHHEDBEVEEDEEPNN", "NNNNNNNMBEEVDFFBEEDEEPNN"),
    "freelance": ("NNNNNNNNMWWWDWWBWWDEEWEP", "NNNNNNNNNMHEDFFFEWDEEEEP"),
    "shop": ("NNNNNNNMHCWWWLWWWWWCDEEP", "NNNNNNNNMHHEDFFEEEDEEEPN"),
}
PROFILES: Mapping[str, tuple[list[int], list[int]]] = {
    name: ([LETTERS.index(hour) for hour in workday], [LETTERS.index(hour) for hour in off])
    for name, (workday, off) in DAYS.items()
}
