"""How likely a link is phishing, which features say so, and whether to warn: a model with its own threshold.

Device half: no server, no simulation. The threshold is where 1 % of honest public canaries would be called phishing; it
belongs to one model, and is found anew for each from the canaries that its signed task names. A link whose page was not
seen has a threshold of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.features import AGAIN, OF_PAGE, Layout, Seen, constants, shipped_document
from choral.apps.phishing.device.sentences import said
from choral.errors import Refused, UsageError
from choral.learning.base import Arrays
from choral.learning.classification import auc
from choral.learning.gate import is_worse

FALSE_POSITIVES = 0.01
REASONS = 3
MOST_WEIGHT = 1e6  # beyond which a weight says nothing, and sums of weights would overflow
FEWEST_CANARIES = 100  # honest ones, below which a share of 1 % means nothing
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores that 1 % of honest links exceed, their pages seen or not."""

    with_page: float
    link_alone: float


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature: its name, what it says in words, and how much it adds to the score, in logits."""

    feature: str
    text: str
    weight: float

    @property
    def against(self) -> bool:
        """Whether it speaks for phishing."""
        return self.weight > 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model says. score: chance of phishing, as far as the model knows; logit, threshold: on the same scale

    warns: whether the score is above the threshold; asks_password: whether the page has a password box
    """

    score: float
    logit: float
    threshold: float
    asks_password: bool
    page_seen: bool
    reasons: tuple[Reason, ...]
    model: str

    @property
    def warns(self) -> bool:
        """Whether so high a score is rarer than 1 % among honest links."""
        return self.logit > self.threshold

    @property
    def stops(self) -> bool:
        """Whether to warn before a password is typed."""
        return self.warns and self.asks_password

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "score": self.score,
            "threshold": _chance(self.threshold),
            "warns": self.warns,
            "asks_password": self.asks_password,
            "page_seen": self.page_seen,
            "reasons": [
                {"feature": one.feature, "text": one.text, "logits": one.weight, "for_phishing": one.against}
                for one in self.reasons
            ],
            "model": self.model,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """A model float64[f + 1], the intercept last, what it reads, its thresholds, and its name in words."""

    params: Floats
    layout: Layout
    thresholds: Thresholds
    name: str

    @classmethod
    def of(cls, params: NDArray[Any], layout: Layout, canaries: Arrays, *, name: str) -> Self:
        """A model with thresholds from its canaries; Refused for numbers that are no model, or canaries that are none."""
        checked = _checked(params, layout)
        return cls(checked, layout, thresholds(checked, layout, canaries), name)

    def require_as_good_as(self, other: Self, canaries: Arrays) -> None:
        """Refused if another model, which reads no more than this one, is clearly better on the canaries of this one:
        the gate, on the device too.
        """
        inputs, labels = np.asarray(canaries["inputs"], np.float64), np.asarray(canaries["label"], np.float64)
        rows = ((self, inputs), (other, self.layout.as_read_by(other.layout, inputs)))
        ours, theirs = (auc(read @ one.params[:-1] + one.params[-1], labels) for one, read in rows)
        if is_worse(*ours, best=theirs[0]):
            raise Refused(f"{self.name} tells links apart worse (AUC {ours[0]:.3f}) than {other.name} on the same canaries")

    def judge(self, seen: Seen) -> Verdict:
        """What the model says of a link."""
        row = self.layout.rows([seen.features])[0]
        parts = self.params[:-1] * (row - self.layout.unknown)
        logit = float(self.params[:-1] @ row + self.params[-1])
        strongest = np.argsort(-np.abs(parts), kind="stable")[:REASONS]
        return Verdict(
            score=_chance(logit),
            logit=logit,
            threshold=self.thresholds.with_page if seen.page_seen else self.thresholds.link_alone,
            asks_password=seen.asks_password,
            page_seen=seen.page_seen,
            reasons=tuple(self._reason(int(place), float(parts[place]), seen) for place in strongest if parts[place]),
            model=self.name,
        )

    def _reason(self, place: int, weight: float, seen: Seen) -> Reason:
        name = self.layout.names[place]
        return Reason(name, said(name, seen.features.get(name, 0.0), seen.brand), weight)


def shipped_detector() -> Detector:
    """The public model that comes with the app; UsageError if none came."""
    document: Mapping[str, Any] = shipped_document()
    try:
        limits = Thresholds(**{name: float(value) for name, value in document["thresholds"].items()})
        figures, params = document["figures"], np.array(document["params"], np.float64)
        name = f"the public model that ships (AUC {figures['auc']:.3f} on unseen domains)"
    except (LookupError, TypeError, ValueError) as error:
        raise UsageError(f"no public model is there ({type(error).__name__}); refresh from a server, or {AGAIN}") from error
    return Detector(_checked(params, constants().public), constants().public, limits, name)


def thresholds(params: Floats, layout: Layout, canaries: Arrays) -> Thresholds:
    """From public examples; Refused if they do not fit, or hold too few honest links."""
    try:
        inputs, label, weight = (np.asarray(canaries[name], np.float64) for name in ("inputs", "label", "weight"))
        honest = inputs[(label < 0.5) & (weight > 0)]
        fits = inputs.shape == (len(label), len(layout.names)) and bool(np.isfinite(inputs).all())
    except (LookupError, ValueError, TypeError, IndexError) as error:
        raise Refused(
            f"the public canaries of this model cannot be read ({type(error).__name__}); tell its operator"
        ) from error
    if not fits or len(honest) < FEWEST_CANARIES:
        raise Refused(f"the public canaries are no {FEWEST_CANARIES} honest links of {len(layout.names)} features")
    of_page = np.array([name in OF_PAGE for name in layout.names])
    alone = np.where(of_page, layout.unknown, honest)
    with_page, link_alone = (_threshold(rows @ params[:-1] + params[-1]) for rows in (honest, alone))
    return Thresholds(with_page, link_alone)


def _threshold(scores: Floats) -> float:
    """The least score that at most 1 % exceed."""
    return float(np.sort(scores)[::-1][int(FALSE_POSITIVES * len(scores))])


def _checked(params: NDArray[Any], layout: Layout) -> Floats:
    numbers = np.asarray(params)
    is_one = numbers.dtype.kind == "f" and numbers.shape == (len(layout.names) + 1,)
    if not is_one or not (np.abs(numbers) <= MOST_WEIGHT).all():  # nor is NaN
        raise Refused(
            f"the model is no {len(layout.names) + 1} finite numbers up to {MOST_WEIGHT:,.0f}, but {numbers.dtype} of shape "
            f"{numbers.shape}; nothing was judged by it; tell its operator"
        )
    return numbers.astype(np.float64)


def _chance(logit: float) -> float:
    return float((1 + np.tanh(logit / 2)) / 2)
