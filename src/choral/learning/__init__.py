"""Ways to learn: both halves of a task, the device's pure one and the server's rules.

Knows: named arrays and estimates. Must not know: who the devices are, time, the wire.
Interface: `Algorithm` (init, check_out, contribute, fold, publish); `Model` for those that learn by gradients.
Add here: one file and one line in registry.py or models.py; then run `check_algorithm` or `check_model`. JAX: cohort.py only.
Tested in: tests/learning, tests/contracts.
"""

from choral.learning.base import Algorithm, Arrays
from choral.learning.buffered_gradient import BufferedGradient
from choral.learning.count import Count
from choral.learning.draw_and_discard import DrawAndDiscard
from choral.learning.federated_averaging import FederatedAveraging
from choral.learning.models import MODELS, Model, model_of
from choral.learning.post_processing import norm_sub
from choral.learning.prefix_tree import PrefixTree
from choral.learning.registry import ALGORITHMS
from choral.learning.words import FoundWords, spelled

__all__ = [
    "ALGORITHMS",
    "MODELS",
    "Algorithm",
    "Arrays",
    "BufferedGradient",
    "Count",
    "DrawAndDiscard",
    "FederatedAveraging",
    "FoundWords",
    "Model",
    "PrefixTree",
    "model_of",
    "norm_sub",
    "spelled",
]
