"""The companion demo: hundreds of real devices and a real server, three nights, three versions of what hours feel like.

Everyone trusts the sum, and has said so: one report alone hides little, and the server erases it with its batch.
No report waits for a random time here: a demo of days has minutes. What is measured is how well each device foretells a
day that nobody told it, from the model and from eight hours that its person rated on the first day.
"""

import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from choral.apps.companion.device.tasks import Desk, ratings_task
from choral.cli.demo.companion_play import FIRST, NAMES, NIGHTS, People, Suggested, secrets
from choral.cli.demo.leak_scan import Scan, scan
from choral.cli.demo.versions import version_row
from choral.cli.local.server import LocalServer, local_server, stay
from choral.cli.outputs import check_outputs, write_json
from choral.device.outbox import SentReport
from choral.errors import ChoralError
from choral.privacy import required_price
from choral.protocol import Task
from choral.server.keys import SERVER, SHUFFLER

EPSILON = 4.0  # of a report in a sum of everyone's, where a clock divides the nights
WAIT_SECONDS = 60  # for a version
METRIC = "mean squared error of 24 hours that nobody told the device; moods lie in 0 to 1"


@dataclass(frozen=True, slots=True)
class Played:
    """What became of the nights.

    errors: of each version float64[people], of which the first is before any; reports: of each version
    """

    people: People
    task: Task
    errors: tuple[NDArray[np.float64], ...]
    reports: tuple[int, ...]
    suggested: tuple[Suggested, ...]
    sent: tuple[SentReport, ...]

    def row(self, version: int) -> dict[str, Any]:
        """The error of a version, and by how much it is less than before the first, with the error of the paired difference."""
        own, gain = self.errors[version], self.errors[0] - self.errors[version]
        return version_row(version, self.reports[version], own, gain)


