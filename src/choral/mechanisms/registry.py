"""Names of mechanisms as they stand in a Task. On a device such a table is the allow-list."""

from collections.abc import Mapping
from typing import Any

from choral.mechanisms.base import Mechanism
from choral.mechanisms.count_mean_sketch import CountMeanSketch
from choral.mechanisms.fragment_puzzle import FragmentPuzzle
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.hadamard_count_mean_sketch import HadamardCountMeanSketch
from choral.mechanisms.laplace_model import LaplaceModel
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.mechanisms.local_hashing import LocalHashing
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.proj_unit import ProjUnit
from choral.mechanisms.projective_geometry import ProjectiveGeometryResponse
from choral.mechanisms.randomized_response import RandomizedResponse
from choral.mechanisms.subset_selection import SubsetSelection
from choral.mechanisms.unary_encoding import UnaryEncoding

MECHANISMS: Mapping[str, type[Any]] = {
    RandomizedResponse.NAME: RandomizedResponse,
    CountMeanSketch.NAME: CountMeanSketch,
    HadamardCountMeanSketch.NAME: HadamardCountMeanSketch,
    ProjectiveGeometryResponse.NAME: ProjectiveGeometryResponse,
    SubsetSelection.NAME: SubsetSelection,
    UnaryEncoding.NAME: UnaryEncoding,
    LocalHashing.NAME: LocalHashing,
    FragmentPuzzle.NAME: FragmentPuzzle,
    PrivUnit.NAME: PrivUnit,
    ProjUnit.NAME: ProjUnit,
    GaussianVector.NAME: GaussianVector,
    LaplaceVector.NAME: LaplaceVector,
    LaplaceModel.NAME: LaplaceModel,
}

__all__ = ["MECHANISMS", "Mechanism"]
