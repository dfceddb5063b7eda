"""What the API description allows, and much that it does not: no 5xx, no undocumented answer, no partial write.

The cases are schemathesis's, made from /openapi.json. Many are bent towards what is really stored, because random bytes
never meet a hash, a signature or a token.
"""

from base64 import urlsafe_b64encode
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import pytest
import schemathesis
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from choral.protocol import Release, encode, sign
from choral.protocol.coding import CODING
from choral.server.openapi import description
from tests.server.house import DAY, OPERATOR, SERVER, TOKEN, House, make_task, posted, report
from tests.server.test_tokens import PUBLIC, token_for
from tests.server.training import CANARIES, GOOD_START, averaging, publish_public, train, training_task

CASES = 25  # an operation
CASES_IN_ACCEPTANCE = 2_000
DOCUMENTED = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
OPERATIONS = [(path, method.upper()) for path, methods in description()["paths"].items() for method in methods]
OCTETS = "application/octet-stream"
HOUSE = House()
DATA = Release(bytes(32), 0, "examples", 0, 2, (), {"weight": np.ones(3)})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@dataclass(frozen=True, slots=True)
class Stocked:
    """A server with tasks that count, train and need tokens, with releases, and what a client of it would send.

    bodies: for each path that is posted to; keys: what authorizes there
    """

    house: House
    schema: schemathesis.BaseSchema
    hashes: list[str]
    bodies: dict[str, list[bytes]]
    keys: dict[str, str]
    answered: Counter[int]

    def state(self):
        """Everything that a request could have changed."""
        store = self.house.store
        tasks = sorted(row.hash for row in store.tasks())
        return tasks, [store.batches(task) for task in tasks], sorted(row.hash for row in store.releases())


@pytest.fixture(scope="module")
def stocked():
    house, counting, tokened, training = House(), make_task(goal=30), make_task(issuer=PUBLIC.hash), training_task(averaging())
    publish_public(house, CANARIES, GOOD_START, PUBLIC)
    for task in (counting, tokened, training):
        house.publish(task)
    house.ingest(report(counting, number) for number in range(30))
    house.shuffle()
    house.release()
    train(house, training, range(6))
    house.second = DAY
    hashes = [row.hash for row in house.store.tasks()] + [row.hash for row in house.store.releases()]
    rollbacks = [b'{"task": "%s", "version": %d}' % (training.hash.hex().encode(), version) for version in (0, 1, 9)]
    bodies = {
        "/v1/reports": [report(counting, 99, round_=1), report(counting, 5), report(tokened, 1, round_=1), bytes(2_048)],
        "/v1/operator/tasks": [posted(make_task(revision=7)), posted(make_task(revision=8), SERVER)],
        "/v1/operator/releases": [encode(sign(one, key)) for one in (CANARIES, DATA) for key in (OPERATOR, SERVER)],
        "/v1/operator/rollback": rollbacks,
    }
    spent = urlsafe_b64encode(token_for(tokened)).decode()
    keys = {path: f"Bearer {TOKEN}" for path, _ in OPERATIONS} | {"/v1/reports": f'PrivateToken token="{spent}"'}
    schema = schemathesis.openapi.from_asgi("/openapi.json", house.application())
    return Stocked(house, schema, [hash_.hex() for hash_ in hashes], bodies, keys, Counter())


def mutated(body):
    """The body as it is, or with some bytes changed, cut off or added."""
    place = st.integers(0, max(0, len(body) - 1))
    changed = st.lists(st.tuples(place, st.integers(0, 255)), max_size=3).map(lambda edits: _edited(body, edits))
    return st.one_of(
        st.just(body), st.just(body), changed, place.map(lambda end: body[:end]), st.binary(max_size=20).map(body.__add__)
    )


def _edited(body, edits):
    found = bytearray(body)
    for place, value in edits:
        if found:
            found[place] = value
    return bytes(found)


def bend(case, data, stocked):
    """The case, nearer to something that the server knows."""
    if "hash" in case.path_parameters and data.draw(st.booleans()):
        case.path_parameters["hash"] = data.draw(st.sampled_from(stocked.hashes))
    if "signal" in case.path_parameters and data.draw(st.booleans()):
        case.path_parameters["signal"] = data.draw(st.sampled_from(["emoji", "links"]))
    if case.method == "POST" and data.draw(st.integers(0, 4)):
        case.body = data.draw(st.one_of([mutated(body) for body in stocked.bodies[case.path]]))
        case.media_type = OCTETS
    key = stocked.keys[case.path]
    case.headers["Authorization"] = data.draw(st.sampled_from([*[key] * 6, "Bearer wrong", "PrivateToken", "Basic Og==", ""]))
    case.headers["Accept-Encoding"] = data.draw(st.sampled_from(["identity", CODING, "gzip, *;q=0"]))
    return case


def fuzz(stocked, path, method, cases):
    """So many cases of one operation: documented answers only, and one that refuses has changed nothing."""
    operation = stocked.schema[path][method]
    modes = [GenerationMode.POSITIVE] + [GenerationMode.NEGATIVE] * bool("{hash}" in path or method == "POST")

    @settings(max_examples=cases, phases=(Phase.generate, Phase.shrink))
    @given(st.sampled_from(modes).flatmap(operation.as_strategy), st.data())
    def one(case, data):
        before = stocked.state()
        response = bend(case, data, stocked).call()
        stocked.answered[response.status_code] += 1
        case.validate_response(response, checks=DOCUMENTED)
        assert response.status_code < 400 or stocked.state() == before

    one()


def test_every_operation_answers_whatever_comes_as_it_is_described(stocked):
    for path, method in OPERATIONS:
        fuzz(stocked, path, method, CASES)
    assert {200, 204, 400, 401, 404} <= stocked.answered.keys(), "some were taken, others refused for several reasons"


@pytest.mark.acceptance
def test_many_thousand_cases_are_answered_as_described(stocked):
    for path, method in OPERATIONS:
        fuzz(stocked, path, method, CASES_IN_ACCEPTANCE)
    print(f"{stocked.answered.total()} answers: {dict(stocked.answered)}")


@settings(max_examples=60)
@given(st.sampled_from(METHODS), st.binary(max_size=30), st.binary(max_size=30), st.sampled_from(["", "/v1", "/v1/tasks"]))
def test_any_method_and_path_are_answered(method, path, body, start):
    answer = HOUSE.ask(method, f"{start}/{quote(path)}", content=body)
    assert answer.status_code in {200, 400, 401, 404, 405}
    assert answer.status_code < 400 or method == "HEAD" or answer.headers["content-type"] == "application/problem+json"


def test_a_planted_crash_is_noticed(stocked, monkeypatch):
    monkeypatch.setattr("choral.server.api.task_view", lambda *_: {}["missing"])
    with pytest.raises(FailureGroup, match="Server error"):
        fuzz(stocked, "/v1/tasks/{hash}", "GET", 20)
