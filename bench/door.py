"""What the guarded door costs: a turn with all shipped tasks, opening a check-out, and a withdrawal in the midst of computing.

    python bench/door.py                                  this build
    python bench/door.py --beside PATH/TO/OTHER/src       another build's sources too, in turn, with ratios of the medians

Each run is a process of its own. CPU is the process's own time for 14 daily turns, each with fresh check-outs; a check-out is
opened as a device does when it comes; withdrawals are timed from call to commit on an SQLite store while another thread
computes the largest task that is let in.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

RUNS, DAYS, WITHDRAWALS = 5, 14, 100
START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = 86_400


def tasks(keys):
    """Every task that the house ships or makes, by the app's own hand."""
    import choral
    from choral.apps.companion.device import tasks as companion
    from choral.apps.phishing.device import tasks as phishing
    from choral.apps.phishing.device.records import WIDE_LINKS
    from choral.apps.stickers.device import tasks as stickers
    from choral.cli.task.commands import draft

    for file in sorted(Path(choral.__file__).parent.glob("apps/*/tasks/*.toml")):
        if file.stem.endswith("-apple"):
            continue  # the same question by another mechanism: before, both were one consent, and one of the two was refused
        yield draft(file).task(start=START, **keys)
    span = {"start": START, "expires": START + timedelta(days=180), **keys}
    yield stickers.rank_task(stickers.Desk(**span))
    yield stickers.choice_task(stickers.Desk(**span))
    yield companion.ratings_task(companion.Desk(**span))
    yield phishing.buffered_task(phishing.Desk(**span), silent=False)
    yield phishing.buffered_task(phishing.Desk(**span), signal=WIDE_LINKS, silent=False)
    yield phishing.drawn_task(phishing.Desk(**span), version_seconds=DAY, silent=False)


def signals():
    """Of all apps."""
    from choral.apps import browser, health
    from choral.apps.companion.device.signals import companion_signals
    from choral.apps.keyboard import events, lexicon, words
    from choral.apps.phishing.device.records import signals as phishing_signals
    from choral.apps.stickers.device.events import signals as sticker_signals

    def choices(chosen):
        rows = max(1, len(chosen))
        shape = {"personal": (rows, 10), "items": (rows, 10, 15), "offset": (rows, 10), "shown": (rows, 10)}
        zeros = {name: np.zeros(size) for name, size in shape.items()}
        return {**zeros, "chosen": np.zeros(rows, np.int64), "weight": np.zeros(rows)}

    return (
        *events.signals(["ja"]),
        *words.word_signals(lexicon.shipped_words()),
        *browser.signals(),
        *health.signals(),
        *companion_signals(),
        *phishing_signals(lambda _: None),
        *sticker_signals(choices),
    )


class Server:
    """Signs check-outs of the day, in either build's way."""

    def __init__(self):
        self.operator, self.server = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        shuffler = X25519PrivateKey.generate().public_key().public_bytes_raw()
        self.keys = {"shuffler_key": shuffler, "server_key": self.server.public_key().public_bytes_raw()}
        self.tasks, self.day = list(tasks(self.keys)), 0

    def signed(self, task):
        """The task's check-out of this day, signed, and the same before it was."""
        from choral.learning import ALGORITHMS
        from choral.numerics import SeededEntropy
        from choral.protocol import Checkout, sign

        algorithm = task.algorithm.build(ALGORITHMS)
        params = dict(algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(2)))
        second, rule = int(START.timestamp()) + self.day * DAY, task.rule
        round_ = (second - task.start) // rule.round_seconds if rule.advance == "time" else self.day
        begin = task.start + round_ * rule.round_seconds if rule.advance == "time" else second
        until = min(task.expires, begin + rule.round_seconds)
        made = Checkout(sign(task, self.operator), round_, task.chance, begin, until, params)
        return sign(made, self.server), made

    def prepare(self):
        """The answers of this day, made before the clock runs."""
        from choral.protocol import Bundle, encode, sign

        found = [(task, *self.signed(task)) for task in self.tasks]
        names = {task.terms.signal for task in self.tasks}
        self.answers = {
            f"/v1/checkouts/{name}": encode(Bundle(tuple(signed for task, signed, _ in found if task.terms.signal == name)))
            for name in names
        }
        try:
            from choral.protocol import Opening, Openings, question_of
        except ImportError:
            return
        openings = []
        for task, _, made in found:
            drawn = task.algorithm.name.startswith("draw")
            said = (bytes(32), dict(made.params)) if drawn else (question_of(made.params), {})
            openings.append(Opening(task.hash, made.round, made.chance, made.issued, made.valid_until, *said))
        self.answers["/v1/openings"] = encode(Openings(tuple(sign(one, self.server) for one in openings)))

    def fetch(self, path):
        """What lies at the path."""
        from choral.errors import PeerError

        if unquote(path) not in self.answers:
            raise PeerError("unknown-task", "none")
        return self.answers[unquote(path)]

    def send(self, report, token=b""):
        """Takes every report."""


def agent_of(server, store, doors=None):
    """An agent whose person allows everything."""
    from choral.device import Agent, Budget
    from choral.learning import ALGORITHMS
    from choral.mechanisms import MECHANISMS
    from choral.numerics import SystemEntropy

    return Agent(
        store=store,
        signals=doors or signals(),
        names={**MECHANISMS, **ALGORITHMS},
        operators={server.operator.public_key().public_bytes_raw()},
        transport=server,
        entropy=SystemEntropy(),
        budget=Budget.nats(day=10_000, year=10**6, life=10**6, trusts=("nobody", "shuffler", "sum")),
    )


