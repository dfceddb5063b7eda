"""The statistics demo: one real server, hundreds of real agents, five questions by four mechanisms, and what comes of them.

Each question is a task file of its app, with limits that fit a demo. The privacy noise is the operating system's and differs
each time; what people do follows `seed`.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console

from choral.apps.keyboard.downloads import newest
from choral.apps.keyboard.lexicon import KIND, found_words, lexicon_release
from choral.cli.demo.statistics_play import EVENTS, PREFIXES, WORDS, Group, Played, await_release, play, vocabulary
from choral.cli.demo.statistics_tables import histogram_table, lexicon_words_line, story_lines, words_table
from choral.cli.local.server import LocalServer, local_server, stay
from choral.cli.outputs import check_outputs, progress, write_json
from choral.cli.task.commands import DICTIONARIES, NAMES
from choral.cli.task.file import compiled
from choral.device import SharedHttpTransport
from choral.engines import Processes
from choral.errors import ChoralError
from choral.learning.words import spelled
from choral.protocol import Release, Signed, Task, decode
from choral.protocol.task import CHANCE_UNIT
from choral.server.keys import SERVER, SHUFFLER

WORKERS = 2
DELAY = timedelta(minutes=30)
POLL_SECONDS = 0.5
RELEASE_SECONDS = 120
FILES = {  # signal -> app and task file
    "browser.memory": ("browser", "memory-apple.toml"),
    "browser.energy": ("browser", "energy.toml"),
    "health.types": ("health", "types.toml"),
    WORDS: ("keyboard", "words-apple.toml"),
    PREFIXES: ("keyboard", "words.toml"),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How large the demo is. chance: of a device to answer a round of the tree."""

    agents: int
    days: int
    chance: float

    @property
    def tree_goal(self) -> int:
        """Reports that each round of the tree surely gets: five standard deviations below what is expected."""
        expected = self.agents * self.chance
        return max(1, int(expected - 5 * (expected * (1 - self.chance)) ** 0.5))


def run(*, size: Size, seed: int, once: bool, json_file: Path | None) -> None:
    """Play the week and the rounds, print what was learnt, write `json_file`; then stop, or keep the dashboard up."""
    check_outputs(json_file)
    console, started = Console(), time.perf_counter()
    with local_server() as server:
        tasks = _ask(size, server)
        played = _play(_groups(size, seed, tasks, server), tasks, server)
        results = [_result(task, _truth(played, signal), server) for signal, task in tasks.items()]
        lexicon = _give_back(results, server)
        uploads, seconds = sum(one.uploads for one in played), time.perf_counter() - started
        write_json(json_file, {"releases": results, "lexicon": lexicon, "uploads": uploads, "seconds": seconds})
        for result in results:
            console.print(words_table(result) if "found" in result else histogram_table(result))
        console.print(lexicon_words_line(lexicon), highlight=False)
        console.print(story_lines(played[0], uploads, seconds), highlight=False)
        console.print(f"Dashboard: {server.url}/", highlight=False)
        if not once:
            stay(console)


def _ask(size: Size, server: LocalServer) -> dict[str, Task]:
    """Publish the five questions, with the dictionaries that they count by."""
    begin = datetime.now(UTC).replace(microsecond=0) - size.days * timedelta(days=1) + timedelta(hours=1)
    keys = {"server_key": server.keys.public(SERVER), "shuffler_key": server.keys.public(SHUFFLER)}
    tasks = {}
    for signal, (app, name) in FILES.items():
        text = (files(f"choral.apps.{app}") / "tasks" / name).read_text(encoding="utf-8")
        draft = compiled(text, name=name, names=NAMES, dictionaries=DICTIONARIES)
        if draft.dictionary:
            server.publish(DICTIONARIES[draft.dictionary]())
        tasks[signal] = _resized(draft.task(start=begin, **keys), size)
        server.publish(tasks[signal])
    return tasks


def _resized(task: Task, size: Size) -> Task:
    """The task with limits that fit the demo: everything about privacy but the number of reports stays as the file says."""
    is_tree = task.terms.signal == PREFIXES
    goal = size.tree_goal if is_tree else EVENTS[task.terms.signal] * size.agents * size.days
    for_life = len(_rounds(task)) if is_tree else EVENTS[task.terms.signal] * size.days
    return replace(
        task,
        terms=replace(task.terms, minimum=goal, reports_for_life=for_life),
        rule=replace(task.rule, minimum=goal, goal=goal, least_seconds=1),  # a day passes in seconds
        chance=round(size.chance * CHANCE_UNIT) if is_tree else task.chance,
        delay_seconds=int(DELAY.total_seconds()),
        reviewer="demo",
    )


def _rounds(task: Task) -> bytes:
    rounds = task.algorithm.parameters["rounds"]
    return rounds if isinstance(rounds, bytes) else b""


