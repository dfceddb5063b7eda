"""What the public may read about models and rounds: versions with lineage, metric, guarantees; each round's life."""

import csv
import io
from itertools import takewhile
from typing import Any

from choral.learning import Arrays
from choral.protocol import Release, Signed, decode
from choral.protocol.task import CHANCE_UNIT
from choral.server.models import metric_name
from choral.server.tasks import Known, TaskBook
from choral.server.views import guarantees_view
from choral.storage import BatchRow, VersionRow

Json = dict[str, Any]
LIVES = {"open": "open", "cut": "folding", "shuffled": "folding", "released": "published", "erased": "abandoned"}
ROUND_FIELDS = ("round", "state", "reports", "legal", "dropped", "minimum", "goal", "closes", "why")
MOST_VERSIONS = 500  # the latest ones whose releases are read for one answer
FIGURES = ("metric", "stderr", "parent_metric", "parent_stderr")
COLUMNS = ("version", "parent", "state", *FIGURES, "reports", "round", "created", "why")


def round_view(batch: BatchRow) -> Json:
    """A round's life: open, folding, published or abandoned; counts; and the chance of taking part, null if unknown."""
    view = {name: getattr(batch, name) for name in ROUND_FIELDS}
    chance = batch.chance / CHANCE_UNIT if batch.chance else None
    return {"life": LIVES[batch.state], **view, "folded": batch.legal if batch.streams else None, "chance": chance}


def rounds_view(book: TaskBook, known: Known) -> list[Json]:
    """All rounds of a task, the latest first, each with the hash of its release, or null."""
    made = {row.round: row.hash.hex() for row in book.store.releases() if row.task == known.hash}
    rows = reversed(book.store.batches(known.hash))
    return [{**round_view(row), "release": made.get(row.round)} for row in rows]


def model_view(book: TaskBook, known: Known) -> Json:
    """A task's model with its versions, the latest first, and what operators did to it."""
    row = book.store.head(known.hash)
    versions = sorted(book.store.versions(known.hash), key=lambda one: -one.number)[:MOST_VERSIONS]
    return {
        "task": known.hash.hex(),
        "signal": known.task.terms.signal,
        "purpose": known.task.terms.purpose,
        "algorithm": known.task.algorithm.name,
        "model": known.task.algorithm.parameters.get("model"),
        "shape": known.task.algorithm.parameters.get("shape"),
        "metric": metric_name(known) if known.trains else None,
        "current": row.version if row and versions else None,
        "guarantees": guarantees_view(known.mechanism.guarantees(known.task.rule.minimum, known.task.reports_per_device)),
        "alarm": len(list(takewhile(lambda one: one.state == "refused", versions))),  # refused since the last good one
        "versions": [_version_view(book, one) for one in versions],
        "audit": [{"at": one.at, "deed": one.deed, "detail": one.detail} for one in book.store.audit(known.hash)],
    }


def versions_csv(model: Json) -> str:
    """The versions of a model's document as CSV with a header line, the first version first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(reversed(model["versions"]))
    return text.getvalue()


def figures(arrays: Arrays) -> dict[str, float]:
    """The single numbers among a release's arrays, by name: what an algorithm says of itself."""
    return {name: float(array.flat[0]) for name, array in sorted(arrays.items()) if array.size == 1 and array.dtype.kind == "f"}


def _version_view(book: TaskBook, version: VersionRow) -> Json:
    return {
        "version": version.number,
        "parent": version.parent if version.number else None,
        "state": version.state,
        **{name: getattr(version, name) for name in FIGURES},
        "reports": version.reports,
        "round": version.round if version.number else None,
        "created": version.created,
        "why": version.why,
        "release": version.release.hex() or None,
        "figures": figures(_arrays(book, version)),
    }


def _arrays(book: TaskBook, version: VersionRow) -> Arrays:
    signed = book.store.release(version.release) if version.release else None
    return {} if signed is None else decode(decode(signed, Signed).body, Release).arrays
