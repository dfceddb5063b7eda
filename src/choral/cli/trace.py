"""`choral trace`: one event through the whole path, every value beside the function that made it.

The production code runs as it is; a profiler's hook tells when one of the watched functions returns. Keys, times and
random words are written down here, so that the output is the same on every machine, but for seals, whose keys the
operating system draws anew: of them only sizes are shown.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import choral
from choral.apps.keyboard import signals, task, typed
from choral.cli.trace_words import WATCHED
from choral.device import Agent, Budget, Conditions, InProcessTransport
from choral.engines import Serial
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS, CountMeanSketch
from choral.numerics import ScriptedEntropy
from choral.privacy import micro
from choral.protocol import BatchRule, Spec, Task, sign
from choral.server import application, publish_task, release_once, shuffle_once
from choral.storage import MemoryDeviceStore, MemoryServerStore

NAMES = {**MECHANISMS, **ALGORITHMS}
NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
EMOJI = "🍙"
WORDS = 64
GOLDEN = 0x9E3779B97F4A7C15  # the script: multiples of it, modulo 2**64
PACKAGE = Path(choral.__file__).parent
Describe = Callable[[Mapping[str, Any], Any], str]

app = typer.Typer(help="One event through the whole path, value by value.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def trace() -> None:
    """One event through the whole path, value by value."""


@app.command()
def keyboard() -> None:
    """One emoji on a Japanese keyboard, from the keystroke to the signed release, with written-down randomness."""
    for line in keyboard_lines():
        print(line)


def keyboard_lines() -> Iterator[str]:
    """The lines of the trace."""
    operator, server = (Ed25519PrivateKey.from_private_bytes(_secret(name)) for name in ("operator", "server"))
    shuffler = X25519PrivateKey.from_private_bytes(_secret("shuffler"))
    question = _question(server.public_key().public_bytes_raw(), shuffler.public_key().public_bytes_raw())
    store, operators, lines = MemoryServerStore(), frozenset({operator.public_key().public_bytes_raw()}), list[str]()
    signed, yesterday = sign(question, operator), NOW - timedelta(1)
    publish_task(store, signed, operators=operators, names=NAMES, server_key=question.server_key, now=yesterday)
    face = application(
        store,
        server_key=server,
        operators=operators,
        operator_token="",
        names=NAMES,
        clock=lambda: NOW,
        entropy=_script(),
    )
    with InProcessTransport(face) as transport, _watching(lines):
        _on_the_device(transport, operators, lines)
        lines.append("At the server: shuffle")
        shuffle_once(store, shuffler, names=NAMES, entropy=_script(), now=NOW)
        lines.append("At the server: release")
        release_once(store, server, names=NAMES, engine=Serial(), entropy=_script(), now=NOW)
    return iter(_numbered(lines))


def _on_the_device(transport: InProcessTransport, operators: Collection[bytes], lines: list[str]) -> None:
    """Agree, type, contribute at night, and send when the random time has come."""
    agent = Agent(
        store=MemoryDeviceStore(),
        signals=signals(["ja"]),
        names=NAMES,
        operators=operators,
        transport=transport,
        entropy=_script(),
        budget=Budget.nats(day=4, year=28, life=28),
    )
    lines.append("On the device: a check-out comes, and the person agrees to its Terms")
    agent.refresh(NOW)
    agent.agree(agent.offers()[0].terms_hash, NOW)
    lines.append("On the device: an emoji is typed")
    agent.record(typed("ja", EMOJI, NOW), NOW)
    lines.append("On the device: at night, idle and charging")
    agent.tick(NOW + timedelta(hours=14), Conditions(idle=True, charging=True, unmetered=True))
    lines.append("On the device, then at the server: the report leaves at its random time")
    due = datetime.fromtimestamp(agent.waiting()[0].due, UTC)
    agent.tick(due, Conditions(idle=False, charging=False, unmetered=False))


def _question(server_key: bytes, shuffler_key: bytes) -> Task:
    """The keyboard's task with a sketch small enough to be read, and a batch of one, which trust `nobody` allows."""
    whole = task(
        "ja",
        start=NOW - timedelta(hours=9),
        expires=NOW + timedelta(days=30),
        minimum=1,
        goal=1,
        shuffler_key=shuffler_key,
        server_key=server_key,
        reviewer="trace",
    )
    domain = int(whole.mechanism.parameters["domain"])
    sketch = CountMeanSketch.for_epsilon(4.0, domain, seed=_secret("hashes"), width=16, rows=4)
    return replace(
        whole,
        terms=replace(whole.terms, price_micro=micro(sketch.epsilon)),
        mechanism=Spec.of(sketch),
        rule=BatchRule(1, 1, rounds_open=2, round_seconds=7 * 86_400, advance="time"),
    )


@contextmanager
def _watching(lines: list[str]) -> Iterator[None]:
    """Append a line for each return of a watched function, while the context lasts."""
    codes = {_code(function): (function, describe) for function, describe in WATCHED}

    def hook(frame: FrameType, event: str, result: Any) -> None:
        if event == "return" and frame.f_code in codes:
            function, describe = codes[frame.f_code]
            if text := describe(frame.f_locals, result):
                lines.append(f"{_place(function)}\t{text}")

    sys.setprofile(hook)
    try:
        yield
    finally:
        sys.setprofile(None)


def _code(function: Any) -> CodeType:
    return inspect.unwrap(function).__code__  # type: ignore[no-any-return]


def _place(function: Any) -> str:
    plain = inspect.unwrap(function)
    return f"{Path(inspect.getfile(plain)).relative_to(PACKAGE)}:{plain.__qualname__}"


def _numbered(lines: list[str]) -> Iterator[str]:
    number = 0
    for line in lines:
        place, _, text = line.partition("\t")
        if not text:
            yield f"\n{line}\n"
            continue
        number += 1
        yield f"{number:3} {place}"
        yield from (f"      {part}" for part in text.split("\n"))


def _script() -> ScriptedEntropy:
    return ScriptedEntropy([(turn * GOLDEN) % 2**64 for turn in range(1, WORDS + 1)])


def _secret(name: str) -> bytes:
    """A key that everyone knows, for this trace only."""
    return hashlib.sha256(b"choral/trace/" + name.encode()).digest()
