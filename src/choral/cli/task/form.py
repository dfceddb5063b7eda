"""The form of a task file: its sections and fields, which values they take, and in which words to ask for them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from choral.privacy import TRUSTS
from choral.protocol.task import ADVANCES, CHANCE_UNIT, LEAST_CHANCE

REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One field. words: what to give; kind: type; default: its value where it is left out, REQUIRED if it may not be

    least, most: of a number, or of a text's length; choices: all that a text may be
    """

    words: str
    kind: type[Any]
    default: Any = REQUIRED
    least: float = 0
    most: float = math.inf
    choices: tuple[str, ...] = ()

    def problem(self, value: Any) -> str:
        """What is wrong with the value and what would be right; empty if nothing is."""
        kind = (int, float) if self.kind is float else self.kind
        fits = isinstance(value, kind) and (self.kind is bool or not isinstance(value, bool))
        if fits and self.kind is not bool:
            size = len(value.encode()) if isinstance(value, str) else value
            fits = self.least <= size <= self.most and (not self.choices or value in self.choices)
        return "" if fits else f"{value!r} does not do; give {self.words}"


@dataclass(frozen=True, slots=True)
class Section:
    """The fields of a section; others: whether it may have more, which only its maker knows."""

    fields: Mapping[str, Field]
    others: bool = False

    def __contains__(self, key: str) -> bool:
        return key in self.fields


FORM: Mapping[str, Section] = {
    "": Section(
        {
            "purpose": Field("why, in one sentence of at most 512 bytes", str, least=8, most=512),
            "signal": Field("the name of a signal that an app declares", str, least=1, most=64),
            "unit": Field("what one price protects, in words", str, least=1, most=128),
            "trust": Field(f"one of {', '.join(TRUSTS)}", str, "nobody", choices=tuple(TRUSTS)),
            "revision": Field("a whole number, one more with each change", int, 0, most=2**32 - 1),
            "reviewer": Field("who has looked at this task", str, "nobody yet", most=256),
            "issuer": Field(
                "64 hex digits: the hash that `choral issuer public` prints; left out: no tokens", str, "", most=64
            ),
        }
    ),
    "limits": Section(
        {
            "reports_per_day": Field("a whole number of at least 1", int, least=1, most=1000),
            "reports_for_life": Field("a whole number of at least reports_per_day", int, least=1, most=10**6),
            "minimum": Field("reports without which a batch is erased unseen", int, least=1, most=2**32 - 1),
            "retention_days": Field("days, 1 to 3650", int, least=1, most=3650),
            "price": Field("epsilon of one report in nats; left out: what the mechanism costs", float, None, most=1000),
            "sending_is_visible": Field("true or false", bool, default=False),
        }
    ),
    "mechanism": Section({"name": Field("the mechanism's name, such as projective-geometry-response/1", str)}, others=True),
    "algorithm": Section(
        {
            "name": Field("the algorithm's name, such as count/1", str),
            "dictionary": Field("the name of a public dictionary", str, ""),
        },
        others=True,
    ),
    "batch": Section(
        {
            "minimum": Field("a whole number, at least the minimum of [limits]; left out: the same", int, 0, most=2**32 - 1),
            "goal": Field("reports at which a batch is cut", int, least=1, most=2**32 - 1),
            "rounds_open": Field("rounds that take reports at a time, 1 to 1000", int, 1, least=1, most=1000),
            "round_days": Field("days, such as 7 or 0.5", float, least=1 / 86_400, most=3650),
            "advance": Field(f"one of {', '.join(ADVANCES)}", str, "time", choices=ADVANCES),
            "least_minutes": Field(
                "where rounds advance by release: minutes between two of them, at least", float, 60, least=1 / 60, most=10**6
            ),
        }
    ),
    "schedule": Section(
        {
            "lasts_days": Field("days from start to expiry", float, least=1 / 86_400, most=3650),
            "delay_hours": Field("the longest random delay of a report", float, least=0, most=24 * 365),
            "chance": Field("of taking part in a round, above 0 and at most 1", float, 1.0, least=2.0**-32, most=1),
            "least_chance": Field("the least that a server may steer it to", float, LEAST_CHANCE / CHANCE_UNIT, most=1),
            "most_chance": Field("the most that a server may steer it to", float, 1.0, most=1),
        }
    ),
}
