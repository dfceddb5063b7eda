"""Ways to learn: both halves of a task, the device's pure one and the server's rules.

Knows: named arrays and estimates. Must not know: who the devices are, time, the wire.
Interface: `Algorithm` (init, check_out, contribute, fold, publish).
Add here: one file and one line in registry.py. Only cohort.py may import JAX.
Tested in: tests/learning, tests/contracts.
"""

from choral.learning.base import Algorithm, Arrays
from choral.learning.count import Count
from choral.learning.post_processing import norm_sub
from choral.learning.prefix_tree import PrefixTree
from choral.learning.registry import ALGORITHMS
from choral.learning.words import FoundWords, spelled

__all__ = ["ALGORITHMS", "Algorithm", "Arrays", "Count", "FoundWords", "PrefixTree", "norm_sub", "spelled"]
