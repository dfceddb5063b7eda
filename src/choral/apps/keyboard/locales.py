"""The same question to the people of many locales, several times: what experiments compare.

Study half: devices never import it.
"""

from dataclasses import dataclass

import numpy as np

from choral.apps.keyboard.dictionary import dictionary, english_names
from choral.apps.keyboard.population import population
from choral.apps.keyboard.tasks import oracle
from choral.engines import Serial
from choral.mechanisms import FrequencyOracle
from choral.simulation import Cohort, study
from choral.simulation.oracles import usual_oracle
from choral.simulation.scores import Score, score, top

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """One day of `devices` keyboards of a locale, asked by a mechanism: Apple's sketch "cms", or another by its short name."""

    locale: str
    mechanism: str
    devices: int
    epsilon: float
    seed: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """One emoji: its share of the devices that typed something, estimated and true, and the estimate's standard error."""

    emoji: str
    name: str
    estimate: float
    stderr: float
    truth: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial: its score over the whole dictionary, and the highest estimates but for "nothing"."""

    trial: Trial
    score: Score
    bits_per_report: int
    ranked: tuple[Ranked, ...]


def run(trial: Trial) -> Outcome:
    """The trial, in this process."""
    mechanism = _oracle(trial)
    noise = int.from_bytes(f"{trial.locale}/{trial.seed}".encode(), "little")  # no two locales share it
    found = study(Cohort(mechanism, population(trial.locale, trial.seed), noise), trial.devices, engine=Serial())
    values, sampled, nothing = found.estimate.values, found.sampled, len(dictionary()) - 1
    typed, truly_typed = trial.devices - values[nothing], trial.devices - int(sampled[nothing])
    commonest = [item for item in top(values, SHOWN + 1) if item != nothing][:SHOWN]
    ranked = tuple(
        Ranked(
            dictionary()[item],
            english_names()[item],
            float(values[item] / typed),
            float(found.estimate.stderr[item] / typed),
            float(sampled[item] / truly_typed),
        )
        for item in commonest
    )
    points = score(found.estimate, sampled, found.variance, epsilon=mechanism.epsilon)
    return Outcome(trial, points, mechanism.bits, ranked)


def overlap(first: Outcome, second: Outcome) -> int:
    """How many emoji stand among the highest of both."""
    return len(np.intersect1d([one.emoji for one in first.ranked], [one.emoji for one in second.ranked]))


def _oracle(trial: Trial) -> FrequencyOracle:
    if trial.mechanism == "cms":
        return oracle("cms", epsilon=trial.epsilon)
    return usual_oracle(trial.mechanism, trial.epsilon, len(dictionary()))
