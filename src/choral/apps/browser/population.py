"""Who visits what, for studies: real shares of real sites. Study half: devices never import it."""

import csv
from functools import lru_cache
from importlib.resources import files

import numpy as np

from choral.simulation.population import Floats


@lru_cache(maxsize=1)
def shares() -> Floats:
    """Each listed domain's share of all visits, float64[1252], summing to 1. That heavy pages follow visits is a model."""
    lines = (files("choral.apps.browser") / "data" / "domains.csv").read_text(encoding="utf-8").splitlines()
    found = np.array([float(row["share"]) for row in csv.DictReader(lines)])
    return np.asarray(found / found.sum())
