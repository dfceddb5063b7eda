"""Where to find somebody to talk to: shown quietly when the mood has stayed low for long, and there to be found at any time.

It says what the person said, names nobody's illness, and judges nothing. Numbers are public facts and may change. A line is
listed only where its own pages, a public authority or the national press name it, which stands beside it with the day of the
check; for every other country there is a list of lists. Few and right is better than many. Device half.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from choral.apps.companion.device.record import Moods

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
_NUMBERS: Mapping[str, tuple[str, str]] = {  # country: a line that listens, its number; checked on 22 November 2026
    "GB": ("Samaritans", "116 123"),  # samaritans.org
    "IE": ("Samaritans", "116 123"),  # irishtimes.com, "Samaritans freephone helpline will save lives"
    "DE": ("TelefonSeelsorge", "0800 111 0 111"),  # domradio.de, spektrum.de
    "AT": ("Telefonseelsorge", "142"),  # katholisch.at/telefonseelsorge
    "CH": ("Die Dargebotene Hand, La Main Tendue", "143"),  # srf.ch
    "FR": ("3114", "3114"),  # 3114.fr
    "NL": ("113 Zelfmoordpreventie", "113"),  # nrc.nl, nu.nl
    "ES": ("Línea 024", "024"),  # rtve.es, of the Ministerio de Sanidad
    "NO": ("Mental Helse", "116 123"),  # nrk.no
    "HU": ("Lelki elsősegély", "116 123"),  # antsz.hu
    "US": ("988 Suicide & Crisis Lifeline", "988"),  # afsp.org/988, health.wyo.gov
    "CA": ("9-8-8", "988"),  # Government of Canada, release of 30 November 2023
    "AU": ("Lifeline", "13 11 14"),  # suicidepreventionaust.org, lifelineh2h.org.au
    "NZ": ("1737, need to talk?", "1737"),  # Minister of Health, release of June 2017
    "JP": ("よりそいホットライン", "0120-279-338"),  # mhlw.go.jp
    "IN": ("Tele-MANAS", "14416"),  # Ministry of Health and Family Welfare in livemint.com
}
_ELSEWHERE = Line("findahelpline.com", note="Lines that listen, country by country.")
_EMERGENCIES: Mapping[str, str] = {  # where it is not Europe's 112; known to everyone there
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
    """Somebody to turn to: who listens in the country (two letters), or where to find one; the emergency number; people."""
    code = country.strip().upper()
    listens = Line(*_NUMBERS[code], _LISTENS) if code in _NUMBERS else _ELSEWHERE
    emergency = _EUROPE if code in _IN_EUROPE else _ANYWHERE
    if code in _EMERGENCIES:
        emergency = Line(_EMERGENCY, _EMERGENCIES[code], _EUROPE.note)
    return (listens, emergency, *EVERYWHERE)


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
