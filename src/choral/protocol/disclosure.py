"""What a task's differential privacy is, for programs: `dp-disclosure.json`.

Its members answer the questions of NIST SP 800-226, "Guidelines for Evaluating Differential Privacy Guarantees" (2025):
which definition, which unit, which parameters, composed over how long, which trust, what is exposed, what is kept.
Knows a task and the guarantees of its mechanism. Every number follows from the signed task: nothing here is the server's
word. `dp-disclosure-1.schema.json` beside this file says the same as a JSON Schema.
"""

import inspect
import json
import math
import re
from functools import cache
from importlib.resources import files
from typing import Any

from choral.privacy import MICRO, Guarantee
from choral.privacy.price import Promising
from choral.protocol.report import HEADER, SEAL_OVERHEAD, plaintext_size
from choral.protocol.task import CHANCE_UNIT, Spec, Task

FORMAT = "choral/dp-disclosure/1"
SCHEMA = "dp-disclosure-1.schema.json"
YEAR_DAYS = 365
HONEST = {
    "nobody": "Nobody: it holds against the server, its operator, and whoever reads its database.",
    "shuffler": "The operator, to shuffle whole batches and to look at no single report.",
    "sum": "Whoever forms the sum, to show nobody less than the sum of a whole batch; and those whose reports are in it, to "
    "have added their noise.",
}
SENDING = {
    True: "A device with nothing to say stays silent: that it sent is visible, and so is that there was something to say.",
    False: "A device with nothing to say sends a report like any other: that it sent says nothing of its data.",
}
RANDOMNESS = (
    "Integers drawn on the device from the operating system's entropy: no floating-point noise, no seed. A retry sends the "
    "same bytes."
)
DERIVED = (
    "Whatever is computed from a release alone, such as norm-sub, significance or a model's next version, costs no further "
    "privacy."
)
VIEWS = (
    ("the person", "The data, each report byte for byte, what was paid for it and what is left."),
    ("the network", "That something of one of three sizes was sent to this server, when, and from which address."),
    ("the server's front door", "A sealed report, which task and round it names; no address and no device is stored with it."),
    ("the shuffler", "Single opened reports, in no order, without address, time or device; it passes on whole batches."),
    ("the aggregator", "The opened reports of a batch that reached its minimum, permuted; it keeps their sum."),
    ("everyone", "Releases: what was computed from the sum of a batch, with its errors and guarantees."),
)


def disclosure(task: Task, mechanism: Promising) -> dict[str, Any]:
    """The disclosure as JSON data; an epsilon of null is no bound at all. mechanism: the one that the task names, built."""
    terms, rule = task.terms, task.rule
    guarantees = mechanism.guarantees(rule.minimum, task.reports_per_device)
    local, *conditional = guarantees
    return {
        "format": FORMAT,
        "task": {
            "hash": task.hash.hex(),
            "terms": terms.hash.hex(),
            "purpose": terms.purpose,
            "signal": terms.signal,
            "revision": task.revision,
            "reviewer": task.reviewer,
            "start": task.start,
            "expires": task.expires,
        },
        "definition": _definition(task, guarantees),
        "loss": _loss(task, guarantees),
        "guarantees": {"local": _guarantee(local), "conditional": [_over_life(one, local, task) for one in conditional]},
        "mechanism": {**_named(task.mechanism), **_reported(mechanism), "randomness": RANDOMNESS},
        "algorithm": _named(task.algorithm),
        "bound": {
            "mechanism": terms.mechanism_name,
            "algorithm": terms.algorithm_name,
            "sizes": dict(terms.sizes),
            "dictionary": terms.dictionary,
            "signer": terms.signer.hex(),
            "words": "What a consent is bound to: a revision that asks by other means, or for more, asks the person anew.",
        },
        "trust": {"model": terms.trust, "must_be_honest": HONEST[terms.trust]},
        "budget": _budget(task),
        "batch": {
            "minimum": rule.minimum,
            "goal": rule.goal,
            "round_seconds": rule.round_seconds,
            "rounds_open": rule.rounds_open,
            "advance": rule.advance,
            **{name: getattr(task, name) / CHANCE_UNIT for name in ("chance", "least_chance", "most_chance")},
            "least_seconds": rule.least_seconds,
            "released": "Once or never: a batch below its minimum is erased unseen, and no report is in two batches.",
        },
        "retention": {
            "days": terms.retention_days,
            "words": "Reports are erased after their batch's release, at the latest after so many days; releases stay.",
        },
        "exposure": _exposure(task, mechanism),
        "post_processing": DERIVED,
        "not_covered": "Truth of the inputs, a compromised device, several tasks at once (their losses add up in the device's "
        "ledger), and, for conditional guarantees, parties that work together against their assumption.",
        "sources": [*_sources(mechanism), "NIST SP 800-226, Guidelines for Evaluating Differential Privacy Guarantees (2025)"],
    }


