"""What the devices of the phishing demo do: receive links, keep records, get labels later, and teach two models.

A crowd of devices lives in a process of its own, in which it stays from day to day, because a buffer holds reports of all
crowds. Real: everything that a device does, over HTTP, with tokens. Modelled: which links each person is sent.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Self

import httpx
import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.canonical import listed, mark, marks
from choral.apps.phishing.device.context import Context
from choral.apps.phishing.device.features import PUBLIC
from choral.apps.phishing.device.records import LINKS, MARKS, UNIT_LINKS, WINDOW, recorded
from choral.apps.phishing.device.watch import LinkWatch
from choral.device import Agent, Budget, Conditions, Event, SharedHttpTransport, journal
from choral.device.http import HttpIssuer
from choral.device.steps import Step
from choral.errors import ChoralError
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import Entropy, SystemEntropy
from choral.storage import MemoryDeviceStore

THREADS = 2  # devices of a crowd that live at once, each waiting for a server most of the time
A_DAY = WINDOW  # links from the table that a device receives on a day: of so many one report is made
FIRST_DAY = WINDOW // 2  # on the day of meeting: too few
TRAINED_FOR = (LINKS, UNIT_LINKS)
WANTED = ("contributed", "sent", "skipped")
# draw and discard has rounds of minutes, while devices live past days; and the first turn asks for the tokens of the next
EXPECTED = ("clocks-differ", "between-rounds", "no-token")
TRIES, PAUSE_SECONDS = 20, 0.2  # where what is asked for comes on the border of two rounds
LEISURE = Conditions(idle=True, charging=True, unmetered=True)
NAMES: Mapping[str, type[Any]] = {**MECHANISMS, **ALGORITHMS}
Key = tuple[str, str]  # of a record: when it came, and its marks


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Devices and what they will receive, fit to be sent to another process.

    accounts: of the issuer, one a device; urls: of each device, in the order in which they come; features: float64[devices,
    links, 52]; budget: nats for a day and for life; nights: with reports
    """

    url: str
    issuer: str
    operator: bytes
    accounts: Sequence[str]
    urls: Sequence[Sequence[str]]
    features: NDArray[np.float64]
    budget: tuple[float, float]
    nights: int


@dataclass(frozen=True, slots=True)
class Own:
    """What one device alone holds: a link that its person labels, one that nobody labels, and text of their page."""

    reported: str
    unknown: str
    text: str

    @classmethod
    def drawn(cls, entropy: Entropy) -> Self:
        """From the operating system's randomness: nobody else has them."""
        one, other, text = (f"{word:016x}" for word in entropy.words(1, 3)[0].tolist())
        return cls(f"http://login-{one}.example/verify?for={one}", f"https://note-{other}.example/", f"zq {text} dear friend")

    @property
    def page(self) -> bytes:
        """The page behind both."""
        form = "<form action='/in'><input type=password name=p></form>"
        return f"<!doctype html><title>Welcome</title><p>{self.text}</p>{form}".encode()

    def secrets(self) -> dict[str, list[str]]:
        """What must be found nowhere else, by kind; a label that a person gave is told by its mark, in either byte order."""
        number = mark(listed(self.reported))
        orders = [number.to_bytes(8, "big").hex(), number.to_bytes(8, "little").hex()]
        return {"a link": [self.reported, self.unknown], "a page's text": [self.text], "a label that a person gave": orders}


@dataclass(slots=True, eq=False)
class Phone:
    """One device. used: keys of the records that its contributions were made of, by signal"""

    watch: LinkWatch
    own: Own
    urls: Sequence[str]
    features: NDArray[np.float64]
    used: dict[str, set[Key]] = field(default_factory=lambda: {name: set() for name in TRAINED_FOR})

    def receive(self, day: int, now: datetime) -> None:
        """The links of this day come, one a minute."""
        first, end = max(0, FIRST_DAY + (day - 1) * A_DAY), FIRST_DAY + day * A_DAY
        for place in range(first, min(end, len(self.urls))):
            at = now + timedelta(minutes=place - first)
            row = dict(zip(PUBLIC, self.features[place].tolist(), strict=True))
            self.watch.agent.record(recorded(row, marks(self.urls[place]), at), at)

    def meet(self, now: datetime) -> None:
        """Look at what is on offer now, say yes; links of this person's own come with their page, and one is labelled here."""
        for _ in range(TRIES):
            self.watch.refresh(datetime.now(UTC))
            if len(self.watch.agent.offers()) == len(TRAINED_FOR):
                break
            time.sleep(PAUSE_SECONDS)
        for offer in self.watch.agent.offers():
            self.watch.agent.agree(offer.terms_hash, now)
        context = Context("en", "GB", now)
        for link in (self.own.unknown, self.own.reported):
            self.watch.receive(link, self.own.page, context, now)
        self.watch.book.report(self.own.reported, phishing=True, now=now)

    def tick(self, now: datetime) -> Sequence[Step]:
        """A night on the charger; what was done."""
        about = {name: self._used(name) for name in TRAINED_FOR}
        steps = self.watch.agent.tick(now, LEISURE)
        for step in steps:
            if step.kind == "contributed":
                self.used[step.signal] |= about[step.signal]
        return steps

    def kept(self) -> tuple[int, int, int]:
        """Records that reports were made of, how many of those are in the journal still, and how many others."""
        held = {name: set(map(_key, self._events(name))) for name in TRAINED_FOR}
        left = sum(len(self.used[name] & held[name]) for name in TRAINED_FOR)
        return sum(map(len, self.used.values())), left, sum(map(len, held.values())) - left

    def _used(self, name: str) -> set[Key]:
        signal = next(one for one in self.watch.agent.signals if one.name == name)
        events = self._events(name)
        return {_key(event) for event, used in zip(events, signal.uses(events), strict=True) if used}

    def _events(self, name: str) -> Sequence[Event]:
        with self.watch.store.transaction() as tx:
            return journal.read(tx, name)


