"""FasterPAM's medoids of the hours that `choral experiment her --export FOLDER` writes; run it where `kmedoids` is.

python bench/her_fasterpam.py FOLDER OUT.json, in an environment of its own: kmedoids is no dependency of ours. It holds all
distances at once, 24,000 x 24,000 of four bytes.
"""

import json
import sys
import time
from pathlib import Path

import kmedoids
import numpy as np

CLUSTERS, SEEDS, BLOCK = 100, (1, 2), 500


def main(folder: Path, out: Path) -> None:
    """One entry for each number of people: the better of two seeds, and the mean of their seconds."""
    found = {path.stem.removeprefix("her_"): clustered(np.load(path)["hours"]) for path in sorted(folder.glob("her_*.npz"))}
    out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def clustered(hours: np.ndarray) -> dict[str, float]:
    """hours: uint8[n, slots]. Mean share of slots in which an hour differs from its medoid; distances are not timed."""
    count, slots = hours.shape
    far = np.empty((count, count), np.int32)
    for start in range(0, count, BLOCK):
        far[start : start + BLOCK] = (hours[start : start + BLOCK, None, :] != hours[None, :, :]).sum(axis=2)
    started = time.perf_counter()
    losses = [kmedoids.fasterpam(far, CLUSTERS, init="random", random_state=seed).loss for seed in SEEDS]
    seconds = (time.perf_counter() - started) / len(SEEDS)
    return {"mean_distance": min(losses) / count / slots, "seconds": seconds}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
