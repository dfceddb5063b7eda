"""The private choice: its epsilon is exact for any candidates, its gain is what integrals say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choral.mechanisms.cap import Cap, enough_pairs, optimal_gain
from choral.mechanisms.score_laws import gaussian_law, mean_length, sphere_law
from choral.numerics import SeededEntropy, outcomes
from choral.numerics.directions import gaussian_levels, spread

SCORES = st.integers(1, 12).flatmap(lambda n: st.lists(st.integers(-3, 3), min_size=n, max_size=n))


@given(SCORES, st.data())
def test_every_signed_candidate_has_one_rank_and_the_best_come_first(scores, data):
    """Also where scores are equal or zero: this, and nothing about where candidates come from, is what privacy rests on."""
    row, pairs = np.array([scores]), len(scores)
    top = data.draw(st.integers(1, pairs))
    cap = Cap(pairs, top, 2**64 - 1)
    named = [(int(p[0]), int(s[0])) for p, s in (cap.named(np.array([rank]), row) for rank in range(2 * pairs))]
    assert set(named) == {(pair, sign) for pair in range(pairs) for sign in (-1, 1)}
    values = [scores[pair] * sign for pair, sign in named]
    assert min(values[:top]) >= max(values[2 * top :], default=0)
    assert all(value >= 0 for value in values[:top])


@pytest.mark.parametrize("cap", [Cap(3, 2, 2**63), Cap(1, 1, 2**64 - 2**54), Cap(7, 1, 2**62), Cap(20, 13, 2**63)])
def test_a_ranks_chances_are_exactly_as_claimed(cap):
    """The worst ratio of any two ranks' exact chances: two updates can swap any two ranks of one candidate."""
    ranks = outcomes(lambda entropy: cap.draw(1, entropy).tobytes())
    assert len(ranks) == 2 * cap.pairs
    exact = math.log(max(ranks.values()) / min(ranks.values()))
    assert cap.epsilon - 1e-12 < exact <= cap.epsilon


@settings(max_examples=25)
@given(st.floats(0.01, 12), st.integers(1, 2000), st.integers(0, 1))
def test_never_weaker_than_asked_and_hardly_stronger(epsilon, pairs, kind):
    cap = Cap.for_epsilon(epsilon, pairs, [gaussian_law(), sphere_law(16)][kind])
    assert epsilon * (1 - 1e-5) <= cap.epsilon <= epsilon


@pytest.mark.parametrize(("epsilon", "excess"), [(1.0, 6.33), (4.0, 0.4353), (8.0, 0.1329)])
def test_the_optimum_is_the_published_one_and_enough_pairs_come_within_a_hundredth(epsilon, excess):
    assert optimal_gain(epsilon) ** -2 == pytest.approx(excess, rel=1e-3)
    gain = Cap.for_epsilon(epsilon, enough_pairs(epsilon), gaussian_law()).moments(gaussian_law())[0]
    assert 1 < (optimal_gain(epsilon) / gain) ** 2 < 1.0102
    most = Cap.for_epsilon(epsilon, 2**15, gaussian_law()).moments(gaussian_law())[0]
    assert 1 <= (optimal_gain(epsilon) / most) ** 2 < 1.001


@pytest.mark.parametrize("epsilon", [0.5, 2.0, 5.0])
def test_the_chosen_top_is_the_best_of_all(epsilon):
    caps = [Cap._with(epsilon, 40, top) for top in range(1, 41)]
    gains = [cap.moments(gaussian_law())[0] for cap in caps]
    assert Cap.for_epsilon(epsilon, 40, gaussian_law()) == caps[int(np.argmax(gains))]


@pytest.mark.parametrize("pairs", [1, 2, 9])
@pytest.mark.parametrize("width", [0, 3, 8])
def test_moments_are_those_of_drawn_scores(pairs, width):
    """Through `named` itself; n = 60,000: each mean within 6 standard errors, false alarm 2e-9, notices 3 %."""
    n, top = 60_000, -(-pairs // 3)
    law = sphere_law(width) if width else gaussian_law()
    draws = gaussian_levels()[SeededEntropy(pairs).below(n * pairs * max(width, 1), 2**16).astype(np.int64)] / spread()
    vectors = draws.reshape(n, pairs, -1)
    scores = vectors[:, :, 0] / (np.linalg.norm(vectors, axis=2) if width else 1)
    cap = Cap(pairs, top, 2**64 * 4 // 5)
    pair, sign = cap.named(cap.draw(n, SeededEntropy(8)), scores)
    drawn = sign * scores[np.arange(n), pair]
    for found, expected in zip((drawn, drawn**2), cap.moments(law), strict=True):
        assert abs(found.mean() - expected) < 6 * found.std() / math.sqrt(n)


def test_laws_have_their_textbook_means():
    assert gaussian_law().top_sums(1, 1) == pytest.approx((math.sqrt(2 / math.pi), 1.0), rel=1e-12)
    assert sphere_law(3).top_sums(5, 5) == pytest.approx((2.5, 5 / 3), rel=1e-12)  # uniform on [0, 1]
    assert sphere_law(3).top_sums(5, 1)[0] == pytest.approx(5 / 6, rel=1e-9)
    assert gaussian_law().top_sums(30, 29)[1] == pytest.approx(30 - math.pi / 31 / 32, abs=5e-5)  # all but the smallest square
    assert mean_length(2) == pytest.approx(math.sqrt(math.pi / 2), rel=1e-12)
    assert sphere_law(2).mass.sum() == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize(
    "wrong", [(0, 1, 2**63), (3, 0, 2**63), (3, 4, 2**63), (2**16, 1, 2**63), (3, 3, 2**62), (3, 1, 2**64)]
)
def test_illegal_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="need"):
        Cap(*wrong)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan, 30.0])
def test_an_absurd_epsilon_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        Cap.for_epsilon(epsilon, 4, gaussian_law())
