"""`dp-disclosure.json`: every task file's holds to its schema, and its numbers are those of the task."""

import json
import math
from copy import deepcopy
from dataclasses import replace

import jsonschema_rs
import pytest

from choral.apps.companion.device.tasks import Desk, ratings_task
from choral.cli.task.commands import NAMES, draft
from choral.mechanisms import MECHANISMS
from choral.mechanisms.audit_cases import AUDITED
from choral.protocol import Spec, disclosure, disclosure_schema
from tests.cli.test_task import FILES, START

VALIDATOR = jsonschema_rs.Draft202012Validator(disclosure_schema())


def keyed(read):
    return read.task(start=START, shuffler_key=bytes(32), server_key=bytes(32))


def in_a_sum():
    expires = START.replace(year=START.year + 1)
    return ratings_task(Desk(START, expires, bytes(32), bytes(32)), epsilon=4.0, reports_for_life=4)


def disclosed(task):
    return disclosure(task, task.mechanism.build(NAMES))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_every_task_file_discloses_what_its_schema_asks_for(file):
    task = keyed(draft(file))
    found = disclosed(task)
    VALIDATOR.validate(json.loads(json.dumps(found, allow_nan=False)))
    terms, mechanism = task.terms, task.mechanism.build(NAMES)
    assert found["guarantees"]["local"]["epsilon"] == mechanism.epsilon <= found["loss"]["report"]["epsilon"]
    assert found["loss"]["day"]["epsilon"] == pytest.approx(terms.epsilon * terms.reports_per_day)
    assert found["loss"]["life"]["epsilon"] == pytest.approx(terms.epsilon * terms.reports_for_life)
    assert found["loss"]["day"]["epsilon"] <= found["loss"]["year"]["epsilon"] <= found["loss"]["life"]["epsilon"]
    assert found["exposure"]["sending_is_visible"] == terms.sending_is_visible
    assert any(name in found["sources"][0] for name in ("Apple", "Feldman", "Wang", "Kairouz", "Ye and Barg"))


@pytest.mark.parametrize("name", sorted(MECHANISMS))
def test_every_mechanism_that_a_task_can_name_is_disclosed_with_its_source(name):
    mechanism = AUDITED[name]
    task = keyed(draft(FILES[0]))
    task = replace(task, terms=task.terms.unbound, mechanism=Spec.of(mechanism))
    found = disclosed(task)
    VALIDATOR.validate(json.loads(json.dumps(found, allow_nan=False)))
    assert found["mechanism"]["name"] == name
    assert len(found["sources"]) == 2


def test_a_conditional_number_carries_its_assumption_and_is_never_worse_than_the_local_sum():
    for file in FILES:
        task = keyed(draft(file))
        found = disclosed(task)
        alone = task.terms.reports_for_life * found["guarantees"]["local"]["epsilon"]
        for one in found["guarantees"]["conditional"]:
            assert one["assumption"]
            assert one["for_life"]["epsilon"] <= alone * (1 + 1e-12)


def test_under_the_trust_sum_the_price_is_the_sums_and_a_report_alone_has_no_bound():
    task = in_a_sum()
    found = disclosed(task)
    VALIDATOR.validate(found)
    assert found["trust"]["model"] == found["loss"]["trust"] == "sum"
    assert found["definition"]["variant"] == "approximate"
    assert found["loss"]["life"] == {"epsilon": pytest.approx(16.0), "delta": pytest.approx(4e-6)}
    local, (conditional,) = found["guarantees"]["local"], found["guarantees"]["conditional"]
    assert local["epsilon"] is None or local["epsilon"] > 100
    assert conditional["for_life"] == {"epsilon": pytest.approx(4 * conditional["epsilon"]), "delta": pytest.approx(4e-6)}
    assert math.isfinite(conditional["epsilon"])


def test_silence_is_disclosed_where_the_terms_allow_it():
    task = keyed(draft(FILES[0]))
    loud = disclosed(replace(task, terms=replace(task.terms, sending_is_visible=True)))["exposure"]
    assert loud["sending_is_visible"]
    assert "silent" in loud["sending"]
    assert "like any other" in disclosed(task)["exposure"]["sending"]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("loss", "report", "epsilon"), 0),
        (("definition", "variant"), "none"),
        (("trust", "model"), "us"),
        (("budget", "refunds"), True),
        (("exposure", "report_bytes"), 100),
        (("task", "hash"), "abc"),
        (("surprise",), 1),
    ],
    ids=lambda one: ".".join(one) if isinstance(one, tuple) else None,
)
def test_the_schema_refuses_what_is_no_disclosure(path, wrong):
    found = deepcopy(disclosed(keyed(draft(FILES[0]))))
    VALIDATOR.validate(found)
    inner = found
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = wrong
    assert not VALIDATOR.is_valid(found)
    incomplete = {key: value for key, value in disclosed(keyed(draft(FILES[0]))).items() if key != "retention"}
    assert not VALIDATOR.is_valid(incomplete)
