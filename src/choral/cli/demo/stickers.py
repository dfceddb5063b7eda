"""The sticker demo: hundreds of real phones, a real server and a real catalogue service, a few versions of one small model.

The first model ranks at random. Each day every person types, chooses what they like, and leaves the phone on the charger;
each night's updates, randomized on the phones at epsilon 8, make the next version. No report waits for a random time
here: a demo of days has minutes. What is measured is the choices of people who never took part.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from choral.apps.stickers import shipped
from choral.apps.stickers.device.events import CHOICE, RANK, VERSIONS, rank_dictionary
from choral.apps.stickers.device.phone import Phone
from choral.apps.stickers.device.tasks import Desk, Head, choice_task, rank_task
from choral.apps.stickers.service.download_logs import Download, Kind, write_logs
from choral.apps.stickers.study.downloads import downloads
from choral.apps.stickers.study.population import World
from choral.apps.stickers.study.quality import TOP, Quality, qualities
from choral.cli.demo.leak_scan import scan
from choral.cli.demo.stickers_chat import chat
from choral.cli.demo.stickers_play import Person, Road, agree, day, gains, held_back, people, preferences
from choral.cli.demo.versions import version_row
from choral.cli.local.catalogue import LocalCatalogue, local_catalogue
from choral.cli.local.server import LocalServer, local_server
from choral.cli.outputs import check_outputs, write_json
from choral.errors import ChoralError
from choral.learning.base import Arrays
from choral.learning.bilinear_ranking import BilinearRanking
from choral.protocol import Release, Task
from choral.server.keys import SERVER, SHUFFLER

DAYS = 5
EPSILON, RANK_EPSILON = 8.0, 4.0
HEAD = Head(personal=4, item=8, clip_norm=0.5, rate=16.0, steps=8, tail=0.0, start=0.5)
HELD_BACK, CANARIES = 2_000, 1_000  # people whose one choice judges the versions, and the gate
YEARS = 2  # of downloads that the catalogue service has learnt from
WAIT_SECONDS = 60  # for a version


@dataclass(slots=True)
class Judge:
    """What the versions are measured by, and what came out. gains: float64[HELD_BACK] of each version's choices"""

    examples: Arrays
    model: BilinearRanking = field(default_factory=lambda: BilinearRanking(HEAD.personal, HEAD.item))
    gains: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def hear(self, phone: Phone) -> int:
        """Judge the version that this phone has been given; its number."""
        checkout = phone.agent.latest(CHOICE)
        if checkout is None:
            raise ChoralError("the server has no check-out for the stickers; read its log")
        self.gains[phone.version] = gains(self.model, checkout.params["params"], self.examples)
        return phone.version

    def row(self, version: int, reports: int) -> dict[str, Any]:
        """The version's NDCG@5, and how much better than the first it is, with the error of the paired difference."""
        own, gain = self.gains[version], self.gains[version] - self.gains[min(self.gains)]
        return version_row(version, reports, own, gain)


