"""The sticker demo, and the scan that says that nothing leaked: it must find what is planted."""

import json
import sqlite3

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from choral.apps.stickers.device.events import category, rank_names
from choral.apps.stickers.study.quality import qualities
from choral.cli.bench.stickers import stickers as bench
from choral.cli.demo.leak_scan import scan
from choral.cli.demo.stickers import stickers
from choral.errors import UsageError

SECRETS = {"a token": ["6c1f00aa" * 8], "a text": ["zq0123, おはよう"], "stickers": ["12 55 307 8"]}


def asked(command, *options):
    app = typer.Typer()
    app.command()(command)
    answer = CliRunner().invoke(app, list(options))
    assert answer.exit_code == 0, answer.exception
    return answer.output


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("server.log", b'{"event": "zq0123, \xe3\x81\x8a\xe3\x81\xaf\xe3\x82\x88\xe3\x81\x86"}', "a text"),
        ("store.sqlite-wal", b"\0\1" + "zq0123, おはよう".encode("utf-16-le") + b"\2", "a text"),
        ("keys/other", bytes.fromhex("6c1f00aa" * 8), "a token"),
        ("keys/token", b"Bearer " + b"6c1f00aa" * 8, "a token"),
        ("deep/er/file", b"displayed: 12 55 307 8 4", "stickers"),
    ],
)
def test_what_is_planted_in_a_file_is_found(tmp_path, name, content, kind):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    found = scan([tmp_path], SECRETS)
    assert found.findings == (f"{kind} in {path.name}",)
    assert found.size == len(content)


def test_what_is_planted_in_a_database_is_found_though_it_lies_in_several_pages(tmp_path):
    with sqlite3.connect(tmp_path / "store.sqlite") as db:
        db.execute("CREATE TABLE report (id INTEGER, body BLOB)")
        filler = b"x" * 4000
        db.execute("INSERT INTO report VALUES (1, ?)", (filler + b"zq0123, " + "おはよう".encode() + filler,))
    db.close()
    assert "a text in store.sqlite, table report" in scan([tmp_path], SECRETS).findings


def test_findings_never_quote_what_was_found(tmp_path):
    (tmp_path / "log").write_bytes("zq0123, おはよう 12 55 307 8".encode())
    assert "zq0123" not in repr(scan([tmp_path], SECRETS))


def test_a_clean_folder_has_no_findings(tmp_path):
    (tmp_path / "log").write_bytes(b"12 55 307 9")
    assert scan([tmp_path, tmp_path / "log"], SECRETS).findings == ()


def test_the_quality_of_each_version_is_read_with_its_error():
    estimate, stderr = np.zeros(len(rank_names())), np.full(len(rank_names()), 3.0)
    estimate[[category(5, 1), category(5, 2), category(5, 9)]] = (300, 100, 400)
    (quality,) = qualities(estimate, stderr)
    assert (quality.version, quality.choices, quality.share) == (1, 800, 0.5)
    assert quality.stderr == pytest.approx(np.sqrt(0.25 * 11 * 9) / 800)
    with pytest.raises(UsageError, match="45 ranks"):
        qualities(estimate[:10], stderr[:10])


def test_the_benchmark_tells_what_a_key_press_costs(tmp_path):
    assert "a key press" in asked(bench, "--stickers", "200", "--json", str(tmp_path / "bench.json"))
    assert json.loads((tmp_path / "bench.json").read_text())["suggest_median_ms"] > 0


@pytest.mark.acceptance
def test_versions_get_better_and_nothing_leaks(tmp_path):
    """Fresh noise each time: the last version was better than the first by 6 standard errors or more in trials."""
    path = tmp_path / "demo.json"
    asked(stickers, "--once", "--json", str(path))
    found = json.loads(path.read_text())
    assert {"agents", "uploads", "versions", "scanned_bytes", "findings", "seconds"} <= found.keys()
    assert (found["agents"], found["uploads"], found["findings"]) == (500, 4_500, [])
    assert found["scanned_bytes"] > 1_000_000
    versions = found["versions"]
    assert len(versions) >= 3
    assert versions[-1]["metric"] - versions[0]["metric"] == pytest.approx(versions[-1]["gain"])
    assert versions[-1]["gain"] > 3 * versions[-1]["gain_stderr"] > 0
