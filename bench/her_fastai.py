"""fastai's collaborative filter on the ratings that `choral experiment her --export FOLDER` writes; run it where fastai is.

python bench/her_fastai.py FOLDER OUT.json, in an environment of its own: fastai is no dependency of ours.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from fastai.callback.schedule import Learner  # noqa: F401  # adds fit_one_cycle
from fastai.collab import CollabDataLoaders, TabularCollab, collab_learner
from fastai.tabular.all import Categorify, TransformBlock, set_seed

EPOCHS, FACTORS, RATE, DECAY, BATCH = 50, 50, 5e-3, 0.1, 64  # what fastai's own tutorial uses


def main(folder: Path, out: Path) -> None:
    """One entry for each number of people."""
    found = {path.stem.removeprefix("her_"): trained(np.load(path)) for path in sorted(folder.glob("her_*.npz"))}
    out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def trained(data: dict) -> dict:
    """Errors after each epoch, as the experiment's page reads them."""
    set_seed(1)
    columns = {"user": data["person"], "item": data["item"], "rating": data["mood"].astype("float32")}
    split = [list(np.flatnonzero(data["validates"] == held)) for held in (False, True)]
    table = TabularCollab(
        pd.DataFrame(columns), [Categorify], ["user", "item"], y_names=["rating"], y_block=TransformBlock(), splits=split
    )
    loaders = table.dataloaders(path=".", bs=BATCH)
    loaders.__class__ = CollabDataLoaders
    learner = collab_learner(loaders, n_factors=FACTORS, y_range=(0, 1.0))
    started = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(EPOCHS, RATE, wd=DECAY)
    seconds = time.perf_counter() - started
    train, validation = ([float(row[place]) for row in learner.recorder.values] for place in (0, 1))
    return {
        "train_mse": train[-1],
        "validation_mse": validation[-1],
        "seconds_per_epoch": seconds / EPOCHS,
        "seconds": seconds,
        "curves": {"train": train, "validation": validation},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
