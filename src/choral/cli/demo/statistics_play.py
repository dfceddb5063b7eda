"""What the agents of the statistics demo do: half of them in each process, first a week of statistics, then the tree's rounds.

A device has at most as many events a day as its Terms let it report, so that what was reported is exactly what happened:
that is how the demo knows the truth, without looking at any report.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import numpy as np

from choral.apps import browser, health
from choral.apps.browser.events import ENERGY, MEMORY
from choral.apps.browser.population import shares as visit_shares
from choral.apps.health.events import TYPES
from choral.apps.health.population import shares as type_shares
from choral.apps.keyboard.lexicon import Vocabulary, shipped_words
from choral.apps.keyboard.speakers import new_words
from choral.apps.keyboard.words import kind, prefix_signal, typed_word, word_signals
from choral.device import Agent, Budget, Conditions, Event, HttpTransport, SharedHttpTransport, Signal
from choral.device.checkouts import CheckoutBook
from choral.errors import ChoralError
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SeededEntropy, SystemEntropy
from choral.privacy import MICRO
from choral.simulation.population import Floats
from choral.storage import MemoryDeviceStore

DAY = timedelta(days=1)
WORDS, PREFIXES = kind("en"), prefix_signal("en")
EVENTS = {MEMORY: 2, ENERGY: 2, TYPES: 1, WORDS: 2}  # at most, on one day of one device: what its Terms let it report
BUSY = 0.71  # chance of each of them: 29 % of device-days are empty
VOCABULARY = 40  # new words that the people of the demo use
NOTHING = "nothing"
THREADS = 4
LEISURE, IN_USE = Conditions(idle=True, charging=True, unmetered=True), Conditions(idle=False, charging=True, unmetered=True)
WAIT_SECONDS = 120
POLL_SECONDS = 0.1
AMPLE = Budget.nats(day=100, year=1000, life=1000)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Group:
    """Devices first .. first + count, and where they live. tree: hash of the tree's task, and its number of rounds."""

    first: int
    count: int
    days: int
    seed: int
    url: str
    operator: bytes
    begin: datetime
    delay: timedelta
    tree: bytes
    rounds: int


@dataclass(frozen=True, slots=True)
class Played:
    """What a group did. truth: for each signal what its reports were made from; paid: by its first device, in nats."""

    truth: dict[str, Counter[str]]
    uploads: int
    paid: float
    report: bytes
    meaning: str


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Who does what on which day, a function of the seed and of the device's number."""

    seed: int

    def day(self, device: int, day: int) -> list[tuple[str, str]]:
        """Pairs (kind, what) of one device-day."""
        uniform = self._uniform(device, day)
        found = [(kind_, turn) for kind_, most in EVENTS.items() for turn in range(most)]
        return [
            (kind_, _drawn(*_habits(kind_), uniform[2 * place + 1]))
            for place, (kind_, _) in enumerate(found)
            if uniform[2 * place] < BUSY
        ]

    def word(self, device: int, number: int) -> str:
        """The new word that the device types before round `number`."""
        return _drawn(*_habits(WORDS), self._uniform(device, 1000 + number)[0])

    def _uniform(self, device: int, day: int) -> Floats:
        key = hashlib.sha256(f"choral/demo/statistics/{self.seed}/{day}".encode()).digest()
        words = SeededEntropy(int.from_bytes(key, "little"), stream=device).words(1, 2 * sum(EVENTS.values()))[0]
        return np.asarray((words >> np.uint64(11)) * 2.0**-53, np.float64)


@dataclass(slots=True, eq=False)
class Crowd:
    """The agents of a group and what they have done so far."""

    group: Group
    people: People
    agents: list[Agent]
    truth: dict[str, Counter[str]] = field(default_factory=dict)

    def week(self) -> None:
        """All agree to the four kinds of statistics, live their days, and send all that is due."""
        self._all(self._live)
        for number in range(self.group.count):
            for day in range(self.group.days):
                done = self.people.day(self.group.first + number, day)
                for kind_, most in EVENTS.items():
                    names = [what for one, what in done if one == kind_]
                    self.truth.setdefault(kind_, Counter()).update(names + [NOTHING] * (most - len(names)))

    def tree(self) -> None:
        """All agree to the tree, then type a word before each of its rounds; each round begins with the last one's release."""
        for number in range(self.group.rounds):
            if number:
                await_release(self.group.url, self.group.tree, number - 1)
            with SharedHttpTransport(self.group.url, THREADS) as transport:
                for agent in self.agents:
                    agent.transport = transport
                for word in self._all(partial(self._answer, number)):
                    self.truth.setdefault(PREFIXES, Counter()).update([word] if word else [])

    def _live(self, device: int) -> None:
        group, agent = self.group, self.agents[device]
        _agree(agent, set(EVENTS), group.begin)
        for day in range(group.days):
            now = group.begin + day * DAY
            for turn, (kind_, what) in enumerate(self.people.day(group.first + device, day)):
                at = now + timedelta(hours=1 + turn)
                agent.record(_event(kind_, what, at), at)
            agent.tick(now + DAY / 2, LEISURE)
            _send_all(agent, now + DAY / 2, group.delay)

    def _answer(self, number: int, device: int) -> str:
        """The word that the device's report of this round is about; empty if its coin said no."""
        agent, now = self.agents[device], self.group.begin + (self.group.days + number) * DAY
        if not number:
            _agree(agent, {PREFIXES}, now)
        word = self.people.word(self.group.first + device, number)
        before = len(_delivered(agent))
        agent.record(_event(WORDS, word, now), now)
        agent.tick(now, LEISURE)
        _send_all(agent, now, self.group.delay)
        return word if len(_delivered(agent)) > before else ""

    def _all(self, live: Callable[[int], R]) -> list[R]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(live, range(len(self.agents))))


