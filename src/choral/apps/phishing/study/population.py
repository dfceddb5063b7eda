"""Devices that hold a few links each, and links made up where there are none to read.

Real: links and labels. Modelled: which device saw which link (uniformly, with repetition), and which labels are wrong.
The generator of synthetic links stands in for data in trials of the software; no figure from it says anything about phishing.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.columns import HANNOUSSE_PAGE, HANNOUSSE_URL
from choral.apps.phishing.study.data import Links
from choral.numerics import Entropy, SeededEntropy

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
UNIFORM = 2.0**-53
LINKS_PER_DOMAIN = 3
SIGNAL = 0.35  # how much rarer or commoner a synthetic feature is on a phishing page


def source(purpose: str, seed: int, stream: int = 0) -> Entropy:
    """Draws of the study for one purpose, from streams that no mechanism's noise comes from."""
    digest = hashlib.sha256(f"choral/phishing/1/{purpose}/{seed}".encode()).digest()
    return SeededEntropy(int.from_bytes(digest, "little"), stream)


def uniforms(entropy: Entropy, rows: int, count: int) -> Floats:
    """Numbers in [0, 1), float64[rows, count]."""
    return np.asarray((entropy.words(rows, count) >> np.uint64(11)) * UNIFORM, np.float64)


def held_links(rows: Integers, devices: int, records: int, seed: int) -> Integers:
    """Which links each device holds, int64[devices, records]: each drawn from `rows`, uniformly."""
    words = source("links", seed).words(devices, records)
    return rows[(words % np.uint64(len(rows))).astype(np.int64)]


def mislabelled(labels: Floats, share: float, seed: int) -> Floats:
    """The labels, each turned round with chance `share`."""
    wrong = uniforms(source("wrong labels", seed), 1, len(labels))[0] < share
    return np.where(wrong, 1 - labels, labels)


def synthetic(rows: int = 6000, seed: int = 1) -> Links:
    """Made-up links in the columns of Hannousse and Yahiouche: features lean one way or the other by a made-up amount."""
    names = HANNOUSSE_URL + HANNOUSSE_PAGE
    entropy = source("synthetic", seed)
    domains = np.arange(rows) // LINKS_PER_DOMAIN
    labels = (uniforms(entropy, 1, int(domains[-1]) + 1)[0] < 0.5).astype(np.float64)[domains]
    lean = np.cos(np.arange(len(names)) * 2.4) * SIGNAL  # some for, some against, most weakly
    draws = uniforms(entropy, 1, rows * len(names)).reshape(rows, len(names))
    features = np.floor(-np.log1p(-draws) * np.exp(lean * (2 * labels[:, None] - 1)) * 4)
    return Links(names, features, labels, domains.astype(np.int64), "a generator (synthetic, says nothing of phishing)", True)
