"""Names of algorithms as they stand in a Task. On a device such a table is the allow-list."""

from collections.abc import Mapping
from typing import Any

from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.learning.buffered_gradient import BufferedGradient
from choral.learning.count import Count
from choral.learning.draw_and_discard import DrawAndDiscard
from choral.learning.federated_averaging import FederatedAveraging
from choral.learning.k_modes import KModes
from choral.learning.prefix_tree import PrefixTree
from choral.learning.words import FoundWords

ALGORITHMS: Mapping[str, type[Any]] = {
    kind.NAME: kind
    for kind in (
        Count,
        PrefixTree,
        FoundWords,
        FederatedAveraging,
        BufferedGradient,
        DrawAndDiscard,
        AlternatingLeastSquares,
        KModes,
    )
}
