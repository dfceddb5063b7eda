"""Scores, the tail of domains, one phone over a year, and the commands that make the pages of docs/experiments."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from choral.apps.keyboard.locales import Trial, overlap, run
from choral.apps.keyboard.year import live
from choral.cli.experiment.commands import app
from choral.cli.experiment.page import MOST_PLOT_BYTES, save_figure, table
from choral.device import Budget
from choral.errors import UsageError
from choral.mechanisms import Estimate
from choral.simulation.domains import SOURCE, extended, read_domains
from choral.simulation.scores import Mean, mean_of, score, top


def experiment(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_a_perfect_estimate_scores_nothing_wrong():
    truth = np.array([500, 300, 0, 200])
    points = score(Estimate(truth.astype(float), np.full(4, 25.0), 1000), truth, np.full(4, 25.0), epsilon=2.0)
    assert (points.over_theory, points.top_hits, points.found, points.absent, points.within) == (0, 4, 3, 0, 1)


def test_an_estimate_of_what_is_not_there_counts_as_absent():
    truth = np.array([1000, 0, 0, 0])
    points = score(Estimate(np.array([900.0, 100.0, 0, 0]), np.full(4, 25.0), 1000), truth, np.full(4, 25.0), epsilon=2.0)
    assert (points.found, points.absent, points.within) == (2, 1, 0.5)
    assert points.over_theory == pytest.approx((100**2 + 100**2) / 4 / 25)


def test_a_mean_carries_its_error_and_shows_as_many_digits_as_it_deserves():
    assert mean_of([1.0, 3.0]) == Mean(2.0, 1.0)
    assert mean_of([7.0]).error == 0
    assert str(Mean(1234.5, 20.0)) == "1,234 ± 20"
    assert top(np.array([1.0, 9.0, 4.0]), 2) == [1, 2]


def test_the_tail_goes_on_by_the_law_of_the_head():
    head = np.arange(1, 601) ** -1.2
    shares, exponent = extended(head, 5000)
    assert exponent == pytest.approx(1.2)
    assert shares == pytest.approx(np.arange(1, 5001) ** -1.2 / (np.arange(1, 5001) ** -1.2).sum())


@pytest.mark.skipif("CHORAL_DATA_DIR" not in os.environ, reason="set CHORAL_DATA_DIR to the folder of the source data")
def test_the_measured_domains_are_the_head_and_fall_by_zipfs_law():
    sites = read_domains(Path(os.environ["CHORAL_DATA_DIR"]), 250_000)
    assert (sites.month, len(sites.names), sites.names[0]) == ("2018-04", 1330, "google.com")
    assert 0.95 < sites.exponent < 1.05
    assert (np.diff(sites.shares) <= 0).all()
    assert sites.shares.sum() == pytest.approx(1)


def test_a_missing_table_and_a_dictionary_below_the_head_are_refused(tmp_path):
    with pytest.raises(UsageError, match="set CHORAL_DATA_DIR"):
        read_domains(tmp_path, 250_000)
    (tmp_path / "words").mkdir()
    rows = "".join(f"2018-01,global,site{rank}.org,News,{1 / rank}\n" for rank in range(1, 31))
    (tmp_path / SOURCE).write_text("month,country,site,category,popularity\n" + rows)
    with pytest.raises(UsageError, match="ask for at least as many"):
        read_domains(tmp_path, 20)
    assert len(read_domains(tmp_path, 100).shares) == 100


def test_a_phone_stops_for_good_at_the_end_of_its_budget():
    days = live(Budget.nats(day=4, year=12, life=48), days=6)
    assert [day.spent for day in days] == [4, 8, 12, 12, 12, 12]
    assert [bool(day.refusal) for day in days] == [False, False, False, True, True, True]
    assert "has 0 of 12 nats left for the year" in days[-1].refusal
    assert days[-1].reports == 3


def test_a_trial_ranks_emoji_and_never_nothing():
    first, other = (run(Trial(locale, "pgr", 3000, 4.0, 1)) for locale in ("en", "ja"))
    assert len(first.ranked) == 10
    assert all(one.emoji != "nothing" and one.stderr > 0 for one in first.ranked)
    assert first.ranked[0].name == "face with tears of joy"
    assert overlap(first, first) == 10 > overlap(first, other)


def test_the_emoji_experiment_writes_its_page_plots_and_json(tmp_path):
    made = experiment("emoji", "--devices", 1000, "--seeds", 2, "--days", 3, "--locales", "ja", "--folder", tmp_path)
    assert made.exit_code == 0, made.output
    found = json.loads((tmp_path / "emoji.json").read_text())
    assert {(one["locale"], one["mechanism"]) for one in found["runs"]} >= {("en", "cms"), ("fr", "pgr")}
    assert {one["locale"] for one in found["runs"]} == {"en", "fr", "ja"}
    text = (tmp_path / "emoji.md").read_text()
    for words in ("English and French", "Locale by locale", "One phone over a year", "seeds 1 to 2", "±", "```"):
        assert words in text
    for plot in ("emoji.png", "emoji_year.png"):
        assert 0 < (tmp_path / plot).stat().st_size < MOST_PLOT_BYTES


def test_the_domains_experiment_writes_its_page_plot_and_json(tmp_path, monkeypatch):
    (tmp_path / "words").mkdir()
    rows = "".join(f"2018-01,global,site{rank}.org,News,{1 / rank}\n" for rank in range(1, 601))
    (tmp_path / SOURCE).write_text("month,country,site,category,popularity\n" + rows)
    monkeypatch.setenv("CHORAL_DATA_DIR", str(tmp_path))
    made = experiment("domains", "--devices", 1000, "--seeds", 2, "--size", 2500, "--folder", tmp_path)
    assert made.exit_code == 0, made.output
    found = json.loads((tmp_path / "domains.json").read_text())
    assert {(one["mechanism"], one["epsilon"]) for one in found["runs"]} >= {("hcms", 4.0), ("pgr", 4.0)}
    assert "2,500 web domains" in (tmp_path / "domains.md").read_text()
    assert 0 < (tmp_path / "domains.png").stat().st_size < MOST_PLOT_BYTES


def test_the_attacks_experiment_writes_its_page_plot_and_json(tmp_path, monkeypatch):
    monkeypatch.delenv("CHORAL_DATA_DIR", raising=False)
    made = experiment("attacks", "--quick", "--seeds", 2, "--folder", tmp_path)
    assert made.exit_code == 0, made.output
    found = json.loads((tmp_path / "attacks.json").read_text())
    assert {one["share"] for one in found["back_door"]} == {0.0, 0.05}
    assert not any(one["exceeds"] for one in found["gain"])
    planted = [one for one in found["retries"] if one["fresh"] and one["sent"] == 30]
    assert all(one["right"] / one["tries"] > 0.95 > one["allowed"] for one in planted)
    text = (tmp_path / "attacks.md").read_text()
    for words in ("Differencing", "Longitudinal averaging", "Maximal gain", "back door", "one run", "synthetic", "±", "```"):
        assert words in text
    assert 0 < (tmp_path / "attacks.png").stat().st_size < MOST_PLOT_BYTES


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["emoji", "--folder", "/no/such/folder"], "there is no folder"),
        (["attacks", "--folder", "/no/such/folder"], "there is no folder"),
        (["attacks", "--seeds", 1], "need 2 to 100 seeds"),
        (["attacks", "--devices", 10], "too few to learn from"),
        (["domains", "--folder", "/no/such/folder"], "there is no folder"),
        (["emoji", "--seeds", "1"], "need 2 to 100 seeds"),
        (["emoji", "--days", "0"], "1 to 365 days"),
        (["emoji", "--locales", "en,tlh"], "choose one of"),
        (["emoji", "--devices", "0"], "choose 1 to"),
        (["domains", "--size", "10"], "2,500 to 1,000,000 domains"),
    ],
)
def test_an_impossible_experiment_is_refused(tmp_path, arguments, words):
    folder = [] if "--folder" in arguments else ["--folder", tmp_path]
    made = experiment(*arguments, *folder)
    assert isinstance(made.exception, UsageError), made.output
    assert words in str(made.exception)


def test_a_table_is_markdown_and_a_plot_has_a_limit(tmp_path):
    assert table(["a", "b"], [["x|y", 1]]).splitlines() == ["| a | b |", "| --- | ---: |", "| x\\|y | 1 |"]

    class Heavy:
        def savefig(self, path, dpi):
            path.write_bytes(bytes(MOST_PLOT_BYTES + 1))

    with pytest.raises(UsageError, match="draw less"):
        save_figure(Heavy(), tmp_path / "plot.png")
