import hashlib
import math
from statistics import NormalDist

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from choral.numerics import SeededEntropy
from choral.numerics.directions import LEVELS, SCALE, Directions, gaussian_levels, spread
from choral.numerics.entropy import BULK_ROWS

KEY = bytes(range(32))


def test_levels_are_the_same_on_every_machine():
    digest = hashlib.sha256(gaussian_levels().astype("<i2").tobytes()).hexdigest()
    assert digest == "5f4d748290e44b06c761812b2d9f3274e0db49f5bcc9d8cf0c7e611f9babcaf8"


def test_levels_rise_and_mirror_and_look_gaussian():
    levels = gaussian_levels().astype(np.int64)
    assert (np.diff(levels) >= 0).all()
    assert (levels == -levels[::-1]).all()
    assert spread() == pytest.approx(SCALE, rel=1e-6)
    assert (levels**4).mean() / spread() ** 4 == pytest.approx(3, rel=1e-4)


def test_no_level_is_so_near_to_a_rounding_edge_that_machines_could_differ():
    """Quantiles are good to about 1e-15; a level's mean magnifies that by 2**16 * 7,000 / 2: below 1e-6."""
    normal, half = NormalDist(), LEVELS // 2
    edges = [0.0, *(normal.inv_cdf(0.5 + i / LEVELS) for i in range(1, half))]
    heights = np.array([*(math.exp(-edge * edge / 2) for edge in edges), 0.0]) / math.sqrt(2 * math.pi)
    exact = SCALE * LEVELS * (heights[:-1] - heights[1:])
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 5e-6


@pytest.mark.parametrize("dimension", [1, 31, 32, 33, 100])
def test_a_direction_is_its_blocks_of_keystream_looked_up(dimension):
    family, seed = Directions(KEY, dimension), 2**63 + 5
    found = family.expand(seed, 2, 3)
    for number in range(3):
        block = (2 + number) * -(-dimension // 32)
        nonce = block.to_bytes(4, "little") + seed.to_bytes(12, "little")
        stream = Cipher(ChaCha20(KEY, nonce), mode=None).encryptor().update(bytes(2 * dimension))
        expected = [gaussian_levels()[int.from_bytes(stream[2 * i : 2 * i + 2], "little")] for i in range(dimension)]
        assert found[number].tolist() == expected


@pytest.mark.parametrize("dimension", [3, 65, 5000])
def test_scores_are_exact_and_the_kernel_gives_the_same(dimension):
    family, count = Directions(KEY, dimension), 9
    words = SeededEntropy(1).words(BULK_ROWS, dimension + 1)
    seeds, points = words[:, 0].copy(), (words[:, 1:] >> np.uint64(46)).astype(np.int64) - 2**17
    together = family.scores(seeds, points, count)
    alone = np.concatenate([family.scores(seeds[row : row + 1], points[row : row + 1], count) for row in range(BULK_ROWS)])
    assert (together == alone).all()
    slow = [
        sum(a * b for a, b in zip(one, points[3].tolist(), strict=True))
        for one in family.expand(int(seeds[3]), 0, count).tolist()
    ]
    assert together[3].tolist() == slow


def test_adding_weighed_directions_is_exact_and_the_kernel_gives_the_same():
    family = Directions(KEY, 700)
    seeds, first = SeededEntropy(2).words(BULK_ROWS, 1)[:, 0], np.arange(BULK_ROWS)
    weights = SeededEntropy(3).below(BULK_ROWS * 20, 9).astype(np.int64).reshape(BULK_ROWS, 20) - 4
    together, alone = np.zeros(700, np.int64), np.zeros(700, np.int64)
    family.add(together, seeds, first, weights)
    for row in range(BULK_ROWS):
        part = slice(row, row + 1)
        family.add(alone, seeds[part], first[part], weights[part])
    slow = sum(weights[row] @ family.expand(int(seeds[row]), row, 20).astype(np.int64) for row in range(BULK_ROWS))
    assert (together == alone).all()
    assert (together == slow).all()


def test_seeds_and_keys_give_other_directions():
    first = Directions(KEY, 64).expand(1, 0, 1)
    assert (first != Directions(KEY, 64).expand(2, 0, 1)).any()
    assert (first != Directions(bytes(32), 64).expand(1, 0, 1)).any()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.6, 0.8])
@pytest.mark.parametrize("beyond", [0.3, 0.06, 0.003])
def test_every_direction_has_the_gaussians_caps_but_for_one_part_in_five_thousand(share, beyond):
    """Exactly, for unit vectors (sqrt(1 - share**2), share): the score's mean in a cap of its chance, along and across."""
    levels, along = gaussian_levels().astype(np.float64) / spread(), math.sqrt(1 - share**2)
    least = NormalDist().inv_cdf(1 - beyond / 2)
    if share == 0.0:
        place = np.where(along * levels > least, 0, LEVELS)
    else:
        place = np.searchsorted(levels, (least - along * levels) / share, side="right")
    sums = np.concatenate([np.cumsum(levels[::-1])[::-1], [0.0]])[place] / LEVELS
    first, second = (levels * (LEVELS - place)).sum() / LEVELS**2, sums.sum() / LEVELS
    chance = (LEVELS - place).sum() / LEVELS**2
    gaussian = NormalDist().pdf(NormalDist().inv_cdf(1 - chance))
    assert along * first + share * second == pytest.approx(gaussian, rel=2e-4)
    assert abs(-share * first + along * second) < 2e-4 * gaussian
