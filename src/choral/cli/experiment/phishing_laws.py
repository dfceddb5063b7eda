"""The parts of `choral experiment phishing` beside its trials: the laws of k instances, rules tried, following a change."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from choral.apps.phishing.study.buffered import BUFFERS, CLIP, Reporters
from choral.apps.phishing.study.data import Links
from choral.apps.phishing.study.drawn import RULE, algorithm_for, learn_drawn, noisy
from choral.apps.phishing.study.drift import course
from choral.apps.phishing.study.ground import ground
from choral.apps.phishing.study.study import Setting, repeated
from choral.learning.draw_and_discard import gaussians
from choral.learning.draw_and_discard_kernels import Turns, walk
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SeededEntropy
from choral.numerics.discrete_laplace import DiscreteLaplace

INSTANCES = (5, 20, 50)
LATE = (0, 5, 20, 80)
WEIGHTS = 4
NOISE = DiscreteLaplace(1000)
STEP = 20_000.0  # of the study of late answers, 14 standard deviations of the noise
SEASONS = (1, 4, 8)
RATES, MEANS, CLIPS = (0.005, 0.01, 0.02), (0.5, 1.0, 2.0, 4.0), (1.0, 1.5, 2.0, 4.0)  # of rules that were tried


def spreads(updates: int, clock: Callable[[], float]) -> list[dict[str, Any]]:
    """Variance between k instances over its law, from instances spread by the law, with the error of 50 batches."""
    found = []
    for k in INSTANCES:
        started = clock()
        measured, means = walk(_start(k), _turns(updates, k))
        batches = measured[: updates // 50 * 50].reshape(50, -1).mean(axis=1) / (k * NOISE.variance / 2)
        walked = float((np.diff(means) ** 2).mean()) / (NOISE.variance / k) * WEIGHTS
        row = {
            "k": k,
            "over_law": float(batches.mean()),
            "error": float(batches.std(ddof=1) / 50**0.5),
            "walk_over_law": walked,
        }
        found.append({**row, "updates": updates, "seconds": round(clock() - started, 2)})
    return found


def lateness(updates: int, k: int = 20) -> list[dict[str, Any]]:
    """How far one step moves the mean when answers come late, and the law 1 / (k + late)."""
    found = []
    for late in LATE:
        _, means = walk(_start(k), _turns(updates, k), drift=STEP, late=late)
        moved = float(means[-1] - means[updates // 10]) / (updates - 1 - updates // 10) / STEP
        found.append({"k": k, "late": late, "moved": moved, "law": 1 / (k + late)})
    return found


def drifts(links: Links, devices: int, seed: int = 1, epsilon: float = 4.0) -> list[dict[str, Any]]:
    """AUC over time around a planted change, for one falling rate and for seasons."""
    base = ground(links, devices=devices, records=5, seed=seed, unit=False, public=min(1000, len(links.labels) // 5))
    mechanism = PrivUnit.for_epsilon(epsilon, base.size, clip_norm=CLIP)
    reporters = Reporters(mechanism, np.zeros(devices, np.bool_), np.zeros(base.size), seed)
    found = []
    for seasons in SEASONS:
        run = course(base, reporters, seasons=seasons, buffers=min(BUFFERS, devices))
        points = [[point.reports, point.auc] for point in run.points]
        found.append({"seasons": seasons, "change": run.change, "recovered_after": run.recovered_after, "points": points})
    return found


def rules(links: Links, devices: int, seeds: range, epsilon: float = 4.0) -> list[dict[str, Any]]:
    """AUC of draw and discard by rate, and where epsilon is per device by the limit of its mean, None else; one run a seed."""
    found = []
    for seed in seeds:
        base = ground(links, devices=devices, records=5, seed=seed, unit=True, public=min(1000, len(links.labels) // 5))
        honest: dict[str, Any] = {"hostile": np.zeros(devices, np.bool_), "push": np.zeros(base.size)}
        for rate, mean in product(RATES, (None, *MEANS)):
            rule, unit = replace(RULE, rate=rate, mean=mean or RULE.mean), "device" if mean else "feature"
            mechanism = noisy(epsilon, unit, size=base.size, records=5, rule=rule)
            algorithm = algorithm_for(base, mechanism, instances=20, unit=unit, rule=rule)
            learnt = learn_drawn(base, algorithm, mechanism, **honest, seed=seed, gated=False)
            found.append({"seed": seed, "rate": rate, "mean": mean, "auc": base.quality(learnt.params).auc})
    return found


def clips(links: Links, devices: int, seeds: range, repeats: int) -> list[dict[str, Any]]:
    """AUC of draw and discard at epsilon 4 per device by the limit of a row, a mean over so many draws of noise a seed."""
    found = []
    for seed, clip in product(seeds, CLIPS):
        usual = Setting(algorithm="draw-and-discard", devices=devices, gated=False, seed=seed, rule=replace(RULE, clip=clip))
        setting = replace(usual, public=min(usual.public, len(links.labels) // 5))
        runs = [quality.auc for quality, _ in repeated(links, setting, repeats)]
        found.append({"seed": seed, "clip": clip, "auc": sum(runs) / repeats})
    return found


def _start(k: int) -> Any:
    return gaussians(SeededEntropy(k), k, WEIGHTS) * (k * NOISE.variance / 2) ** 0.5


def _turns(updates: int, k: int) -> Turns:
    source = SeededEntropy(1000 + k)
    draw, discard = ((source.words(1, updates)[0] % np.uint64(k)).astype(np.int64) for _ in range(2))
    return Turns(draw, discard, NOISE.draw(updates, WEIGHTS, SeededEntropy(2000 + k)).astype(np.float64))
