"""The interface of a way to learn: what the device half and the server half of one task do.

Knows named arrays and estimates. Must not know who the devices are. The device half is pure and needs numpy alone.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from numpy.typing import NDArray

from choral.mechanisms import Estimate
from choral.numerics import Entropy

if TYPE_CHECKING:
    from choral.learning.schema import Work

Arrays = Mapping[str, NDArray[Any]]  # named arrays: a state, or public parameters


class Algorithm(Protocol):
    """Server rules and both halves of one learning method; a frozen dataclass that travels in a Task."""

    NAME: ClassVar[str]

    def init(self, entropy: Entropy) -> Arrays:
        """The state before the first report."""
        ...

    def check_out(self, state: Arrays, entropy: Entropy) -> Arrays:
        """Public parameters for one round; names no receiver."""
        ...

    def require_params(self, params: Arrays) -> None:
        """ValueError unless `check_out` could have made these: names, types, shapes, ranges; reads no example."""
        ...

    def device_work(self, params: Arrays, rows: int) -> "Work":
        """What `contribute` costs at most on so many rows of examples."""
        ...

    def contribute(self, params: Arrays, examples: Arrays) -> NDArray[Any]:
        """Device half: the values to randomize, one row a report; pure."""
        ...

    def fold(self, state: Arrays, update: Estimate, entropy: Entropy) -> Arrays:
        """The state after one batch's estimate; never sees a check-out."""
        ...

    def publish(self, state: Arrays) -> Arrays:
        """What everyone may know: the arrays of a Release."""
        ...
