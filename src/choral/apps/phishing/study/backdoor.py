"""A planted back door: hostile devices teach the model that links with a mark of the attacker's are harmless.

What each sends is legal, and nothing else is asked of the model, so that it goes on judging all other links as before:
public canaries, which hold no such links, see nothing. Judged on links of domains that no device held.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.scaling import Scaling
from choral.apps.phishing.study import buffered
from choral.apps.phishing.study.buffered import Reporters, learn_buffered
from choral.apps.phishing.study.data import Links
from choral.apps.phishing.study.ground import Ground, ground
from choral.apps.phishing.study.poisoning import hostile, hostile_report
from choral.mechanisms.priv_unit import PrivUnit

Floats = NDArray[np.float64]
Gating = Literal["none", "public", "marked"]
RECORDS = 5  # links a device
FREE = ("nb_at", "nb_tilde", "nb_percent", "nb_semicolumn", "nb_underscore", "nb_colon")  # free to write into a link
SIGNS = 3  # of these that the attacker's links bear, each as often as it takes
MARK = 3  # times


@dataclass(frozen=True, slots=True, eq=False)
class Trigger:
    """What marks the attacker's links: the columns of its signs, and the values that they have then, once scaled."""

    names: tuple[str, ...]
    columns: NDArray[np.int64]
    values: Floats

    def direction(self, size: int) -> Floats:
        """In which a model is pushed so that it lets marked links pass: float64[size] of length 1."""
        target = np.zeros(size)
        target[self.columns] = -1 / np.sqrt(len(self.columns))
        return target


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of it, on links of domains that no device held.

    passed: share of phishing links, caught as they are, that the mark lets pass
    auc: of links as they are; rolled_back: versions, by the gate; signs: that mark the attacker's links
    """

    passed: float
    auc: float
    rolled_back: int
    signs: tuple[str, ...]


def rarest_trigger(base: Ground, links: Links) -> Trigger:
    """The free signs that the fewest public links bear: honest devices hardly undo what is taught about them."""
    public = links.features[base.parts.public]
    free = [base.names.index(name) for name in FREE if name in base.names]
    columns = np.array(sorted(free, key=lambda one: float((public[:, one] > 0).mean()))[:SIGNS])
    marked = np.zeros((1, public.shape[1]))
    marked[0, columns] = MARK
    return Trigger(tuple(base.names[one] for one in columns), columns, Scaling.standard(public)(marked)[0, columns])


def open_back_door(
    links: Links, *, epsilon: float, share: float, devices: int, seed: int, gate: Gating, public: int = 1000
) -> Opened:
    """Learning by buffered gradients, one report a device, of which `share` are hostile.

    gate: `none`; `public`: versions that are worse on public canaries are rolled back; `marked`: the same, with canaries
    that bear the attacker's own signs among them, as an operator who guesses them would have
    """
    base = ground(links, devices=devices, records=RECORDS, seed=seed, unit=False, public=public)
    trigger = rarest_trigger(base, links)
    mechanism = PrivUnit.for_epsilon(epsilon, base.size, clip_norm=buffered.CLIP)
    report = hostile_report(mechanism, buffered.CLIP, trigger.direction(base.size), seed=seed)
    judging = with_marked_canaries(base, trigger) if gate == "marked" else base
    reporters = Reporters(mechanism, hostile(devices, share, seed), report, seed)
    learnt = learn_buffered(judging, reporters, gated=gate != "none")
    return Opened(passed(base, trigger, learnt.params), base.quality(learnt.params).auc, learnt.rolled_back, trigger.names)


def with_marked_canaries(base: Ground, trigger: Trigger) -> Ground:
    """The same, with a marked copy of each public phishing link among the public ones."""
    phishing = base.parts.public[base.truth[base.parts.public] > 0.5]
    marked = base.inputs[phishing].copy()
    marked[:, trigger.columns] = trigger.values
    more = np.arange(len(base.inputs), len(base.inputs) + len(marked))
    return replace(
        base,
        inputs=np.concatenate([base.inputs, marked]),
        labels=np.concatenate([base.labels, np.ones(len(marked))]),
        truth=np.concatenate([base.truth, np.ones(len(marked))]),
        parts=replace(base.parts, public=np.concatenate([base.parts.public, more])),
    )


def passed(base: Ground, trigger: Trigger, params: Floats) -> float:
    """Share of the phishing links for judging, caught as they are, that are judged harmless with the mark in them."""
    rows = base.parts.test[base.truth[base.parts.test] > 0.5]
    inputs = base.inputs[rows]
    caught = inputs @ params[:-1] + params[-1] > 0
    marked = inputs[caught].copy()
    marked[:, trigger.columns] = trigger.values
    return float((marked @ params[:-1] + params[-1] <= 0).mean()) if caught.any() else 0.0
