"""A real server with a real release: sealed reports through ingest, shuffle and release, in memory."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np

from choral.engines import Serial
from choral.learning import ALGORITHMS, Count
from choral.mechanisms import MECHANISMS, CountMeanSketch
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.protocol import BatchRule, Release, Spec, Task, Terms, seal, sign
from choral.server import TaskBook, application, ingest, publish_release, publish_task, release_once, shuffle_once
from choral.storage import MemoryServerStore
from tests.apps.public_documents import JAPANESE
from tests.protocol.examples import OPERATOR, OPERATORS, SERVER, SHUFFLER

START = datetime(2027, 1, 15, 8, tzinfo=UTC)
NOW = START + timedelta(days=7)
REPORTS = 6_000
NAMES = (*(emoji for emoji, _ in JAPANESE), "nothing")
TABLE = {**MECHANISMS, **ALGORITHMS}
MECHANISM = CountMeanSketch.for_epsilon(4.0, len(NAMES), seed=bytes(32), rows=256)
DICTIONARY = Release(bytes(32), 0, "dictionary", 0, 0, (), {"names": np.frombuffer("\n".join(NAMES).encode(), np.uint8)})
DAY = 86_400


def japanese_task():
    """Emoji on Japanese keyboards: one report a day, one batch of REPORTS a week."""
    return Task(
        terms=Terms(
            purpose="See which emoji are typed on Japanese keyboards, so that suggestions suit the language.",
            signal="keyboard.emoji.ja",
            unit="one day of emoji on one device",
            trust="nobody",
            price_micro=micro(MECHANISM.epsilon),
            reports_per_day=1,
            reports_for_life=28,
            minimum=2_000,
            retention_days=21,
        ),
        mechanism=Spec.of(MECHANISM),
        algorithm=Spec.of(Count(dictionary=DICTIONARY.hash)),
        rule=BatchRule(minimum=2_000, goal=REPORTS, rounds_open=2, round_seconds=7 * DAY, advance="time"),
        revision=0,
        start=int(START.timestamp()),
        expires=int((START + timedelta(days=365)).timestamp()),
        delay_seconds=6 * 3_600,
        chance=2**32,
        shuffler_key=SHUFFLER.public_key().public_bytes_raw(),
        server_key=SERVER.public_key().public_bytes_raw(),
        reviewer="nobody yet",
    )


@lru_cache(maxsize=1)
def finished_server():
    """The application of a server that has released one round and takes reports for the next, and that release."""
    store, task = MemoryServerStore(), japanese_task()
    publish_release(store, sign(DICTIONARY, OPERATOR), operators=OPERATORS)
    public = SERVER.public_key().public_bytes_raw()
    publish_task(store, sign(task, OPERATOR), operators=OPERATORS, names=TABLE, server_key=public, now=START)
    book, entropy = TaskBook(store, TABLE), SeededEntropy(1)
    for payload in MECHANISM.randomize(_typed(REPORTS), entropy):
        ingest(book, seal(payload.tobytes(), task.hash, 0, task.shuffler_key).to_bytes(), START)
    for payload in MECHANISM.randomize(_typed(50), entropy):
        ingest(book, seal(payload.tobytes(), task.hash, 1, task.shuffler_key).to_bytes(), NOW)
    shuffle_once(store, SHUFFLER, names=TABLE, entropy=entropy, now=NOW)
    release = release_once(store, SERVER, names=TABLE, engine=Serial(), entropy=entropy, now=NOW)
    app = application(
        store, server_key=SERVER, operators=OPERATORS, operator_token="token", names=TABLE, clock=lambda: NOW, entropy=entropy
    )
    return app, release


def _typed(n):
    """Categories int64[n] in the proportions of real Japanese text, a twentieth of them "nothing"."""
    chances = np.array([*(share for _, share in JAPANESE), 0.05])
    counts = np.round(chances / chances.sum() * n * 1.05).astype(int)
    return np.repeat(np.arange(len(NAMES)), counts)[np.linspace(0, counts.sum() - 1, n).astype(int)]
