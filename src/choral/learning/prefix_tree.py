"""Words nobody listed, found letter by letter: each round asks other devices how the prefixes that stood out go on.

Knows cells and estimates. Leaves to the mechanism how one cell is reported privately, to the Task who takes part.
Source: after Wang, Li and Jha, "Locally Differentially Private Heavy Hitter Identification" (PEM, 2017); that every
round asks again about the words already complete, so that no report is wasted on finished branches, is ours.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.schema import ArrayRule, Work, require_arrays
from choral.learning.words import ALPHABET, LETTERS, Codes, legal_words, scores, standing_out, step_of
from choral.mechanisms import Estimate
from choral.numerics import Entropy

ROUNDS = bytes([4, 6, 8, 10, 12, 14])
WIDEST = 6  # letters a round may add: 322 million endings, more than any domain

Integers = NDArray[np.int64]


def endings(letters: int) -> int:
    """Strings of at most `letters` letters: how a prefix can go on, "it ends here" included.

    >>> endings(0), endings(1), endings(4)
    (1, 27, 475255)
    """
    return int((26 ** (letters + 1) - 1) // 25)


@dataclass(frozen=True, slots=True)
class PrefixTree:
    """Each round, other devices say which surviving prefix their word has and how it goes on, or which found word it is.

    A state holds `candidates` uint8[c, 14]: `complete` words first, then prefixes of `known` letters; for each its
    summed estimates, their variance as if nobody had it (`noise`) and with the estimate plugged in (`spread`), and
    over how many reports (`measured`). Cells of a round: words, then every ending of each prefix, then unused ones; the last
    cell is "other", which is also what a device without a word says.

    domain: cells of the mechanism, more than `endings` of the first round's letters
    rounds: letters known after each round, not falling, the last 14; afterwards the found words are counted again
    keep_milli: thousandths of a standard deviation that lead a candidate into the next round
    false_milli: thousandths of the released words that are expected to be false, at most
    """

    NAME: ClassVar[str] = "prefix-tree/1"
    domain: int = endings(ROUNDS[0]) + 1
    rounds: bytes = ROUNDS
    keep_milli: int = 2000
    false_milli: int = 20

    def __post_init__(self) -> None:
        steps = np.diff(np.array([0, *self.rounds]))
        if not len(steps) or steps.min() < 0 or steps.max() > WIDEST or self.rounds[-1] != LETTERS:
            raise ValueError(f"rounds never fall, add at most {WIDEST} letters and end at {LETTERS}, got {list(self.rounds)}")
        if not endings(int(steps.max())) < self.domain < 2**32:
            raise ValueError(f"need {endings(int(steps.max()))} < domain < 2**32 for these rounds, got {self.domain=}")
        if not (0 <= self.keep_milli <= 100_000 and 0 < self.false_milli < 1000):
            raise ValueError(f"need keep_milli <= 100_000, 0 < false_milli < 1000, got {self.keep_milli}, {self.false_milli}")

    def init(self, entropy: Entropy) -> Arrays:
        """One candidate, the empty prefix; nothing counted."""
        return {
            "round": np.zeros(1, np.int64),
            "reports": np.zeros(1, np.int64),
            "tested": np.zeros(1, np.int64),
            "step": np.ones(1),
            "candidates": np.zeros((1, LETTERS), np.uint8),
            "complete": np.zeros(1, np.bool_),
            **{name: np.zeros(1, np.float64) for name in ("sums", "noise", "spread", "measured")},
        }

    def check_out(self, state: Arrays, entropy: Entropy) -> Arrays:
        """`letters` int64[2], known before and after the round; `complete` int64[1]; `candidates` uint8[c, 14]."""
        letters = self._letters(int(state["round"][0]))
        complete = int(state["complete"].sum())
        return {"letters": np.array(letters), "complete": np.array([complete]), "candidates": state["candidates"]}

    def require_params(self, params: Arrays) -> None:
        """ValueError unless these are candidates of one of its rounds: words first, then prefixes of the letters known."""
        letter = ArrayRule("iu", (2,), 0, LETTERS)
        size, code = ArrayRule("iu", (1,), 0, self.domain), ArrayRule("u", (None, LETTERS), 0, len(ALPHABET))
        require_arrays(params, {"letters": letter, "complete": size, "candidates": code})
        (known, after), complete = params["letters"].tolist(), int(params["complete"][0])
        candidates, lengths = params["candidates"], (0, *self.rounds, LETTERS)
        if (known, after) not in pairwise(lengths) and (known, after) != (LETTERS, LETTERS):
            raise ValueError(f"no round of it goes from {known} letters to {after}")
        if complete > len(candidates) or complete + (len(candidates) - complete) * endings(after - known) >= self.domain:
            raise ValueError(f"{len(candidates)} candidates do not fit into {self.domain} cells")
        is_letter = candidates > 0
        is_prefix = (is_letter[complete:] == (np.arange(LETTERS) < known)).all()
        if not is_prefix or (is_letter[:, 1:] & ~is_letter[:, :-1]).any():  # chance may end a word after one letter, or none
            raise ValueError(f"a candidate is neither a word nor a prefix of {known} letters")

    def device_work(self, params: Arrays, rows: int) -> Work:
        """Candidates sorted once, and each word looked up among them."""
        cells = len(params["candidates"]) + rows
        return Work(64 * LETTERS * cells, 16 * LETTERS * cells)

    def contribute(self, params: Arrays, examples: Arrays) -> NDArray[Any]:
        """Cells int64[n] of the words uint8[n, 14]; "other" for what is no word or continues no candidate.

        params: such as pass `require_params`, and no others
        """
        known, after = (int(one) for one in params["letters"])
        complete = int(params["complete"][0])
        candidates, words = params["candidates"], np.asarray(examples["word"], np.uint8)
        width = endings(after - known)
        other = np.full(len(words), self.domain - 1, np.int64)
        whole = _found(candidates[:complete], words)
        start = _found(candidates[complete:], np.where(np.arange(LETTERS) < known, words, 0).astype(np.uint8))
        cells = np.where(start >= 0, complete + start * width + _ending(words[:, known:after]), other)
        return np.where(legal_words(words), np.where(whole >= 0, whole, cells), other)

    def fold(self, state: Arrays, update: Estimate, entropy: Entropy) -> Arrays:
        """The candidates of the next round; needs the estimate of this round's cells."""
        if len(update.values) != self.domain:
            raise ValueError(f"the mechanism estimates {len(update.values)} cells, the tree asks for {self.domain}")
        number = int(state["round"][0])
        known, after = self._letters(number)
        noise = float(update.variance.min())
        counted = {
            "reports": state["reports"] + update.n,
            "round": state["round"] + 1,
            "step": np.maximum(state["step"], step_of(update)),
            "tested": state["tested"] + (endings(after - known) * int((~state["complete"]).sum()) if after > known else 0),
        }
        old = _counted_again(state, update, noise, only_complete=after > known)
        new = self._children(state, update, noise, float(counted["step"][0])) if after > known else []
        merged = {name: np.concatenate([part[name] for part in (old, *new)]) for name in old}
        before, then = self._letters(number + 1)
        return {**counted, **self._best(merged, endings(then - before), float(counted["step"][0]))}

    def publish(self, state: Arrays) -> Arrays:
        """Words that stand out among all cells ever tested, commonest first: `word` uint8[w, 14], `estimate`, `stderr`.

        Both are scaled to all devices that reported; words near the threshold are overestimated, as selected words are.
        """
        z = scores(state["sums"], state["noise"], float(state["step"][0]))
        complete = np.flatnonzero(state["complete"] & (state["measured"] > 0))
        kept = complete[standing_out(z[complete], int(state["tested"][0]), self.false_milli / 1000)]
        kept = kept[np.argsort(-state["sums"][kept] / state["measured"][kept], kind="stable")]
        total, part, count = float(state["reports"][0]), state["measured"][kept], state["sums"][kept]
        sampling = np.clip(count, 0, part) * (1 - np.clip(count, 0, part) / part) * (1 - part / total)
        return {
            "word": state["candidates"][kept],
            "estimate": count * total / part,
            "stderr": np.sqrt(state["spread"][kept] + sampling) * total / part,
        }

    def _letters(self, number: int) -> tuple[int, int]:
        """Letters known before and after round `number`; after the last round nothing is added any more."""
        lengths = (0, *self.rounds, LETTERS)
        last = len(lengths) - 1
        return lengths[min(number, last)], lengths[min(number + 1, last)]

    def _children(self, state: Arrays, update: Estimate, noise: float, step: float) -> list[Arrays]:
        """Every ending that rises above the noise, as fresh candidates: words that ended, then longer prefixes."""
        known, after = self._letters(int(state["round"][0]))
        prefixes, complete, width = (
            state["candidates"][~state["complete"]],
            int(state["complete"].sum()),
            endings(after - known),
        )
        values = update.values[complete : complete + len(prefixes) * width]
        risen = np.flatnonzero(scores(values, np.array(noise), step) >= self.keep_milli / 1000)
        words = prefixes[risen // width].copy()
        words[:, known:after] = _spelled_ending(risen % width, after - known)
        ended = (risen % width < endings(after - known - 1)) | (after == LETTERS)
        order = np.argsort(~ended, kind="stable")
        cells = complete + risen[order]
        fresh = {
            "candidates": words[order],
            "complete": ended[order],
            "sums": update.values[cells],
            "noise": np.full(len(cells), noise),
            "spread": update.variance[cells],
            "measured": np.full(len(cells), float(update.n)),
        }
        return [fresh]

    def _best(self, merged: Arrays, width: int, step: float) -> Arrays:
        """The candidates worth asking about again, as many as fit beside `width` cells a prefix; words come first."""
        z = scores(merged["sums"], merged["noise"], step)
        ranked = np.argsort(-z, kind="stable")
        ranked = ranked[z[ranked] >= self.keep_milli / 1000]
        words = ranked[merged["complete"][ranked]][: self.domain // 4]
        prefixes = ranked[~merged["complete"][ranked]][: (self.domain - 1 - len(words)) // width]
        kept = np.concatenate([words, prefixes])
        return {name: merged[name][kept] for name in merged}


def _counted_again(state: Arrays, update: Estimate, noise: float, *, only_complete: bool) -> dict[str, NDArray[Any]]:
    """Old candidates with this round's estimate added: the complete ones, or all where no letter was asked for."""
    kept = state["complete"] if only_complete else np.ones(len(state["complete"]), np.bool_)
    size = int(kept.sum())
    return {
        "candidates": state["candidates"][kept],
        "complete": state["complete"][kept],
        "sums": state["sums"][kept] + update.values[:size],
        "noise": state["noise"][kept] + noise,
        "spread": state["spread"][kept] + update.variance[:size],
        "measured": state["measured"][kept] + float(update.n),
    }


def _found(table: Codes, words: Codes) -> Integers:
    """Row of `table` that equals each word, int64[n]; -1 where none does."""
    if not len(table):
        return np.full(len(words), -1, np.int64)
    kind = f"S{LETTERS}"
    names, wanted = (np.ascontiguousarray(rows).view(kind)[:, 0] for rows in (table, words))
    order = np.argsort(names)
    place = np.minimum(np.searchsorted(names, wanted, sorter=order), len(names) - 1)
    return np.where(names[order[place]] == wanted, order[place], -1)


def _ending(letters: Codes) -> Integers:
    """Number of an ending, int64[n], from codes uint8[n, step]: shorter ones first, then by the alphabet."""
    size = (letters > 0).sum(axis=1)
    number = np.zeros(len(letters), np.int64)
    for column in letters.T:
        number = np.where(column > 0, number * 26 + column - 1, number)
    return np.asarray(number + _first_numbers(letters.shape[1])[size])


def _spelled_ending(number: Integers, step: int) -> Codes:
    """Codes uint8[n, step] of endings by their numbers; the inverse of `_ending`."""
    first = _first_numbers(step)
    size = np.searchsorted(first, number, side="right") - 1
    rest = number - first[size]
    codes = np.zeros((len(number), step), np.uint8)
    for column in range(step - 1, -1, -1):
        used = column < size
        codes[:, column] = np.where(used, rest % 26 + 1, 0)
        rest = np.where(used, rest // 26, rest)
    return codes


def _first_numbers(step: int) -> Integers:
    """Number of the first ending of 0, 1 .. step letters, int64[step + 1]."""
    return np.array([endings(size - 1) if size else 0 for size in range(step + 1)], np.int64)