def _groups(size: Size, seed: int, tasks: dict[str, Task], server: LocalServer) -> list[Group]:
    each = -(-size.agents // WORKERS)
    tree = tasks[PREFIXES]
    return [
        Group(
            first=first,
            count=min(each, size.agents - first),
            days=size.days,
            seed=seed,
            url=server.url,
            operator=server.keys.operator_key().public_key().public_bytes_raw(),
            begin=datetime.fromtimestamp(tree.start, UTC),
            delay=DELAY,
            tree=tree.hash,
            rounds=len(_rounds(tree)),
        )
        for first in range(0, size.agents, each)
    ]


def _play(groups: Sequence[Group], tasks: dict[str, Task], server: LocalServer) -> list[Played]:
    """Let all devices live; the bar shows the reports that the server has accepted."""
    goals = sum(task.rule.goal * (groups[0].rounds if name == PREFIXES else 1) for name, task in tasks.items())
    with ThreadPoolExecutor(1) as pool, progress(goals, "reports") as done:
        playing: Future[list[Played]] = pool.submit(lambda: list(Processes(WORKERS).map(play, groups)))
        seen = 0
        while not playing.done():
            time.sleep(POLL_SECONDS)
            now = min(goals, sum(task["accepted_total"] for task in server.json("/v1/tasks")))
            done(now - seen)
            seen = now
        played = playing.result()
    _await_releases(tasks, groups[0].rounds, server)
    return played


def _await_releases(tasks: dict[str, Task], rounds: int, server: LocalServer) -> None:
    for signal, task in tasks.items():
        await_release(server.url, task.hash, rounds - 1 if signal == PREFIXES else 0)


def _truth(played: Sequence[Played], signal: str) -> Counter[str]:
    return sum((one.truth.get(signal, Counter()) for one in played), Counter())


def _result(task: Task, truth: Counter[str], server: LocalServer) -> dict[str, Any]:
    """A task's last release beside the truth."""
    rows = [row for row in server.json("/v1/releases") if row["task"] == task.hash.hex()]
    row = max(rows, key=lambda one: int(one["round"]))
    full = server.unpublished(row["hash"])
    local, shuffled = full.guarantees[0], full.guarantees[1]
    about = {
        "task": row["task"],
        "signal": task.terms.signal,
        "mechanism": task.mechanism.name,
        "algorithm": task.algorithm.name,
        "epsilon": local.epsilon,
        "epsilon_shuffled": shuffled.epsilon,
        "shuffled_unit": shuffled.unit,
        "delta": shuffled.delta,
        "reports": sum(int(one["reports"]) for one in rows),
        "rounds": [int(one["reports"]) for one in reversed(rows)],
    }
    if row["kind"] == "histogram":
        return {**about, "items": _items(task, full, truth)}
    return {**about, "release": row["hash"], "found": _found(task, _public(server, row["hash"]), truth)}


def _items(task: Task, full: Release, truth: Counter[str]) -> list[dict[str, Any]]:
    """The whole dictionary: a demo may, a server could not."""
    names = _names(task)
    columns = zip(names, full.arrays["estimate"], full.arrays["stderr"], full.arrays["released"], strict=True)
    return [
        {"item": item, "estimate": float(value), "stderr": float(error), "truth": truth[item], "released": bool(shown)}
        for item, value, error, shown in columns
    ]


def _found(task: Task, release: Release, truth: Counter[str]) -> list[dict[str, Any]]:
    """The released words; a puzzle's are cut, and so is its truth."""
    length = task.algorithm.parameters.get("length", 14)
    cut = Counter[str]()
    for word, count in truth.items():
        cut[word[: int(length)]] += count
    arrays = release.arrays
    columns = zip(spelled(arrays["word"]), arrays["estimate"], arrays["stderr"], strict=True)
    return [
        {"word": word, "estimate": float(value), "stderr": float(error), "truth": cut[word]} for word, value, error in columns
    ]


def _names(task: Task) -> list[str]:
    wanted = task.algorithm.parameters["dictionary"]
    makers: list[Callable[[], Release]] = list(DICTIONARIES.values())
    release = next(one for one in (make() for make in makers) if one.hash == wanted)
    return release.arrays["names"].tobytes().decode().split("\n")


def _public(server: LocalServer, hash_: str) -> Release:
    """A release as everyone can download it."""
    return decode(decode(server.client.get(f"/v1/releases/{hash_}.bin").content, Signed).body, Release)


def _give_back(results: Sequence[dict[str, Any]], server: LocalServer) -> dict[str, Any]:
    """Make the tree's words public (a puzzle's are cut), let a device download them, and see which of them it still reports."""
    found = [_public(server, result["release"]) for result in results if result["signal"] == PREFIXES]
    words = found_words(found)
    release = lexicon_release(words, version=1, created=int(time.time()))
    server.publish(release)
    operator = server.keys.operator_key().public_key().public_bytes_raw()
    with SharedHttpTransport(server.url, 1) as transport:
        downloaded = newest(transport.fetch, kind=KIND, keys=[operator])
    if downloaded is None:
        raise ChoralError("the lexicon that was just published cannot be downloaded; look at the server's log")
    knowing = vocabulary().with_lexicon(downloaded)
    return {
        "hash": downloaded.hash.hex(),
        "words": list(words),
        "reported_before": sum(vocabulary().news(word) is not None for word in words),
        "reported_after": sum(knowing.news(word) is not None for word in words),
    }
