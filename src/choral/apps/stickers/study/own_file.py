"""A team's own choices as people to train and to test on: a CSV file, one choice a line.

Study half. Such a file has no download logs: a person's numbers are made, as a device could, from the stickers chosen
before. Popularity is that of the people trained on.
"""

import csv
import gzip
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import Catalogue
from choral.apps.stickers.device.embedding import item_features
from choral.apps.stickers.device.suggestion import CHOICES, SHOWN
from choral.apps.stickers.device.tasks import Head
from choral.apps.stickers.study.baselines import history, own_history, with_history
from choral.apps.stickers.study.judge import Scores, measures, random_scores
from choral.apps.stickers.study.population import place_feature
from choral.errors import UsageError
from choral.learning.base import Arrays

COLUMNS = ("user", "keyword", "displayed", "chosen")
BETWEEN = "|"
HELD_OUT = 10  # one user of so many is tested on, and two more: three tenths
FEWEST = 10  # users of either kind

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Line:
    """One choice; displayed: rows of the catalogue in the order shown; chosen: a place among them."""

    user: str
    displayed: tuple[int, ...]
    chosen: int


@dataclass(frozen=True, eq=False)
class Crowd:
    """People with at most CHOICES choices each, the latest.

    displayed: int64[n, CHOICES, SHOWN], rows of the catalogue; shown: 1, or 0 for padding; weight: 0 where there is no choice
    features: float64[stickers, q - 1]; popularity: float64[stickers], logarithms; width: p
    """

    displayed: Integers
    shown: Floats
    chosen: Integers
    weight: Floats
    features: Floats
    popularity: Floats
    width: int

    def __len__(self) -> int:
        return len(self.chosen)

    @cached_property
    def personal(self) -> Floats:
        """1, then sums of the features of what was chosen before over the root of their number, float64[n, CHOICES, p]."""
        taken = self.features[self._taken][..., : self.width - 1] * self.weight[..., None]
        before, number = np.cumsum(taken, axis=1) - taken, np.cumsum(self.weight, axis=1) - self.weight
        found = np.zeros((*self.weight.shape, self.width))
        found[..., 0] = 1
        found[..., 1 : 1 + taken.shape[2]] = before / np.sqrt(np.maximum(number, 1))[..., None]
        return found

    @property
    def _taken(self) -> Integers:
        return np.take_along_axis(self.displayed, self.chosen[..., None], axis=2)[..., 0]

    def examples(self, first: int, devices: int) -> Arrays:
        """Named arrays [devices, CHOICES, ...], from the first person again after the last."""
        rows = np.arange(first, first + devices) % len(self)
        items = np.empty((devices, CHOICES, SHOWN, self.features.shape[1] + 1), np.float32)
        items[..., :-1], items[..., -1] = self.features[self.displayed[rows]], place_feature()
        return {
            "personal": self.personal[rows].astype(np.float32),
            "items": items,
            "offset": self.popularity[self.displayed[rows]].astype(np.float32),
            "shown": self.shown[rows].astype(np.float32),
            "chosen": self.chosen[rows],
            "weight": self.weight[rows].astype(np.float32),
        }

    def judged(self, heads: Mapping[str, Floats], *, seed: int) -> Scores:
        """Each ranking's measures, one number a person, as `judge.judged` makes them."""
        offset, features = self.popularity[self.displayed], self.features[self.displayed]
        counts = history(self.displayed, self.chosen, self.weight)
        alike = features[..., : self.width - 1]
        found = {
            "random": random_scores(self.displayed.shape, first=0, seed=seed),
            "popularity": offset,
            "untrained": offset + np.einsum("ntmk,ntk->ntm", alike, self.personal[..., 1 : 1 + alike.shape[-1]]),
            "own_history": own_history(offset, counts),
        }
        for name, params in heads.items():
            wanted = self.personal @ params.reshape(self.width, -1)[:, :-1]
            found[name] = offset + np.einsum("ntmk,ntk->ntm", features, wanted)
            found[f"{name} with history"] = with_history(found[name], counts)
        return {name: measures(scores, self.chosen, self.weight, self.shown) for name, scores in found.items()}


