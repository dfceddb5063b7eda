"""The links of the phishing demo: who is sent which, what the public feed says of them, and public examples to judge by."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.canonical import mark, marks
from choral.apps.phishing.device.features import Layout
from choral.apps.phishing.device.labels import Entry, LabelFeed, entry_for, today
from choral.apps.phishing.study.data import Links, links_in, read_links, split
from choral.apps.phishing.study.population import held_links, synthetic
from choral.cli.outputs import warn
from choral.errors import Refused
from choral.protocol import Release
from choral.protocol.task import NOBODY

CANARIES = 600  # public rows, of domains that no device is sent


@dataclass(frozen=True, slots=True, eq=False)
class Mail:
    """Links with their text, and which rows each device will receive, int64[devices, links]; entries: of the feed."""

    links: Links
    urls: Sequence[str]
    held: NDArray[np.int64]
    canary_rows: NDArray[np.int64]
    entries: Sequence[Entry]

    @classmethod
    def drawn(cls, devices: int, links_each: int, *, seed: int, now: datetime) -> Self:
        """Of real links if CHORAL_DATA_DIR has them, else of made-up ones, with a warning that says so."""
        links, urls = _table()
        parts = split(links, seed, public=CANARIES)
        found = {int(row): entry for row in parts.devices if (entry := _entry(links, urls, int(row), now))}
        held = held_links(np.array(list(found)), devices, links_each, seed)
        return cls(links, urls, held, parts.public, [found[row] for row in sorted(set(held.ravel().tolist()))])

    def feed(self, now: datetime) -> LabelFeed:
        """What is said of all links that devices were sent; where a list names a page twice, the first word counts."""
        first = {one.expression: one for one in reversed(self.entries)}
        return LabelFeed.built(first.values(), now)

    def canaries(self, layout: Layout, now: datetime) -> Release:
        """Public examples on this scale, by which each version of a model is judged."""
        rows = self.canary_rows
        inputs = layout.scaling(self.links.features[rows]).astype(np.float32)
        arrays: dict[str, NDArray[Any]] = {"inputs": inputs, "label": self.links.labels[rows], "weight": np.ones(len(rows))}
        return Release(NOBODY, 0, "canaries", 0, int(now.timestamp()), (), arrays)

    def texts(self, first: int, last: int) -> list[list[str]]:
        """The links of devices first .. last, in the order in which they come."""
        return [[self.urls[row] for row in rows] for rows in self.held[first:last].tolist()]


def _table() -> tuple[Links, list[str]]:
    folder = os.environ.get("CHORAL_DATA_DIR")
    if folder is not None:
        import pyarrow.csv

        path = links_in(Path(folder))
        return read_links(path), pyarrow.csv.read_csv(path)["url"].to_pylist()
    warn(["no CHORAL_DATA_DIR: the links are synthetic and say nothing of phishing; see choral data pull"])
    links = synthetic()
    return links, [f"https://made-up-{domain}.example/page/{row}" for row, domain in enumerate(links.domains.tolist())]


def _entry(links: Links, urls: Sequence[str], row: int, now: datetime) -> Entry | None:
    """What the feed says of a row; None for what a device would refuse to read, or could not find again."""
    phishing, place = bool(links.labels[row] > 0.5), f"row {row}"
    try:
        entry = entry_for(urls[row], phishing=phishing, day=today(now), source="list", place=place)
    except Refused:
        return None
    return entry if marks(urls[row])[0] == mark(entry.expression) else None
