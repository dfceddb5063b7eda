"""The emoji demo: thousands of real agents, one real server, seven days of real emoji, one release a locale.

The privacy noise is the operating system's and differs each time; what people type follows `seed`.
The agents' clocks tell of the week that ends now, so that the server, whose clock is the real one, is in its last hours.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from choral.apps.keyboard import dictionary, dictionary_release, task
from choral.cli.demo.play import DAY, DAYS, EPSILON, Played, Shard, Story, add, play
from choral.cli.local.server import LocalServer, local_server, stay
from choral.engines import Processes
from choral.errors import ChoralError
from choral.protocol import Task
from choral.server.keys import SERVER, SHUFFLER

LOCALES = {"en": "English", "ja": "Japanese"}
WORKERS = 2
SHARD = 125  # devices played between two steps of the progress bar
ON_DISK = 10  # devices of each locale with an encrypted SQLite store; the others keep theirs in memory
DELAY_SECONDS = 6 * 3600
RELEASE_SECONDS = 120
SHOWN = 10


@dataclass(slots=True)
class Locale:
    """One locale's question and what its devices did."""

    name: str
    task: Task
    truth: NDArray[np.int64]
    stories: list[Story] = field(default_factory=list)


def run(*, agents: int, seed: int, once: bool, json_file: Path | None) -> None:
    """Play the week, print what was learnt, write `json_file`; then stop, or keep the dashboard up until interrupted."""
    console, started, spans = Console(), time.perf_counter(), dict[str, float]()
    with TemporaryDirectory(prefix="choral-devices-") as folder, local_server() as server:
        locales = {name: Locale(name, _ask(name, agents, server), np.zeros(len(dictionary()), np.int64)) for name in LOCALES}
        begun = time.perf_counter()
        uploads = _play(locales, _shards(locales, agents, seed, server, Path(folder)), spans, console)
        played = time.perf_counter()
        releases = [_await_release(server, locale) for locale in locales.values()]
        results = [_result(locale, server, release) for locale, release in zip(locales.values(), releases, strict=True)]
        now = time.perf_counter()
        for result in results:
            console.print(_table(result))
        _tell(console, locales["en"].stories[0])
        shares = ", ".join(f"{name} {span / sum(spans.values()):.0%}" for name, span in spans.items())
        console.print(
            f"\n{uploads:,} uploads, {now - started:.1f} s: {begun - started:.1f} s to start the server, "
            f"{played - begun:.1f} s of agents ({uploads / (played - begun):,.0f} uploads a second), "
            f"{now - played:.1f} s to shuffle and release.\nOf the agents' time: {shares}",
            highlight=False,
        )
        if json_file:
            summary = {"releases": results, "uploads": uploads, "seconds": now - started}
            json_file.write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        console.print(f"Dashboard: {server.url}/", highlight=False)
        if not once:
            stay(console)


def _ask(locale: str, agents: int, server: LocalServer) -> Task:
    """Publish the locale's dictionary and task: one batch of all that the agents will send in a week."""
    begin = datetime.now(UTC).replace(microsecond=0) - DAYS * DAY + timedelta(hours=1)
    question = task(
        locale,
        start=begin,
        expires=begin + timedelta(days=30),
        minimum=agents * DAYS,
        goal=agents * DAYS,
        shuffler_key=server.keys.public(SHUFFLER),
        server_key=server.keys.public(SERVER),
        epsilon=EPSILON,
        days=DAYS,
        reports_for_life=DAYS,
        delay_seconds=DELAY_SECONDS,
        reviewer="demo",
    )
    server.publish(dictionary_release())
    server.publish(question)
    return question


def _shards(locales: dict[str, Locale], agents: int, seed: int, server: LocalServer, folder: Path) -> list[Shard]:
    """All devices, in shards of both locales by turns."""
    operator = server.keys.operator_key().public_key().public_bytes_raw()
    return [
        Shard(
            locale=locale.name,
            first=first,
            count=min(SHARD, agents - first),
            on_disk=ON_DISK if first == 0 else 0,
            seed=seed,
            url=server.url,
            operator=operator,
            begin=datetime.fromtimestamp(locale.task.start, UTC),
            folder=folder,
        )
        for first in range(0, agents, SHARD)
        for locale in locales.values()
    ]