def turn(folder):
    """Processor seconds of a turn, and milliseconds of opening a check-out: median and worst of all shipped ones."""
    from choral.device import Conditions
    from choral.device.checkouts import CheckoutBook
    from choral.protocol import Bundle, decode
    from choral.storage.device_sqlite import SqliteDeviceStore

    server = Server()
    server.prepare()
    agent, ready = agent_of(server, SqliteDeviceStore(Path(folder) / "turn", bytes(32))), Conditions(True, True, True)
    agent.refresh(START)
    for offer in agent.offers():
        agent.agree(offer.terms_hash, START)
    spent, contributed = [], []
    for day in range(DAYS):
        server.day = day
        server.prepare()
        now, before = START + timedelta(days=day, hours=1), time.process_time()
        steps = agent.tick(now, ready)
        spent.append(time.process_time() - before)
        contributed.append(sum(step.kind == "contributed" for step in steps))
    opened, by_name = [], {one.name: one for one in agent.signals}
    for path, data in server.answers.items():
        if path.startswith("/v1/checkouts/"):
            signal = by_name[path.removeprefix("/v1/checkouts/")]
            for item in decode(data, Bundle).items:
                for _ in range(20):
                    book = CheckoutBook(names=agent.names, operators=agent.operators)
                    begin = time.perf_counter()
                    book._open(item, signal)  # noqa: SLF001
                    opened.append(1000 * (time.perf_counter() - begin))
    return {
        "tasks": len(server.tasks),
        "contributed": statistics.median(contributed),
        "turn_cpu_ms": 1000 * statistics.median(spent[1:]),
        "open_ms": statistics.median(opened),
        "open_worst_ms": max(opened),
    }


def withdrawals(folder):
    """Milliseconds from call to commit while the largest task that is let in computes; median and worst."""
    from choral.apps.companion.device.signals import RATED
    from choral.device import Conditions, Event, Signal
    from choral.learning import FederatedAveraging
    from choral.mechanisms.priv_unit import PrivUnit
    from choral.privacy import micro
    from choral.protocol import Spec, Task
    from choral.storage.device_sqlite import SqliteDeviceStore

    server = Server()
    base: Task = next(task for task in server.tasks if task.terms.signal == "stickers.choice")
    rows, width = 500, 2000
    mechanism = PrivUnit.for_epsilon(4.0, width + 1, clip_norm=1.0)
    learner = FederatedAveraging(model="logistic/1", shape=str(width), epochs=60, batch=50)
    terms = replace(
        base.terms, signal="large", price_micro=micro(mechanism.epsilon), reports_for_life=1000, reports_per_day=1000
    )
    terms = getattr(terms, "unbound", terms)
    task = replace(base, terms=terms, mechanism=Spec.of(mechanism), algorithm=Spec.of(learner))
    server.tasks = [task, next(one for one in server.tasks if one.terms.signal == "health.types")]
    server.prepare()
    began = threading.Event()

    def examples(events):
        if events:
            began.set()
        inputs = np.ones((rows if events else 1, width))
        return {"inputs": inputs, "label": np.ones(len(inputs)), "weight": np.full(len(inputs), float(bool(events)))}

    large = Signal("large", frozenset({RATED}), examples, rows, immediate=False)
    health = next(one for one in signals() if one.name == "health.types")
    path, ready = Path(folder) / "withdraw", Conditions(True, True, True)
    device = agent_of(server, SqliteDeviceStore(path, bytes(32)), (large,))
    other = agent_of(server, SqliteDeviceStore(path, bytes(32)), (health,))
    taken, busy, alone = [], 0, 0.0
    for one in (device, other):
        one.refresh(START)
        for offer in one.offers():
            one.agree(offer.terms_hash, START)
    for number in range(WITHDRAWALS):
        server.day = number % 150 + 1
        server.prepare()
        now = START + timedelta(days=server.day)
        device.refresh(now)
        device.record(Event(RATED, now, {"n": number}), now)
        name = other.offers()[0].terms_hash
        began.clear()
        thread = threading.Thread(target=lambda now=now: device.tick(now, ready))
        begin = time.perf_counter()
        thread.start()
        began.wait(30)
        asked = time.perf_counter()
        other.withdraw(name)
        taken.append(1000 * (time.perf_counter() - asked))
        busy += thread.is_alive()
        thread.join()
        alone = max(alone, time.perf_counter() - begin)
        other.agree(name, now)
    return {
        "withdraw_ms": statistics.median(taken),
        "withdraw_worst_ms": max(taken),
        "computing_meanwhile": busy,
        "longest_turn_s": alone,
    }


def measure(source):
    """One run of a build, in a process of its own."""
    path = os.pathsep.join((str(source), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, __file__, "--run"], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{source} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def main():
    """Print medians, and ratios where there are two builds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, help="sources of another build")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps({**turn(folder), **withdrawals(folder)}))
        return
    builds = {"this": Path(__file__).parent.parent / "src", **({"beside": asked.beside} if asked.beside else {})}
    found = {name: [] for name in builds}
    for number in range(asked.runs):
        for name, source in builds.items():
            print(f"run {number + 1} of {asked.runs}: {name}", file=sys.stderr)
            found[name].append(measure(source))
    middle = {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in found.items()}
    worst = {name: max(run["withdraw_worst_ms"] for run in runs) for name, runs in found.items()}
    for key in middle["this"]:
        ours, theirs = (middle.get(name, {}).get(key, 0.0) for name in ("this", "beside"))
        print(f"{key:22}{ours:10.3f}" + (f"  {theirs:10.3f}  ratio {ours / theirs:.3f}" if theirs else ""))
    print("worst withdrawal of all runs, ms: " + ", ".join(f"{name} {value:.1f}" for name, value in worst.items()))
    if asked.json:
        asked.json.write_text(json.dumps({"median": middle, "withdraw_worst_ms": worst, "runs": asked.runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
