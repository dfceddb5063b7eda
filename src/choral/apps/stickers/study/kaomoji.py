"""Real Japanese messages and the kaomoji that their authors put behind, as examples: one device a message.

Study half; for measuring only, the data never enter the repository. Source: Urabe, Rzepka and Araki (2021). It knows no
users, and each kaomoji has at most 400 messages there: popularity is flat by construction and is never used.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from choral.errors import UsageError
from choral.learning.base import Arrays

FILE = "ja_text_emoticon.parquet"
NUMBERS = 14  # of a text, and of a kaomoji
PUBLIC, TRAINED = 0.4, 0.4  # shares of messages: public ones, devices, and the rest to test
SHRINKING = 30.0  # messages of the average kaomoji added to each
COMMON = 5  # public messages that a pair of characters must stand in

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """What a device reads of a message, and which kaomoji followed.

    text: float64[n, NUMBERS], of the message, stays on the device; kaomoji: float64[kinds, NUMBERS], public
    """

    text: Floats
    kaomoji: Floats
    chosen: Integers

    @property
    def own(self) -> Floats:
        """A device's vector: 1, then its text's numbers, float64[n, 1 + NUMBERS]."""
        return np.concatenate([np.ones((len(self.text), 1)), self.text], axis=1)

    def examples(self, first: int, devices: int) -> Arrays:
        """Named arrays [devices, 1, ...], from the first again after the last; all kinds are candidates."""
        rows = np.arange(first, first + devices) % len(self.chosen)
        kinds = len(self.kaomoji)
        items = np.broadcast_to(self.kaomoji.astype(np.float32), (devices, 1, *self.kaomoji.shape))
        return {
            "personal": self.own[rows][:, None, :].astype(np.float32),
            "items": np.ascontiguousarray(items),
            "offset": np.zeros((devices, 1, kinds), np.float32),
            "shown": np.ones((devices, 1, kinds), np.float32),
            "chosen": self.chosen[rows][:, None],
            "weight": np.ones((devices, 1), np.float32),
        }


def read_messages(folder: Path, seed: int) -> tuple[Messages, Messages]:
    """Devices to train on and messages to test on; texts and kaomoji get their numbers from a public part alone.

    UsageError if the file cannot be read.
    """
    path = folder / "stickers" / FILE
    try:
        table = pq.read_table(path, columns=["text", "emoticon"]).to_pydict()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); set CHORAL_DATA_DIR to the folder of the source data") from error
    chosen = np.unique(np.array(table["emoticon"]), return_inverse=True)[1].astype(np.int64)
    order = np.argsort([hashlib.sha256(f"{seed}/{text}".encode()).digest() for text in table["text"]], kind="stable")
    public, train, test = np.split(order, (len(order) * np.cumsum([PUBLIC, TRAINED])).astype(np.int64))
    pairs = _pairs(table["text"], public)
    topics = _topics(pairs[public], chosen[public], kinds=int(chosen.max()) + 1)
    text, kaomoji = pairs @ topics.directions, topics.kaomoji
    text = (text - text[public].mean(axis=0)) / text[public].std(axis=0)
    return Messages(text[train], kaomoji, chosen[train]), Messages(text[test], kaomoji, chosen[test])


@dataclass(frozen=True, slots=True)
class Topics:
    """In what kaomoji differ: directions among pairs of characters [pairs, NUMBERS], and where each kaomoji lies along them."""

    directions: Floats
    kaomoji: Floats


def _pairs(texts: Sequence[str], public: Integers) -> sparse.csr_matrix:
    """A row a text: its pairs of characters that COMMON public texts have, weighted by rarity, the row of length 1."""
    pairs = [{text[i : i + 2] for i in range(len(text))} for text in texts]
    counts = Counter(pair for row in public for pair in pairs[row])
    known = {pair: place for place, pair in enumerate(sorted(one for one, count in counts.items() if count >= COMMON))}
    rows, columns = np.array([(row, known[pair]) for row, own in enumerate(pairs) for pair in own if pair in known]).T
    rarity = np.log(len(public) / np.array([counts[pair] for pair in known]))
    matrix = sparse.csr_matrix((rarity[columns], (rows, columns)), shape=(len(texts), len(known)))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()).clip(1e-9)
    return sparse.csr_matrix(sparse.diags(1 / lengths) @ matrix)


def _topics(pairs: sparse.csr_matrix, chosen: Integers, *, kinds: int) -> Topics:
    """The NUMBERS strongest directions in which the mean texts of kaomoji differ; rare kaomoji are drawn to the middle."""
    belongs = sparse.csr_matrix((np.ones(len(chosen)), (chosen, np.arange(len(chosen)))), shape=(kinds, len(chosen)))
    sizes = np.bincount(chosen, minlength=kinds)[:, None]
    means = (np.asarray((belongs @ pairs).todense()) - sizes * np.asarray(pairs.mean(axis=0))) / (sizes + SHRINKING)
    left, values, right = np.linalg.svd(means, full_matrices=False)
    places = left[:, :NUMBERS] * values[:NUMBERS]
    return Topics(right[:NUMBERS].T, np.asarray(places / np.sqrt((places**2).sum(axis=1).mean())))