@dataclass(frozen=True, slots=True)
class Lived:
    """What became of a crowd's day: steps by kind, and those that nobody wanted; of all days so far the records that
    reports were made of, how many of these are still there, and how many others; one buffered report's size and meaning.
    """

    steps: Counter[str]
    unwanted: Sequence[Step]
    used: int
    left: int
    kept: int
    story: tuple[int, str]


def phones(crowd: Crowd) -> list[Phone]:
    """The devices, with empty stores."""
    trust, entropy = httpx.create_ssl_context(trust_env=False), SystemEntropy()
    day, life = crowd.budget

    def made(number: int) -> Phone:
        watch = LinkWatch.opened(
            store=MemoryDeviceStore(),
            names=NAMES,
            operators=frozenset({crowd.operator}),
            transport=_Nowhere(),
            entropy=SystemEntropy(),
            budget=Budget.nats(day=day, year=life, life=life),
            issuer=HttpIssuer(crowd.issuer, crowd.accounts[number], trust=trust),
        )
        return Phone(watch, Own.drawn(entropy), crowd.urls[number], crowd.features[number])

    return [made(number) for number in range(len(crowd.accounts))]


def live(everyone: Sequence[Phone], crowd: Crowd, day: int, now: datetime) -> Lived:
    """Everyone's day: links come, labels if there are new ones, and a night on the charger. Day 0 is that of meeting."""
    with SharedHttpTransport(crowd.url, THREADS) as road, ThreadPoolExecutor(THREADS) as pool:
        for phone in everyone:
            phone.watch.transport = phone.watch.agent.transport = road
            if day == crowd.nights:
                phone.watch.agent.issuer = None  # there is no next night to ask tokens for
        turns = pool.map(partial(_day, day=day, now=now, nights=crowd.nights), everyone)
        steps = [step for found in turns for step in found if step.code not in EXPECTED]
    used, left, kept = np.sum([phone.kept() for phone in everyone], axis=0).tolist()
    unwanted = [step for step in steps if step.kind not in WANTED]
    return Lived(Counter(step.kind for step in steps), unwanted, used, left, kept, _story(everyone[0].watch.agent))


def _day(phone: Phone, *, day: int, now: datetime, nights: int) -> Sequence[Step]:
    if day > nights:
        return _turn(phone)
    if day == 0:
        phone.meet(now)
    elif day == 1:
        phone.watch.refresh(now)  # the labels have come
    phone.receive(day, now)
    return phone.tick(now + timedelta(hours=8))


def _turn(phone: Phone) -> Sequence[Step]:
    """A turn of draw and discard in real time; once more if it fell on the border of two rounds."""
    for _ in range(TRIES):
        steps = [step for step in phone.tick(datetime.now(UTC)) if step.signal == UNIT_LINKS]
        if any(step.kind == "contributed" for step in steps):
            break
        time.sleep(PAUSE_SECONDS)
    return steps


def _story(agent: Agent) -> tuple[int, str]:
    """Of a buffered report of this device: its size, and what it means."""
    sent = [row.outgoing for row in agent.sent() if row.outgoing.signal == LINKS]
    return (len(sent[-1].report), sent[-1].meaning) if sent else (0, "")


def _key(event: Event) -> Key:
    return event.at.isoformat(), str(event.data[MARKS])


class _Nowhere:
    """The road before the first day."""

    def fetch(self, path: str) -> bytes:
        """Nothing lies here."""
        raise ChoralError(f"no road leads to {path} yet")

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Nothing goes out."""
        raise ChoralError("no road leads anywhere yet")