@cache
def disclosure_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a disclosure."""
    text = files("choral.protocol").joinpath(SCHEMA).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _definition(task: Task, guarantees: tuple[Guarantee, ...]) -> dict[str, Any]:
    """Of the guarantee that a report is paid for: that of the Terms' trust, or the local one."""
    paid = _paid(task, guarantees)
    return {
        "variant": "approximate" if paid.delta else "pure",
        "unit_of_privacy": task.terms.unit,
        "one_change": paid.unit,
        "neighbouring_relation": paid.relation,
    }


def _paid(task: Task, guarantees: tuple[Guarantee, ...]) -> Guarantee:
    """Under `sum` that of a sum; else the local one, which is what a ledger charges."""
    return next((one for one in guarantees if one.trust == task.terms.trust == "sum"), guarantees[0])


def _loss(task: Task, guarantees: tuple[Guarantee, ...]) -> dict[str, Any]:
    """What a device's ledger charges, at most, by the trust of the Terms: basic composition of the price of each report."""
    terms, delta = task.terms, _paid(task, guarantees).delta
    a_year = min(terms.reports_for_life, YEAR_DAYS * terms.reports_per_day)
    counts = {"report": 1, "day": terms.reports_per_day, "year": a_year, "life": terms.reports_for_life}
    spans = {span: {"epsilon": count * terms.price_micro / MICRO, "delta": count * delta} for span, count in counts.items()}
    return {"trust": "sum" if terms.trust == "sum" else "nobody", "composition": "basic", **spans}


def _guarantee(one: Guarantee) -> dict[str, Any]:
    return {
        "trust": one.trust,
        "epsilon": _finite(one.epsilon),
        "delta": one.delta,
        "unit": one.unit,
        "relation": one.relation,
        "assumption": one.assumption,
        "sentence": one.sentence,
    }


def _over_life(one: Guarantee, local: Guarantee, task: Task) -> dict[str, Any]:
    """A batch's guarantee, and that of all batches that one device can ever be in; never worse than the local sum."""
    batches = task.terms.reports_for_life
    life, alone = batches * one.epsilon, batches * local.epsilon
    is_local = local.delta == 0 and alone <= life
    bound, delta = (alone, 0.0) if is_local else (life, min(1.0, batches * one.delta))
    return _guarantee(one) | {"for_life": {"epsilon": _finite(bound), "delta": delta}}


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _named(spec: Spec) -> dict[str, Any]:
    parameters = {name: value.hex() if isinstance(value, bytes) else value for name, value in spec.parameters.items()}
    return {"name": spec.name, "parameters": parameters}


def _reported(mechanism: Any) -> dict[str, Any]:
    return {"manipulation": getattr(mechanism, "manipulation", None), "report_bits": mechanism.bits}


def _budget(task: Task) -> dict[str, Any]:
    terms = task.terms
    return {
        "reports_per_day": terms.reports_per_day,
        "reports_for_life": terms.reports_for_life,
        "reports_in_one_batch": task.reports_per_device,
        "refunds": False,
        "words": "Charged on the device before anything leaves. The person sets limits for a day, a year and for life over all "
        "tasks; where these or the Terms' are used up, nothing is sent.",
    }


def _exposure(task: Task, mechanism: Any) -> dict[str, Any]:
    visible = task.terms.sending_is_visible
    return {
        "sending_is_visible": visible,
        "sending": SENDING[visible],
        "report_bytes": HEADER.size + SEAL_OVERHEAD + plaintext_size(mechanism.payload.itemsize),
        "delay_seconds": task.delay_seconds,
        "anonymous_tokens": task.needs_tokens,
        "views": [{"who": who, "sees": sees} for who, sees in VIEWS],
    }


def _sources(mechanism: Any) -> list[str]:
    """The paper that the mechanism's class names."""
    text = inspect.getdoc(type(mechanism)) or ""
    found = re.search(r"^Source: (.+?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return [" ".join(found[1].split())] if found else []
