"""What a page says about a task: the API's document turned into sentences and numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choral.apps.dashboard.public import Document
from choral.pages import Promise, promises
from choral.pages.numbers import count, plural, span, upper
from choral.privacy import Guarantee
from choral.protocol import SIZE_CLASSES

GUARANTEE_FIELDS = ("epsilon", "delta", "unit", "relation", "trust", "assumption")
STATES = {"live": "collecting", "announced": "not begun", "expired": "over"}
OUTCOMES = {
    "open": "takes reports",
    "cut": "complete, waits to be shuffled",
    "shuffled": "shuffled, waits to be estimated",
    "released": "released",
    "erased": "erased",
}


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task for a reader. Facts are pairs of a heading and a sentence; times are unix seconds."""

    hash: str
    purpose: str
    signal: str
    state: str
    is_live: bool
    prices: tuple[tuple[str, str], ...]
    promises: tuple[Promise, ...]
    reports: int
    minimum: int
    goal: int
    round: int
    accepted: int
    schedule: str
    sends: tuple[tuple[str, str], ...]
    erasure: str
    retention: str
    start: int
    expires: int
    reviewer: str
    mechanism: str
    parameters: tuple[tuple[str, str], ...]
    algorithm: str
    trains: bool
    streams: bool


@dataclass(frozen=True, slots=True)
class RoundView:
    """What became of a round; `release` is the hash of its release, empty if it has none."""

    round: int
    reports: int
    outcome: str
    release: str


def task_view(document: Document) -> TaskView:
    """The task as a page shows it."""
    rule, state = document["rule"], str(document["state"])
    return TaskView(
        hash=document["hash"],
        purpose=document["purpose"],
        signal=document["signal"],
        state=STATES.get(state, state),
        is_live=state == "live",
        prices=_prices(document),
        promises=promises(guarantees(document)),
        reports=document["reports"],
        minimum=rule["minimum"],
        goal=rule["goal"],
        round=document["round"],
        accepted=document["accepted_total"],
        schedule=_schedule(rule, streams=bool(document.get("streams"))),
        sends=_sends(document),
        erasure=_erasure(document),
        retention=plural(document["retention_days"], "day"),
        start=document["start"],
        expires=document["expires"],
        reviewer=document["reviewer"],
        mechanism=document["mechanism"]["name"],
        parameters=_parameters(document["mechanism"]["parameters"]),
        algorithm=_algorithm(document.get("algorithm")),
        trains=bool(document.get("trains")),
        streams=bool(document.get("streams")),
    )


def round_views(document: Document, releases: Sequence[Document]) -> tuple[RoundView, ...]:
    """The task's rounds with their outcomes, the latest first; the released ones alone where the API names no others."""
    made = {one["round"]: one for one in releases if one["task"] == document["hash"]}
    known = {one["round"]: one for one in document.get("rounds", ())}
    latest_first = sorted(made.keys() | known.keys(), reverse=True)
    return tuple(_round(number, known.get(number, {}), made.get(number, {})) for number in latest_first)


def guarantees(document: Document) -> tuple[Guarantee, ...]:
    """The guarantees of a task's or a release's document."""
    return tuple(_guarantee(one) for one in document["guarantees"])


def _guarantee(one: Mapping[str, Any]) -> Guarantee:
    """Where the document says null, there is no bound on epsilon."""
    told = {name: one[name] for name in GUARANTEE_FIELDS}
    return Guarantee(**{**told, "epsilon": math.inf if told["epsilon"] is None else told["epsilon"]})


def threshold(document: Document) -> str:
    """From which estimate on a count is released, as a sentence; empty where the algorithm has no such rule."""
    algorithm = document.get("algorithm")
    parameters = algorithm.get("parameters", {}) if isinstance(algorithm, dict) else {}
    if "threshold_milli" not in parameters:
        return ""
    errors = f"{parameters['threshold_milli'] / 1000:g}"
    return f"Only counts above {errors} standard errors are released; all others stay unseen, because they could be noise."


def _round(number: int, known: Document, release: Document) -> RoundView:
    outcome = str(known.get("state", "released"))
    reason = f": {known['why']}" if known.get("why") else ""
    reports = int((release or known)["reports"])
    return RoundView(number, reports, OUTCOMES.get(outcome, outcome) + reason, str(release.get("hash", "")))


def _prices(document: Document) -> tuple[tuple[str, str], ...]:
    price, day, life = document["epsilon"], document["reports_per_day"], document["reports_for_life"]
    return (("a report", upper(price)), ("a day", upper(price * day)), ("for life", upper(price * life)))


def _schedule(rule: Mapping[str, Any], *, streams: bool) -> str:
    late = _late(rule["rounds_open"] - 1)
    goal = f"at {count(rule['goal'])} reports"
    if streams:
        return f"A round lasts {span(rule['round_seconds'])} and ends with a published version.{late}"
    if rule["advance"] == "time":
        return f"A round lasts {span(rule['round_seconds'])}.{late} A batch is made {goal}, or when its round closes."
    deadline = span(rule["round_seconds"] * rule["rounds_open"])
    return f"A round ends with its release, {goal}, or after {deadline} with what has come by then.{late}"


def _late(rounds: int) -> str:
    if rounds <= 1:
        return " The round before it still takes reports that were delayed." if rounds else ""
    return f" The {rounds} rounds before it still take reports that were delayed."


def _sends(document: Document) -> tuple[tuple[str, str], ...]:
    delay = document.get("delay_seconds")
    moment = f"at a random moment within {span(delay)} after it is ready" if delay else "at a random moment"
    day = plural(document["reports_per_day"], "report")
    life = count(document["reports_for_life"])
    return (
        ("What", "One randomized answer, sealed so that only the shuffler can open it. No name, no number, no address."),
        ("About", f"{document['unit'][:1].upper()}{document['unit'][1:]}."),
        ("Size", _size(document)),
        ("How often", f"At most {day} a day and {life} for life, each {moment}."),
        ("When there is nothing to say", _silence(document)),
    )


def _size(document: Document) -> str:
    whole, payload = document.get("report_bytes"), document.get("payload_bytes")
    if whole and payload:
        return f"{count(whole)} bytes, always: {count(payload)} bytes of answer, padded, with its seal and header."
    sizes = ", ".join(count(size) for size in SIZE_CLASSES)
    return f"One of three sizes, always the same for this task: {sizes} bytes."


def _silence(document: Document) -> str:
    if document.get("sending_is_visible"):
        return "The device is silent, so that it sent something can be seen."
    return "The device sends the answer “nothing”, randomized like any other, so that the schedule tells nothing."


def _erasure(document: Document) -> str:
    rule = f"A round that closes with fewer than {count(document['rule']['minimum'])} reports is erased and never released."
    if "rounds" not in document:
        return rule
    erased = sum(one["state"] == "erased" for one in document["rounds"])
    return f"{rule} So far {plural(erased, 'round')} ended so."


def _parameters(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _parameter(value)) for name, value in sorted(parameters.items()))


def _parameter(value: Any) -> str:
    return count(value) if isinstance(value, int) else str(value)


def _algorithm(algorithm: Any) -> str:
    return str(algorithm["name"]) if isinstance(algorithm, dict) else str(algorithm or "")
