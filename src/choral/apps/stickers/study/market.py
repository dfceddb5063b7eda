"""A population as a deployment sees it: preferences from download logs, public features, choices as examples for training.

Study half. Uses what the catalogue service and the device use; only the people are made up.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import Catalogue
from choral.apps.stickers.device.embedding import item_features
from choral.apps.stickers.device.messages import STEPS
from choral.apps.stickers.device.suggestion import CHOICES, SHOWN
from choral.apps.stickers.device.tasks import Head
from choral.apps.stickers.service.preference import Learnt, learn
from choral.apps.stickers.study.population import People, World, centred, place_feature
from choral.learning.base import Arrays

LOGGED = 20_000  # people from whose download logs preference information is learnt; the others are folded in

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """One seed's world, with what its catalogue service learnt.

    learnt: of packages; features: float64[stickers, q - 1], public
    """

    world: World
    learnt: Learnt
    features: Floats

    @classmethod
    def of(cls, catalogue: Catalogue, seed: int, head: Head, *, logged: int = LOGGED) -> Self:
        """Preference information of the width that the head takes, from the logs of the first `logged` people."""
        world = World.of(catalogue, seed)
        logs, packages = world.logs(0, world.tastes(0, logged)), len(world.package_popularity)
        learnt = learn(logs.person, logs.sticker, logs.kind, people=logged, stickers=packages, numbers=head.personal - 1)
        return cls(world, learnt, item_features(catalogue, head.item - 1).astype(np.float64))

    def preferences(self, first: int, taste: Floats) -> Floats:
        """Of people first .. first + n by their own logs, float64[n, p - 1]."""
        logs = self.world.logs(first, taste)
        steps = self.learnt.vectors(logs.person, logs.sticker, logs.kind, people=len(taste))
        return np.asarray(steps / STEPS)

    def package_factors(self) -> Floats:
        """What logs alone say of each sticker, by its package, float64[stickers, p - 1]: no training.

        A preference times this is, to first order, the logarithm of how much likelier than others that person is to
        download the package.
        """
        basis = self.learnt.basis
        loadings = basis / (basis**2).sum(axis=0)
        return np.asarray((loadings / self.learnt.mean[:, None])[self.world.package])

    def examples(self, first: int, devices: int) -> Arrays:
        """Named arrays [devices, CHOICES, ...] of people first .. first + devices, as `Holdings.examples` makes them."""
        people = self.world.people(first, devices)
        return self.examples_of(people, self.preferences(first, people.taste))

    def examples_of(self, people: People, preferences: Floats) -> Arrays:
        """The same of people who are at hand; floats of 32 bits, but for the weights."""
        devices = len(preferences)
        items = np.empty((devices, CHOICES, SHOWN, self.features.shape[1] + 1), np.float32)
        items[..., :-1] = self.features.astype(np.float32)[people.displayed]
        items[..., -1] = place_feature()
        own = np.concatenate([np.ones((devices, 1)), preferences], axis=1).astype(np.float32)
        return {
            "personal": np.repeat(own[:, None, :], CHOICES, axis=1),
            "items": items,
            "offset": self.world.popularity.astype(np.float32)[people.displayed],
            "shown": np.ones((devices, CHOICES, SHOWN), np.float32),
            "chosen": people.chosen,
            "weight": people.weight.astype(np.float32),
        }


def linear_share(world: World) -> float:
    """Of the variance over people of a candidate's utility beside its list's mean: the share linear in the embedding.

    By least squares over all lists together, weighted by use; measured on the world as it is.
    """
    basis, appeal = (centred(part, world.lists, world.share) for part in (world.features, world.appeal))
    fitted = basis @ np.linalg.lstsq(basis, appeal, rcond=None)[0]
    return float((fitted**2).sum() / (appeal**2).sum())


def agreement(people: People, stickers: int) -> tuple[float, float]:
    """How often two choices of one person are the same sticker (mean over people with two), and two choices of anyone."""
    taken, weight = people.taken, people.weight
    same = (taken[:, :, None] == taken[:, None, :]) * weight[:, :, None] * weight[:, None, :]
    sizes = weight.sum(axis=1)
    pairs = sizes * (sizes - 1)
    own = (same.sum(axis=(1, 2)) - sizes)[pairs > 0] / pairs[pairs > 0]
    counts = np.bincount(taken[weight > 0], minlength=stickers).astype(np.float64)
    total = counts.sum()
    return float(own.mean()), float((counts * (counts - 1)).sum() / (total * (total - 1)))
