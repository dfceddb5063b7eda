"""The phishing demo: hundreds of real devices, a real server, a real issuer of tokens, two ways to learn one detector.

On day 0 a few links come, and nobody knows what they are: a turn has nothing to say, and asks for the tokens of the next
one. Then a signed feed of labels comes. From day 1 on as many links come each day as a report is made of, and each night
sends one report to either task: a private gradient that waits in a buffer for all the others, and a noisy model that
replaces one of k at once. Versions are judged by the server, on public examples.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from choral.apps.phishing.device.features import constants
from choral.apps.phishing.device.records import ROWS, WINDOW
from choral.apps.phishing.device.tasks import Desk, buffered_task, drawn_task
from choral.cli.demo.leak_scan import Scan, scan
from choral.cli.demo.phishing_crowds import Crowds, crowds
from choral.cli.demo.phishing_links import Mail
from choral.cli.demo.phishing_page import link_page
from choral.cli.demo.phishing_play import A_DAY, Crowd, Lived
from choral.cli.local.issuer import LocalIssuer, local_issuer
from choral.cli.local.server import LocalServer, local_server
from choral.cli.outputs import check_outputs, write_json
from choral.errors import ChoralError
from choral.protocol import Release, Task
from choral.server.keys import SERVER, SHUFFLER

NIGHTS = 3  # with reports, after the day of meeting
EPSILON, DRAWN_EPSILON = 4.0, 8.0  # of a device's report; draw and discard shows little at the smaller one
INSTANCES = 16  # more than there are reports in flight: one whose instance is gone lies too far from the others
VERSION_SECONDS = 5  # of draw and discard; buffers make a version a night
WORKERS = 2
WAIT_SECONDS = 120
FIELDS = ("version", "reports", "metric", "stderr", "state", "why", "figures")


@dataclass(frozen=True, slots=True)
class Questions:
    """Both tasks as they were asked."""

    buffered: Task
    drawn: Task


def phishing(
    once: Annotated[bool, typer.Option("--once", help="Stop when done; otherwise link page and dashboard stay up.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    agents: Annotated[int, typer.Option(min=4, max=5_000, help="Devices.")] = 500,
    seed: Annotated[int, typer.Option(help="Who is sent which link; the privacy noise is the operating system's.")] = 1,
    version_seconds: Annotated[
        int, typer.Option(min=2, max=60, help="Between versions of draw and discard.")
    ] = VERSION_SECONDS,
) -> None:
    """Phishing detection: devices, server and issuer over HTTP, two algorithms with tokens, labels that arrive later."""
    check_outputs(json_file)
    console, started = Console(highlight=False), time.perf_counter()
    with local_server() as server, local_issuer() as issuer:
        mail = Mail.drawn(agents, NIGHTS * A_DAY, seed=seed, now=datetime.now(UTC))
        questions = _ask(server, issuer, mail, agents, version_seconds)
        accounts = issuer.accounts(agents)
        with crowds(_shards(server, issuer, mail, accounts)) as everyone:
            console.print(f"{agents} devices, server and issuer are up: {time.perf_counter() - started:.1f} s")
            days = _days(everyone, server, mail, questions, console)
            secrets = everyone.secrets()
        versions = _await_versions(server, questions)
        found = scanned(server.data, {**secrets, **_known(mail, accounts, issuer)}, mail)
        steps = sum((lived.steps for day in days for lived in day), Counter[str]())
        summary = {
            "agents": agents,
            "uploads": steps["sent"],
            "versions": versions,
            "dropped": sum(row["dropped"] for row in _rounds(server, questions.drawn)),
            "journal": _journal(days[-1]),
            "scanned_bytes": found.size,
            "findings": list(found.findings),
            "epsilon": {"buffered-gradient/1": EPSILON, "draw-and-discard/2": DRAWN_EPSILON},
            "steps": dict(steps),
            "source": mail.links.source,
            "synthetic": mail.links.synthetic,
            "seconds": time.perf_counter() - started,
        }
        write_json(json_file, summary)
        _tell(console, summary, days[-1][0])
        if not once:
            link_page(console, server, issuer)


def scanned(data: Path, secrets: Mapping[str, Sequence[str]], mail: Mail) -> Scan:
    """What the server's files and log hold of links, pages, labels and accounts, file by file.

    The feed's marks of listed links are public; of those, pairs of a link or its mark with a label are looked for as text.
    """
    pairs = [f"{entry.expression},{label}" for entry in mail.entries for label in ("phishing", "legitimate")]
    log = data.parent / f"{data.name}.log"
    return scan([data, *([log] if log.exists() else [])], {**secrets, "a link with its label": pairs})


def _known(mail: Mail, accounts: Sequence[str], issuer: LocalIssuer) -> dict[str, Sequence[str]]:
    """What this program knows of the devices, and the server must not."""
    urls = [mail.urls[row] for row in sorted(set(mail.held.ravel().tolist()))]
    return {"a link that was received": urls, "an account's token": accounts, "the address of the issuer": [issuer.url]}


def _ask(server: LocalServer, issuer: LocalIssuer, mail: Mail, agents: int, version_seconds: int) -> Questions:
    """Publish issuer, canaries and both tasks."""
    now = datetime.now(UTC).replace(microsecond=0)
    begin, scales, named = now - timedelta(days=NIGHTS) - timedelta(hours=9), constants(), issuer.release(now)
    canaries = {"buffered": mail.canaries(scales.public, now), "drawn": mail.canaries(scales.in_unit, now)}
    desk = Desk(
        start=begin,
        expires=begin + timedelta(days=60),
        shuffler_key=server.keys.public(SHUFFLER),
        server_key=server.keys.public(SERVER),
        reviewer="demo",
        canaries=canaries["buffered"].hash,
        issuer=named.hash,
    )
    buffered = buffered_task(
        desk,
        epsilon=EPSILON,
        minimum=agents,
        goal=agents,
        steps=NIGHTS + 1,
        delay_seconds=0,
        least_seconds=1,  # a night of the devices passes in seconds
    )
    desk = replace(desk, canaries=canaries["drawn"].hash)
    drawn = drawn_task(
        desk,
        epsilon=DRAWN_EPSILON,
        instances=INSTANCES,
        version_seconds=version_seconds,
        reports_per_day=NIGHTS,  # its turns are taken at the end, in real time
    )
    messages: Sequence[Release | Task] = (named, *canaries.values(), buffered, drawn)
    for message in messages:
        server.publish(message)
    return Questions(buffered, drawn)


def _shards(server: LocalServer, issuer: LocalIssuer, mail: Mail, accounts: Sequence[str]) -> list[Crowd]:
    """The devices in WORKERS parts."""
    operator = server.keys.operator_key().public_key().public_bytes_raw()
    bounds = [len(accounts) * part // WORKERS for part in range(WORKERS + 1)]
    day, life = NIGHTS * DRAWN_EPSILON + EPSILON, NIGHTS * (DRAWN_EPSILON + EPSILON)
    return [
        Crowd(
            url=server.url,
            issuer=issuer.url,
            operator=operator,
            accounts=accounts[first:last],
            urls=mail.texts(first, last),
            features=mail.links.features[mail.held[first:last]],
            budget=(day, life),
            nights=NIGHTS,
        )
        for first, last in pairwise(bounds)
    ]


def _days(everyone: Crowds, server: LocalServer, mail: Mail, questions: Questions, console: Console) -> list[Sequence[Lived]]:
    """Let everyone live their days, which end now by their clocks; then, in real time, the turns of draw and discard, whose
    rounds are minutes: a device whose clock is days behind waits for them. What became of each.
    """
    begin = datetime.fromtimestamp(questions.buffered.start, UTC) + timedelta(minutes=1)
    days: list[Sequence[Lived]] = [everyone.live(0, begin)]
    server.publish(mail.feed(datetime.now(UTC)).release())
    for day in range(1, NIGHTS + 1):
        started = time.perf_counter()
        days.append(everyone.live(day, begin + timedelta(days=day)))
        steps = sum((lived.steps for lived in days[-1]), Counter[str]())
        lines = {step.text for lived in days[-1] for step in lived.unwanted}
        if lines:
            console.print(
                f"night {day}: {sum(len(lived.unwanted) for lived in days[-1])} steps went otherwise, such as {min(lines)}"
            )
        row = _await_version(server, questions.buffered, day)
        console.print(
            f"night {day}: {steps['sent']} reports in {time.perf_counter() - started:.1f} s; buffered version {day} "
            f"{row['state']}: AUC {row['metric']:.3f} ± {row['stderr']:.3f}"
        )
    for turn in range(1, NIGHTS + 1):
        _await_next_round(questions.drawn)
        days.append(everyone.live(NIGHTS + turn, datetime.now(UTC)))
        console.print(f"turn {turn} of draw and discard: {sum(lived.steps['sent'] for lived in days[-1])} models returned")
    return days


def _await_next_round(task: Task) -> None:
    """A device takes one turn a round: the next night begins in the next one."""
    seconds = task.rule.round_seconds
    time.sleep(seconds - (time.time() - task.start) % seconds)


def _await_version(server: LocalServer, task: Task, number: int) -> dict[str, Any]:
    """The candidate of that number, as soon as the server has judged it."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        for version in _versions(server, task):
            if version["version"] == number:
                return version
        time.sleep(0.1)
    told = _rounds(server, task)[:1]
    raise ChoralError(f"version {number} of {task.algorithm.name} did not come within {WAIT_SECONDS} seconds: {told}")