def play(group: Group) -> Played:
    """The whole life of a group."""
    with SharedHttpTransport(group.url, THREADS) as transport:
        crowd = Crowd(group, People(group.seed), _agents(group, transport))
        crowd.week()
    crowd.tree()
    first = crowd.agents[0]
    sent = first.sent()[0].outgoing
    uploads = sum(len(agent.sent()) for agent in crowd.agents)
    return Played(crowd.truth, uploads, first.ledger().account("nobody").life_micro / MICRO, sent.report, sent.meaning)


def await_release(url: str, task: bytes, number: int) -> None:
    """Returns once round `number` of the task is released; ChoralError if that takes too long."""
    transport, until = HttpTransport(url), time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        rows = json.loads(transport.fetch("/v1/releases"))
        if any(row["task"] == task.hex() and row["round"] == number for row in rows):
            return
        time.sleep(POLL_SECONDS)
    raise ChoralError(
        f"round {number} of task {task.hex()[:16]} was not released within {WAIT_SECONDS} seconds; run the demo again"
    )


def signals(vocabulary: Vocabulary) -> Sequence[Signal]:
    """What the demo's apps declare."""
    return (*browser.signals()[:2], *health.signals(), *word_signals(vocabulary))


def vocabulary() -> Vocabulary:
    """What the keyboards know."""
    return shipped_words()


def _agents(group: Group, transport: SharedHttpTransport) -> list[Agent]:
    names = {**MECHANISMS, **ALGORITHMS}
    operators = frozenset({group.operator})
    declared, book = signals(vocabulary()), CheckoutBook(names=names, operators=operators)
    return [
        Agent(
            store=MemoryDeviceStore(),
            signals=declared,
            names=names,
            operators=operators,
            transport=transport,
            entropy=SystemEntropy(),
            budget=AMPLE,
            book=book,
        )
        for _ in range(group.count)
    ]


def _agree(agent: Agent, wanted: set[str], now: datetime) -> None:
    agent.refresh(now)
    for offer in agent.offers():
        if offer.terms.signal in wanted:
            agent.agree(offer.terms_hash, now)


def _send_all(agent: Agent, now: datetime, delay: timedelta) -> None:
    """Let time pass until nothing waits any more: reports that come due together leave at different times."""
    while agent.waiting():
        now += delay + timedelta(seconds=1)
        agent.tick(now, IN_USE)


def _delivered(agent: Agent) -> list[str]:
    return [report.outcome for report in agent.sent() if report.outgoing.signal == PREFIXES and report.outcome == "delivered"]


def _event(kind_: str, what: str, at: datetime) -> Event:
    if kind_ == MEMORY:
        return browser.heavy_memory(f"https://www.{what}/a/page?of=mine", at)
    if kind_ == ENERGY:
        return browser.heavy_energy(f"https://www.{what}/a/page?of=mine", at)
    event = health.edited(what, at) if kind_ == TYPES else typed_word("en", what, at, vocabulary())
    if event is None:
        raise ValueError("the demo's people type new words only")
    return event


def _habits(kind_: str) -> tuple[Sequence[str], Floats]:
    """What there is to do, and how often each is done."""
    if kind_ in (MEMORY, ENERGY):
        return browser.sites().names, visit_shares()
    if kind_ == TYPES:
        return health.dictionary(), type_shares()
    words = list(new_words().items())[:VOCABULARY]
    weights = np.array([share for _, share in words])
    return [word for word, _ in words], weights / weights.sum()


def _drawn(names: Sequence[str], weights: Floats, uniform: float) -> str:
    cumulative = np.cumsum(weights)
    return names[min(int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right")), len(cumulative) - 1)]