def stickers(
    once: Annotated[bool, typer.Option("--once", help="Stop when done; otherwise chat page and dashboard stay up.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    agents: Annotated[int, typer.Option(min=20, max=5_000, help="Phones.")] = 500,
    seed: Annotated[int, typer.Option(help="Whose taste it is; the privacy noise is the operating system's.")] = 1,
) -> None:
    """Sticker suggestion: phones, server and catalogue service over HTTP, versions that get better, nothing that leaks."""
    check_outputs(json_file)
    console, started = Console(highlight=False), time.perf_counter()
    with local_catalogue(HEAD.item - 1) as catalogue, local_server() as server:
        world = World.of(shipped(), seed)
        tokens = _accounts(world, catalogue, agents + CANARIES + HELD_BACK)
        road = Road.to(server.url)
        operator = server.keys.operator_key().public_key().public_bytes_raw()
        everyone = people(world, road, tokens[:agents], client=catalogue.client, operator=operator)
        canaries, judge = (
            held_back(world, everyone[0].phone.holdings, preferences(catalogue.client, tokens[first:last]), first)
            for first, last in ((agents, agents + CANARIES), (agents + CANARIES, len(tokens)))
        )
        console.print(f"{agents} phones have downloaded what is theirs: {time.perf_counter() - started:.1f} s")
        task = _ask(server, agents, canaries)
        rows, uploads = _days(world, everyone, road, server, task, Judge(judge), console)
        found = _scanned(server, catalogue, everyone, tokens)
        summary = {
            "agents": agents,
            "uploads": uploads,
            "versions": rows,
            "quality": [asdict(one) for one in _quality(server)],
            "scanned_bytes": found.size,
            "findings": list(found.findings),
            "seconds": time.perf_counter() - started,
        }
        write_json(json_file, summary)
        _tell(console, summary, everyone[0])
        road.inner.close()
        if not once:
            chat(console, server, catalogue, operator=operator, token=tokens[0])


def _accounts(world: World, catalogue: LocalCatalogue, count: int) -> list[str]:
    """The tokens of `count` people, of whose downloads the catalogue service has learnt."""
    names = [f"person-{number:06d}" for number in range(count)]
    tokens = catalogue.accounts(names)
    ids = [sticker.id for sticker in shipped().stickers]
    taste, rows = world.tastes(0, count), list[Download]()
    for year in range(YEARS):
        logs = downloads(taste, world.appeal, world.popularity, seed=world.seed * YEARS + year)
        columns = zip(logs.person.tolist(), logs.sticker.tolist(), logs.kind.tolist(), logs.day.tolist(), strict=True)
        rows += [Download(names[person], ids[row], Kind(kind), _date(day)) for person, row, kind, day in columns]
    catalogue.load(write_logs(rows))
    catalogue.learn(HEAD.personal - 1)
    return [tokens[name] for name in names]


def _date(day: int) -> Any:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()


def _ask(server: LocalServer, agents: int, canaries: Arrays) -> Task:
    """Publish both questions, with the canaries of the gate."""
    begin = _begin()
    desk = Desk(
        start=begin,
        expires=begin + timedelta(days=60),
        shuffler_key=server.keys.public(SHUFFLER),
        server_key=server.keys.public(SERVER),
        delay_seconds=0,
        reviewer="demo",
    )
    public = Release(bytes(32), 0, "canaries", 0, 0, (), {name: np.asarray(array) for name, array in canaries.items()})
    task = choice_task(
        desk,
        head=HEAD,
        epsilon=EPSILON,
        minimum=agents,
        goal=agents,
        reports_for_life=DAYS,
        canaries=public.hash,
        least_seconds=1,  # a day of the phones passes in seconds
    )
    for message in (rank_dictionary(), public, task):
        server.publish(message)
    told_apart = agents * min(DAYS, VERSIONS)  # of further versions the histogram would not know which they are
    server.publish(rank_task(desk, epsilon=RANK_EPSILON, minimum=told_apart, goal=told_apart))
    return task


def _begin() -> datetime:
    """The phones' clocks tell of the days that end now, so that the server, whose clock is the real one, is past them."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=DAYS) + timedelta(hours=1)


def _days(
    world: World, everyone: Sequence[Person], road: Road, server: LocalServer, task: Task, judge: Judge, console: Console
) -> tuple[list[dict[str, Any]], int]:
    """Let everyone live their days; a row a published version, and how many reports were uploaded."""
    begin = datetime.fromtimestamp(task.start, UTC)
    agree(everyone, begin)
    rows = [judge.row(judge.hear(everyone[0].phone), 0)]
    for number in range(DAYS):
        road.renew()
        day(world, everyone, begin + timedelta(days=number, hours=17))
        reports = _await_version(server, task, number + 1)
        road.renew()
        everyone[0].phone.refresh(begin + timedelta(days=number, hours=20))
        version = judge.hear(everyone[0].phone)
        if version > rows[-1]["version"]:
            rows.append(judge.row(version, reports))
        console.print(f"night {number + 1}: {reports} updates, {_words(rows[-1], published=version == number + 1)}")
    return rows, sum(len(person.phone.agent.sent()) for person in everyone)


def _await_version(server: LocalServer, task: Task, number: int) -> int:
    """How many reports the candidate of that number was made of, as soon as the server has judged it."""
    until, path = time.monotonic() + WAIT_SECONDS, f"/v1/models/{task.hash.hex()}"
    while time.monotonic() < until:
        found = [one for one in server.json(path)["versions"] if one["version"] == number]
        if found:
            return int(found[0]["reports"])
        time.sleep(0.1)
    raise ChoralError(f"version {number} did not come within {WAIT_SECONDS} seconds: {server.json(path)['versions'][:1]}")


def _quality(server: LocalServer) -> tuple[Quality, ...]:
    """What the private histogram of ranks says of each version, as soon as it is released; an operator reads it whole."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        found = [one for one in server.json("/v1/releases") if one["signal"] == RANK]
        if found:
            arrays = server.unpublished(found[0]["hash"]).arrays
            return qualities(arrays["estimate"], arrays["stderr"])
        time.sleep(0.1)
    raise ChoralError(f"no histogram of ranks came within {WAIT_SECONDS} seconds; read the server's log")


def _scanned(server: LocalServer, catalogue: LocalCatalogue, everyone: Sequence[Person], tokens: Sequence[str]) -> Any:
    """What the server of the report path kept of accounts, texts and stickers, file by file."""
    secrets = {
        "an account's token": tokens,
        "an account's name": [f"person-{number:06d}" for number in range(len(tokens))],
        "a text that was typed": [person.secret for person in everyone],
        "stickers that were displayed": [" ".join(map(str, ids)) for person in everyone for ids in person.displayed],
        "the address of the catalogue service": [catalogue.url],
    }
    return scan([server.data, server.data.parent / f"{server.data.name}.log"], secrets)


def _words(row: dict[str, Any], *, published: bool) -> str:
    verdict = "published" if published else "refused by the gate; before it"
    return f"version {row['version']} {verdict}: NDCG@5 {row['metric']:.3f} ± {row['stderr']:.3f} of people who never took part"


def _tell(console: Console, summary: dict[str, Any], person: Person) -> None:
    table = Table(title=f"{HEAD.size} numbers, epsilon {EPSILON:g} a report, {HELD_BACK:,} held-back choices")
    for name in ("version", "reports", "NDCG@5", "better than the first by"):
        table.add_column(name, justify="right")
    for row in summary["versions"]:
        better = f"{row['gain']:+.4f} ± {row['gain_stderr']:.4f}" if row["gain_stderr"] else ""
        table.add_row(str(row["version"]), str(row["reports"]), f"{row['metric']:.4f} ± {row['stderr']:.4f}", better)
    console.print(table)
    for one in summary["quality"]:
        console.print(
            f"with version {one['version']}, by private reports: the chosen sticker was among the first {TOP} shown "
            f"in {one['share']:.0%} ± {one['stderr']:.0%} of choices"
        )
    first = next(row.outgoing for row in person.phone.agent.sent() if row.outgoing.signal == CHOICE)
    leaks = ", ".join(summary["findings"]) or "nothing of any account, text or sticker list was found"
    console.print(
        f"{summary['uploads']:,} uploads, {summary['seconds']:.1f} s. One report is {len(first.report)} bytes:\n"
        f"  {first.report.hex()[:96]}…\n  {first.meaning}\n"
        f"{summary['scanned_bytes']:,} bytes on the report path's server: {leaks}."
    )
