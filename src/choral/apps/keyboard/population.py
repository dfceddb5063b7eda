"""The people of one locale, for studies. Study half: devices never import it."""

import csv
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files

import numpy as np

from choral.apps.keyboard.dictionary import category, dictionary
from choral.apps.keyboard.events import signal_name, typed
from choral.device import Event
from choral.simulation import Population
from choral.simulation.population import Floats


def marginal(locale: str) -> Floats:
    """How often each emoji is typed in `locale`, float64[2654], summing to 1; UsageError for an unknown locale."""
    signal_name(locale)
    shares: Floats = np.zeros(len(dictionary()) - 1)
    for emoji, share in _shares()[locale].items():
        shares[category(emoji)] = share
    return np.asarray(shares / shares.sum())


def population(locale: str, seed: int) -> Population:
    """Devices of `locale`; another locale with the same seed has other people."""
    return Population(marginal(locale), int.from_bytes(f"{seed}/{locale}".encode(), "little"))


def week(people: Population, device: int, locale: str, start: datetime) -> tuple[tuple[Event, ...], ...]:
    """The events of one device on each of seven days from `start`, evenly spaced within the day."""
    events = people.events(device, 1)
    names = iter(dictionary()[number] for number in events.category)
    return tuple(
        tuple(
            typed(locale, next(names), start + timedelta(days=day, seconds=86_400 * (turn + 1) // (count + 1)))
            for turn in range(count)
        )
        for day, count in enumerate(events.counts[0].tolist())
    )


@lru_cache(maxsize=1)
def _shares() -> dict[str, dict[str, float]]:
    shares: dict[str, dict[str, float]] = {}
    lines = (files("choral.apps.keyboard") / "data" / "shares.csv").read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader(lines):
        shares.setdefault(row["locale"], {})[row["emoji"]] = float(row["share"])
    return shares
