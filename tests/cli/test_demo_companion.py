"""The companion demo at small size: versions that foretell better, suggestions that differ, and a server that knows nobody."""

import json

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from choral.cli.demo.companion import Played, companion, play, scanned, suggestions
from choral.cli.demo.companion_play import DAYS, HOURS, NIGHTS, RATED_HOURS, TODAY, People, secrets
from choral.cli.local.server import local_server

AGENTS = 40


@pytest.fixture(scope="module")
def server():
    with local_server() as running:
        yield running


@pytest.fixture(scope="module")
def played(server) -> Played:
    return play(server, AGENTS, 1, Console(quiet=True))


def test_every_device_reports_once_a_night_and_each_night_is_a_version(played):
    assert played.reports == (0, *[AGENTS] * NIGHTS)
    assert len(played.sent) == AGENTS * NIGHTS
    assert len({len(one.outgoing.report) for one in played.sent}) == 1


def test_what_a_report_costs_is_on_the_account_of_the_sum(server, played):
    nobody, of_the_sum = server.json(f"/v1/tasks/{played.task.hash.hex()}")["guarantees"]
    assert (nobody["trust"], of_the_sum["trust"]) == ("nobody", "sum")
    assert "hides next to nothing" in nobody["sentence"]
    assert played.task.terms.epsilon * NIGHTS >= of_the_sum["epsilon"] > played.task.terms.epsilon


def test_a_row_says_how_much_less_the_error_is_person_by_person(played):
    first, last = played.row(0), played.row(NIGHTS)
    assert (first["gain"], first["gain_stderr"]) == (0, 0)
    assert first["metric"] - last["metric"] == pytest.approx(last["gain"])
    assert last["stderr"] > 0


def test_suggestions_differ_by_person(played):
    counts = suggestions(played)
    assert counts["none"] + counts["by_chance"] + counts["best"] == counts["low"] == AGENTS
    assert counts["different"] > 1
    assert 0 < counts["pairs_that_differ"] < 1
    assert all((one.seen is None) == (one.arm == "none") for one in played.suggested)


def test_nothing_on_the_server_identifies_or_describes_anyone_and_whatever_is_planted_is_found(server, played):
    clean = scanned(server, played)
    assert clean.findings == ()
    assert clean.size > 100_000
    kinds = secrets(played.people.everyone, (one.outgoing.payload for one in played.sent))
    planted = server.data / "planted"
    for kind, text in ((kind, text) for kind, texts in kinds.items() for text in (texts[0], texts[-1])):
        planted.write_text(f"before {text} after")
        assert scanned(server, played).findings == (f"{kind} in planted",)
    planted.write_bytes(b"before " + played.sent[-1].outgoing.payload)
    assert scanned(server, played).findings == ("what a report held in planted",)
    planted.unlink()


def test_the_lives_follow_from_the_seed_and_nobody_tells_the_device_of_today(played):
    again = People.generated(AGENTS, 1, first=played.people.first, operator=b"")
    one, other = played.people.everyone[7], again.everyone[7]
    assert one.name == other.name
    assert (one.valence == other.valence).all()
    assert one.activity.shape == (DAYS, HOURS)
    assert sorted(one.diary.labels(again.first, again.day(TODAY))) == [again.day(number) for number in range(TODAY)]
    assert {len(row) for row in one.diary.labels(again.first, again.day(NIGHTS)).values()} == {len(RATED_HOURS)}


@pytest.mark.acceptance
def test_versions_foretell_better_and_nothing_leaks(tmp_path):
    """Fresh noise each time: the gain of the last version was ten standard errors or more in trials."""
    path, app = tmp_path / "demo.json", typer.Typer()
    app.command()(companion)
    answer = CliRunner().invoke(app, ["--once", "--json", str(path)])
    assert answer.exit_code == 0, answer.exception
    found = json.loads(path.read_text())
    assert {"agents", "uploads", "versions", "scanned_bytes", "findings", "seconds"} <= found.keys()
    assert (found["agents"], found["uploads"], found["findings"]) == (300, 900, [])
    assert [row["version"] for row in found["versions"]] == [0, 1, 2, 3]
    assert all(row["gain"] > 3 * row["gain_stderr"] > 0 for row in found["versions"][1:])
    assert found["suggestions"]["different"] >= 5
