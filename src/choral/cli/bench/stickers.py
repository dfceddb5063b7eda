"""`choral bench stickers`: how long a phone takes from a key press to the order of the stickers, and for an update."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from choral.apps.stickers import shipped
from choral.apps.stickers.device.suggestion import CHOICES, SHOWN, Choice, Floats, Holdings
from choral.apps.stickers.device.tasks import HEADLINE
from choral.cli.outputs import check_outputs, write_json
from choral.numerics import SeededEntropy, SystemEntropy

TEXTS = (
    "おはよう",
    "thank you",
    "happy",
    "see you tomorrow at the station, thank you so much",
    "今日はありがとうございました",
    "xyz",
)
TURNS = 200
EPSILON = 4.0
LIMIT_MS = 5.0


def stickers(
    count: Annotated[int, typer.Option("--stickers", min=100, max=20_000, help="Stickers that the phone holds.")] = 10_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
) -> None:
    """Time from a key press to ten ranked stickers, and for one update of the headline model with its randomization."""
    check_outputs(json_file)
    holdings, head, begun = _holdings(count), _numbers(HEADLINE.size), time.perf_counter()
    _ = holdings.index
    summary = {
        "stickers": count,
        "index_ms": 1e3 * (time.perf_counter() - begun),
        **_timed("suggest", [_suggestion(holdings, head, text) for text in TEXTS]),
        **_timed("update", [_update(holdings, head)]),
        "limit_ms": LIMIT_MS,
    }
    write_json(json_file, summary)
    Console(highlight=False).print(
        f"{count:,} stickers: {summary['suggest_median_ms']:.2f} ms a key press (99 %: {summary['suggest_p99_ms']:.2f} ms, "
        f"allowed {LIMIT_MS:g}); keywords made ready once in {summary['index_ms']:.0f} ms; an update of "
        f"{HEADLINE.size} numbers, randomized, {summary['update_median_ms']:.1f} ms"
    )


def _holdings(count: int) -> Holdings:
    """The shipped stickers over and over, each with an id and features of its own."""
    known = shipped().stickers
    features = _numbers(count * (HEADLINE.item - 1)).reshape(count, -1)
    return Holdings(
        np.arange(count),
        tuple(known[row % len(known)].keywords for row in range(count)),
        features / np.linalg.norm(features, axis=1, keepdims=True),
        _numbers(count),
        _numbers(HEADLINE.personal - 1),
    )


def _numbers(count: int) -> Floats:
    numbers: Floats = SeededEntropy(1).words(1, count)[0].astype(np.float64) / 2.0**63 - 1
    return numbers


def _suggestion(holdings: Holdings, head: Floats, text: str) -> Callable[[], object]:
    return lambda: holdings.suggested(text, head, {17: 3})


def _update(holdings: Holdings, head: Floats) -> Callable[[], object]:
    choices = [Choice(tuple(range(start, start + SHOWN)), start % SHOWN) for start in range(CHOICES)]
    algorithm, mechanism, entropy = HEADLINE.algorithm(), HEADLINE.mechanism(EPSILON), SystemEntropy()
    params = {"params": head.astype(np.float32)}
    return lambda: mechanism.randomize(algorithm.contribute(params, holdings.examples(choices)), entropy)


def _timed(name: str, acts: list[Callable[[], object]]) -> dict[str, float]:
    """Median and 99 % of the times of one act, in ms, over all acts."""
    spans = []
    for turn in range(TURNS):
        act = acts[turn % len(acts)]
        begin = time.perf_counter()
        act()
        spans.append(1e3 * (time.perf_counter() - begin))
    return {f"{name}_median_ms": float(np.median(spans)), f"{name}_p99_ms": float(np.quantile(spans, 0.99))}
