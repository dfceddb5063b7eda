"""What a page says about a model that is trained: its rounds as they live, its versions with metric and lineage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from choral.apps.dashboard.public import Document
from choral.apps.dashboard.quality import Measured
from choral.apps.dashboard.tasks import TaskView, guarantees, task_view
from choral.pages import Point, Promise, Series, promises, series, with_error

MOST_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Round:
    """A round for a reader; `closes` unix seconds, `release` a hash or empty."""

    round: int
    life: str
    reports: int
    goal: int
    chance: str
    closes: int
    why: str
    release: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Version:
    """A version for a reader; `is_bare`: it has no metric that tells why the gate refused it."""

    number: int
    parent: str
    state: str
    metric: str
    parent_metric: str
    reports: int
    created: int
    why: str
    release: str
    is_current: bool
    is_bare: bool


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model for a reader. Charts are None where there is nothing to draw; instances: k of draw and discard, else 0

    alarm: versions in a row, up to the latest, that the gate refused
    """

    task: TaskView
    hash: str
    name: str
    metric: str
    current: int | None
    promises: tuple[Promise, ...]
    rounds: tuple[Round, ...]
    versions: tuple[Version, ...]
    metrics: Series | None
    noise: Series | None
    spread: Series | None
    pace: Series | None
    quality: Series | None
    measured: tuple[Measured, ...]
    deeds: tuple[tuple[int, str], ...]
    streams: bool
    instances: int
    alarm: int


def model_view(document: Document, task: Document, rounds: Sequence[Document], quality: Sequence[Measured] = ()) -> ModelView:
    """The model as a page shows it. Documents list the latest first; charts run from the first to the latest."""
    versions = document["versions"]
    earliest_first = versions[::-1]
    streams = bool(task.get("streams"))
    return ModelView(
        task=task_view(task),
        hash=document["task"],
        name=_model(document),
        metric=document["metric"] or "metric",
        current=document["current"],
        promises=promises(guarantees(document)),
        rounds=tuple(_round(one) for one in rounds[:MOST_ROUNDS]),
        versions=tuple(_version(one, document["current"]) for one in versions),
        metrics=_metrics(document, earliest_first),
        noise=_noise(earliest_first),
        spread=_spread(earliest_first),
        pace=_pace(rounds, task["rule"]["round_seconds"]) if streams else None,
        quality=_quality(quality),
        measured=tuple(quality),
        deeds=tuple((one["at"], f"{one['deed']} {one['detail']}") for one in document["audit"]),
        streams=streams,
        instances=task["algorithm"]["parameters"].get("instances", 0),
        alarm=document["alarm"],
    )


def _model(document: Document) -> str:
    shape = f" of shape {document['shape']}" if document.get("shape") else ""
    return f"{document['model'] or 'model'}{shape}"


def _round(one: Document) -> Round:
    chance = one.get("chance")
    return Round(
        round=one["round"],
        life=one["life"],
        reports=one["reports"],
        goal=one["goal"],
        chance="" if chance is None else f"{100 * chance:.3g} %",
        closes=one["closes"],
        why=one["why"],
        release=one.get("release") or "",
        is_open=one["life"] == "open",
    )


def _version(one: Document, current: int | None) -> Version:
    return Version(
        number=one["version"],
        parent="the start" if one["parent"] is None else str(one["parent"]),
        state=one["state"],
        metric=_told(one["metric"], one["stderr"]),
        parent_metric=_told(one["parent_metric"], one["parent_stderr"]),
        reports=one["reports"],
        created=one["created"],
        why=one["why"],
        release=one["release"] or "",
        is_current=one["version"] == current,
        is_bare=one["metric"] is None,
    )


def _metrics(document: Document, versions: Sequence[Document]) -> Series | None:
    name, current = document["metric"] or "metric", document["current"]
    points = [
        Point(_named(one), str(one["version"]), one["metric"], one["stderr"] or 0.0, _kind(one, current))
        for one in versions
        if one["metric"] is not None
    ]
    title = f"{name} on public canaries, by version"
    return series(points, identity="metric", title=title, below="version") if points else None


def _named(one: Document) -> str:
    return f"version {one['version']}, {one['state']}"


def _kind(one: Document, current: int | None) -> str:
    kind = str(one["state"]).replace(" ", "-")
    return f"{kind} current" if one["version"] == current else kind


def _figure(one: Document, name: str) -> Point:
    """What a version's release says of itself under this name, with its error if it tells one."""
    figures = one["figures"]
    return Point(f"version {one['version']}", str(one["version"]), figures[name], figures.get(f"{name}_stderr", 0.0))


def _noise(versions: Sequence[Document]) -> Series | None:
    points = [_figure(one, "noise") for one in versions if "noise" in one["figures"]]
    title = "Standard error of the mean update, by version"
    return series(points, identity="noise", title=title, below="version") if points else None


def _spread(versions: Sequence[Document]) -> Series | None:
    told = [one for one in versions if {"spread", "spread_law"} <= one["figures"].keys()]
    if not told:
        return None
    points, law = [_figure(one, "spread") for one in told], told[-1]["figures"]["spread_law"]
    title = "Variance between the k instances, by version"
    return series(points, identity="spread", title=title, below="version", law=(law, f"law: k·σ²/2 = {law:.3g}"))


def _pace(rounds: Sequence[Document], seconds: int) -> Series | None:
    over = [one for one in rounds[::-1] if one["life"] != "open"]
    points = [Point(f"round {one['round']}", str(one["round"]), one["reports"] * 60 / seconds) for one in over]
    return series(points, identity="pace", title="Reports a minute, by round", below="round") if points else None


def _quality(measured: Sequence[Measured]) -> Series | None:
    points = [Point(f"version {one.version}", str(one.version), one.ndcg, one.ndcg_stderr) for one in measured]
    title = "NDCG@5 of what people chose, by version, from private counts of ranks"
    return series(points, identity="quality", title=title, below="version") if points else None


def _told(value: Any, stderr: Any) -> str:
    """A number with its error; without one where there is none."""
    if value is None:
        return ""
    return with_error(value, stderr) if stderr else f"{value:.4g}"
