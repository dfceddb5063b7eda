"""The clients of `choral bench federated`, made with numpy alone, for programs that are installed without choral."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

CLIENTS, COHORT, LEAST, MOST, BATCH, RATE, CLIP = 2000, 100, 20, 50, 10, 0.1, 1.0
FEATURES = {"logistic": 1000, "perceptron": 64}
HIDDEN = 32


def client(name: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs float32[n, features] and labels float32[n] of one client, the same whenever it is asked for."""
    features = FEATURES[name]
    hidden = np.random.default_rng(0).standard_normal(features, np.float32) * np.float32(2 / features**0.5)
    rng = np.random.default_rng([1, number])
    inputs = rng.standard_normal((int(rng.integers(LEAST, MOST + 1)), features), np.float32)
    return inputs, (inputs @ hidden + rng.standard_normal(len(inputs)) > 0).astype(np.float32)


def arguments() -> argparse.Namespace:
    """Which workload, how many rounds are timed, where the figures go."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", choices=tuple(FEATURES), default="logistic")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def report(given: argparse.Namespace, peer: str, *, rounds: Callable[[int], object]) -> None:
    """Time `given.rounds` rounds after one that warms up; print and write clients a second and the peak of memory."""
    rounds(1)
    started = time.perf_counter()
    rounds(given.rounds)
    seconds = time.perf_counter() - started
    figures = {
        "peer": peer,
        "workload": given.workload,
        "clients_per_second": round(given.rounds * COHORT / seconds, 1),
        "peak_memory_mb": round(_peak_bytes() / 1e6, 1),
        "rounds": given.rounds,
    }
    print(json.dumps(figures))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _peak_bytes() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])
