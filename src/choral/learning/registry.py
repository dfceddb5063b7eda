"""Names of algorithms as they stand in a Task. On a device such a table is the allow-list."""

from collections.abc import Mapping
from typing import Any

from choral.learning.count import Count
from choral.learning.prefix_tree import PrefixTree
from choral.learning.words import FoundWords

ALGORITHMS: Mapping[str, type[Any]] = {kind.NAME: kind for kind in (Count, PrefixTree, FoundWords)}
