"""The interface: every answer typed, every error a problem document, nothing for those who may not read it."""

import json
import logging
import re

import pytest

from choral.errors import StoreError
from choral.protocol import PROBLEMS, disclosure
from choral.server.api import Desk
from choral.server.operator_desk import OperatorDesk
from choral.storage import MemoryServerStore
from tests.server.house import NAMES, OPERATOR, SERVER, TOKEN, House, make_task, posted, report

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SECURITY = ("x-content-type-options", "referrer-policy", "content-security-policy", "cross-origin-resource-policy")


@pytest.fixture
def house():
    found = House()
    task = make_task(goal=30)
    found.publish(task)
    found.ingest(report(task, number) for number in range(30))
    found.shuffle()
    found.release()
    return found


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/tasks/xyz", 404),
        ("GET", "/v1/tasks/" + 64 * "A", 404),
        ("GET", "/v1/tasks/" + 64 * "0", 404),
        ("GET", "/v1/tasks/" + 64 * "0" + ".bin", 404),
        ("GET", "/v1/releases/" + 64 * "0", 404),
        ("GET", "/v1/releases/" + 64 * "0" + ".csv", 404),
        ("GET", "/v1/releases/" + 64 * "0" + ".bin", 404),
        ("GET", "/v1/checkouts/none", 404),
        ("POST", "/v1/tasks", 405),
        ("DELETE", "/health", 405),
        ("GET", "/v1/operator/tasks", 405),
        ("POST", "/v1/operator/tasks", 401),
        ("POST", "/v1/operator/releases", 401),
        ("GET", "/v1/operator/releases/" + 64 * "0", 401),
    ],
)
def test_every_error_is_a_problem_document(house, method, path, status):
    answer = house.ask(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"].removeprefix("urn:choral:problem:") in PROBLEMS
    assert {"title", "status", "remedy"} <= document.keys()
    assert answer.headers["cache-control"] == "no-store"
    assert all(name in answer.headers for name in SECURITY)
    assert ("allow" in answer.headers) == (status == 405)
    assert ("www-authenticate" in answer.headers) == (status == 401)


class Broken(MemoryServerStore):
    """A store whose lists cannot be read."""

    error: Exception = RuntimeError("a secret of the inside")

    def tasks(self):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("a secret of the inside"), StoreError("a secret of the inside")])
def test_what_nobody_foresaw_is_answered_without_a_word_about_the_inside(error, caplog):
    store = Broken()
    store.error = error
    answer = House(store).ask("GET", "/v1/tasks")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:choral:problem:unavailable")
    assert "secret" not in answer.text + json.dumps(
        [str(vars(record)) for record in caplog.records if record.name == "choral.server"]
    )


def test_a_failure_is_logged_with_its_place(caplog):
    House(Broken()).ask("GET", "/v1/tasks")
    (record,) = [record for record in caplog.records if record.name == "choral.server"]
    assert record.levelno == logging.ERROR
    assert record.facts["error"] == "RuntimeError"
    assert re.fullmatch(r"test_api\.py:\d+", record.facts["place"])


def test_only_the_operator_publishes_and_reads_what_is_unpublished(house):
    (release,) = house.store.releases()
    path = f"/v1/operator/releases/{release.hash.hex()}"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}):
        assert house.ask("GET", path, headers=headers).status_code == 401
        assert house.ask("POST", "/v1/operator/tasks", headers=headers, content=posted(make_task())).status_code == 401
    assert house.ask("GET", path, headers=AUTHORIZED).status_code == 200
    assert house.ask("GET", path, headers=AUTHORIZED).headers["cache-control"] == "no-store"
    assert house.ask("POST", "/v1/operator/tasks", headers=AUTHORIZED, content=posted(make_task(revision=9))).status_code == 201


def test_the_token_alone_does_not_publish_without_the_signature(house):
    forged = posted(make_task(revision=9), SERVER)
    assert house.ask("POST", "/v1/operator/tasks", headers=AUTHORIZED, content=forged).status_code == 403
    assert house.ask("POST", "/v1/operator/tasks", headers=AUTHORIZED, content=b"nonsense").status_code == 400
    assert (
        house.ask("POST", "/v1/operator/tasks", headers=AUTHORIZED, content=posted(make_task(price_micro=1))).status_code == 409
    )


def test_a_task_is_shown_with_everything_that_helps_to_decide(house):
    (view,) = house.ask("GET", "/v1/tasks").json()
    task = make_task(goal=30)
    assert view == house.ask("GET", f"/v1/tasks/{task.hash.hex()}").json()
    assert view["hash"] == task.hash.hex()
    assert (view["state"], view["round"], view["reports"], view["accepted_total"]) == ("live", 0, 0, 30)
    assert view["epsilon"] == task.terms.epsilon
    assert [guarantee["trust"] for guarantee in view["guarantees"]] == ["nobody", "shuffler"]
    assert all(guarantee["sentence"] for guarantee in view["guarantees"])
    assert view["rule"]["goal"] == 30
    assert view["rounds"][0]["state"] == "released"
    house.second = -5
    assert house.ask("GET", "/v1/tasks").json()[0]["state"] == "announced"
    house.second = 10**8
    assert house.ask("GET", "/v1/tasks").json()[0]["state"] == "expired"


def test_what_is_named_by_its_hash_may_be_cached_for_ever(house):
    (release,) = house.store.releases()
    for suffix in ("", ".bin", ".csv"):
        assert "immutable" in house.ask("GET", f"/v1/releases/{release.hash.hex()}{suffix}").headers["cache-control"]
    assert "immutable" in house.ask("GET", f"/v1/tasks/{make_task(goal=30).hash.hex()}.bin").headers["cache-control"]


def test_a_table_has_one_row_an_item(house):
    (release,) = house.store.releases()
    items = house.ask("GET", f"/v1/releases/{release.hash.hex()}").json()["items"]
    lines = house.ask("GET", f"/v1/releases/{release.hash.hex()}.csv").text.split("\r\n")
    assert lines[0] == "rank,item,name,estimate,stderr,norm_sub,base_cut,significant"
    assert len(lines) == len(items) + 2
    assert [item["rank"] for item in items] == list(range(1, len(items) + 1))


def test_the_description_names_every_route_and_no_other(house):
    description = house.ask("GET", "/openapi.json").json()
    operator = OperatorDesk(house.book, SERVER, frozenset({OPERATOR.public_key().public_bytes_raw()}), TOKEN, lambda: house.now)
    desk = Desk(house.book, lambda: house.now, None, operator)
    routes = {(route.path, method.lower()) for route in desk.routes() for method in route.methods if method != "HEAD"}
    described = {(path, method) for path, methods in description["paths"].items() for method in methods}
    assert described == routes | {("/v1/reports", "post")}
    assert set(re.findall(r"urn:choral:problem:([a-z-]+)", json.dumps(description))) == set(PROBLEMS)


def test_a_head_request_has_no_body(house):
    answer = house.ask("HEAD", "/v1/tasks")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_task_discloses_its_privacy_as_its_signed_bytes_say(house):
    task = make_task(goal=30)
    answer = house.ask("GET", f"/v1/tasks/{task.hash.hex()}/dp-disclosure.json")
    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(disclosure(task, task.mechanism.build(NAMES))))
    assert answer.json()["task"]["hash"] == task.hash.hex()
    schemas = house.ask("GET", "/openapi.json").json()["components"]["schemas"]
    assert set(schemas["Disclosure"]["required"]) == answer.json().keys()
