"""What tests of the sticker app share: a phone with real stickers, an account without a network, and a desk for reports."""

from datetime import timedelta
from functools import lru_cache

import numpy as np

from choral.apps.stickers import shipped
from choral.apps.stickers.device.embedding import to_grid
from choral.apps.stickers.device.events import rank_dictionary
from choral.apps.stickers.device.messages import Preference, candidates
from choral.apps.stickers.device.personal import CANDIDATES, PREFERENCE, Download
from choral.apps.stickers.device.phone import Phone
from choral.apps.stickers.device.tasks import SMALL, Desk, choice_task, rank_task
from choral.device import Budget
from choral.errors import PeerError
from choral.numerics import SeededEntropy
from choral.protocol import encode
from choral.storage import MemoryDeviceStore
from tests.device.setting import DAY, NAMES, NOW, OPERATORS, SERVER, SHUFFLER, START
from tests.device.setting import Desk as ServerDesk

P, Q = SMALL.personal, SMALL.item
MODEL = np.linspace(-0.4, 0.4, SMALL.size).astype(np.float32)


def operator_desk(**changes):
    """Keys and times of the server in tests.device.setting."""
    return Desk(
        **{
            "start": START,
            "expires": START + timedelta(days=300),
            "shuffler_key": SHUFFLER.public_key().public_bytes_raw(),
            "server_key": SERVER.public_key().public_bytes_raw(),
            "delay_seconds": 0,
            "reviewer": "a test",
            **changes,
        }
    )


@lru_cache
def small_task():
    """Training of the small head."""
    return choice_task(operator_desk(), head=SMALL, epsilon=8.0, minimum=10, goal=10)


class StickerDesk(ServerDesk):
    """The server of a few lines, with a model in its check-outs."""

    def __init__(self, *tasks, params=MODEL, version=0):
        super().__init__(*(tasks or (small_task(),)))
        self.params, self.version, self.round = params, version, 0

    def checkout(self, one, **changes):
        trains = one.algorithm.name != "count/1"
        params = {"params": self.params, "version": np.array([self.version])} if trains else {}
        return super().checkout(one, **{"params": params, **changes})


def some_features(n, q):
    """Rows of length 1 without the seconds that the real ones take, int8[n, q]."""
    rows = SeededEntropy(9).words(n, q).astype(np.float64) / 2.0**63 - 1
    return to_grid(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@lru_cache
def some_candidates():
    """Stickers that a few phrases stand for, and some more."""
    catalogue, phrases = shipped(), {"thank you", "おはよう", "good night"}
    rows = [row for row, sticker in enumerate(catalogue.stickers) if row < 100 or phrases & set(sticker.keywords)]
    return encode(
        candidates(
            catalogue,
            rows=np.array(rows),
            held=np.zeros(len(catalogue), np.bool_),
            popularity=np.zeros(len(catalogue), np.int16),
            features=some_features(len(catalogue), Q - 1),
        )
    )


class SomeAccount:
    """The catalogue service's answers for one person."""

    def __init__(self, preference=(1.0, -0.5, 0.25)):
        self.bodies = {CANDIDATES: some_candidates()}
        if preference is not None:
            self.bodies[PREFERENCE] = encode(Preference(np.rint(32 * np.array(preference)).astype(np.int8)))
        self.asked = []

    def fetch(self, path, tag):
        self.asked.append((path, tag))
        if path not in self.bodies:
            raise PeerError("unknown-page", "nothing learnt yet")
        return None if tag == "tag" else Download("tag", self.bodies[path])


def phone(desk, *, account=None, store=None, agree=True, **changes):
    """A phone that has downloaded everything and whose person agreed to all that is on offer."""
    settings = {"names": NAMES, "operators": OPERATORS, "transport": desk, "entropy": SeededEntropy(5)}
    settings |= {"budget": Budget.nats(day=100, year=1000, life=1000)}
    made = Phone.opened(store=store or MemoryDeviceStore(), **{**settings, **changes})
    made.download(account or SomeAccount())
    made.refresh(NOW)
    if agree:
        for offer in made.agent.offers():
            made.agent.agree(offer.terms_hash, NOW)
    return made


def quality_task(**changes):
    """The rank histogram, one report a device-day."""
    return rank_task(operator_desk(), **{"minimum": 10, "goal": 10, "epsilon": 2.0, **changes})


def next_day(desk, days=1):
    """Move the server's clock on and its round with it."""
    desk.now += timedelta(seconds=days * DAY)
    desk.round += days
    return desk.now


DICTIONARY = rank_dictionary().hash
