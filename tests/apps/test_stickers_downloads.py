"""Download logs: made up for experiments, read from a team's own files, and what is learnt from them."""

from datetime import date

import numpy as np
import pytest

from choral.apps.stickers import Catalogue, Sticker, item_features, shipped
from choral.apps.stickers.device.messages import preference_vector
from choral.apps.stickers.service.download_logs import Download, Kind, read_logs, read_packages, write_logs
from choral.apps.stickers.service.preference import learn
from choral.apps.stickers.study.downloads import DAYS, FIRST_DAY, MOST, SHARES, downloads
from choral.errors import UsageError

TINY = Catalogue(tuple(Sticker(10 * number, f"s{number}", "", (f"word{number}",), ()) for number in range(1, 6)))
HEADER = "account,sticker,kind,day\n"
STICKERS, PEOPLE = 60, 4_000


@pytest.fixture(scope="module")
def world():
    """Tastes float64[n, 4], factors, log popularity and the downloads that follow."""
    generator = np.random.default_rng(5)
    taste, factors = generator.normal(size=(PEOPLE, 4)), generator.normal(size=(STICKERS, 4))
    popularity = -np.log(generator.permutation(STICKERS) + 3.0)
    return taste, factors, popularity, downloads(taste, factors, popularity, seed=1)


def learnt_from(logs, numbers=4):
    return learn(logs.person, logs.sticker, logs.kind, people=PEOPLE, stickers=STICKERS, numbers=numbers)


def vectors_of(found, logs, people=PEOPLE):
    return found.vectors(logs.person, logs.sticker, logs.kind, people=people)


def test_a_person_downloads_the_same_in_every_shard(world):
    taste, factors, popularity, logs = world
    again = downloads(taste[100:150], factors, popularity, seed=1, first=100)
    mine = (logs.person >= 100) & (logs.person < 150)
    assert np.array_equal(logs.person[mine] - 100, again.person)
    for column in ("sticker", "kind", "day"):
        assert np.array_equal(getattr(logs, column)[mine], getattr(again, column))
    other = downloads(taste[100:150], factors, popularity, seed=2, first=100)
    assert not np.array_equal(other.sticker[:50], again.sticker[:50])


def test_everybody_downloads_something_and_nobody_twice_in_the_same_way(world):
    *_, logs = world
    counts = np.bincount(logs.person, minlength=PEOPLE)
    assert counts.min() >= 1
    assert counts.max() <= MOST
    assert 8 <= np.median(counts) <= 12
    assert len(np.unique(np.stack([logs.person, logs.sticker, logs.kind]), axis=1).T) == len(logs.person)
    assert logs.day.min() >= FIRST_DAY
    assert logs.day.max() < FIRST_DAY + DAYS


def test_kinds_come_in_their_shares_where_nothing_repeats():
    logs = downloads(np.zeros((3_000, 1)), np.zeros((3_000, 1)), np.zeros(3_000), seed=4)
    shares = np.bincount(logs.kind) / len(logs.kind)
    assert shares == pytest.approx([SHARES[kind] for kind in Kind], abs=0.015)  # five standard errors


def test_what_is_bought_follows_taste_and_what_a_sponsor_gives_follows_popularity(world):
    taste, factors, popularity, logs = world
    liking = (taste[logs.person] * factors[logs.sticker]).sum(axis=1)
    assert liking[logs.kind == Kind.PURCHASED].mean() > 1.0
    sponsored = liking[logs.kind == Kind.SPONSORED]
    assert abs(sponsored.mean()) < 6 * sponsored.std() / np.sqrt(len(sponsored)) + 0.02
    counts = np.bincount(logs.sticker[logs.kind == Kind.SPONSORED], minlength=STICKERS)
    assert np.corrcoef(np.log(counts + 1.0), popularity)[0, 1] > 0.95


def test_preference_information_knows_much_of_the_taste(world):
    taste, _, _, logs = world
    vectors = preference_vector(vectors_of(learnt_from(logs), logs)).astype(np.float64)
    design = np.c_[np.ones(PEOPLE), vectors]
    fitted = design @ np.linalg.lstsq(design, taste, rcond=None)[0]
    explained = 1 - ((taste - fitted) ** 2).sum() / ((taste - taste.mean(axis=0)) ** 2).sum()
    assert explained > 0.4