def _await_versions(server: LocalServer, questions: Questions) -> list[dict[str, Any]]:
    """All versions of both models, when no round of draw and discard holds reports that are not in a version."""
    until = time.monotonic() + WAIT_SECONDS
    while any(row["life"] in ("open", "folding") and row["reports"] for row in _rounds(server, questions.drawn)):
        if time.monotonic() > until:
            raise ChoralError(f"a round of draw and discard did not end within {WAIT_SECONDS} seconds; read the server's log")
        time.sleep(0.2)
    return [
        {"algorithm": task.algorithm.name, **{name: version[name] for name in FIELDS}}
        for task in (questions.buffered, questions.drawn)
        for version in _versions(server, task)
    ]


def _versions(server: LocalServer, task: Task) -> list[dict[str, Any]]:
    """As /v1/models tells them, the first one first."""
    found: list[dict[str, Any]] = server.json(f"/v1/models/{task.hash.hex()}")["versions"]
    return found[::-1]


def _rounds(server: LocalServer, task: Task) -> list[dict[str, Any]]:
    """As /v1/tasks tells them, the last one first."""
    found: list[dict[str, Any]] = server.json(f"/v1/tasks/{task.hash.hex()}/rounds")
    return found


def _journal(crowds_: Sequence[Lived]) -> dict[str, int]:
    """Over all devices and both tasks, after the last night."""
    return {
        "used_records": sum(one.used for one in crowds_),
        "used_records_left": sum(one.left for one in crowds_),
        "records": sum(one.kept for one in crowds_),
    }


