"""Web domains as people visit them: the measured head, and a tail that follows the law of the head.

Knows a table of popularities. Leaves mechanisms to histogram.py. Real: the sites measured in one month. Modelled: all
others, whose popularity goes on falling as rank ** -exponent.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.csv

from choral.errors import UsageError
from choral.simulation.holders import Floats

SOURCE = "words/domains_whotracksme_popularity.csv"
FITTED_FROM, FITTED_TO = 10, 500  # ranks


@dataclass(frozen=True, slots=True, eq=False)
class Domains:
    """Visits by site, the most visited first.

    names: of the measured sites; shares: float64[size], of all visits, summing to 1; exponent: of the tail
    """

    month: str
    names: tuple[str, ...]
    shares: Floats
    exponent: float


def read_domains(folder: Path, size: int) -> Domains:
    """The last month of the table in `folder`, and a tail up to `size` sites; UsageError if there is no such table."""
    path = folder / SOURCE
    if not path.is_file():
        raise UsageError(f"there is no {path}; set CHORAL_DATA_DIR to the folder of the source data")
    rows = pyarrow.csv.read_csv(path).to_pylist()
    month = max(row["month"] for row in rows)
    sites = sorted((-row["popularity"], row["site"]) for row in rows if row["month"] == month and row["country"] == "global")
    head = -np.array([popularity for popularity, _ in sites])
    if not FITTED_FROM < len(head) <= size:
        raise UsageError(f"{len(head):,} sites were measured in {month}; ask for at least as many, not {size:,}")
    shares, exponent = extended(head, size)
    return Domains(month, tuple(site for _, site in sites), shares, exponent)


def extended(head: Floats, size: int) -> tuple[Floats, float]:
    """Shares float64[size] that sum to 1: the head's popularities, then rank ** -exponent on from its last; and the exponent.

    The exponent is the slope of log popularity against log rank, by least squares between FITTED_FROM and FITTED_TO: the
    ten largest sites lie above that law, and towards its end the list of measured sites has gaps.
    """
    fitted = slice(FITTED_FROM - 1, FITTED_TO)
    ranks = np.arange(1, len(head) + 1)[fitted]
    exponent = -float(np.polyfit(np.log(ranks), np.log(head[fitted]), 1)[0])
    tail = head[-1] * (np.arange(len(head) + 1, size + 1) / len(head)) ** -exponent
    whole = np.concatenate([head, tail])
    return whole / whole.sum(), exponent