def test_preference_numbers_have_unit_mean_square_and_lie_on_a_grid_of_int8(world):
    *_, logs = world
    steps = vectors_of(learnt_from(logs), logs)
    assert steps.dtype == np.int8
    vectors = preference_vector(steps)
    assert np.abs(vectors.mean(axis=0)).max() < 0.02
    assert np.abs((vectors**2).mean(axis=0) - 1).max() < 0.06


def test_learning_is_a_function_of_the_logs_in_any_order(world):
    *_, logs = world
    first = vectors_of(learnt_from(logs), logs)
    assert np.array_equal(first, vectors_of(learnt_from(logs), logs))
    order = np.random.default_rng(2).permutation(len(logs.person))
    found = learn(logs.person[order], logs.sticker[order], logs.kind[order], people=PEOPLE, stickers=STICKERS, numbers=4)
    shuffled = found.vectors(logs.person[order], logs.sticker[order], logs.kind[order], people=PEOPLE)
    assert np.abs(shuffled.astype(int) - first).max() <= 1


def test_learning_anew_keeps_what_the_numbers_mean(world):
    *_, logs = world
    found, most = learnt_from(logs), logs.person < PEOPLE * 9 // 10
    earlier = learn(
        logs.person[most], logs.sticker[most], logs.kind[most], people=PEOPLE * 9 // 10, stickers=STICKERS, numbers=4
    )
    turned = found.like(earlier, logs.person, logs.sticker, logs.kind, people=PEOPLE)
    before, after = (preference_vector(vectors_of(one, logs)) for one in (earlier, turned))
    assert ((before - after) ** 2).mean() < 0.05
    assert np.abs((after**2).mean(axis=0) - 1).max() < 0.06
    with pytest.raises(ValueError, match="cannot be turned"):
        found.like(learnt_from(logs, 3), logs.person, logs.sticker, logs.kind, people=PEOPLE)


def test_whoever_comes_later_is_folded_in_without_learning_anew(world):
    *_, logs = world
    found = learnt_from(logs)
    everyone = vectors_of(found, logs)
    one = logs.person == 77
    alone = found.vectors(np.zeros(one.sum(), np.int64), logs.sticker[one], logs.kind[one], people=1)
    assert np.array_equal(alone[0], everyone[77])


def test_a_person_without_a_download_has_the_average_taste(world):
    *_, logs = world
    steps = vectors_of(learnt_from(logs), logs, people=PEOPLE + 1)
    assert not steps[PEOPLE].any()


def test_a_sticker_downloaded_in_two_ways_counts_once_by_the_weightier(world):
    *_, logs = world
    found = learnt_from(logs)
    here, bought, given = np.zeros(2, np.int64), np.array([Kind.PURCHASED], np.uint8), np.array([1, 0], np.uint8)
    twice = found.vectors(here, np.array([9, 9]), given, people=1)
    assert np.array_equal(twice, found.vectors(here[:1], np.array([9]), bought, people=1))


def test_the_numbers_speak_for_the_stickers_that_were_downloaded(world):
    *_, logs = world
    found = learnt_from(logs)
    steps = vectors_of(found, logs)
    bought = logs.kind == Kind.PURCHASED
    own = np.mean(
        [found.scores(steps[p])[s] for p, s in zip(logs.person[bought][:300], logs.sticker[bought][:300], strict=True)]
    )
    usual = np.mean([found.scores(0 * steps[0])[s] for s in logs.sticker[bought][:300]])
    assert own > 1.3 * usual


def test_preference_information_is_not_aligned_with_the_keyword_space():
    catalogue = Catalogue(shipped().stickers[:300])
    features = item_features(catalogue, 7).astype(np.float64)
    generator = np.random.default_rng(3)
    own = generator.normal(size=(len(catalogue), 7)) / np.sqrt(7)
    taste = 2 * generator.normal(size=(1_500, 14))
    logs = downloads(taste, np.hstack([features, own]), np.zeros(len(catalogue)), seed=1)
    found = learn(logs.person, logs.sticker, logs.kind, people=1_500, stickers=len(catalogue), numbers=7)
    vectors = preference_vector(vectors_of(found, logs, people=1_500))
    table = np.abs(np.corrcoef(taste[:, :7].T, vectors.T)[:7, 7:])
    assert table.max() < 0.9  # no number of a person is a number of the keyword space


