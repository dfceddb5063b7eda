"""Anonymous tokens at the server: one report each, forged ones refused, spent in the report's transaction."""

from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from choral.errors import PeerError
from choral.numerics import SystemEntropy
from choral.protocol import sign
from choral.protocol.tokens import Issuer, TokenKey, TokenRequest, issue
from choral.server import TaskBook, ingest, publish_release
from choral.storage import SqliteServerStore

from .house import DAY, NAMES, OPERATOR, House, at, make_task, report

KEY = generate_private_key(65_537, 2048)
ISSUER = Issuer("issuer.example", TokenKey(KEY.public_key()))
PUBLIC = ISSUER.release(at(0))


@pytest.fixture
def task():
    return make_task(issuer=PUBLIC.hash)


@pytest.fixture
def house(task):
    house = House()
    publish_release(house.store, sign(PUBLIC, OPERATOR), operators={OPERATOR.public_key().public_bytes_raw()})
    house.publish(task)
    return house


def token_for(task, key=KEY, issuer=ISSUER):
    request = TokenRequest.make(TokenKey(key.public_key()), issuer.challenge(task.hash), SystemEntropy())
    return request.finish(issue(key, request.message, SystemEntropy())).to_bytes()


def upload(house, body, token=None):
    headers = {"Content-Type": "application/octet-stream"}
    if token is not None:
        headers["Authorization"] = f'PrivateToken token="{urlsafe_b64encode(token).decode()}"'
    answer = house.ask("POST", "/v1/reports", content=body, headers=headers)
    return (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) if answer.content else (answer.status_code, "")


def reports_of(house, task):
    row = house.store.batch(task.hash, 0)
    return row.reports if row else 0


def test_a_report_with_a_token_is_kept_and_one_without_is_refused(house, task):
    assert upload(house, report(task, 1)) == (401, "token-refused")
    assert reports_of(house, task) == 0
    assert upload(house, report(task, 1), token_for(task)) == (204, "")
    assert reports_of(house, task) == 1


def test_a_token_spent_twice_counts_once(house, task):
    token, body = token_for(task), report(task, 1)
    assert upload(house, body, token) == (204, "")
    assert upload(house, report(task, 2), token) == (409, "token-spent")
    assert upload(house, body, token) == (204, "")  # the same report again is the repeat that it is
    assert reports_of(house, task) == 1


def test_of_two_servers_over_one_store_only_one_takes_a_token_even_at_the_same_time(tmp_path):
    house = House(SqliteServerStore(tmp_path / "store.sqlite"))
    publish_release(house.store, sign(PUBLIC, OPERATOR), operators={OPERATOR.public_key().public_bytes_raw()})
    asked = make_task(issuer=PUBLIC.hash)
    house.publish(asked)
    stores = house.store, SqliteServerStore(tmp_path / "store.sqlite")

    def sent(store, number, token):
        try:
            ingest(TaskBook(store, NAMES), report(asked, number), house.now, token)
        except PeerError as error:
            return error.problem
        return "kept"

    with ThreadPoolExecutor(2) as pool:
        for turn in range(8):
            token = token_for(asked)
            both = [pool.submit(sent, store, 2 * turn + at, token) for at, store in enumerate(stores)]
            assert sorted(one.result() for one in both) == ["kept", "token-spent"]
    assert reports_of(house, asked) == 8
    for store in stores:
        store.close()


def test_a_token_spent_twice_counts_once_also_in_another_round(house, task):
    token = token_for(task)
    assert upload(house, report(task, 1), token) == (204, "")
    house.second = DAY + 1
    assert upload(house, report(task, 2, round_=1), token) == (409, "token-spent")


def test_a_repeat_needs_its_token_as_the_first_did(house, task):
    body = report(task, 1)
    assert upload(house, body, token_for(task)) == (204, "")
    assert upload(house, body) == (401, "token-refused")
    assert upload(house, body, token_for(task)) == (204, "")


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-1], lambda t: t[:-1] + bytes([t[-1] ^ 1]), lambda t: bytes(354), lambda t: t + b"x"]
)
def test_a_forged_token_is_refused(house, task, spoil):
    assert upload(house, report(task, 1), spoil(token_for(task))) == (401, "token-refused")
    assert reports_of(house, task) == 0


def test_a_token_of_a_stranger_or_for_another_task_is_refused(house, task):
    stranger = generate_private_key(65_537, 2048)
    other = make_task(issuer=PUBLIC.hash, revision=1)
    for token in (token_for(task, key=stranger), token_for(other), token_for(task, issuer=Issuer("evil.example", ISSUER.key))):
        assert upload(house, report(task, 1), token) == (401, "token-refused")
    assert reports_of(house, task) == 0


@pytest.mark.parametrize(
    "header",
    [
        "",
        "PrivateToken",
        'PrivateToken token="!"',
        "Bearer x",
        'PrivateToken token="' + "A" * 2000 + '"',
        'PrivateToken token="A"',
    ],
)
def test_garbage_in_place_of_a_token_is_refused(house, task, header):
    answer = house.ask("POST", "/v1/reports", content=report(task, 1), headers={"Authorization": header})
    assert answer.status_code == 401
    assert reports_of(house, task) == 0


def test_a_report_that_comes_too_late_spends_no_token(house, task):
    house.second = 5 * DAY
    token = token_for(task)
    assert upload(house, report(task, 1), token) == (409, "round-closed")
    assert upload(house, report(task, 1, round_=5), token) == (204, "")


def test_where_no_token_is_needed_one_is_neither_read_nor_spent():
    house, task = House(), make_task()
    house.publish(task)
    token = token_for(task)
    assert upload(house, report(task, 1), token) == upload(house, report(task, 2), token) == (204, "")
    assert not house.store.is_spent(task.hash, token[2:34])


def test_a_task_whose_issuer_is_not_published_is_a_conflict(task):
    with pytest.raises(PeerError, match="publish it first") as refused:
        House().publish(task)
    assert refused.value.problem == "conflict"


def test_public_data_that_names_nobody_makes_no_issuer(house):
    data = type(PUBLIC)(bytes(32), 0, "issuer", 0, PUBLIC.created, (), {})
    publish_release(house.store, sign(data, OPERATOR), operators={OPERATOR.public_key().public_bytes_raw()})
    with pytest.raises(PeerError, match="names no issuer"):
        house.publish(make_task(issuer=data.hash))
