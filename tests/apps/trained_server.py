"""Real servers that have trained: one with buffered gradients, a gate and a roll-back; one that draws and discards."""

from functools import lru_cache

import numpy as np

from choral.learning import Count
from choral.mechanisms import RandomizedResponse
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.protocol import Release, Spec, seal, sign
from choral.protocol.task import CHANCE_UNIT
from choral.server import TaskBook, publish_release, stream_once
from choral.server.versions import roll_back
from tests.server.house import DAY, NAMES, OPERATOR, SHUFFLER, House, make_task
from tests.server.training import (
    CANARIES,
    HOUR,
    OPERATORS,
    buffered,
    checkout_of,
    publish_public,
    streaming_task,
    training_task,
    update,
)

RANKS = 10
RANK_NAMES = (
    *(
        f"version {version} of 4, {slot}"
        for version in range(4)
        for slot in (*(f"rank {one + 1}" for one in range(RANKS)), "lower")
    ),
    "nothing",
)
DICTIONARY = Release(bytes(32), 0, "dictionary", 0, 0, (), {"names": np.frombuffer("\n".join(RANK_NAMES).encode(), np.uint8)})
SHARES = {1: (30, 20, 15, 10, 8, 6, 5, 3, 2, 1), 2: (50, 20, 10, 6, 5, 3, 2, 2, 1, 1)}  # per cent of choices at each rank
RANK_RESPONSE = RandomizedResponse.for_epsilon(6.0, len(RANK_NAMES))


@lru_cache(maxsize=1)
def trained_house():
    """Six versions of a link classifier, of which the gate refused some and an operator took one back; ranks of two of them."""
    house = House()
    publish_public(house, CANARIES)
    task = training_task(
        buffered(canaries=CANARIES.hash, rate_micro=20_000_000), signal="links.choice", goal=30, chance=CHANCE_UNIT // 2
    )
    house.publish(task)
    for number in range(6):
        checkout = checkout_of(house, "links.choice")
        house.ingest(update(task, checkout, 100 * number + one) for one in range(30))
        house.shuffle()
        house.second += 600
        house.release()
    published = [row.number for row in house.store.versions(task.hash) if row.state == "published"]
    roll_back(house.book, task.hash, published[-2], now=house.now)
    checkout_of(house, "links.choice")
    house.second += 2 * HOUR
    house.close()
    house.ingest(update(task, checkout_of(house, "links.choice"), one) for one in range(1000, 1011))
    _ranks(house)
    return house, task


@lru_cache(maxsize=1)
def streaming_house():
    """Eight minutes of draw and discard."""
    house = House()
    publish_public(house, CANARIES)
    task, _ = streaming_task(canaries=CANARIES.hash, instances=8)
    house.publish(task)
    for minute in range(8):
        house.second = 60 * minute
        for one in range(20 + minute):
            house.ingest([update(task, checkout_of(house, seed=one), 1000 * minute + one)])
        stream_once(TaskBook(house.store, NAMES), SHUFFLER, entropy=SeededEntropy(minute), now=house.now)
        house.release()
    return house, task


def _ranks(house):
    """A released histogram of ranks: versions 1 and 2 modulo 4, the later one better."""
    publish_release(house.store, sign(DICTIONARY, OPERATOR), operators=OPERATORS)
    begin = int(house.second)
    task = make_task(
        signal="links.rank",
        mechanism=Spec.of(RANK_RESPONSE),
        algorithm=Spec.of(Count(threshold_milli=0, dictionary=DICTIONARY.hash)),
        price_micro=micro(RANK_RESPONSE.epsilon),
        goal=800,
        round_seconds=DAY,
    )
    house.publish(task)
    truth = [
        version * (RANKS + 1) + rank for version, row in SHARES.items() for rank, n in enumerate(row) for _ in range(4 * n)
    ]
    hash_, key = task.hash, task.shuffler_key
    payloads = RANK_RESPONSE.randomize(truth, SeededEntropy(3))
    house.ingest([seal(payload.tobytes(), hash_, begin // DAY, key).to_bytes() for payload in payloads])
    while house.shuffle() is not None:
        pass
    house.second += 60
    while house.release() is not None:
        pass