def _play(locales: dict[str, Locale], shards: Sequence[Shard], spans: dict[str, float], console: Console) -> int:
    """Let all devices live their week; how many reports they sent."""
    uploads = 0
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("devices", total=sum(shard.count for shard in shards))
        for played in Processes(WORKERS).map(play, shards):
            _take(locales[played.locale], played)
            add(spans, played.spans)
            uploads += played.uploads
            progress.advance(bar, played.devices)
    return uploads


def _take(locale: Locale, played: Played) -> None:
    locale.truth += played.truth
    locale.stories.append(played.story)


def _await_release(server: LocalServer, locale: Locale) -> dict[str, Any]:
    """The locale's release, as soon as the server has made it."""
    until, wanted = time.monotonic() + RELEASE_SECONDS, locale.task.hash.hex()
    while time.monotonic() < until:
        for release in server.json("/v1/releases"):
            if release["task"] == wanted:
                return dict(release)
        time.sleep(0.2)
    raise ChoralError(
        f"no release of {locale.name} came within {RELEASE_SECONDS} seconds: {server.json(f'/v1/tasks/{wanted}')}"
    )


def _result(locale: Locale, server: LocalServer, release: dict[str, Any]) -> dict[str, Any]:
    """One release beside the truth, over the whole dictionary: a demo may, a server could not."""
    full = server.unpublished(release["hash"])
    names, truth = dictionary(), locale.truth
    local, shuffled = full.guarantees[0], full.guarantees[1]
    columns = zip(names, full.arrays["estimate"], full.arrays["stderr"], truth, full.arrays["released"], strict=True)
    return {
        "task": release["task"],
        "locale": locale.name,
        "mechanism": locale.task.mechanism.name,
        "epsilon": local.epsilon,
        "unit": local.unit,
        "epsilon_shuffled": shuffled.epsilon,
        "shuffled_unit": shuffled.unit,
        "assumption": shuffled.assumption,
        "delta": shuffled.delta,
        "reports": full.reports,
        "items": [
            {"item": item, "estimate": float(value), "stderr": float(error), "truth": int(true), "released": bool(shown)}
            for item, value, error, true, shown in columns
        ],
    }


def _table(result: dict[str, Any]) -> Table:
    """The commonest emoji by estimate, with what is missing from the true ones."""
    items = [one for one in result["items"] if one["item"] != dictionary()[-1]]
    best = sorted(items, key=lambda one: -one["truth"])[:SHOWN]
    top = sorted(items, key=lambda one: -one["estimate"])[:SHOWN]
    common = {one["item"] for one in best}
    found = sum(one["item"] in common for one in top)
    table = Table(
        title=f"{LOCALES[result['locale']]}: {found} of the {SHOWN} commonest emoji are among the {SHOWN} highest estimates",
        caption=f"{result['reports']:,} reports, epsilon {result['epsilon']:.4g} each, trusting nobody; "
        f"{_shuffled_words(result)}. Truth: the sampled events, known in a demo only.",
    )
    for name in ("rank", "emoji", "estimate", "truth", ""):
        table.add_column(name, justify="left" if name in ("emoji", "") else "right")
    for rank, one in enumerate(top, 1):
        verdict = "found" if one["item"] in common else "not among the true ten"
        table.add_row(str(rank), one["item"], f"{one['estimate']:,.0f} ± {one['stderr']:,.0f}", f"{one['truth']:,}", verdict)
    for one in best:
        if one not in top:
            table.add_row("-", one["item"], f"{one['estimate']:,.0f} ± {one['stderr']:,.0f}", f"{one['truth']:,}", "missed")
    return table


def _shuffled_words(result: dict[str, Any]) -> str:
    if not result["delta"]:
        return f"shuffling adds nothing here: epsilon {result['epsilon_shuffled']:.4g} for {result['shuffled_unit']}"
    conditional = f"epsilon {result['epsilon_shuffled']:.3g} (delta {result['delta']:g}) for {result['shuffled_unit']}"
    return f"{conditional} if the operator shuffles"


def _tell(console: Console, story: Story) -> None:
    """What one device paid and sent."""
    console.print(
        f"\nOne device wrote down private records only, paid epsilon {story.paid:.4g} of {DAYS * EPSILON:g} for life, and sent "
        f"{story.sent} reports of {len(story.report)} bytes; the first:\n  {story.report.hex()[:96]}…\n  {story.meaning}",
        highlight=False,
    )
