"""One instance of each frequency oracle on a small domain, with sketches small enough to be summed again and again."""

from collections.abc import Iterator

from choral.mechanisms import CountMeanSketch, FrequencyOracle, HadamardCountMeanSketch
from choral.simulation.oracles import HASH_SEED, ORACLES

ROWS, WIDTH = 256, 1024  # the factor of manipulation depends on the width alone, and hardly on that


def small_oracles(epsilon: float, domain: int) -> Iterator[FrequencyOracle]:
    """All seven, in the order of the table of oracles."""
    for oracle in ORACLES.values():
        if oracle.kind in (CountMeanSketch, HadamardCountMeanSketch):
            yield oracle.kind.for_epsilon(epsilon, domain, seed=HASH_SEED, width=WIDTH, rows=ROWS)
        else:
            yield oracle.usual(epsilon, domain)
