"""Task files: a question as text that anyone can read and change, compiled into a Task for an operator to sign.

Knows the file's form. Is given the table of names and the public dictionaries; leaves keys and clocks to the command.
"""

import hashlib
import inspect
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from choral.cli.task.form import FORM, REQUIRED, Section
from choral.errors import UsageError
from choral.learning import Algorithm
from choral.mechanisms import Mechanism
from choral.privacy import micro, required_price
from choral.protocol import BatchRule, Release, Spec, Task, Terms
from choral.protocol.task import CHANCE_UNIT, NOBODY

DAY = 86_400
HEADER = re.compile(r"\s*\[\s*([\w.-]+)\s*\]")
KEY = re.compile(r"\s*([\w-]+)\s*=")
Dictionaries = Mapping[str, Callable[[], Release]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A task without keys and without a beginning.

    rest: the fields of a Task that stand in the file as they are; lasts_seconds: from start to expiry
    dictionary: name of the public dictionary, empty if there is none
    """

    terms: Terms
    mechanism: Mechanism
    algorithm: Algorithm
    rule: BatchRule
    rest: Mapping[str, Any]
    lasts_seconds: int
    dictionary: str

    def task(self, *, start: datetime, shuffler_key: bytes, server_key: bytes) -> Task:
        """The whole task. shuffler_key: X25519 public key; server_key: Ed25519 public key."""
        begin = int(start.timestamp())
        return Task(
            terms=self.terms,
            mechanism=Spec.of(self.mechanism),
            algorithm=Spec.of(self.algorithm),
            rule=self.rule,
            start=begin,
            expires=begin + self.lasts_seconds,
            shuffler_key=shuffler_key,
            server_key=server_key,
            **self.rest,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a task file, to say where something is wrong."""

    name: str
    text: str

    def wrong(self, section: str, key: str, problem: str) -> UsageError:
        """An error that names file, line and field; the line of the section where the field is missing."""
        place = f"[{section}] {key}".strip() if section else key
        return UsageError(f"{self.name}:{self._line(section, key)}: {place}: {problem}")

    def _line(self, section: str, key: str) -> int:
        here, found = "", 1
        for number, line in enumerate(self.text.splitlines(), 1):
            header, pair = HEADER.match(line), KEY.match(line)
            if header:
                here = header[1]
                found = number if here == section else found
            elif pair and (here, pair[1]) == (section, key):
                return number
        return found


def compiled(text: str, *, name: str, names: Mapping[str, type[Any]], dictionaries: Dictionaries) -> Draft:
    """The task that the file says; UsageError with file, line, field and remedy if it is not legal.

    name: of the file, for messages; names: mechanisms and algorithms that may be asked for
    """
    source = Source(name, text)
    parts = _parts(source)
    dictionary = parts["algorithm"].get("dictionary", "")
    release = _dictionary(source, dictionary, dictionaries)
    algorithm = _built(source, "algorithm", parts["algorithm"], names, {"dictionary": release.hash} if release else {})
    domain = _domain(algorithm, release)
    mechanism = _built(source, "mechanism", parts["mechanism"], names, domain)
    _require_fit(source, mechanism, algorithm)
    return _draft(source, parts, mechanism, algorithm, dictionary)


def _parts(source: Source) -> dict[str, dict[str, Any]]:
    """The file's sections, each with the fields that it may have and no others, of the right type."""
    try:
        tree = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source.name}: this is not TOML: {error}") from None
    top = {key: value for key, value in tree.items() if not isinstance(value, dict)}
    parts = {"": top, **{key: value for key, value in tree.items() if isinstance(value, dict)}}
    for section in parts:
        if section not in FORM:
            raise source.wrong(section, "", f"there is no such section; choose one of {', '.join(filter(None, FORM))}")
    return {section: _checked(source, section, form, parts.get(section, {})) for section, form in FORM.items()}


def _checked(source: Source, section: str, form: Section, given: dict[str, Any]) -> dict[str, Any]:
    for key, value in given.items():
        if key not in form and not form.others:
            raise source.wrong(section, key, f"there is no such field; choose one of {', '.join(form.fields)}")
        if key in form and (problem := form.fields[key].problem(value)):
            raise source.wrong(section, key, problem)
    for key, field in form.fields.items():
        if key not in given and field.default is REQUIRED:
            raise source.wrong(section, key, f"this field is missing; give {field.words}")
    return {**{key: field.default for key, field in form.fields.items()}, **given}


def _dictionary(source: Source, name: str, dictionaries: Dictionaries) -> Release | None:
    if name and name not in dictionaries:
        raise source.wrong("algorithm", "dictionary", f"{name!r} is not known; choose one of {', '.join(sorted(dictionaries))}")
    return dictionaries[name]() if name else None


def _domain(algorithm: Any, release: Release | None) -> dict[str, Any]:
    """How many categories the mechanism has, if something but itself says so."""
    if release is not None:
        return {"domain": release.arrays["names"].tobytes().count(b"\n") + 1}
    return {"domain": algorithm.domain} if hasattr(algorithm, "domain") else {}


