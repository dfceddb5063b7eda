"""What a run stands on: scaled links in three parts, the devices that hold them, and models to compare with.

Knows rows and logistic regression by Newton's method. Leaves private learning to buffered.py and drawn.py.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.scaling import Scaling
from choral.apps.phishing.study.data import Links, Split, split
from choral.apps.phishing.study.population import held_links, mislabelled
from choral.learning.base import Arrays
from choral.learning.classification import auc, recall_at

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
NEWTON_STEPS = 30
CONVERGED = 1e-9
CENTRAL_RIDGE = 0.001
PUBLIC_RIDGE = 0.01  # a thousand rows want more of it


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a model judges links of unseen domains, each with its standard error.

    recall: at 1 % false positives; accuracy: at a chance of one half
    """

    auc: float
    auc_stderr: float
    recall: float
    recall_stderr: float
    accuracy: float
    accuracy_stderr: float


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Scaled inputs float64[n, f] with labels as devices know them, the parts, and the links each device holds.

    held: int64[devices, records]; truth: float64[n], the labels that judge
    """

    names: tuple[str, ...]
    inputs: Floats
    labels: Floats
    truth: Floats
    parts: Split
    held: Integers

    @property
    def devices(self) -> int:
        """How many there are."""
        return len(self.held)

    @property
    def size(self) -> int:
        """Weights of a model: the features, then the intercept."""
        return int(self.inputs.shape[1]) + 1

    def examples(self, rows: Integers) -> Arrays:
        """Rows int64[...] as examples with the same leading axes."""
        weight = np.ones(rows.shape)
        return {"inputs": self.inputs[rows], "label": self.labels[rows], "weight": weight}

    @property
    def canaries(self) -> Arrays:
        """Public examples on which a release gate judges."""
        return {**self.examples(self.parts.public), "label": self.truth[self.parts.public]}

    def quality(self, params: NDArray[np.floating]) -> Quality:
        """On the rows for judging."""
        rows = self.parts.test
        scores = self.inputs[rows] @ params[:-1] + params[-1]
        right = float(((scores > 0) == (self.truth[rows] > 0.5)).mean())
        error = float(np.sqrt(right * (1 - right) / len(rows)))
        return Quality(*auc(scores, self.truth[rows]), *recall_at(scores, self.truth[rows]), right, error)

    def central(self) -> Floats:
        """Logistic regression on all rows that devices hold, as if they were in one place: float64[size]."""
        return fit(self.inputs[self.parts.devices], self.labels[self.parts.devices], CENTRAL_RIDGE)

    def public_only(self) -> Floats:
        """The same on the public rows."""
        return fit(self.inputs[self.parts.public], self.truth[self.parts.public], PUBLIC_RIDGE)


def ground(
    links: Links, *, devices: int, records: int, seed: int, unit: bool, public: int = 1000, wrong_labels: float = 0.0
) -> Ground:
    """Links split by domain and handed to devices, all by the seed; unit: features in [0, 1] instead of standardized."""
    parts = split(links, seed, public=public)
    scaling = (Scaling.unit if unit else Scaling.standard)(links.features[parts.public])
    held = held_links(parts.devices, devices, records, seed)
    labels = mislabelled(links.labels, wrong_labels, seed)
    return Ground(links.names, scaling(links.features), labels, links.labels, parts, held)


def fit(inputs: Floats, labels: Floats, ridge: float) -> Floats:
    """Logistic regression by Newton's method, float64[f + 1], the intercept last and free of the ridge."""
    rows = np.column_stack([inputs, np.ones(len(inputs))])
    pull = np.append(np.full(inputs.shape[1], ridge), 0.0)
    params = np.zeros(rows.shape[1])
    for _ in range(NEWTON_STEPS):
        chance = (1 + np.tanh(rows @ params / 2)) / 2
        gradient = rows.T @ (chance - labels) / len(rows) + pull * params
        scaled = rows * np.sqrt(chance * (1 - chance) / len(rows))[:, None]
        curvature = scaled.T @ scaled + np.diag(pull + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        params = params - step
        if np.abs(step).max() < CONVERGED:
            break
    return np.asarray(params, np.float64)
