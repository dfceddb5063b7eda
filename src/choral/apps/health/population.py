"""Who keeps which health data, for studies. Study half: devices never import it.

Nothing real may be shipped here: shares that fall as 1 / rank, in the order of the list, are a model and nothing else.
"""

import numpy as np

from choral.apps.health.types import dictionary
from choral.simulation.population import Floats


def shares() -> Floats:
    """A share for each listed type, float64[types], summing to 1."""
    falling = 1 / np.arange(1, len(dictionary()) - 1)
    return np.asarray(falling / falling.sum())
