"""Real choices of emoticons on phones, as examples: what was typed beside, what the same phone chose before.

Study half; for measuring only, the data never enter the repository. Source: the NUS SMS corpus (Chen and Kan 2013), one
row an emoticon. The candidates of every choice are all kinds of emoticon; nothing is known of what was displayed.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from choral.errors import UsageError
from choral.learning.base import Arrays

FILE = "sms_en_emoticon_choices.parquet"
FEATURES = ("share of own choices", "ever chosen", "chosen last", "words")
ROWS = 32  # choices of one phone in its update, spread over all it made
SMOOTHING = 30.0  # of what words say, in messages

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """One row a message and kind of emoticon in it, by phone and in order of time.

    kinds: of emoticon; phone: int64[e], from 0; chosen: int64[e], a kind; words: of the same message
    """

    kinds: tuple[str, ...]
    phone: Integers
    chosen: Integers
    words: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Choices with what a device knows when it ranks: items float64[e, kinds, FEATURES], offset float64[e, kinds]."""

    phone: Integers
    chosen: Integers
    items: Floats
    offset: Floats

    def examples(self, first: int, devices: int) -> Arrays:
        """Named arrays [devices, ROWS, ...] of phones in their order, from the first again after the last."""
        phones = np.unique(self.phone)
        rows, weight = np.zeros((devices, ROWS), np.int64), np.zeros((devices, ROWS), np.float32)
        for place in range(devices):
            own = np.flatnonzero(self.phone == phones[(first + place) % len(phones)])
            own = own[np.linspace(0, len(own) - 1, min(ROWS, len(own))).astype(np.int64)]
            rows[place, : len(own)], weight[place, : len(own)] = own, 1
        return {
            "personal": np.ones((devices, ROWS, 1), np.float32),
            "items": self.items[rows].astype(np.float32),
            "offset": self.offset[rows].astype(np.float32),
            "shown": np.ones((devices, ROWS, self.offset.shape[1]), np.float32),
            "chosen": self.chosen[rows],
            "weight": weight,
        }


def read_choices(folder: Path) -> Choices:
    """The phones' choices from the data folder; an emoticon repeated in one message counts once. UsageError if unreadable."""
    path = folder / "stickers" / FILE
    try:
        table = pq.read_table(path, columns=["user", "msg_id", "day", "emoticon", "words"]).to_pylist()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); set CHORAL_DATA_DIR to the folder of the source data") from error
    once = {(row["user"], row["day"], row["msg_id"], row["emoticon"]): row["words"] or "" for row in table}
    rows = sorted(once)
    kinds = tuple(sorted({row[3] for row in rows}))
    number = {kind: place for place, kind in enumerate(kinds)}
    phone = np.unique(np.array([row[0] for row in rows]), return_inverse=True)[1]
    chosen = np.array([number[row[3]] for row in rows], np.int64)
    return Choices(kinds, phone.astype(np.int64), chosen, tuple(tuple(once[row].split()) for row in rows))


def ranked(choices: Choices, phones: Sequence[int], *, learnt_from: Sequence[int]) -> Ranked:
    """The choices of `phones`; popularity and what words say come from the phones `learnt_from` alone, as public knowledge.

    What a phone chose before is its own and stays on it.
    """
    popularity = _popularity(choices, learnt_from)
    says = _word_scores(choices, learnt_from, popularity)
    rows = np.flatnonzero(np.isin(choices.phone, phones))
    own = _before(choices, rows)
    words = np.stack([_said(says, choices.words[row], len(choices.kinds)) for row in rows])
    items = np.concatenate([own, words[..., None]], axis=2)
    return Ranked(choices.phone[rows], choices.chosen[rows], items, np.tile(np.log(popularity), (len(rows), 1)))


def crossed(choices: Choices, phones: Sequence[int], parts: int = 4) -> Ranked:
    """The choices of `phones`, in parts, each with popularity and words from the other parts: no phone teaches itself."""
    found = [
        ranked(choices, phones[part::parts], learnt_from=[one for place, one in enumerate(phones) if place % parts != part])
        for part in range(parts)
    ]
    columns = ([getattr(one, name) for one in found] for name in ("phone", "chosen", "items", "offset"))
    return Ranked(*map(np.concatenate, columns))


def agreement(choices: Choices) -> tuple[float, float]:
    """How often two choices of one phone agree (mean over phones with two), and two choices of any."""
    own = [_agree(np.bincount(choices.chosen[choices.phone == phone])) for phone in range(choices.phone.max() + 1)]
    return float(np.nanmean(own)), _agree(np.bincount(choices.chosen))


def _agree(counts: Integers) -> float:
    total = int(counts.sum())
    return float((counts * (counts - 1)).sum() / (total * (total - 1))) if total > 1 else float("nan")


def _popularity(choices: Choices, phones: Sequence[int]) -> Floats:
    """Shares of kinds, every phone with equal weight, smoothed by one phone that uses all alike."""
    size = len(choices.kinds)
    shares = [np.bincount(choices.chosen[choices.phone == phone], minlength=size) for phone in phones]
    total = sum((counts / max(counts.sum(), 1) for counts in shares), start=np.full(size, 1 / size))
    return np.asarray(total / total.sum(), np.float64)


def _word_scores(choices: Choices, phones: Sequence[int], popularity: Floats) -> Mapping[str, Floats]:
    """For each word of two phones or more, how much likelier than usual each kind stands beside it, in nats."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    users: dict[str, set[int]] = defaultdict(set)
    for row in np.flatnonzero(np.isin(choices.phone, phones)):
        for word in set(choices.words[row]):
            counts[word][int(choices.chosen[row])] += 1
            users[word].add(int(choices.phone[row]))
    found: dict[str, Floats] = {}
    for word, kinds in counts.items():
        if len(users[word]) > 1:
            seen = np.bincount(list(kinds), list(kinds.values()), minlength=len(popularity))
            found[word] = np.log((seen + SMOOTHING * popularity) / (seen.sum() + SMOOTHING) / popularity)
    return found


def _said(says: Mapping[str, Floats], words: Sequence[str], kinds: int) -> Floats:
    """The mean of what a message's words say, float64[kinds]; zeros if they say nothing."""
    known = [says[word] for word in dict.fromkeys(words) if word in says]
    return np.asarray(np.mean(known, axis=0)) if known else np.zeros(kinds)


def _before(choices: Choices, rows: Integers) -> Floats:
    """Of each kind: its share of the phone's choices before (of one more), whether ever and whether last, [e, kinds, 3]."""
    found = np.zeros((len(rows), len(choices.kinds), 3))
    counts, last, phone = np.zeros(len(choices.kinds)), -1, -1
    for place, row in enumerate(rows):
        if choices.phone[row] != phone:
            counts, last, phone = np.zeros(len(choices.kinds)), -1, int(choices.phone[row])
        found[place, :, 0], found[place, :, 1] = counts / (counts.sum() + 1), counts > 0
        if last >= 0:
            found[place, last, 2] = 1
        last = int(choices.chosen[row])
        counts[last] += 1
    return found
