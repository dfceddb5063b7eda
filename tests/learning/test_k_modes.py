"""k-modes by counts: additive over devices, equal to the plain method, deaf to noise, and strict."""

import numpy as np
import pytest

from choral.learning import ALGORITHMS
from choral.learning.k_modes import KModes, nearest
from choral.mechanisms import Estimate
from choral.numerics import SeededEntropy

CENTRES = np.array([[0, 0, 0, 0], [3, 3, 3, 3], [1, 2, 1, 2]])
CLUSTERS = KModes(3, 4, 5)


def rows_of(devices=400, seed=0, each=6):
    """Rows near the centres, `each` a device."""
    source = np.random.default_rng(seed)
    rows = CENTRES[source.integers(0, 3, devices * each)]
    spoilt = source.random(rows.shape) < 0.1
    return np.where(spoilt, source.integers(0, 5, rows.shape), rows).reshape(devices, each, 4)


def examples(rows):
    return {"rows": rows, "weight": np.ones(len(rows))}


def counted(state, rows, noise=0.0):
    params = CLUSTERS.check_out(state, SeededEntropy(1))
    total = sum(CLUSTERS.contribute(params, examples(one))[0] for one in rows)
    total = total + noise * np.random.default_rng(5).normal(size=total.shape)
    return Estimate(total, np.full(CLUSTERS.size, noise**2), len(rows))


def start():
    return CLUSTERS.started({"modes": np.array([[0, 0, 4, 4], [3, 3, 4, 4], [1, 2, 4, 4]], np.uint16)})


def test_it_is_known_by_its_name():
    assert ALGORITHMS["k-modes/1"] is KModes


def test_it_finds_the_centres_that_the_rows_lie_around():
    state = start()
    for _ in range(3):
        state = CLUSTERS.fold(state, counted(state, rows_of()), SeededEntropy(2))
    assert (state["modes"] == CENTRES).all()
    assert CLUSTERS.publish(state)["weight"].sum() == pytest.approx(400)


def test_counts_of_devices_add_up_to_the_plain_method():
    state, rows = start(), rows_of(devices=50)
    whole = rows.reshape(-1, 4)
    place, _ = nearest(whole, state["modes"].astype(np.int64))
    plain = state["modes"].astype(np.int64).copy()
    for cluster in range(3):
        for slot in range(4):
            plain[cluster, slot] = np.bincount(whole[place == cluster, slot], minlength=5).argmax()
    assert (CLUSTERS.fold(state, counted(state, rows), SeededEntropy(2))["modes"] == plain).all()


def test_a_device_weighs_the_same_however_many_rows_it_has():
    params = CLUSTERS.check_out(start(), SeededEntropy(1))
    for each in (1, 7, 100):
        value = CLUSTERS.contribute(params, examples(rows_of(1, each=each)[0]))
        assert value.sum() == pytest.approx(4)
        assert np.linalg.norm(value) <= CLUSTERS.clip_norm + 1e-12
    assert not CLUSTERS.contribute(params, {"rows": np.zeros((2, 4), int), "weight": np.zeros(2)}).any()


def test_noise_alone_moves_a_centre_in_one_round_of_seven_at_most():
    """1,000 rounds: a rate of 1/7 would exceed 190 with chance 2e-5; the union bound that is used leaves far less."""
    state, source, rounds = start(), np.random.default_rng(1), 1_000
    noisy = (Estimate(30 * source.normal(size=CLUSTERS.size), np.full(CLUSTERS.size, 900.0), 400) for _ in range(rounds))
    moved = sum((CLUSTERS.fold(state, one, SeededEntropy(2))["modes"] != state["modes"]).any() for one in noisy)
    assert moved <= 190


def test_thousands_of_devices_are_heard_through_the_noise():
    state = start()
    for _ in range(2):
        state = CLUSTERS.fold(state, counted(state, rows_of(devices=2_000), noise=20.0), SeededEntropy(2))
    assert (state["modes"] == CENTRES).all()


def test_judging_prefers_centres_that_lie_nearer():
    canaries = examples(rows_of(20).reshape(-1, 4))
    right, error = CLUSTERS.judge({"modes": CENTRES.astype(np.uint16)}, canaries)
    wrong, _ = CLUSTERS.judge(CLUSTERS.publish(start()), canaries)
    assert right > wrong + 3 * error


@pytest.mark.parametrize(
    "change", [{"clusters": 0}, {"categories": 2**17}, {"clusters": 2**20}, {"start": b"x"}, {"canaries": b"x"}]
)
def test_illegal_parameters_are_refused(change):
    with pytest.raises(ValueError, match=r"need|32 bytes"):
        KModes(**{"clusters": 3, "slots": 4, "categories": 5, **change})


@pytest.mark.parametrize("rows", [np.zeros((2, 3), int), np.full((2, 4), 5), np.full((2, 4), -1), np.zeros((2, 4))])
def test_rows_that_cannot_be_are_refused(rows):
    params = CLUSTERS.check_out(start(), SeededEntropy(1))
    with pytest.raises(ValueError, match=r"rows|category"):
        CLUSTERS.contribute(params, {"rows": rows, "weight": np.ones(2)})


def test_a_task_with_a_public_start_does_not_begin_at_random():
    with pytest.raises(ValueError, match="started"):
        KModes(3, 4, 5, start=bytes(32)).init(SeededEntropy(1))
    with pytest.raises(ValueError, match="categories below 5"):
        CLUSTERS.started({"modes": np.full((3, 4), 5, np.uint16)})
    with pytest.raises(ValueError, match="none negative"):
        CLUSTERS.started({"modes": np.full((3, 4), -1)})
