"""Fragments of a day, the paper's distance and the hierarchy-aware one; generated lives; clusters."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.apps.companion.device.activities import ACTIVITIES, NUMBERS, groups
from choral.apps.companion.device.fragments import DAY_SLOTS, Fragments, distinct
from choral.apps.companion.study.clustering import Clusters, k_medoids, k_modes
from choral.apps.companion.study.generator import Generator
from choral.apps.companion.study.templates import DAYS, KINDS
from choral.numerics import SeededEntropy

HOUR = Fragments()
LIVES = Generator(3).lives(40, 7)


def row(*names):
    return np.array([NUMBERS[name] for name in names], np.uint8)


def test_labels_are_short_ours_and_each_in_a_time_use_group():
    assert len(set(NUMBERS)) == len(ACTIVITIES) == 56
    assert all(0 < activity.group < 100 and len(activity.name) < 30 for activity in ACTIVITIES)
    assert groups().tolist() == [activity.group for activity in ACTIVITIES]


def test_the_distance_is_the_share_of_slots_that_differ():
    one = row("sleeping", "sleeping", "eating", "eating", "working", "working")
    other = row("sleeping", "eating", "eating", "eating", "a meeting", "working")
    assert HOUR.distance(one, one) == 0
    assert HOUR.distance(one, other) == pytest.approx(2 / 6)


def test_a_group_in_common_counts_half():
    one, near, far = row(*["running"] * 6), row(*["cycling"] * 6), row(*["the news"] * 6)
    assert HOUR.distance(one, near) == HOUR.distance(one, far) == 1
    kin = Fragments(by_group=True)
    assert kin.distance(one, near) == 0.5
    assert kin.distance(one, far) == 1


@given(st.integers(0, 2**32), st.sampled_from([4, 12, 24, 48, 144]), st.booleans())
def test_distances_over_packed_words_are_those_slot_by_slot(seed, per_day, by_group):
    fragments = Fragments(per_day, by_group)
    rows = np.random.default_rng(seed).integers(0, len(ACTIVITIES), (9, fragments.slots)).astype(np.uint8)
    codes = fragments.codes(rows)
    found = np.array([fragments.differences(code, codes) for code in codes]) / fragments.farthest
    same = (rows[:, None] == rows[None]).mean(axis=2)
    kin = (groups()[rows][:, None] == groups()[rows][None]).mean(axis=2)
    assert np.allclose(found, 1 - (same + kin) / 2 if by_group else 1 - same)


def test_a_day_is_cut_into_equal_parts_or_refused():
    day = np.arange(2 * DAY_SLOTS, dtype=np.int64).reshape(2, -1).astype(np.uint8)
    for per_day in (12, 24, 48):
        assert Fragments(per_day).cut(day).shape == (2 * per_day, 144 // per_day)
    assert Fragments(48).minutes == 30
    with pytest.raises(ValueError, match="divisor"):
        Fragments(25)
    with pytest.raises(ValueError, match="144 slots"):
        HOUR.cut(day[:, 1:])


def test_fragments_that_differ_are_found_once_with_how_often_they_come():
    for by_group in (False, True):
        codes = Fragments(by_group=by_group).codes(LIVES.rows)
        first, place, count = distinct(codes)
        assert len(first) == len(np.unique(LIVES.rows, axis=0))
        assert (LIVES.rows[first][place] == LIVES.rows).all()
        assert count.sum() == len(LIVES.rows)


def test_every_profile_has_days_of_24_known_hours():
    assert all(len(day) == 24 and set(day) <= set(KINDS) for days in DAYS.values() for day in days)


def test_people_do_not_change_when_there_are_more_of_them():
    some = Generator(3).lives(5, 7, first=20)
    place = np.isin(LIVES.person, some.person)
    assert (LIVES.rows[place] == some.rows).all()
    assert (LIVES.mood[place] == some.mood).all()
    assert (Generator(4).lives(5, 7, first=20).mood != some.mood).any()


def test_moods_lie_on_the_stated_scale_around_what_can_be_expected():
    assert ((LIVES.mood >= 0) & (LIVES.mood <= 1)).all()
    assert np.allclose(LIVES.mood * 100, np.rint(LIVES.mood * 100))
    assert 0.0055 < LIVES.noise_floor < 0.0072  # chance of 0.08, rounding and the ends of the scale
    assert LIVES.expected.std() > 0.1


def test_other_intervals_are_the_same_days_cut_otherwise():
    halves = Generator(3, Fragments(48)).lives(40, 7)
    assert (halves.rows.reshape(-1, 6) == LIVES.rows).all()
    assert len(halves.mood) == 2 * len(LIVES.mood)


def test_no_single_swap_of_medoids_brings_the_distance_down():
    few = Generator(3).lives(6, 2).rows
    found = k_medoids(HOUR, few, 5, SeededEntropy(1))
    best, unique = found.mean_distance(few), np.unique(few, axis=0)
    for place in range(5):
        for candidate in unique:
            centres = found.centres.copy()
            centres[place] = candidate
            assert Clusters(HOUR, centres).mean_distance(few) >= best - 1e-12


def test_medoids_are_nearer_than_modes_and_both_than_chance():
    medoids, modes = (make(HOUR, LIVES.rows, 40, SeededEntropy(2)) for make in (k_medoids, k_modes))
    chance = Clusters(HOUR, LIVES.rows[:: len(LIVES.rows) // 40][:40])
    assert medoids.mean_distance(LIVES.rows) < modes.mean_distance(LIVES.rows) < chance.mean_distance(LIVES.rows)


def test_the_nearest_cluster_is_the_nearest():
    clusters = Clusters(Fragments(by_group=True), LIVES.rows[5:25])
    rows = LIVES.rows[100:160]
    place, far = clusters.nearest(rows)
    expected = np.array([[clusters.fragments.distance(one, centre) for centre in clusters.centres] for one in rows])
    assert (place == expected.argmin(axis=1)).all()
    assert np.allclose(far, expected.min(axis=1))


def test_more_clusters_than_fragments_are_refused():
    with pytest.raises(ValueError, match="different fragments"):
        k_medoids(HOUR, LIVES.rows[:3], 4, SeededEntropy(1))


def test_what_a_device_needs_loads_nothing_compiled():
    """The device's half: fragments, activities, the blend and the filter's own part."""
    modules = (
        "choral.apps.companion.device.blend, choral.apps.companion.device.fragments, choral.learning.alternating_least_squares"
    )
    program = f"import sys, {modules}; print(sorted({{'numba', 'scipy', 'jax', 'starlette'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
