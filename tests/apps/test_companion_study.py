"""What a person is shown is never worse than what they could say alone, at any privacy; and the paper's experiment."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from choral.apps.companion.device.blend import blended
from choral.apps.companion.device.fragments import Fragments
from choral.apps.companion.study import her
from choral.apps.companion.study.averaging import Averaging
from choral.apps.companion.study.factors import central, federated, trained
from choral.apps.companion.study.ratings import Ratings, filter_for, rmse, split
from choral.apps.companion.study.study import CLUSTERS, MOODS, Study, catalogue, run
from choral.cli.experiment.her_page import page_of
from choral.cli.simulate.companion import companion, ratings
from choral.errors import UsageError
from choral.numerics import SeededEntropy

DATA = os.environ.get("CHORAL_DATA_DIR")


@pytest.fixture(scope="module")
def clusters():
    return catalogue(Fragments())


@pytest.fixture(scope="module")
def small():
    return her.data_of(50, 20, 1)


@pytest.mark.parametrize("hours", [3, 12, 84])
@pytest.mark.parametrize("epsilon", [0.05, 0.25, 1.0, 4.0, 16.0])
def test_the_blend_is_never_worse_than_alone(clusters, hours, epsilon):
    """By three standard errors of the paired difference, over 1,000 people: fixed seeds, so a failure is a change."""
    found = run(Study(1_000, hours, epsilon, 5), clusters)
    gain, error = found.better
    assert gain <= 3 * error
    assert found.epsilon <= epsilon


def test_strangers_help_at_twelve_labelled_hours_and_epsilon_4(clusters):
    found = run(Study(3_000, 12, 4.0, 1), clusters)
    gain, error = found.better
    assert gain < -10 * error
    assert found.mse["blend"] < 0.85 * found.mse["alone"] < found.mse["own_mean"]
    assert found.mse["central"] < found.mse["blend"]
    assert found.ranking > 0.6


def test_the_blend_of_an_open_model_is_about_as_good_as_the_better_of_both(clusters):
    found = run(Study(1_500, 60, 60.0, 2), clusters)
    assert found.mse["blend"] < 1.05 * min(found.mse["shared"], found.mse["alone"])


def test_a_model_that_knows_nothing_leaves_people_to_themselves():
    start = MOODS.publish(MOODS.init(SeededEntropy(1)))
    examples = {"item": np.array([3, 3, 7]), "rating": np.array([0.9, 0.8, 0.2]), "weight": np.ones(3)}
    found = blended(MOODS, start, examples, person=np.zeros(3, np.int64), people=1)
    assert (found.blend == found.alone).all()
    assert found.weights[0, -1] == 1
    assert found.alone[0, 3] > found.own_mean[0] > found.alone[0, 7]
    assert found.alone.shape == (1, CLUSTERS)


def test_a_person_without_labels_is_shown_the_shared_model(clusters):
    start = dict(MOODS.publish(MOODS.init(SeededEntropy(1))))
    start["params"][1 + CLUSTERS : 1 + 2 * CLUSTERS] = 0.1  # the public model is sure of itself
    nothing = {"item": np.zeros(1, np.int64), "rating": np.zeros(1), "weight": np.zeros(1)}
    found = blended(MOODS, start, nothing, person=np.zeros(1, np.int64), people=1)
    assert found.blend.std() <= found.shared.std() + 1e-9
    assert np.isfinite(found.blend).all()


def test_federated_validation_error_equals_central_to_four_digits(small):
    cells = small.cells()
    errors = []
    for add in (central, federated):
        *_, late = her._solved(her.FILTER, cells, add, 1)
        errors.append(small.errors(*late())[1])
    assert f"{errors[0]:.4g}" == f"{errors[1]:.4g}"
    assert abs(errors[0] - errors[1]) < 1e-7


def test_the_order_of_models_on_generated_lives(small):
    found = her.curves(small, 1)
    validation = {name: curve.validation[-1] for name, curve in found.items()}
    assert small.noise_floor < validation["federated"] < validation["averaging, rising rate"] < validation["bias model"]
    assert validation["bias model"] < her.own_mean(small).validation[-1]
    assert validation["federated"] < 1.2 * small.noise_floor
    assert len(found["averaging, constant rate"].train) == her.EPOCHS


def test_a_rising_rate_rises_then_falls_and_a_constant_one_stays():
    rates = [Averaging(50, 0.1, rising=True).rate_at(epoch) for epoch in range(50)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(0.1) == rates[15]
    assert 0 < rates[49] < 0.01
    assert len({Averaging(50, 0.1).rate_at(epoch) for epoch in range(50)}) == 1


def test_activities_that_join_later_are_learnt_without_a_new_start():
    errors = [row["validation_mse"] for row in her.joining(50, 20, 1)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.7 * errors[0]


def test_people_without_an_hour_or_a_budget_are_no_study():
    for wrong in ((1, 12, 4.0), (10, 0, 4.0), (10, 12, 0.0)):
        with pytest.raises(ValueError, match="need people"):
            Study(*wrong, seed=1)


def commands():
    app = Typer()
    app.command()(companion)
    app.command()(ratings)
    return app


def test_the_command_says_what_the_issue_asks_for(tmp_path):
    out = tmp_path / "out.json"
    asked = ["companion", "--people", "300", "--hours", "12", "--epsilon", "4", "--seed", "1", "--json", str(out)]
    found = CliRunner().invoke(commands(), asked)
    assert found.exit_code == 0, found.output
    assert set(json.loads(out.read_text())) == {
        "mse_shared", "mse_alone", "mse_own_mean", "mse_blend", "mse_central", "ranking_within_person",
        "uploads_bytes", "epsilon", "delta", "seconds",
    }  # fmt: skip


def rows(people=80, each=12):
    source = np.random.default_rng(1)
    person, item = np.repeat(np.arange(people), each), source.integers(0, 30, people * each)
    rating = (
        3 + source.normal(size=people)[person] * 0.5 + source.normal(size=30)[item] * 0.7 + source.normal(size=len(item)) * 0.5
    )
    return [f"{a},{b},{c:.1f}" for a, b, c in zip(person, item, np.clip(rating, 1, 5), strict=True)]


def test_the_command_takes_ones_own_ratings_and_ones_own_test(tmp_path):
    lines, out = rows(), tmp_path / "out.json"
    (tmp_path / "data.csv").write_text("\n".join(["user,item,rating", *lines[:800]]), "utf-8")
    (tmp_path / "test.csv").write_text("\n".join(["user,item,rating", *lines[800:], "unheard,of,3"]), "utf-8")
    asked = ["ratings", "--data", str(tmp_path / "data.csv"), "--test", str(tmp_path / "test.csv"), "--json", str(out)]
    found = CliRunner().invoke(commands(), asked)
    assert found.exit_code == 0, found.output
    told = json.loads(out.read_text())
    assert set(told) == {"rmse_central", "rmse_federated", "rmse_private", "rmse_bias"}
    assert told["rmse_central"] == pytest.approx(told["rmse_federated"], rel=1e-4)


def test_the_layout_of_movielens_100k_is_taken_as_it_comes(tmp_path):
    lines, found = rows(), {}
    for name, head, sign, end in (("data.csv", ["user,item,rating"], ",", ""), ("u1.base", [], "\t", "\t881250949")):
        (tmp_path / name).write_text("\n".join([*head, *(line.replace(",", sign) + end for line in lines)]) + "\n", "utf-8")
        asked = ["ratings", "--data", str(tmp_path / name), "--json", str(tmp_path / "out.json")]
        assert CliRunner().invoke(commands(), asked).exit_code == 0
        found[name] = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert found["u1.base"] == found["data.csv"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("u.data", b"1\t2\t3\t4\n1\t2\t3\n", "line 2"),
        ("u1.test", b"1\t2\tgood\t4\n", "line 1"),
        ("u1.base", b"\xff\xfe", "UTF-8"),
        ("u1.base", b"", "at least one"),
        ("ratings.txt", b"1\t2\t3\t4\n", "cannot tell what"),
    ],
)
def test_what_is_not_quite_movielens_is_refused_with_the_line(tmp_path, name, text, said):
    (tmp_path / name).write_bytes(text)
    found = CliRunner().invoke(commands(), ["ratings", "--data", str(tmp_path / name)])
    assert isinstance(found.exception, UsageError)
    assert said in str(found.exception)
    assert "good" not in str(found.exception)


def test_a_file_of_ratings_that_are_no_numbers_is_refused(tmp_path):
    (tmp_path / "data.csv").write_text("user,item,rating\na,b,good\n", "utf-8")
    found = CliRunner().invoke(commands(), ["ratings", "--data", str(tmp_path / "data.csv")])
    assert found.exit_code != 0
    assert "good" not in str(found.exception)


@pytest.mark.skipif(DATA is None, reason="CHORAL_DATA_DIR names no folder of data to measure with")
def test_movielens_federated_equals_central_and_beats_the_bias_model():
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(Path(DATA or "") / "ranking" / "ml_latest_small_ratings.parquet")
    person, item, rating = (table[column].to_numpy() for column in ("userId", "movieId", "rating"))
    often = np.isin(item, *np.nonzero(np.bincount(item) >= 20))  # the command takes all of them, in its own time
    train, test = split(Ratings.of(person[often].astype(str), item[often].astype(str), rating[often]), 1)
    errors = {}
    for name, rank, add in (("central", 12, central), ("parts", 12, in_parts), ("bias", 0, central)):
        errors[name] = movielens_rmse(train, test, rank, add)
    new = np.random.default_rng(1).permutation(train.people)  # everyone has another number, and so another place and part
    train, test = (replace(part, person=new[part.person]) for part in (train, test))
    errors["other parts"] = movielens_rmse(train, test, 12, in_parts)
    assert f"{errors['central']:.4g}" == f"{errors['parts']:.4g}" == f"{errors['other parts']:.4g}"
    assert errors["parts"] < errors["bias"]


def movielens_rmse(train, test, rank, add):
    algorithm = filter_for(train, rank=rank)
    *_, state = trained(algorithm, train.cells(), rounds=4, entropy=SeededEntropy(1), add=add)
    return rmse(algorithm, state, train.cells(), test)


def in_parts(algorithm, cells, params):
    """Two servers' sums, added."""
    parts = ((0, cells.people // 3), (cells.people // 3, cells.people))
    return np.sum([federated(algorithm, cells.of_people(*part), params)[0] for part in parts], axis=0), 0.0


def test_the_page_of_the_experiment_says_what_its_results_say():
    folder = Path(__file__).parents[2] / "docs" / "experiments"
    made = "Made in"
    told = page_of(json.loads((folder / "her.json").read_text("utf-8"))).partition(made)[0]
    assert told == (folder / "her.md").read_text("utf-8").partition(made)[0]
    assert "in none of the" in told  # studies is the blend worse than alone