def _tell(console: Console, summary: Mapping[str, Any], lived: Lived) -> None:
    table = Table(title=f"Links: {summary['source']}; {summary['agents']} devices, tokens on")
    for name, side in (
        ("algorithm", "left"),
        ("epsilon", "right"),
        ("version", "right"),
        ("reports", "right"),
        ("AUC", "right"),
    ):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for row in (one for one in summary["versions"] if one["state"] == "published"):
        epsilon = f"{summary['epsilon'][row['algorithm']]:g}"
        auc = f"{row['metric']:.3f} ± {row['stderr']:.3f}" if row["metric"] is not None else ""
        table.add_row(row["algorithm"], epsilon, str(row["version"]), str(row["reports"]), auc)
    console.print(table)
    size, meaning = lived.story
    refused = sum(one["state"] == "refused" for one in summary["versions"])
    journal = summary["journal"]
    leaks = ", ".join(summary["findings"]) or "no link, no page, no label of a person and no account was found"
    console.print(
        f"The gate refused {refused} versions. Draw and discard dropped {summary['dropped']} models: whoever is so late that "
        f"their instance was replaced returns one that lies too far from the others. So few reports teach 20 instances little: "
        f"what is shown of them passed the gate, and is partly luck.\n"
        f"{summary['uploads']:,} uploads, {summary['seconds']:.1f} s. One report is {size} bytes:\n  {meaning}\n"
        f"Journals: {journal['used_records']:,} records went with reports, which learn from {ROWS} labelled ones of {WINDOW}; "
        f"{journal['used_records_left']} of them are left; {journal['records']:,} others wait.\n"
        f"{summary['scanned_bytes']:,} bytes on the report path's server: {leaks}."
    )
