"""`choral bench companion`: how long the companion's pages take with years of days on the device."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import httpx
import typer
from rich.console import Console
from rich.table import Table

from choral.apps.companion.device.diary import FELT, LABELLED, Diary, Label, Mood
from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.home import Home
from choral.apps.companion.page import Desk, Watching, application
from choral.cli.companion import agent_of
from choral.cli.outputs import check_outputs, write_json
from choral.numerics import SystemEntropy
from choral.pages import Door

HOST = "127.0.0.1:1"  # of requests that never touch a socket
LIMIT_MS = 100.0
PASSPHRASE = "a passphrase of a benchmark"  # noqa: S105  # it opens nothing but the folder made here
PAGES = ("/today", "/today?at=9&to=11", "/week", "/mood", "/mood?by=week", "/suggestions", "/privacy", "/data", "/settings")
APPS = ("work", "browser", "messages", "video", "mail", "music")
LIVED = {7: "washing and dressing", 8: "commuting", 12: "lunch at work", 18: "commuting", 19: "cooking", 20: "eating"}


def companion(
    years: Annotated[int, typer.Option(min=1, max=20, help="Years of days on the device.")] = 5,
    runs: Annotated[int, typer.Option(min=1, max=200, help="Times that each page is asked for.")] = 15,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
) -> None:
    """Milliseconds from a request to a whole page, with years of entries, labels and moods in the encrypted store."""
    check_outputs(json_file)
    with tempfile.TemporaryDirectory(prefix="choral-companion-") as folder:
        summary = asyncio.run(_measured(Path(folder), days=365 * years, runs=runs))
    write_json(json_file, summary)
    _show(summary)


async def _measured(folder: Path, *, days: int, runs: int) -> dict[str, object]:
    now = datetime.combine(date(2026, 3, 4), clock_time(20, 30), UTC)
    desk = Desk(
        home=Home(folder / "companion"),
        zone=ZoneInfo("Europe/London"),
        clock=lambda: now,
        entropy=SystemEntropy(),
        agents=agent_of,
        watching=Watching(lambda: None),
    )
    door = Door(SystemEntropy())
    transport = httpx.ASGITransport(application(desk, door, hosts={HOST}))
    origin = f"http://{HOST}"
    async with httpx.AsyncClient(transport=transport, base_url=origin, headers={"Origin": origin}, timeout=60) as client:
        await client.get(door.link(origin, now))
        await client.post("/begin", data={"passphrase": PASSPHRASE, "again": PASSPHRASE})
        rows = _lived(desk.room(now).diary, now.date(), days)
        await client.post("/lock")
        unlock = await _milliseconds(lambda: client.post("/unlock", data={"passphrase": PASSPHRASE}), 1)
        pages = {path: await _milliseconds(lambda path=path: client.get(path), runs) for path in PAGES}  # type: ignore[misc]
    desk.lock()
    size = sum(path.stat().st_size for path in (folder / "companion").iterdir())
    told = {path: {"median_ms": statistics.median(times), "worst_ms": max(times)} for path, times in pages.items()}
    return {"days": days, "rows": rows, "bytes": size, "unlock_ms": unlock[0], "pages": told, "limit_ms": LIMIT_MS}


async def _milliseconds(ask: Callable[[], Awaitable[httpx.Response]], runs: int) -> list[float]:
    """Of each run; the first one, which compiles the template, counts as well."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        answer = await ask()
        times.append(1e3 * (time.perf_counter() - begun))
        if answer.status_code not in (200, 303):
            raise ValueError(f"the page answers {answer.status_code}")
    return times


def _lived(diary: Diary, last: date, days: int) -> int:
    """Days of a plausible life, in few transactions; how many entries, labels and moods."""
    span = [last - timedelta(days=number) for number in range(days)]
    entries = [entry for day in span for entry in _entries(day)]
    diary.add(entries)
    labels = {day: {hour: Label(_activity(hour, day), "person") for hour in range(24)} for day in span[1:]}
    moods = {day: {hour: _mood(day, hour) for hour in (9, 13, 17, 21)} for day in span[1:]}
    with diary.store.transaction() as tx:
        for day in span[1:]:
            LABELLED.write(tx, day, labels[day])
            FELT.write(tx, day, moods[day])
    return len(entries) + sum(map(len, labels.values())) + sum(map(len, moods.values()))


def _entries(day: date) -> Iterator[Entry]:
    midnight = int(datetime.combine(day, clock_time(), UTC).timestamp())
    yield Entry(midnight, 8 * 3600, 0, "place", "home", "timeline")
    for number in range(84):  # from seven to nine, ten minutes each
        yield Entry(midnight + 7 * 3600 + 600 * number, 540, 0, "app", APPS[(number + day.day) % len(APPS)], "watcher")


def _activity(hour: int, day: date) -> str:
    if hour < 6 + day.day % 3 or hour == 23:
        return "sleeping"
    if 9 <= hour < 18 and hour not in LIVED:
        return "working" if day.weekday() < 5 else "a walk"
    return LIVED.get(hour, "reading a book")


def _mood(day: date, hour: int) -> Mood:
    spread = (day.toordinal() * 7 + hour * 13) % 40
    return Mood(35 + spread, 30 + spread, external=False, at=int(datetime.combine(day, clock_time(hour), UTC).timestamp()))


def _show(summary: dict[str, object]) -> None:
    console = Console(highlight=False)
    table = Table(title=f"{summary['rows']:,} rows of {summary['days']:,} days", show_edge=False)
    table.add_column("page")
    for name in ("median ms", "worst ms"):
        table.add_column(name, justify="right")
    pages: dict[str, dict[str, float]] = summary["pages"]  # type: ignore[assignment]
    for path, times in pages.items():
        table.add_row(path, f"{times['median_ms']:.1f}", f"{times['worst_ms']:.1f}")
    console.print(table)
    console.print(f"unlocked in {summary['unlock_ms']:.0f} ms, with all that is understood; a page is allowed {LIMIT_MS:g} ms")