def _built(source: Source, section: str, given: dict[str, Any], names: Mapping[str, type[Any]], implied: dict[str, Any]) -> Any:
    """A mechanism or an algorithm: by `epsilon` and what else `for_epsilon` takes, or by its own fields."""
    name = given["name"]
    role = "randomize" if section == "mechanism" else "contribute"
    known = sorted(one for one, kind in names.items() if hasattr(kind, role))
    if name not in known:
        raise source.wrong(section, "name", f"{name!r} is not known here; choose one of {', '.join(known)}")
    values = {key: value for key, value in given.items() if key not in ("name", "dictionary") and value is not None}
    by_epsilon = "epsilon" in values
    make: Callable[..., Any] = _maker(names[name]) if by_epsilon else names[name]
    takes = set(inspect.signature(make).parameters)
    for key in values:
        if key not in takes:
            raise source.wrong(section, key, f"{name} has no such parameter; choose among {', '.join(sorted(takes))}")
    arguments = {key: _argument(source, section, key, value) for key, value in values.items()}
    for key, value in implied.items():
        if key in takes and arguments.setdefault(key, value) != value:
            raise source.wrong(section, key, f"the dictionary has {value}; leave this field out")
    try:
        return make(**arguments)
    except (TypeError, ValueError) as error:
        raise source.wrong(section, "epsilon" if by_epsilon else "name", f"not legal parameters: {error}") from None


def _maker(kind: Any) -> Callable[..., Any]:
    """What makes one from an epsilon: of one report, or of a sum."""
    made: Callable[..., Any] = kind.for_sum if hasattr(kind, "for_sum") else kind.for_epsilon
    return made


def _argument(source: Source, section: str, key: str, value: Any) -> Any:
    """`seed` is any text, of which the SHA-256 is taken; a list of numbers is bytes; numbers are themselves."""
    if key == "seed":
        return hashlib.sha256(str(value).encode()).digest()
    if isinstance(value, list):
        if not all(type(one) is int and 0 <= one < 256 for one in value):
            raise source.wrong(section, key, "a list holds whole numbers from 0 to 255")
        return bytes(value)
    return value


def _require_fit(source: Source, mechanism: Any, algorithm: Any) -> None:
    """Both halves speak of the same values."""
    for field in ("domain", "length"):
        asked, had = getattr(algorithm, field, None), getattr(mechanism, field, None)
        if asked is not None and had is not None and asked != had:
            raise source.wrong(
                "mechanism", field, f"the algorithm's {field} is {asked}, the mechanism's {had}; make them equal"
            )


def _issuer(source: Source, text: str) -> bytes:
    """The hash of the issuer's public data; zeros where no tokens are needed."""
    try:
        hash_ = bytes.fromhex(text) if text else NOBODY
    except ValueError:
        hash_ = b""
    if len(hash_) != len(NOBODY):
        raise source.wrong("", "issuer", "this is no hash; give the 64 hex digits that `choral issuer public` prints")
    return hash_


def _draft(source: Source, parts: dict[str, Any], mechanism: Mechanism, algorithm: Algorithm, dictionary: str) -> Draft:
    top, limits, batch, schedule = (parts[section] for section in ("", "limits", "batch", "schedule"))
    price = limits.get("price")
    minimum = batch["minimum"] or limits["minimum"]
    try:
        terms = Terms(
            purpose=top["purpose"],
            signal=top["signal"],
            unit=top["unit"],
            trust=top["trust"],
            price_micro=1 if price is None else micro(price),
            dictionary=dictionary,
            **{field.name: limits[field.name] for field in fields(Terms) if field.name in limits},
        )
        seconds = round(batch["round_days"] * DAY)
        least = round(batch["least_minutes"] * 60)
        rule = BatchRule(minimum, batch["goal"], batch["rounds_open"], seconds, batch["advance"], least)
        rest = {
            "revision": top["revision"],
            "reviewer": top["reviewer"],
            "issuer": _issuer(source, top["issuer"]),
            "delay_seconds": round(schedule["delay_hours"] * 3600),
            **{name: round(schedule[name] * CHANCE_UNIT) for name in ("chance", "least_chance", "most_chance")},
        }
        draft = Draft(terms, mechanism, algorithm, rule, rest, round(schedule["lasts_days"] * DAY), dictionary)
        cost = _cost(draft)
    except ValueError as error:
        raise UsageError(f"{source.name}: {error}; change [limits], [batch] or [schedule]") from None
    if price is None:
        return replace(draft, terms=replace(terms, price_micro=cost))
    if terms.price_micro < cost:
        raise source.wrong("limits", "price", f"a report costs epsilon {cost / 1e6:g}; raise the price, or leave it out")
    return draft


def _cost(draft: Draft) -> int:
    """What a report of this task must cost at least; ValueError if the parts do not make a task."""
    task = draft.task(start=datetime.fromtimestamp(0).astimezone(), shuffler_key=bytes(32), server_key=bytes(32))
    return required_price(
        draft.mechanism,
        trust=task.terms.trust,
        minimum=task.rule.minimum,
        reports_per_device=task.reports_per_device,
        reports_for_life=task.terms.reports_for_life,
    )
