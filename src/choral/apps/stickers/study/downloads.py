"""Download logs of people who do not exist, over a real catalogue: for experiments.

Study half. Knows distributions; leaves whose taste it is to whoever made the people.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.service.download_logs import Kind, Logs
from choral.numerics import SeededEntropy

MEDIAN, SPREAD, MOST = 12.0, 0.8, 64  # downloads a person: log-normal, at least 1, cut at MOST
SHARES = {Kind.PURCHASED: 0.2, Kind.SPONSORED: 0.5, Kind.PREMIUM: 0.3}
FIRST_DAY, DAYS = 20_454, 365  # the year 2026, in days since 1970
CHUNK_CELLS = 2**23  # numbers of people x stickers held at a time
Floats = NDArray[np.floating]


def downloads(taste: Floats, factors: Floats, log_popularity: Floats, *, seed: int, first: int = 0) -> Logs:
    """What people downloaded, by person; person i is a function of `taste[i]`, `seed` and `first + i` alone.

    taste: [n, k]; factors: [m, k], a row a sticker; log_popularity: [m]
    Bought and premium stickers are drawn with chances softmax(factors @ taste + log_popularity); those that a sponsor
    gives away with softmax(log_popularity). A sticker drawn again in the same way is one download.
    """
    if taste.ndim != 2 or factors.ndim != 2 or taste.shape[1] != factors.shape[1] or len(factors) != len(log_popularity):
        raise ValueError(f"need taste [n, k], factors [m, k] and log_popularity [m], got {taste.shape}, {factors.shape}")
    step = max(1, CHUNK_CELLS // len(factors))
    parts = [
        _chunk(taste[start : start + step], factors, log_popularity, seed=seed, first=first + start)
        for start in range(0, len(taste), step)
    ]
    persons = [part.person + start for part, start in zip(parts, range(0, len(taste), step), strict=True)]
    if not parts:
        return Logs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int32))
    return Logs(
        np.concatenate(persons),
        np.concatenate([part.sticker for part in parts]),
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.day for part in parts]),
    )


def _chunk(taste: Floats, factors: Floats, log_popularity: Floats, *, seed: int, first: int) -> Logs:
    key = int.from_bytes(hashlib.sha256(f"choral/stickers/downloads/1/{seed}".encode()).digest(), "little")
    words = SeededEntropy(key, stream=first).words(len(taste), 2 + 3 * MOST)
    uniform: NDArray[np.float64] = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    sizes = _sizes(uniform[:, :2])
    person = np.repeat(np.arange(len(taste)), sizes)
    place = np.arange(len(person)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    how, which, when = (uniform[person, 2 + 3 * place + column] for column in range(3))
    kind = np.searchsorted(np.cumsum([SHARES[one] for one in Kind])[:-1], how, side="right").astype(np.uint8)
    liked = factors.astype(np.float32) @ taste.T.astype(np.float32)
    sticker = _drawn(liked.T + log_popularity.astype(np.float32), person, which)
    sponsored = kind == Kind.SPONSORED
    common = _drawn(np.asarray(log_popularity, np.float32)[None, :], np.zeros(len(person), np.int64), which)
    sticker = np.where(sponsored, common, sticker)
    day = (FIRST_DAY + np.floor(when * DAYS)).astype(np.int32)
    once = np.unique((person * len(Kind) + kind) * len(factors) + sticker, return_index=True)[1]
    return Logs(person[once], sticker[once], kind[once], day[once])


def _sizes(uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Downloads drawn for each person: int64[n], 1 to MOST."""
    score = np.sqrt(-2 * np.log(uniform[:, 0])) * np.cos(2 * np.pi * uniform[:, 1])
    sizes: NDArray[np.int64] = np.clip(np.rint(MEDIAN * np.exp(SPREAD * score)), 1, MOST).astype(np.int64)
    return sizes


def _drawn(utility: NDArray[np.float32], row: NDArray[np.int64], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Columns drawn by softmax of `utility[row]`, one for each uniform number."""
    weights = np.exp(utility - utility.max(axis=1, keepdims=True))
    cumulative = np.cumsum(weights, axis=1, dtype=np.float64)
    cumulative /= cumulative[:, -1:]
    stacked = (cumulative + np.arange(len(cumulative))[:, None]).ravel()  # one sorted line: row r lies in (r, r + 1]
    found = np.searchsorted(stacked, row + uniform, side="left") - row * utility.shape[1]
    return np.asarray(np.clip(found, 0, utility.shape[1] - 1), np.int64)
