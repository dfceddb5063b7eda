"""Where to find somebody to talk to: shown quietly when the mood has stayed low for long, and there to be found at any time.

It says what the person said, names nobody's illness, and judges nothing. Numbers are public facts and may change: the
emergency number, and a line that listens, where one is widely known. Device half.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from choral.apps.companion.record import Moods

WINDOW_DAYS, LEAST_DAYS = 14, 7
LOW = 35.0  # points: a day's mean at or below is a low one
SHARE = 0.75  # of the days with a mood


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody to turn to. number: to call, "" for none."""

    name: str
    number: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """What is shown, with the lines of the person's country first."""

    sentence: str
    lines: tuple[Line, ...]


EVERYWHERE = (
    Line("Somebody you trust", note="A friend, a relative, a colleague: telling one person often helps."),
    Line("A doctor", note="If it goes on for weeks, a doctor is a good person to ask."),
)
_LISTENS, _EMERGENCY = "A line that listens", "Emergency"
_EUROPE = Line(_EMERGENCY, "112", "If somebody is in danger.")
_NUMBERS: Mapping[str, tuple[str, str]] = {  # country: a line that listens, its number
    "GB": ("Samaritans", "116 123"),
    "IE": ("Samaritans", "116 123"),
    "DE": ("TelefonSeelsorge", "116 123"),
    "AT": ("Telefonseelsorge", "142"),
    "CH": ("Die Dargebotene Hand, La Main Tendue", "143"),
    "FR": ("3114", "3114"),
    "NL": ("113", "113"),
    "BE": ("Tele-Onthaal 106, Télé-Accueil 107", "106, 107"),
    "ES": ("Línea 024", "024"),
    "PL": ("Telefon zaufania", "116 123"),
    "CZ": ("Linka první psychické pomoci", "116 123"),
    "HU": ("Lelki elsősegély", "116 123"),
    "NO": ("Mental Helse", "116 123"),
    "SI": ("Zaupni telefon Samarijan", "116 123"),
    "DK": ("Livslinien", "70 201 201"),
    "US": ("988 Lifeline", "988"),
    "CA": ("9-8-8", "988"),
    "AU": ("Lifeline", "13 11 14"),
    "NZ": ("1737", "1737"),
    "JP": ("よりそいホットライン", "0120-279-338"),
    "IN": ("Tele-MANAS", "14416"),
}
_EMERGENCIES: Mapping[str, str] = {
    "GB": "999 or 112",
    "US": "911",
    "CA": "911",
    "AU": "000",
    "NZ": "111",
    "JP": "119",
    "IN": "112",
}
_IN_EUROPE = frozenset(
    {"AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LT", "LU"}
    | {"LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"}
)
_ANYWHERE = Line(_EMERGENCY, "", "Your country's emergency number, in much of the world 112.")


def lines(country: str = "") -> tuple[Line, ...]:
    """Somebody to turn to, anywhere; with the numbers of the country (two letters) first, where they are known."""
    code = country.strip().upper()
    found = [Line(name, number, _LISTENS) for name, number in (_NUMBERS[code],)] if code in _NUMBERS else []
    if code in _EMERGENCIES:
        found.append(Line(_EMERGENCY, _EMERGENCIES[code], _EUROPE.note))
    else:
        found.append(_EUROPE if code in _IN_EUROPE else _ANYWHERE)
    return (*found, *EVERYWHERE)


def help_for(moods: Moods, today: date, country: str = "") -> Help | None:
    """What to show when most days of the last two weeks were low, whatever the cause; None otherwise."""
    first = today - timedelta(days=WINDOW_DAYS - 1)
    days = [np.mean([mood.valence for mood in said.values()]) for day, said in moods.items() if first <= day <= today and said]
    low = sum(float(mean) <= LOW for mean in days)
    if len(days) < LEAST_DAYS or low < SHARE * len(days):
        return None
    sentence = (
        f"On {low} of the {len(days)} days on which you said how you felt these two weeks, you felt low. "
        "If you would like to talk to somebody, here is where to find one. You can also leave it at that."
    )
    return Help(sentence, lines(country))
