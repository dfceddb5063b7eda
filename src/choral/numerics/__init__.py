"""Integers, bits and exact draws.

Knows: words of 64 bits, arrays, hash functions. Must not know: privacy, people, time.
Interface: `Entropy` (below, chance, flips, words), `HashFamily`, `outcomes`.
Add here: an exact sampler or a kernel, with a slow, obvious twin in the tests.
Tested in: tests/numerics, tests/statistical, tests/vectors.
"""

from choral.numerics.entropy import (
    FLIP_UNIT,
    UNIT,
    Entropy,
    ScriptedEntropy,
    SeededEntropy,
    SystemEntropy,
)
from choral.numerics.enumeration import outcomes
from choral.numerics.hashing import HashFamily, fingerprint

__all__ = [
    "FLIP_UNIT",
    "UNIT",
    "Entropy",
    "HashFamily",
    "ScriptedEntropy",
    "SeededEntropy",
    "SystemEntropy",
    "fingerprint",
    "outcomes",
]
