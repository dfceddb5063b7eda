"""What the public may read, as plain data for JSON and CSV: tasks, rounds, releases."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from choral.errors import PeerError
from choral.learning import spelled
from choral.privacy import Guarantee
from choral.protocol import Release, Signed, Task, decode
from choral.protocol.task import CHANCE_UNIT
from choral.server.rounds import current_round
from choral.server.tasks import PUBLIC_DATA, Known, TaskBook
from choral.storage import BatchRow, ReleaseRow, ServerStore

Json = dict[str, Any]
FIGURES = ("estimate", "stderr", "norm_sub", "base_cut", "significant")
COLUMNS = ("rank", "item", "name", *FIGURES)


def task_view(book: TaskBook, known: Known, now: int) -> Json:
    """Everything about a task that helps to decide whether to take part."""
    task, terms, batches = known.task, known.task.terms, book.store.batches(known.hash)
    row = book.store.head(known.hash)
    round_ = max(0, current_round(task, row.round if row else 0, min(now, task.expires - 1)))
    return {
        "hash": known.hash.hex(),
        "purpose": terms.purpose,
        "signal": terms.signal,
        "unit": terms.unit,
        "trust": terms.trust,
        "epsilon": terms.epsilon,
        "mechanism": {"name": task.mechanism.name, "parameters": _plain(task.mechanism.parameters)},
        "manipulation": getattr(known.mechanism, "manipulation", None),
        "algorithm": {"name": task.algorithm.name, "parameters": _plain(task.algorithm.parameters)},
        "guarantees": guarantees_view(known.mechanism.guarantees(task.rule.minimum, task.reports_per_device)),
        "rule": asdict(task.rule),
        "start": task.start,
        "expires": task.expires,
        "reviewer": task.reviewer,
        "retention_days": terms.retention_days,
        "minimum": terms.minimum,
        "reports_per_day": terms.reports_per_day,
        "reports_for_life": terms.reports_for_life,
        "delay_seconds": task.delay_seconds,
        "chance": task.chance / CHANCE_UNIT,
        "payload_bytes": known.payload_size,
        "report_bytes": known.report_size,
        "revision": task.revision,
        "sending_is_visible": terms.sending_is_visible,
        "state": _state(task, now),
        "round": round_,
        "reports": sum(batch.reports for batch in batches if batch.round == round_ and batch.state == "open"),
        "accepted_total": sum(batch.reports for batch in batches),
        "trains": known.trains,
        "streams": known.streams,
        "rounds_erased": sum(batch.state == "erased" for batch in batches),
        "rounds": [_round_view(batch) for batch in batches],
    }


def release_view(store: ServerStore, row: ReleaseRow) -> Json:
    """What is said of a release in a list."""
    task = store.head(row.task) if row.task != PUBLIC_DATA else None
    return {
        "hash": row.hash.hex(),
        "task": row.task.hex(),
        "signal": task.signal if task else "",
        "round": row.round,
        "kind": row.kind,
        "reports": row.reports,
        "created": row.created,
    }


def release_detail(book: TaskBook, row: ReleaseRow, release: Release) -> Json:
    """A release with its guarantees and, where it counts, its items, commonest first."""
    view = release_view(book.store, row)
    view["guarantees"] = guarantees_view(release.guarantees)
    view["arrays"] = {name: {"type": array.dtype.str, "shape": list(array.shape)} for name, array in release.arrays.items()}
    if has_items(release):
        view["items"] = items_view(release, dictionary(book, release.task))
    return view


def has_items(release: Release) -> bool:
    """Whether the release counts things: items of a dictionary, or words that nobody listed."""
    return "estimate" in release.arrays and bool({"item", "word"} & release.arrays.keys())


def items_view(release: Release, names: Sequence[str]) -> list[Json]:
    """The items counted, commonest first: numbers with the names of their dictionary where it has them, or words."""
    arrays = release.arrays
    if "word" in arrays:
        named: Sequence[tuple[Any, str]] = [(word, word) for word in spelled(arrays["word"])]
    else:
        named = [(item, names[item] if item < len(names) else "") for item in arrays["item"].tolist()]
    return [
        {
            "rank": rank,
            "item": item,
            "name": name,
            **{column: arrays[column][rank - 1].item() for column in FIGURES if column in arrays},
        }
        for rank, (item, name) in enumerate(named, start=1)
    ]


def items_csv(items: Sequence[Json]) -> str:
    """The items as CSV with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(items)
    return text.getvalue()


def dictionary(book: TaskBook, task: bytes) -> tuple[str, ...]:
    """The names of the task's categories, from the dictionary Release its algorithm points to; empty if there is none."""
    known = book.find(task)
    pointer = known.task.algorithm.parameters.get("dictionary", b"") if known else b""
    signed = book.store.release(pointer) if isinstance(pointer, bytes) and pointer else None
    if signed is None:
        return ()
    names = decode(decode(signed, Signed).body, Release).arrays.get("names")
    return () if names is None else tuple(names.tobytes().decode(errors="replace").split("\n"))


def read_release(store: ServerStore, hash_: bytes) -> tuple[ReleaseRow, Release]:
    """A release and its row; PeerError if there is none."""
    signed = store.release(hash_)
    if signed is None:
        raise PeerError("unknown-page", "no release has this hash")
    release = decode(decode(signed, Signed).body, Release)
    return ReleaseRow(hash_, release.task, release.round, release.kind, release.reports, release.created), release


def guarantees_view(guarantees: Sequence[Guarantee]) -> list[Json]:
    """Guarantees with their sentence, in the order given: `nobody` first. An epsilon of null is no bound at all."""
    return [{**asdict(one), "epsilon": finite(one.epsilon), "sentence": one.sentence} for one in guarantees]


def finite(bound: float) -> float | None:
    """A bound as JSON can say it: null for none."""
    return bound if math.isfinite(bound) else None


def _round_view(batch: BatchRow) -> Json:
    return {name: getattr(batch, name) for name in ("round", "state", "reports", "legal", "dropped", "closes", "why")}


def _state(task: Task, now: int) -> str:
    if now < task.start:
        return "announced"
    return "live" if now < task.expires else "expired"


def _plain(parameters: Any) -> Json:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in parameters.items()}
