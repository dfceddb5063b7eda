"""Issuer and server side by side, with real agents over both roads: what the two could join if they compared their books."""

import asyncio
from datetime import timedelta

import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from choral.apps.issuer import Allowance, IssuerStore
from choral.apps.issuer import application as issuer_application
from choral.device import Agent, Budget, Conditions, Event, InProcessTransport, Signal
from choral.numerics import SystemEntropy
from choral.protocol import sign
from choral.protocol.tokens import Issuer, TokenKey
from choral.server import publish_release
from choral.storage import MemoryDeviceStore, SqliteServerStore
from tests.server.house import NAMES, OPERATOR, House, at, make_task

KEY = generate_private_key(65_537, 2048)
ISSUER = Issuer("issuer.example", TokenKey(KEY.public_key()))
OPERATORS = frozenset({OPERATOR.public_key().public_bytes_raw()})
READY = Conditions(idle=True, charging=True, unmetered=True)
WINDOW = 6  # bytes in a row that two random streams of these sizes share with chance below 1e-4


class Road:
    """An account's road to the issuer in this process, and all that passed on it."""

    def __init__(self, app, account):
        self.app, self.account, self.passed = app, account, []

    def ask(self, requests):
        async def call():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://issuer") as client:
                headers = {"Authorization": f"Bearer {self.account}"}
                return await client.post("/v1/tokens", content=requests, headers=headers)

        answer = asyncio.run(call())
        self.passed += [requests, answer.content, self.account.encode()]
        return answer.content


@pytest.fixture
def played(tmp_path):
    """Five agents, each with an account at the issuer, report on three days; then the two folders are all there is."""
    house, issuer_store = House(SqliteServerStore(tmp_path / "server.sqlite")), IssuerStore(tmp_path / "issuer.sqlite")
    public = ISSUER.release(at(0))
    publish_release(house.store, sign(public, OPERATOR), operators=OPERATORS)
    task = make_task(issuer=public.hash, delay_seconds=0, reports_for_life=100)
    house.publish(task)
    office = issuer_application(
        issuer_store, name=ISSUER.name, key=KEY, allowance=Allowance(16, 86_400), operator_token="x",
        clock=lambda: house.now, entropy=SystemEntropy,
    )  # fmt: skip
    roads, sent = [Road(office, issuer_store.new_account()) for _ in range(5)], []
    signal = Signal(
        "emoji", frozenset({"emoji"}), lambda events: {"category": np.zeros(max(1, len(events)), np.int64)}, 1, True
    )
    with InProcessTransport(house.application()) as transport:
        agents = [
            Agent(
                store=MemoryDeviceStore(), signals=(signal,), names=NAMES, operators=OPERATORS, transport=transport,
                entropy=SystemEntropy(), budget=Budget.nats(day=9, year=99, life=99), issuer=road,
            )
            for road in roads
        ]  # fmt: skip
        for hour in range(0, 72, 6):
            house.second = 3600.0 * hour + 1
            for agent in agents:
                if hour == 0:
                    agent.refresh(house.now)
                    agent.agree(agent.offers()[0].terms_hash, house.now)
                    agent.record(Event("emoji", house.now, {}), house.now)
                agent.tick(house.now + timedelta(seconds=1), READY)
        sent = [one for agent in agents for one in agent.sent()]
    house.store.close()
    issuer_store.close()
    books = {name: (tmp_path / f"{name}.sqlite").read_bytes() for name in ("server", "issuer")}
    return house, task, roads, sent, books


def windows(data):
    return {data[at : at + WINDOW] for at in range(len(data) - WINDOW + 1)} - {bytes(WINDOW)}


def test_every_report_was_delivered_with_a_token_of_its_own(played):
    _, _, roads, sent, _ = played
    assert len(sent) == 5 * 4  # the three days touch four days of the calendar
    assert {one.outcome for one in sent} == {"delivered"}
    assert len({one.outgoing.token for one in sent}) == len(sent)
    assert all(road.passed for road in roads)


def test_the_issuers_book_and_the_servers_book_share_no_value_that_joins_a_person_to_a_report(played):
    _, task, roads, sent, books = played
    personal = windows(b"".join(part for road in roads for part in road.passed))
    on_the_server = books["server"] + b"".join(one.outgoing.report + one.outgoing.token for one in sent)
    public = windows(ISSUER.key.encoded + ISSUER.key.id + task.hash + ISSUER.name.encode())
    assert not (personal & windows(on_the_server)) - public
    spent = windows(b"".join(one.outgoing.token[2:34] + one.outgoing.report[70:] for one in sent))
    assert not spent & windows(books["issuer"])


def test_the_comparison_notices_a_planted_account(played):
    _, _, roads, _, books = played
    leaked = books["server"] + roads[0].account.encode()
    assert windows(roads[0].account.encode()) & windows(leaked)
