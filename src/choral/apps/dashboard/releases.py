"""What a page says about a release: its items as a chart and a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from choral.apps.dashboard.public import Document
from choral.apps.dashboard.tasks import guarantees, threshold
from choral.pages import Bar, Chart, Promise, chart, promises, spoken, with_error
from choral.pages.numbers import error_digits, rounded

MOST_BARS = 20
NOTHING = "nothing"  # the reserved name: a device had nothing to tell
NO_TASK = "0" * 64  # what public data names as its task


@dataclass(frozen=True, slots=True)
class Row:
    """One released item: its estimate with its standard error, and the consistent value beside it."""

    rank: int
    label: str
    name: str
    estimate: str
    norm_sub: str
    is_sign: bool
    is_nothing: bool


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release for a reader."""

    hash: str
    task: str
    purpose: str
    signal: str
    round: int
    kind: str
    reports: int
    created: int
    promises: tuple[Promise, ...]
    chart: Chart | None
    rows: tuple[Row, ...]
    threshold: str
    has_task: bool


def release_view(document: Document, task: Document | None) -> ReleaseView:
    """The release as a page shows it; `task` is the document of its task, None for public data or a forgotten task."""
    items: Sequence[Document] = document.get("items") or ()
    return ReleaseView(
        hash=document["hash"],
        task=document["task"],
        purpose=task["purpose"] if task else _title(document),
        signal=document.get("signal") or "",
        round=document["round"],
        kind=document["kind"],
        reports=document["reports"],
        created=document["created"],
        promises=promises(guarantees(document)),
        chart=_chart(items, document),
        rows=tuple(_row(item) for item in items if "estimate" in item),
        threshold=threshold(task) if task else "",
        has_task=task is not None,
    )


def has_task(document: Document) -> bool:
    """Whether a task made this release; dictionaries and other public data have none."""
    return bool(document["task"]) and document["task"] != NO_TASK


def _title(document: Document) -> str:
    return f"Public data: {document['kind']}" if not has_task(document) else f"Release of round {document['round']}"


def _chart(items: Sequence[Document], document: Document) -> Chart | None:
    named = [item for item in items if "estimate" in item and _label(item) != NOTHING][:MOST_BARS]
    if not named:
        return None
    bars = [Bar(_label(item), item["estimate"], item["stderr"]) for item in named]
    title = f"The {len(bars)} commonest in {document.get('signal') or 'this release'}, by estimated reports"
    return chart(bars, identity="commonest", title=title)


def _row(item: Document) -> Row:
    label = _label(item)
    return Row(
        rank=item["rank"],
        label=label,
        name=spoken(label) or _other_name(item, label),
        estimate=with_error(item["estimate"], item["stderr"]),
        norm_sub=rounded(item["norm_sub"], error_digits(item["stderr"])) if "norm_sub" in item else "",
        is_sign=bool(spoken(label)),
        is_nothing=label == NOTHING,
    )


def _label(item: Document) -> str:
    """What stands for the item: itself if it is text, else the dictionary's name, else its number."""
    item_itself: Any = item.get("item")
    return item_itself if isinstance(item_itself, str) else str(item.get("name") or item_itself)


def _other_name(item: Document, label: str) -> str:
    name = item.get("name")
    return str(name) if name and name != label else ""
