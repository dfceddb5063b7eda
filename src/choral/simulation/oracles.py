"""The frequency oracles by their short names, with the parameters that suit a question.

Knows every oracle's constructor. Leaves errors, bits and what they mean to plan.py.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from choral.errors import UsageError
from choral.mechanisms import (
    CountMeanSketch,
    FrequencyOracle,
    HadamardCountMeanSketch,
    LocalHashing,
    ProjectiveGeometryResponse,
    RandomizedResponse,
    SubsetSelection,
    UnaryEncoding,
)

LEAST_EPSILON, MOST_EPSILON = 2**-10, 20.0
HASH_SEED = hashlib.sha256(b"choral/simulation/hash-family/1").digest()  # published: all sketches here share it
WIDTHS = tuple(2**power for power in range(5, 16))
ROWS = (1024, 8192, 65_536)
SHORTEST = 4  # letters of a class's name that tell it

Build = Callable[[float, int], FrequencyOracle]
Candidates = Callable[[float, int], Iterable[FrequencyOracle]]


@dataclass(frozen=True, slots=True)
class Oracle:
    """One kind of oracle: its class, how its authors set it, and which settings are worth comparing.

    scales: whether its error does not depend on the domain, so that settings may be compared on a smaller one
    """

    kind: type
    usual: Build
    candidates: Candidates
    scales: bool = False


def _cms(epsilon: float, domain: int) -> FrequencyOracle:
    return CountMeanSketch.for_epsilon(epsilon, domain, seed=HASH_SEED)


def _every_cms(epsilon: float, domain: int) -> Iterable[FrequencyOracle]:
    sizes = product(WIDTHS, ROWS)
    return (CountMeanSketch.for_epsilon(epsilon, domain, seed=HASH_SEED, width=width, rows=rows) for width, rows in sizes)


def _hcms(epsilon: float, domain: int) -> FrequencyOracle:
    return HadamardCountMeanSketch.for_epsilon(epsilon, domain, seed=HASH_SEED)


def _every_hcms(epsilon: float, domain: int) -> Iterable[FrequencyOracle]:
    sizes = product(WIDTHS, ROWS)
    return (
        HadamardCountMeanSketch.for_epsilon(epsilon, domain, seed=HASH_SEED, width=width, rows=rows) for width, rows in sizes
    )


def _set_by_itself(kind: type[Any]) -> Oracle:
    """An oracle whose constructor knows the best settings."""
    return Oracle(kind, kind.for_epsilon, lambda epsilon, domain: (kind.for_epsilon(epsilon, domain),))


ORACLES: Mapping[str, Oracle] = {
    "pgr": _set_by_itself(ProjectiveGeometryResponse),
    "ss": _set_by_itself(SubsetSelection),
    "ue": _set_by_itself(UnaryEncoding),
    "lh": _set_by_itself(LocalHashing),
    "cms": Oracle(CountMeanSketch, _cms, _every_cms, scales=True),
    "hcms": Oracle(HadamardCountMeanSketch, _hcms, _every_hcms, scales=True),
    "rr": _set_by_itself(RandomizedResponse),
}


def oracle_name(name: str) -> str:
    """The short name of `name`, which may begin a class's name too; UsageError for an unknown one.

    >>> oracle_name("count-mean-sketch"), oracle_name("RR")
    ('cms', 'rr')
    """
    plain = name.lower().replace("-", "").replace("_", "")
    for short, oracle in ORACLES.items():
        if plain == short or (len(plain) >= SHORTEST and oracle.kind.__name__.lower().startswith(plain)):
            return short
    raise UsageError(f"there is no mechanism {name!r}; choose one of {', '.join(ORACLES)}")


def check_question(epsilon: float, domain: int) -> None:
    """UsageError for a price or a dictionary that no oracle takes."""
    if not (math.isfinite(epsilon) and LEAST_EPSILON < epsilon < MOST_EPSILON):
        raise UsageError(f"epsilon {epsilon:g} is out of range; choose one above 0.001 and below 20 nats (usual: 1 to 4)")
    if not 2 <= domain < 2**32:
        raise UsageError(f"a dictionary of {domain:,} items is out of range; choose 2 to {2**32 - 1:,}")


def usual_oracle(name: str, epsilon: float, domain: int) -> FrequencyOracle:
    """The oracle of that name as its authors set it (CMS and HCMS as Apple does); UsageError if there is none."""
    short = oracle_name(name)
    check_question(epsilon, domain)
    try:
        return ORACLES[short].usual(epsilon, domain)
    except ValueError as error:
        raise UsageError(f"{short} cannot ask this: {error}") from None
