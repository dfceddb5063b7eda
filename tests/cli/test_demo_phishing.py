"""The phishing demo: tokens, two algorithms, labels that come later; and a scan that finds whatever is planted."""

import json
import sqlite3
from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from choral.apps.phishing.device.canonical import marks
from choral.apps.phishing.device.features import constants
from choral.cli.demo.commands import app
from choral.cli.demo.phishing import NIGHTS, scanned
from choral.cli.demo.phishing_links import CANARIES, Mail
from choral.cli.demo.phishing_play import A_DAY, Own
from choral.errors import UsageError
from choral.numerics import SeededEntropy

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BUFFERED, DRAWN = "buffered-gradient/1", "draw-and-discard/2"


@pytest.fixture
def mail(monkeypatch):
    monkeypatch.delenv("CHORAL_DATA_DIR", raising=False)
    return Mail.drawn(4, 5, seed=1, now=NOW)


def played(path, *options):
    """What `choral demo phishing --once` writes."""
    answer = CliRunner().invoke(app, ["phishing", "--once", "--json", str(path), *options])
    assert answer.exit_code == 0, answer.exception
    return json.loads(path.read_text(encoding="utf-8"))


def versions(result, algorithm):
    return [one for one in result["versions"] if one["algorithm"] == algorithm]


def check(result, agents):
    """What holds for any number of agents."""
    assert {"agents", "uploads", "versions", "scanned_bytes", "findings", "seconds"} <= result.keys()
    assert (result["agents"], result["uploads"], result["findings"]) == (agents, agents * NIGHTS * 2, [])
    assert result["scanned_bytes"] > 100_000
    assert set(result["steps"]) <= {"skipped", "contributed", "sent"}
    assert result["steps"]["contributed"] == result["steps"]["sent"] == result["uploads"]
    journal = result["journal"]
    assert journal["used_records"] == result["uploads"] * A_DAY
    assert journal["used_records_left"] == 0
    assert journal["records"] == agents * 2 * 2  # with two links of one's own, two more than reports take; by two signals
    assert [one["reports"] for one in versions(result, BUFFERED)] == [0] + [agents] * NIGHTS
    assert sum(one["reports"] for one in versions(result, DRAWN)) + result["dropped"] == agents * NIGHTS
    assert all(0 <= one["metric"] <= 1 and one["stderr"] >= 0 for one in result["versions"])


def test_a_few_devices_with_tokens_teach_both_models_and_nothing_of_theirs_is_found(tmp_path, monkeypatch):
    monkeypatch.delenv("CHORAL_DATA_DIR", raising=False)
    result = played(tmp_path / "small.json", "--agents", "6", "--version-seconds", "2")
    check(result, 6)
    assert result["synthetic"]
    assert "synthetic" in result["source"]


@pytest.mark.parametrize("table", ["report", "release"])
def test_whatever_a_device_holds_is_found_where_it_is_planted(tmp_path, mail, table):
    own = Own.drawn(SeededEntropy(3))
    secrets = {
        **own.secrets(),
        "a link that was received": [mail.urls[mail.held[0, 0]]],
        "an account's token": ["t0k-3n_of_one"],
    }
    planted = {kind: texts[-1] for kind, texts in secrets.items()}
    planted["a link with its label"] = f"{mail.entries[0].expression},phishing"
    assert scanned(tmp_path, secrets, mail).findings == ()
    for kind, text in planted.items():
        data = tmp_path / kind.replace(" ", "-")
        data.mkdir()
        number = np.array([int(text, 16)], ">u8").tobytes() if kind == "a label that a person gave" else text.encode()
        with sqlite3.connect(data / "store.sqlite") as db:
            db.execute(f"CREATE TABLE {table} (body BLOB)")
            db.execute(f"INSERT INTO {table} VALUES (?)", (b"x" * 4090 + number + b"y" * 5000,))
        db.close()
        found = scanned(data, secrets, mail)
        assert f"{kind} in store.sqlite, table {table}" in found.findings
        assert text not in repr(found)


def test_what_is_planted_in_the_servers_log_is_found(tmp_path, mail):
    (tmp_path / "data").mkdir()
    own = Own.drawn(SeededEntropy(4))
    (tmp_path / "data.log").write_text(json.dumps({"event": own.text}))
    assert scanned(tmp_path / "data", own.secrets(), mail).findings == ("a page's text in data.log",)


def test_the_feed_says_the_truth_of_every_link_that_is_sent_and_of_no_other(mail):
    feed = mail.feed(NOW)
    sent = {int(row) for row in mail.held.ravel()}
    assert [feed.label(marks(mail.urls[row])) for row in sent] == [mail.links.labels[row] > 0.5 for row in sent]
    assert len(feed) == len(sent)
    own = Own.drawn(SeededEntropy(5))
    assert feed.label(marks(own.reported)) is feed.label(marks(own.unknown)) is None


def test_public_examples_are_of_domains_that_no_device_is_sent(mail):
    domains = mail.links.domains
    assert not set(domains[mail.canary_rows]) & set(domains[mail.held.ravel()])
    canaries = mail.canaries(constants().public, NOW)
    assert canaries.arrays["inputs"].shape[0] == len(mail.canary_rows) >= CANARIES
    assert set(canaries.arrays) == {"inputs", "label", "weight"}


def test_a_result_that_cannot_be_written_is_refused_before_anything_starts(tmp_path):
    answer = CliRunner().invoke(app, ["phishing", "--once", "--json", str(tmp_path / "no" / "such.json")])
    assert isinstance(answer.exception, UsageError)


@pytest.mark.acceptance
def test_hundreds_of_devices_make_versions_that_get_better(tmp_path):
    """Fresh noise each time: in trials the last buffered version was better than the first by 15 standard errors or more."""
    result = played(tmp_path / "full.json")
    check(result, 500)
    first, *_, last = versions(result, BUFFERED)
    assert last["metric"] - first["metric"] > 6 * last["stderr"] > 0
