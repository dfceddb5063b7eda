"""Randomizers and their estimators, each pair one object.

Knows: distributions and estimators. Must not know: devices, HTTP, time.
Interface: `Mechanism` (randomize, legal, accumulate, estimate, guarantees); `FrequencyOracle` for histograms.
Add here: one file and one line in registry.py; then run `check_mechanism`.
Tested in: tests/mechanisms, tests/statistical, tests/vectors, tests/contracts.
"""

from choral.mechanisms.base import Estimate, FrequencyOracle, Mechanism, Payloads, empty_state, payloads_from
from choral.mechanisms.count_mean_sketch import CountMeanSketch
from choral.mechanisms.hadamard_count_mean_sketch import HadamardCountMeanSketch
from choral.mechanisms.local_hashing import LocalHashing
from choral.mechanisms.projective_geometry import ProjectiveGeometryResponse
from choral.mechanisms.randomized_response import RandomizedResponse
from choral.mechanisms.registry import MECHANISMS
from choral.mechanisms.subset_selection import SubsetSelection
from choral.mechanisms.unary_encoding import UnaryEncoding

__all__ = [
    "MECHANISMS",
    "CountMeanSketch",
    "Estimate",
    "FrequencyOracle",
    "HadamardCountMeanSketch",
    "LocalHashing",
    "Mechanism",
    "Payloads",
    "ProjectiveGeometryResponse",
    "RandomizedResponse",
    "SubsetSelection",
    "UnaryEncoding",
    "empty_state",
    "payloads_from",
]
