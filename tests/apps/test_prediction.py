"""Emoji prediction from public releases: locale against global."""

import numpy as np
import pytest

from choral.apps.keyboard import dictionary, oracle
from choral.apps.keyboard.population import population
from choral.apps.keyboard.prediction import Ranking
from choral.engines import Serial
from choral.errors import UsageError
from choral.learning import Count
from choral.numerics import SeededEntropy
from choral.protocol import Release
from choral.simulation import Cohort, study

DEVICES = 40_000


def histogram(items, estimates, reports=100):
    arrays = {"item": np.array(items, np.int64), "estimate": np.array(estimates, np.float64)}
    return Release(b"t" * 32, 0, "histogram", reports, 0, (), arrays)


def released(locale):
    """What a server would release of that locale: the same fold and publish, over a simulated cohort."""
    result = study(Cohort(oracle("cms"), population(locale, 3), 3), DEVICES, engine=Serial())
    count = Count()
    state = count.fold({}, result.estimate, SeededEntropy(0))
    return Release(b"t" * 32, 0, "histogram", DEVICES, 0, (), count.publish(state))


def test_a_ranking_follows_the_estimates_without_nothing_and_falls_back():
    nothing = len(dictionary()) - 1
    locale = Ranking.of_locale(histogram([nothing, 7, 3], [90.0, 5.0, 4.0]), Ranking((1, 3, 2)))
    assert locale.categories == (7, 3, 1, 2)
    assert locale.best(2) == (dictionary()[7], dictionary()[3])


def test_the_global_ranking_counts_each_report_the_same():
    small, large = histogram([1], [9.0], reports=10), histogram([2], [30.0], reports=1000)
    assert Ranking.of_all([small, large]).categories == (2, 1)


def test_hits_are_the_share_of_typed_emoji_among_the_first_k():
    ranking = Ranking((5, 6, 7))
    assert ranking.hits([5, 6, 7, 8], 2) == 0.5
    assert ranking.hits([], 2) == 0


@pytest.mark.parametrize(
    "release",
    [
        Release(b"t" * 32, 0, "prefix-tree/1", 10, 0, (), {}),
        histogram([1], [1.0], reports=0),
        histogram([2655], [1.0]),
        histogram([-1], [1.0]),
    ],
)
def test_what_cannot_rank_emoji_is_refused(release):
    with pytest.raises(UsageError):
        Ranking.of_locale(release)


def test_the_ranking_of_a_locale_hits_more_than_the_global_one():
    """Japanese, French and English, 40,000 devices each, other people than those who reported; fixed seeds."""
    releases = {locale: released(locale) for locale in ("en", "fr", "ja")}
    everyone = Ranking.of_all(releases.values())
    for locale, release in releases.items():
        typed = population(locale, 99).events(0, 300).category
        own = Ranking.of_locale(release, everyone)
        assert own.hits(typed, 10) >= everyone.hits(typed, 10)
    typed = population("ja", 99).events(0, 300).category
    assert Ranking.of_locale(releases["ja"], everyone).hits(typed, 10) > everyone.hits(typed, 10) + 0.02
