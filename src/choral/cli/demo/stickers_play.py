"""What the people of the sticker demo do: type, choose by taste, and leave their phones on the charger at night.

Real: everything that a phone does, message by message, over HTTP. Modelled: what is typed and which sticker is liked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers import shipped
from choral.apps.stickers.device.messages import Preference
from choral.apps.stickers.device.personal import PREFERENCE, Download, downloaded, headers
from choral.apps.stickers.device.phone import Phone
from choral.apps.stickers.device.suggestion import SHOWN, Holdings
from choral.apps.stickers.study.population import PLACE_PULL, World, place_feature
from choral.device import Budget, Conditions, SharedHttpTransport
from choral.learning import ALGORITHMS
from choral.learning.base import Arrays
from choral.learning.bilinear_ranking import BilinearRanking
from choral.learning.ranking import ndcg, ranks
from choral.mechanisms import MECHANISMS
from choral.numerics import SeededEntropy, SystemEntropy
from choral.protocol import decode
from choral.storage import MemoryDeviceStore

THREADS = 4  # phones that live at once, each waiting for the server most of the time
MESSAGES = 6  # of a person on a day
FAVOURITES = 8  # keywords that a person uses
LEISURE = Conditions(idle=True, charging=True, unmetered=True)
NAMES: Mapping[str, type[Any]] = {**MECHANISMS, **ALGORITHMS}


@dataclass(slots=True)
class Road:
    """The transport of all phones of the demo; a new one each day, so that no check-out of yesterday is kept."""

    url: str
    inner: SharedHttpTransport

    @classmethod
    def to(cls, url: str) -> "Road":
        """The road to that server."""
        return cls(url, SharedHttpTransport(url, THREADS))

    def renew(self) -> None:
        """Close all connections and forget what was fetched."""
        self.inner.close()
        self.inner = SharedHttpTransport(self.url, THREADS)

    def fetch(self, path: str) -> bytes:
        """What lies at `path`."""
        return self.inner.fetch(path)

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Upload the report."""
        self.inner.send(report, token)


@dataclass(frozen=True, slots=True)
class SharedAccount:
    """The road of an account over connections that all phones of the demo share."""

    client: httpx.Client
    token: str

    def fetch(self, path: str, tag: str) -> Download | None:
        """What lies at `path`, if it is news."""
        return downloaded(self.client.get(path, headers=headers(self.token, tag)))


@dataclass(slots=True, eq=False)
class Person:
    """One person with a phone. words: keywords that they use; secret: a word that only they type; typed: ids displayed"""

    phone: Phone
    taste: NDArray[np.float64]
    words: tuple[str, ...]
    secret: str
    entropy: SeededEntropy
    displayed: list[tuple[int, ...]] = field(default_factory=list)


def keywords() -> tuple[str, ...]:
    """The keywords that people use, in the order of the population's shares."""
    counts = Counter(word for sticker in shipped().stickers for word in dict.fromkeys(sticker.keywords))
    return tuple(sorted(word for word, count in counts.items() if count >= SHOWN))


def people(world: World, road: Road, tokens: Sequence[str], *, client: httpx.Client, operator: bytes) -> list[Person]:
    """One person a token, each with a phone that has downloaded what is theirs. client: of the catalogue service"""
    words, tastes = keywords(), world.tastes(0, len(tokens))

    def made(number: int) -> Person:
        phone = Phone.opened(
            store=MemoryDeviceStore(),
            names=NAMES,
            operators=frozenset({operator}),
            transport=road,
            entropy=SystemEntropy(),
            budget=Budget.nats(day=16, year=64, life=64),
        )
        phone.download(SharedAccount(client, tokens[number]))
        entropy = SeededEntropy(world.seed + 1, stream=number)
        secret = f"zq{entropy.words(1, 1)[0, 0]:016x}"
        return Person(phone, tastes[number], _favourites(world, words, entropy), secret, entropy)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(made, range(len(tokens))))


def preferences(client: httpx.Client, tokens: Sequence[str]) -> NDArray[np.float64]:
    """What each of these accounts is told of its preference, float64[n, numbers]."""
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda token: client.get(PREFERENCE, headers=headers(token)), tokens))
    return np.array([decode(answer.content, Preference).vector() for answer in answers], np.float64)


def agree(everyone: Sequence[Person], now: datetime) -> None:
    """Everyone looks at what is on offer and says yes."""
    for person in everyone:
        person.phone.refresh(now)
        for offer in person.phone.agent.offers():
            person.phone.agent.agree(offer.terms_hash, now)


def day(world: World, everyone: Sequence[Person], now: datetime) -> None:
    """Everyone types and chooses, then leaves the phone on the charger."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(partial(_live, world, now=now), everyone))


def _live(world: World, person: Person, now: datetime) -> None:
    person.phone.refresh(now)
    for _ in range(MESSAGES):
        which, taste = _uniform(person.entropy, 2)
        word = person.words[int(which * len(person.words))]
        shown = person.phone.suggest(f"{person.secret} {word}")
        if shown.ids:
            person.displayed.append(shown.ids)
            person.phone.choose(shown.number, _liked(world, person, shown.ids, taste), now)
    person.phone.train(now, LEISURE)


def _liked(world: World, person: Person, ids: Sequence[int], uniform: float) -> int:
    """The place that this person takes, by softmax of what the population model says of them."""
    rows = [shipped().places[id_] for id_ in ids]
    utility = world.popularity[rows] + world.appeal[rows] @ person.taste + PLACE_PULL * place_feature()[: len(rows)]
    odds = np.cumsum(np.exp(utility - utility.max()))
    return int((odds[:-1] < uniform * odds[-1]).sum())


def held_back(world: World, holdings: Holdings, preferences: NDArray[np.float64], first: int) -> Arrays:
    """One choice of each person first .. first + n, as examples, whoever's candidates are `holdings`; never trained on."""
    someone = world.people(first, len(preferences))
    ids = np.array([sticker.id for sticker in shipped().stickers])
    rows = np.searchsorted(holdings.ids, ids[someone.displayed[:, 0]])
    places = np.broadcast_to(place_feature()[:, None], (*rows.shape, 1))
    return {
        "personal": np.column_stack([np.ones(len(rows)), preferences]),
        "items": np.concatenate([holdings.features[rows], places], axis=2),
        "offset": holdings.popularity[rows],
        "shown": np.ones(rows.shape),
        "chosen": someone.chosen[:, 0],
        "weight": np.ones(len(rows)),
    }


def gains(model: BilinearRanking, head: NDArray[np.floating], examples: Arrays) -> NDArray[np.float64]:
    """NDCG@5 of each choice, float64[n]."""
    scores = model.predict(np, np.asarray(head, np.float64), examples)
    return ndcg(ranks(scores, examples["shown"], examples["chosen"]))


def _favourites(world: World, words: Sequence[str], entropy: SeededEntropy) -> tuple[str, ...]:
    cumulative = np.cumsum(world.share)
    used = np.searchsorted(cumulative, _uniform(entropy, FAVOURITES) * cumulative[-1], side="right")
    return tuple(words[min(int(one), len(words) - 1)] for one in used)


def _uniform(entropy: SeededEntropy, count: int) -> NDArray[np.float64]:
    return np.asarray((entropy.words(1, count)[0] >> np.uint64(11)) * 2.0**-53, np.float64)
