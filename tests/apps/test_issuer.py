"""The issuer: who gets tokens, how many, and what it never learns."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from choral.apps.issuer import Allowance, IssuerStore, application
from choral.errors import PeerError, StoreError, UsageError
from choral.numerics import SystemEntropy
from choral.protocol.blind_rsa import SIGNATURE_BYTES
from choral.protocol.tokens import Issuer, TokenKey, TokenRequest
from choral.server import KeyFolder

KEY = generate_private_key(65_537, 2048)
ISSUER = Issuer("issuer.example", TokenKey(KEY.public_key()))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TASK = bytes(range(32))


class Office:
    """A running issuer, whose clock the test holds."""

    def __init__(self, path, tokens=4):
        self.store, self.now = IssuerStore(path), NOON
        self.app = application(
            self.store,
            name=ISSUER.name,
            key=KEY,
            allowance=Allowance(tokens, 86_400),
            operator_token="open sesame",
            clock=lambda: self.now,
            entropy=SystemEntropy,
        )

    def request(self, method, path, **kept):
        async def call():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://issuer") as client:
                return await client.request(method, path, **kept)

        return asyncio.run(call())

    def account(self):
        answer = self.request("POST", "/v1/accounts", headers={"Authorization": "Bearer open sesame"})
        assert answer.status_code == 201
        return answer.json()["token"]

    def ask(self, account, body):
        return self.request("POST", "/v1/tokens", content=body, headers={"Authorization": f"Bearer {account}"})


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path / "issuer.sqlite")
    yield office
    office.store.close()


def requests(count):
    return [TokenRequest.make(ISSUER.key, ISSUER.challenge(TASK), SystemEntropy()) for _ in range(count)]


def body_of(made):
    return b"".join(one.message for one in made)


def test_an_account_gets_tokens_that_are_good_for_their_task(office):
    made = requests(3)
    answer = office.ask(office.account(), body_of(made))
    assert (answer.status_code, len(answer.content)) == (200, 3 * SIGNATURE_BYTES)
    for place, request in enumerate(made):
        part = answer.content[place * SIGNATURE_BYTES : (place + 1) * SIGNATURE_BYTES]
        request.finish(part).require(ISSUER.key, ISSUER.challenge(TASK))


def test_no_account_gets_more_than_its_allowance_and_the_next_period_gives_it_again(office):
    account = office.account()
    assert office.ask(account, body_of(requests(4))).status_code == 200
    refused = office.ask(account, body_of(requests(1)))
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:choral:problem:allowance-used")
    assert office.ask(office.account(), body_of(requests(1))).status_code == 200
    office.now += timedelta(days=1)
    assert office.ask(account, body_of(requests(4))).status_code == 200


def test_a_request_beyond_the_allowance_counts_none_of_its_parts(office):
    account = office.account()
    assert office.ask(account, body_of(requests(5))).status_code == 429
    assert office.ask(account, body_of(requests(4))).status_code == 200


def test_requests_at_once_share_one_allowance_also_over_two_processes_of_an_issuer(tmp_path):
    stores = [IssuerStore(tmp_path / "issuer.sqlite") for _ in range(2)]
    account = stores[0].account(stores[0].new_account())
    with ThreadPoolExecutor(8) as pool:
        turns = [
            pool.submit(stores[turn % 2].count, account, [bytes([turn]), bytes([turn, 1])], period=1, allowance=8)
            for turn in range(16)
        ]
        assert sum(one.result() for one in turns) == 4
    for store in stores:
        store.close()


def test_tokens_of_a_key_that_was_replaced_are_good_for_its_own_tasks_alone(office):
    (made,) = requests(1)
    token = made.finish(office.ask(office.account(), made.message).content)
    fresh = TokenKey(generate_private_key(65_537, 2048).public_key())
    token.require(ISSUER.key, ISSUER.challenge(TASK))
    with pytest.raises(PeerError, match="another issuer"):
        token.require(fresh, ISSUER.challenge(TASK))
    assert ISSUER.release(NOON).hash != Issuer(ISSUER.name, fresh).release(NOON).hash


def test_the_same_bytes_again_are_answered_again_and_cost_nothing(office):
    account, body = office.account(), body_of(requests(4))
    assert office.ask(account, body).content == office.ask(account, body).content


def test_what_was_issued_is_remembered_after_a_restart(office, tmp_path):
    account = office.account()
    assert office.ask(account, body_of(requests(4))).status_code == 200
    office.store.close()
    again = Office(tmp_path / "issuer.sqlite")
    assert again.ask(account, body_of(requests(1))).status_code == 429
    again.store.close()


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer nobody"}, {"Authorization": "x"}]
)
def test_without_an_account_there_are_no_tokens(office, header):
    refused = office.request("POST", "/v1/tokens", content=body_of(requests(1)), headers=header)
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:choral:problem:not-authorized")
    assert office.request("POST", "/v1/accounts", headers=header).status_code == 401


@pytest.mark.parametrize("body", [b"", b"x", bytes(259), bytes(259 * 17), b"x" * 100_000])
def test_garbage_is_refused_and_costs_nothing(office, body):
    account = office.account()
    assert office.ask(account, body).status_code in (400, 413)
    assert office.ask(account, body_of(requests(4))).status_code == 200


def test_the_public_page_says_key_and_allowance(office):
    about = office.request("GET", "/v1/issuer").json()
    assert TokenKey.decode(base64.b64decode(about["key"])).id == ISSUER.key.id
    assert (about["name"], about["tokens"], about["period_seconds"]) == ("issuer.example", 4, 86_400)


def test_the_store_holds_neither_an_accounts_token_nor_a_request(office, tmp_path):
    account, made = office.account(), requests(2)
    office.ask(account, body_of(made))
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert account.encode() not in data
    for request in made:
        assert request.blinded.message not in data
        assert request.nonce not in data


def test_a_foreign_or_newer_store_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "issuer.sqlite"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 40)
    with pytest.raises(StoreError):
        IssuerStore(path)
    assert path.read_bytes().startswith(b"not a database")


def test_an_allowance_must_make_sense():
    with pytest.raises(UsageError, match="tokens"):
        Allowance(0, 86_400)


def test_an_issuer_travels_as_public_data():
    assert Issuer.from_release(ISSUER.release(NOON)) == ISSUER
    release = ISSUER.release(NOON)
    with pytest.raises(PeerError, match="names no issuer"):
        Issuer.from_release(type(release)(release.task, 0, "issuer", 0, release.created, (), {}))


def test_an_issuers_key_is_made_once_and_read_by_its_owner_only(tmp_path):
    first = KeyFolder(tmp_path).issuer_key()
    assert KeyFolder(tmp_path).issuer_key().private_numbers() == first.private_numbers()
    (tmp_path / "issuer.pem").chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        KeyFolder(tmp_path).issuer_key()