@pytest.mark.parametrize(("numbers", "people"), [(0, 100), (65, 100), (STICKERS, 100), (3, 3)])
def test_what_the_logs_cannot_give_is_refused(numbers, people):
    person = np.arange(people)
    with pytest.raises(ValueError, match="numbers"):
        learn(person, person % STICKERS, np.zeros(people, np.uint8), people=people, stickers=STICKERS, numbers=numbers)


def test_a_teams_logs_come_back_from_csv_and_from_json_lines():
    rows = (Download("u1", 10, Kind.PURCHASED, date(2027, 1, 15)), Download("u2", 50, Kind.PREMIUM, date(2026, 2, 28)))
    assert read_logs(write_logs(rows), TINY, name="logs.csv") == rows
    lines = '{"account": "u1", "sticker": 10, "kind": "purchased", "day": "2027-01-15"}\n\n'
    lines += '{"day": "2026-02-28", "kind": "premium", "sticker": "50", "account": "u2"}\n'
    assert read_logs(lines, TINY, name="logs.jsonl") == rows
    assert read_logs("day,kind,sticker,account\n2027-01-15,purchased,10,u1\n", TINY, name="logs.csv") == rows[:1]


def test_a_package_is_all_of_its_stickers():
    packages = read_packages("package,sticker\nbears,10\nbears,20\ncats,30\n", TINY, name="packages.csv")
    assert packages == {"bears": (10, 20), "cats": (30,)}
    found = read_logs("account,package,kind,day\nu1,bears,sponsored,2027-01-15\n", TINY, name="x", packages=packages)
    assert [(one.account, one.sticker, one.kind) for one in found] == [("u1", 10, Kind.SPONSORED), ("u1", 20, Kind.SPONSORED)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "logs.csv, line 1: the columns must be account, sticker, kind, day"),
        ("account,sticker,kind\n", "line 1: the columns must be"),
        ("account,sticker,kind,day,text\n", "line 1: the columns must be"),
        (HEADER, "holds no download"),
        (HEADER + "u1,10,purchased,2027-01-15\nu1,11,purchased,2027-01-15\n", "line 3: the column 'sticker' names none"),
        (HEADER + "u1,ten,purchased,2027-01-15\n", "line 2: the column 'sticker' needs the number"),
        (HEADER + "u1,10,stolen,2027-01-15\n", "line 2: the column 'kind' needs one of purchased, sponsored, premium"),
        (HEADER + "u1,10,PURCHASED,2027-01-15\n", "line 2: the column 'kind'"),
        (HEADER + "u1,10,purchased,2027-02-30\n", "line 2: the column 'day' needs a day"),
        (HEADER + "u1,10,purchased,2027-01-15T10:11:12\n", "line 2: the column 'day' needs a day"),
        (HEADER + "u1,10,purchased,1999-01-15\n", "line 2: the column 'day' lies before"),
        (HEADER + ",10,purchased,2027-01-15\n", "line 2: the column 'account' needs 1 to 64"),
        (HEADER + "u 1,10,purchased,2027-01-15\n", "line 2: the column 'account' may hold no space"),
        (HEADER + "u1,10,purchased\n", "line 2: needs 4 values"),
        (HEADER + "u1,10,purchased,2027-01-15,9\n", "line 2: needs 4 values"),
        ('{"account": "u1"}\n', "line 1: the columns must be"),
        ('{"account": "u1", "sticker": true, "kind": "purchased", "day": "2027-01-15"}', "line 1: the column 'sticker'"),
        ('{"account": "u1", "sticker": 10, "kind": 3, "day": "2027-01-15"}', "line 1: the column 'kind' needs a text"),
        ('{"account": "u1", "sticker": 10, "kind": "purchased", "day": "2027-01-15"}\n[]', "line 2: is no JSON object"),
        ("account,package,kind,day\nu1,none,purchased,2027-01-15\n", "line 2: the column 'package' names no package"),
    ],
)
def test_logs_that_are_not_as_they_should_be_are_refused_with_line_and_column(text, words):
    with pytest.raises(UsageError) as caught:
        read_logs(text, TINY, name="logs.csv")
    assert words in str(caught.value)
    assert "stolen" not in str(caught.value)
    assert "u1" not in str(caught.value)
