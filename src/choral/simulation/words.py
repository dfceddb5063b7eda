"""Millions of devices with a word each, and what a server learns of words that it never listed.

Knows both halves of a mechanism and of an algorithm. Leaves consent, budgets and the wire to the World.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.engines import Engine
from choral.learning import Algorithm, Arrays
from choral.learning.words import Codes, spelled, word_codes
from choral.mechanisms import Mechanism, Payloads, empty_state
from choral.numerics import SeededEntropy
from choral.simulation.population import Floats, Integers
from choral.simulation.study import Shard, shards

SHARD = 2**15
COMMON = 100  # recall is counted among so many commonest words


@dataclass(frozen=True, slots=True, eq=False)
class Speakers:
    """Devices with one word each; the same seed and number always make the same device.

    words: distinct, the empty one for a device with nothing to say; shares: float64[w], sum 1
    rows: int64[n], the word of each device, or None: drawn from `shares`
    """

    words: tuple[str, ...]
    shares: Floats
    seed: int
    rows: Integers | None = None

    def __post_init__(self) -> None:
        if len(self.words) != len(self.shares) or abs(float(np.sum(self.shares)) - 1) > 1e-9:
            raise ValueError(f"need one share a word, summing to 1, got {len(self.words)=}, sum {float(np.sum(self.shares))}")

    def chosen(self, shard: Shard) -> Integers:
        """The word of each device of the shard, int64[devices], a number into `words`."""
        if self.rows is not None:
            own: Integers = self.rows[shard.first : shard.first + shard.devices]
            return own
        cumulative = np.cumsum(self.shares)
        uniform = (self._draws(shard)[:, 0] >> np.uint64(11)) * 2.0**-53 * cumulative[-1]
        return np.asarray(np.minimum(np.searchsorted(cumulative, uniform, side="right"), len(cumulative) - 1))

    def rounds(self, shard: Shard, rounds: int) -> Integers:
        """The round in which each device takes part, int64[devices]: its own coin, each round alike."""
        coin = self._draws(shard)[:, 1] >> np.uint64(32)
        return ((coin * np.uint64(rounds)) >> np.uint64(32)).astype(np.int64)

    def truth(self, devices: int) -> Integers:
        """How many of the devices have each word, int64[w]."""
        counts = np.zeros(len(self.words), np.int64)
        for shard in shards(devices, SHARD):
            counts += np.bincount(self.chosen(shard), minlength=len(self.words))
        return counts

    def _draws(self, shard: Shard) -> NDArray[np.uint64]:
        return SeededEntropy(_seed("speakers", self.seed), stream=shard.first).words(shard.devices, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One round's devices of a shard, asked by a check-out; called with a Shard, it answers their payloads.

    codes: uint8[w, 14] of the speakers' words
    """

    mechanism: Mechanism
    algorithm: Algorithm
    speakers: Speakers
    codes: Codes
    params: Arrays
    number: int
    rounds: int

    def __call__(self, shard: Shard) -> Payloads:
        """Payloads of the devices whose coin fell on this round; every device draws from a stream of its own."""
        here = self.speakers.rounds(shard, self.rounds) == self.number
        words = self.codes[self.speakers.chosen(shard)[here]]
        values = self.algorithm.contribute(self.params, {"word": words})
        seed = _seed(f"noise/{self.number}", self.speakers.seed)
        return self.mechanism.randomize(values, SeededEntropy(seed, stream=shard.first))


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What the server released at the end, commonest first.

    reports: of each round; decode_seconds: estimating and folding, all rounds together
    """

    words: tuple[str, ...]
    estimate: Floats
    stderr: Floats
    reports: tuple[int, ...]
    decode_seconds: float


def learn(
    mechanism: Mechanism,
    algorithm: Algorithm,
    speakers: Speakers,
    *,
    devices: int,
    rounds: int,
    engine: Engine,
    clock: Callable[[], float],
    done: Callable[[int], None] | None = None,
) -> Learnt:
    """All rounds of one task, each device in one of them by its own coin; `done` is told how many more have reported.

    clock: seconds, to time the server's part
    """
    public = SeededEntropy(_seed("server", speakers.seed))
    state, reports, seconds, codes = algorithm.init(public), [], 0.0, word_codes(speakers.words)
    for number in range(rounds):
        params = algorithm.check_out(state, public)
        asked = Asked(mechanism, algorithm, speakers, codes, params, number, rounds)
        sums, n = collected(asked, devices, engine, done)
        started = clock()
        state = algorithm.fold(state, mechanism.estimate(sums, n), public)
        seconds += clock() - started
        reports.append(n)
    started = clock()
    found = algorithm.publish(state)
    seconds += clock() - started
    return Learnt(spelled(found["word"]), found["estimate"], found["stderr"], tuple(reports), seconds)


def judged(learnt: Learnt, speakers: Speakers, devices: int) -> dict[str, Any]:
    """The words found beside the truth, with precision and recall; a word that was cut short is a false one.

    precision: share of the found words that some device has; recall: share found of the 100 commonest words of the
    population (`recall_300`: of 300)
    """
    truth = dict(zip(speakers.words, speakers.truth(devices).tolist(), strict=True)) | {"": 0}
    found = [
        {"word": word, "estimate": round(float(value), 2), "stderr": round(float(error), 2), "truth": truth.get(word, 0)}
        for word, value, error in zip(learnt.words, learnt.estimate, learnt.stderr, strict=True)
    ]
    true = sum(one["truth"] > 0 for one in found)
    common = [speakers.words[i] for i in np.argsort(-speakers.shares, kind="stable") if speakers.words[i]]
    ranked = common[: 3 * COMMON]
    return {
        "found": found,
        "precision": true / len(found) if found else 1.0,
        "recall": _share(ranked[:COMMON], learnt.words),
        "recall_300": _share(ranked, learnt.words),
        "users": devices,
        "reports": list(learnt.reports),
        "decode_seconds": learnt.decode_seconds,
    }


def collected(
    asked: Asked, devices: int, engine: Engine, done: Callable[[int], None] | None = None
) -> tuple[NDArray[np.int64], int]:
    """The round's sums and how many reported; `done` is told how many more have."""
    state, n = empty_state(asked.mechanism), 0
    for payloads in engine.map(asked, shards(devices, SHARD)):
        state = asked.mechanism.accumulate(state, payloads)
        n += len(payloads)
        if done:
            done(len(payloads))
    return state, n


def _share(wanted: list[str], found: tuple[str, ...]) -> float:
    return len(set(wanted) & set(found)) / len(wanted)


def _seed(purpose: str, seed: int) -> int:
    """A number for SeededEntropy that no other purpose shares."""
    return int.from_bytes(hashlib.sha256(f"choral/words/1/{purpose}/{seed}".encode()).digest(), "little")
