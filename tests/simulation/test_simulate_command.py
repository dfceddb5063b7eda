"""`choral simulate emoji`: what it writes, draws and refuses."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from choral.apps.keyboard import dictionary
from choral.cli.simulate.commands import app
from choral.errors import UsageError


def simulate(*arguments):
    return CliRunner().invoke(app, ["emoji", *map(str, arguments)], catch_exceptions=True)


def test_the_json_has_every_item_and_an_error_as_the_theory_says(tmp_path):
    """The ratio's standard error is sqrt(2 / 2655) = 2.7 %, so 10 % is 3.6 of them; the seed is fixed."""
    out = tmp_path / "out.json"
    run = simulate("--locale", "ja", "--devices", 20_000, "--mechanism", "rr", "--seed", 1, "--json", out)
    assert run.exit_code == 0, run.output
    found = json.loads(out.read_text(encoding="utf-8"))
    assert [item["item"] for item in found["items"]] == list(dictionary())
    assert sum(item["truth"] for item in found["items"]) == found["devices"] == 20_000
    assert (found["mechanism"], found["domain"], found["epsilon"]) == ("rr", 2655, 4.0)
    assert 0.9 < found["mse"] / found["mse_theory"] < 1.1
    assert found["bits_per_report"] == 12
    assert found["seconds"] > 0
    assert set(found["items"][0]) == {"item", "estimate", "stderr", "truth", "typed", "share"}


def test_the_same_seed_gives_the_same_items(tmp_path):
    outs = [tmp_path / "a.json", tmp_path / "b.json"]
    for out in outs:
        assert simulate("--devices", 500, "--mechanism", "rr", "--json", out).exit_code == 0
    first, second = (json.loads(out.read_text())["items"] for out in outs)
    assert first == second


def test_the_table_shows_rank_emoji_estimate_error_and_truth():
    run = simulate("--devices", 500, "--mechanism", "rr", "--top", 3)
    assert run.exit_code == 0
    for word in ("rank", "emoji", "estimate", "+-", "truth", "English keyboards: 500 devices", "ratio"):
        assert word in run.stdout


def test_the_plot_is_a_picture(tmp_path):
    plot = tmp_path / "emoji.png"
    assert simulate("--devices", 500, "--mechanism", "rr", "--plot", plot).exit_code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--locale", "tlh"], "choose one of de"),
        (["--mechanism", "magic"], "choose one of cms, rr"),
        (["--epsilon", "0"], "choose one above"),
        (["--epsilon", "-4"], "choose one above"),
        (["--epsilon", "inf"], "choose one above"),
        (["--epsilon", "nan"], "choose one above"),
        (["--epsilon", "1e9"], "choose one above"),
        (["--devices", "0"], "choose 1 to"),
        (["--devices", "-3"], "choose 1 to"),
        (["--devices", "999999999999"], "choose 1 to"),
        (["--json", "/no/such/folder/out.json"], "folder that exists"),
        (["--plot", "emoji.doc"], "must end in"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy_before_anything_is_computed(arguments, remedy):
    run = simulate(*arguments)
    assert isinstance(run.exception, UsageError)
    assert remedy in str(run.exception)


def test_a_users_error_is_one_line_without_a_traceback():
    command = [sys.executable, "-m", "choral", "simulate", "emoji", "--locale", "tlh"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("error: there are no emoji data for the locale 'tlh'")
    assert run.stderr.count("\n") == 1
