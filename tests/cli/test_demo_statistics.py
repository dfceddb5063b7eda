"""The statistics demo: real agents, a real server, five questions by four mechanisms."""

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from choral.cli.demo.commands import app
from choral.cli.demo.statistics import Size

MECHANISMS = {
    "browser.memory": ("hadamard-count-mean-sketch/1", "count/1"),
    "browser.energy": ("projective-geometry-response/1", "count/1"),
    "health.types": ("projective-geometry-response/1", "count/1"),
    "keyboard.words.en": ("fragment-puzzle/1", "found-words/1"),
    "keyboard.prefixes.en": ("projective-geometry-response/1", "prefix-tree/1"),
}


def played(path, *options):
    """What `choral demo statistics --once` writes."""
    answer = CliRunner().invoke(app, ["statistics", "--once", "--json", str(path), *options])
    assert answer.exit_code == 0, answer.exception
    return json.loads(path.read_text(encoding="utf-8"))


def within(items, sigmas):
    """The share of truths within so many standard errors."""
    return sum(abs(one["estimate"] - one["truth"]) <= sigmas * one["stderr"] for one in items) / len(items)


def test_a_few_agents_bring_every_mechanism_to_its_release(tmp_path):
    result = played(tmp_path / "small.json", "--agents", "10", "--days", "1", "--chance", "1")
    releases = {one["signal"]: one for one in result["releases"]}
    assert {signal: (one["mechanism"], one["algorithm"]) for signal, one in releases.items()} == MECHANISMS
    reports = {"browser.memory": 20, "browser.energy": 20, "health.types": 10, "keyboard.words.en": 20}
    assert {signal: one["reports"] for signal, one in releases.items()} == {**reports, "keyboard.prefixes.en": 60}
    assert releases["keyboard.prefixes.en"]["rounds"] == [10] * 6
    assert result["uploads"] == 130
    for signal in ("browser.memory", "browser.energy", "health.types"):
        assert sum(one["truth"] for one in releases[signal]["items"]) == reports[signal]
        assert within(releases[signal]["items"], 6) > 0.9  # 20 reports are too few for more
    assert result["lexicon"]["reported_after"] == 0


def test_the_trees_goal_is_surely_met():
    assert Size(10, 1, 1.0).tree_goal == 10
    assert Size(400, 5, 0.5).tree_goal == 150
    assert Size(4, 1, 0.1).tree_goal == 1


@pytest.mark.acceptance
def test_hundreds_of_agents_find_heavy_sites_and_new_words(tmp_path):
    """Fresh noise each time: each bound is missed with chance below 1e-6."""
    result = played(tmp_path / "full.json")
    releases = {one["signal"]: one for one in result["releases"]}
    for signal in ("browser.memory", "browser.energy", "health.types"):
        assert within(releases[signal]["items"], 5) > 0.98
    energy = {one["item"] for one in releases["browser.energy"]["items"] if one["released"]}
    assert {"google.de", "nothing"} <= energy
    words = Counter({one["word"]: one["estimate"] for one in releases["keyboard.prefixes.en"]["found"]})
    assert words.most_common(1)[0][0] == "lol"
    assert "lol" in {one["word"] for one in releases["keyboard.words.en"]["found"]}
    assert result["lexicon"]["reported_before"] == len(result["lexicon"]["words"]) > 0