def companion(
    once: Annotated[bool, typer.Option("--once", help="Stop when done; otherwise the dashboard stays up.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    agents: Annotated[int, typer.Option(min=20, max=5_000, help="People, each with a device.")] = 300,
    seed: Annotated[int, typer.Option(help="Whose lives they are; the privacy noise is the operating system's.")] = 1,
) -> None:
    """How hours feel: devices with diaries and a server over HTTP, a version a night, suggestions that differ by person."""
    check_outputs(json_file)
    console, started = Console(highlight=False), time.perf_counter()
    with local_server() as server:
        played = play(server, agents, seed, console)
        found = scanned(server, played)
        promises = server.json(f"/v1/tasks/{played.task.hash.hex()}")["guarantees"]
        summary = {
            "agents": agents,
            "uploads": len(played.sent),
            "metric": METRIC,
            "versions": [played.row(version) for version in range(len(played.errors))],
            "noise_floor": played.people.noise_floor,
            "epsilon": played.task.terms.epsilon,
            "guarantees": promises,
            "suggestions": suggestions(played),
            "scanned_bytes": found.size,
            "findings": list(found.findings),
            "seconds": time.perf_counter() - started,
        }
        write_json(json_file, summary)
        _tell(console, summary, played)
        console.print(f"Dashboard: {server.url}/")
        if not once:
            stay(console)


def play(server: LocalServer, agents: int, seed: int, console: Console) -> Played:
    """Let everyone live, report three nights and be suggested something."""
    first = (datetime.now(UTC) - timedelta(days=NIGHTS + 1)).date()
    operator = server.keys.operator_key().public_key().public_bytes_raw()
    people = People.generated(agents, seed, first=first, operator=operator)
    task = _ask(server, agents, people)
    people.begin()
    people.agree(server.url)
    errors, reports = [people.errors(server.url, FIRST)], [0]
    for number in range(1, NIGHTS + 1):
        people.night(server.url, number)
        reports.append(_await_version(server, task, number))
        errors.append(people.errors(server.url, number))
        console.print(
            f"night {number}: {reports[-1]} reports, error {errors[-1].mean():.5f}, before them {errors[0].mean():.5f}"
        )
    suggested = people.suggested(server.url, seed)
    return Played(people, task, tuple(errors), tuple(reports), tuple(suggested), tuple(people.sent(server.url)))


def scanned(server: LocalServer, played: Played) -> Scan:
    """What the server's store, keys and log hold of anyone's name, hours, moods and reports, file by file."""
    kinds = secrets(played.people.everyone, (one.outgoing.payload for one in played.sent))
    return scan([server.data, server.data.parent / f"{server.data.name}.log"], kinds)


def suggestions(played: Played) -> dict[str, Any]:
    """How much they differ by person. pairs_that_differ: share of pairs of people who are suggested different things"""
    best = Counter(one.activity for one in played.suggested if one.arm == "best")
    count = sum(best.values())
    same = sum(number * (number - 1) for number in best.values())
    return {
        "low": len(played.suggested),
        "none": sum(one.arm == "none" for one in played.suggested),
        "by_chance": sum(one.arm == "random" for one in played.suggested),
        "best": count,
        "different": len(best),
        "pairs_that_differ": 1 - same / max(1, count * (count - 1)),
        "changed_by_others": sum(one.by_others for one in played.suggested),
    }


def _ask(server: LocalServer, agents: int, people: People) -> Task:
    """Publish the question: a batch is one sum of everyone's night."""
    begin = datetime.combine(people.first, datetime.min.time(), UTC)
    desk = Desk(
        start=begin,
        expires=begin + timedelta(days=60),
        shuffler_key=server.keys.public(SHUFFLER),
        server_key=server.keys.public(SERVER),
        delay_seconds=0,
        reviewer="demo",
    )
    task = _without_clock(ratings_task(desk, epsilon=EPSILON, minimum=agents, goal=agents, reports_for_life=NIGHTS))
    server.publish(task)
    return task


def _without_clock(task: Task) -> Task:
    """The same task, whose rounds follow each other as soon as they are released; the server's clock sees one night only.

    Without a clock a batch could hold all reports of one device: a report pays for that too.
    """
    rule = replace(task.rule, rounds_open=1, advance="release", least_seconds=1)
    changed = replace(task, rule=rule)
    price = required_price(
        task.mechanism.build(NAMES),
        trust="sum",
        minimum=rule.minimum,
        reports_per_device=changed.reports_per_device,
        reports_for_life=task.terms.reports_for_life,
    )
    return replace(changed, terms=replace(task.terms.unbound, price_micro=price))


def _await_version(server: LocalServer, task: Task, number: int) -> int:
    """How many reports the version of that number was made of, as soon as the server has published it."""
    until, path = time.monotonic() + WAIT_SECONDS, f"/v1/models/{task.hash.hex()}"
    while time.monotonic() < until:
        model = server.json(path)
        if model["current"] == number:
            return next(int(one["reports"]) for one in model["versions"] if one["version"] == number)
        time.sleep(0.1)
    raise ChoralError(f"version {number} did not come within {WAIT_SECONDS} seconds: {server.json(path)['versions'][:1]}")


def _tell(console: Console, summary: dict[str, Any], played: Played) -> None:
    for one in summary["guarantees"]:
        console.print(f"Trusting {one['trust']}: {one['sentence']}")
    console.print(f"A night costs {summary['epsilon']:.4g} nats of each device's account `sum`.")
    table = Table(title=f"Error of a day that nobody told; nothing foretells better than {summary['noise_floor']:.5f}")
    for name in ("version", "reports", "error", "less than before by"):
        table.add_column(name, justify="right")
    for row in summary["versions"]:
        less = f"{row['gain']:.5f} ± {row['gain_stderr']:.5f}" if row["version"] else ""
        table.add_row(str(row["version"]), str(row["reports"]), f"{row['metric']:.5f} ± {row['stderr']:.5f}", less)
    console.print(table)
    _tell_suggestions(console, summary["suggestions"], played)
    first = played.sent[0].outgoing
    leaks = ", ".join(summary["findings"]) or "nothing of any name, hour, mood or report was found"
    console.print(
        f"{summary['uploads']:,} uploads, {summary['seconds']:.1f} s. One report is {len(first.report)} bytes:\n"
        f"  {first.report.hex()[:96]}…\n  {first.meaning}\n"
        f"{summary['scanned_bytes']:,} bytes on the server: {leaks}."
    )


def _tell_suggestions(console: Console, counts: dict[str, Any], played: Played) -> None:
    console.print(
        f"After a low hour, {counts['none']} of {counts['low']} devices suggested nothing, {counts['by_chance']} anything that "
        f"fits, {counts['best']} the best: {counts['different']} different things, and different ones for "
        f"{counts['pairs_that_differ']:.0%} of pairs of people. The others' hours changed {counts['changed_by_others']}."
    )
    seen = {one.activity: one.seen for one in played.suggested if one.arm == "best" and one.seen is not None}
    for one in list(seen.values())[:2]:
        console.print(f"  {one.title} ({one.minutes} minutes). {one.reason}")