def read_lines(path: Path, catalogue: Catalogue) -> tuple[Line, ...]:
    """The choices of a file, CSV in UTF-8 or .gz of it; UsageError with line and column, never the value, if it is broken."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({type(error).__name__}); give a CSV file in UTF-8") from error
    lines = tuple(_lines(text, path.name, catalogue))
    if not lines:
        raise UsageError(f"{path.name} holds no choice; give one a line")
    return lines


def crowds(
    lines: Sequence[Line], catalogue: Catalogue, head: Head, *, seed: int, devices: int | None = None
) -> tuple[Crowd, Crowd]:
    """People to train on, `devices` of them at most, and others to test on; who is who follows from names and seed.

    UsageError if there are fewer than FEWEST of either.
    """
    by_user: dict[str, list[Line]] = {}
    for line in lines:
        by_user.setdefault(line.user, []).append(line)
    order = sorted(by_user, key=lambda user: hashlib.sha256(f"choral/stickers/file/1/{seed}/{user}".encode()).digest())
    cut = len(order) * 3 // HELD_OUT
    test, train = order[:cut], order[cut : None if devices is None else cut + devices]
    if min(len(test), len(train)) < FEWEST:
        raise UsageError(f"{len(order)} users are too few to train on some and test on others; give {4 * FEWEST} or more")
    popularity = _popularity([by_user[user] for user in train], len(catalogue))
    features = item_features(catalogue, head.item - 1).astype(np.float64)
    made = [_crowd([by_user[user] for user in users], features, popularity, head.personal) for users in (train, test)]
    return made[0], made[1]


def _lines(text: str, name: str, catalogue: Catalogue) -> Iterator[Line]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(f"{name}, line 1: no column {missing[0]!r}; it must name {', '.join(COLUMNS)}")
    try:
        for row in reader:
            yield _line(row, catalogue)
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{name}, line {reader.line_num}: {error}") from None


def _line(row: Mapping[str | None, str | None], catalogue: Catalogue) -> Line:
    values = {column: (row[column] or "").strip() for column in COLUMNS}
    empty = [column for column, value in values.items() if not value]
    if empty or None in row:
        where = f"the column {empty[0]!r} is empty" if empty else "there are more values than columns"
        raise ValueError(f"{where}; give {', '.join(COLUMNS)}, ids with {BETWEEN} between")
    displayed = tuple(_place(word, "displayed", catalogue) for word in values["displayed"].split(BETWEEN))
    if not 2 <= len(displayed) <= SHOWN or len(set(displayed)) != len(displayed):
        raise ValueError(f"the column 'displayed' needs 2 to {SHOWN} different stickers with {BETWEEN} between")
    chosen = _place(values["chosen"], "chosen", catalogue)
    if chosen not in displayed:
        raise ValueError("the column 'chosen' names a sticker that was not displayed")
    return Line(values["user"], displayed, displayed.index(chosen))


def _place(word: str, column: str, catalogue: Catalogue) -> int:
    digits = word.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 12):
        raise ValueError(f"the column {column!r} needs numbers of stickers")
    if int(digits) not in catalogue.places:
        raise ValueError(f"the column {column!r} names a sticker that the catalogue lacks; give the catalogue's ids")
    return catalogue.places[int(digits)]


def _popularity(users: Sequence[Sequence[Line]], stickers: int) -> Floats:
    """Logarithms of shares, every user with equal weight, each sticker with a tenth of a user's choices added."""
    shares = np.full(stickers, 0.1)
    for lines in users:
        np.add.at(shares, [line.displayed[line.chosen] for line in lines], 1 / len(lines))
    return np.asarray(np.log(shares / shares.mean()))


def _crowd(users: Sequence[Sequence[Line]], features: Floats, popularity: Floats, width: int) -> Crowd:
    displayed = np.zeros((len(users), CHOICES, SHOWN), np.int64)
    shown, chosen = np.zeros(displayed.shape), np.zeros(displayed.shape[:2], np.int64)
    weight = np.zeros(chosen.shape)
    for person, lines in enumerate(users):
        for row, line in enumerate(lines[-CHOICES:]):
            displayed[person, row, : len(line.displayed)] = line.displayed
            shown[person, row, : len(line.displayed)] = 1
            chosen[person, row], weight[person, row] = line.chosen, 1
    return Crowd(displayed, shown, chosen, weight, features, popularity, width)
