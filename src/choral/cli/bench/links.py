"""`choral bench links`: how long a device takes to judge a link, and a page of 20 kB, and to make an update of its records."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from choral.apps.phishing.device.context import Context
from choral.apps.phishing.device.detector import Detector, Verdict, shipped_detector
from choral.apps.phishing.device.features import constants, look
from choral.apps.phishing.device.records import ROWS, examples_of, received
from choral.apps.phishing.device.tasks import Desk, buffered_task
from choral.cli.outputs import check_outputs, write_json
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SystemEntropy

PAGE_BYTES = 20_000
LIMIT_MS = {"link": 1.0, "page": 3.0, "update": 50.0}
WHEN = datetime(2026, 6, 1, 12, tzinfo=UTC)
HERE = Context("en", "GB", WHEN)
ITEM = (
    "<div class='item item-{0}'><p>Some words about a thing that is sold here, number {0}</p>"
    "<a href='https://shop.example.net/item/{0}'>more</a><img src='https://img.example.org/{0}.png' alt=''></div>"
)


def links(
    turns: Annotated[int, typer.Option(min=10, max=100_000, help="Links and pages judged, each another one.")] = 400,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
) -> None:
    """Time from a link to its score and reasons, with and without a page of 20 kB, and for one randomized update."""
    check_outputs(json_file)
    detector, page = shipped_detector(), _page()
    addresses = [f"https://www.some-shop-{turn}.example.com/account/login?id={turn}&next=home" for turn in range(turns)]
    summary: dict[str, float] = {
        "page_bytes": len(page),
        **_timed("link", [partial(_judged, detector, one, None) for one in addresses]),
        **_timed("page", [partial(_judged, detector, one, page) for one in addresses]),
        **_timed("update", [_update(addresses[:ROWS], page)] * min(turns, 100)),
        **{f"{name}_limit_ms": limit for name, limit in LIMIT_MS.items()},
    }
    write_json(json_file, summary)
    words = {"link": "a link", "page": f"a page of {len(page):,} bytes", "update": f"an update of {ROWS} records"}
    for name, what in words.items():
        median, tail = summary[f"{name}_median_ms"], summary[f"{name}_p99_ms"]
        text = f"{what}: {median:.2f} ms (99 %: {tail:.2f} ms; allowed {LIMIT_MS[name]:g})"
        Console(highlight=False, soft_wrap=True).print(text, markup=False)


def _judged(detector: Detector, link: str, page: bytes | None) -> Verdict:
    return detector.judge(look(link, page, HERE))


def _page() -> bytes:
    head = "<!doctype html><html lang='en'><head><title>Shop</title><link rel='stylesheet' href='/a.css'></head><body>"
    foot = "<form action='/buy'><input type='password' name='p'></form></body></html>"
    items = (PAGE_BYTES - len(head) - len(foot)) // len(ITEM.format(100))
    return (head + "".join(map(ITEM.format, range(100, 100 + items))) + foot).ljust(PAGE_BYTES).encode()


def _update(addresses: list[str], page: bytes) -> Callable[[], object]:
    """From records in the journal to a payload, as an agent makes it."""
    task = buffered_task(Desk(WHEN, WHEN + timedelta(days=1), bytes(32), bytes(32)))
    algorithm, mechanism = task.algorithm.build(ALGORITHMS), task.mechanism.build(MECHANISMS)
    layout, entropy = constants().public, SystemEntropy()
    events = [received(look(one, page, HERE), WHEN) for one in addresses]
    params = {"params": np.zeros(len(layout.names) + 1, np.float32)}

    def update() -> object:
        examples = examples_of(layout, events, [True, False, True, False, True], rows=ROWS)
        return mechanism.randomize(algorithm.contribute(params, examples), entropy)

    return update


def _timed(name: str, acts: list[Callable[[], object]]) -> dict[str, float]:
    """Median and 99 % of the acts' times, in ms; the first one, which loads what it needs, does not count."""
    spans = []
    for act in acts:
        begin = time.perf_counter()
        act()
        spans.append(1e3 * (time.perf_counter() - begin))
    return {f"{name}_median_ms": float(np.median(spans[1:])), f"{name}_p99_ms": float(np.quantile(spans[1:], 0.99))}
