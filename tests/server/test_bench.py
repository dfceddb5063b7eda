"""`choral bench ingest` on a small scale: what it counts is what is stored, and it names what it measured."""

import json

import pytest

from choral.cli.bench.ingest import Plan, latency_ms, run
from choral.errors import UsageError


def test_a_small_benchmark_gives_every_figure(tmp_path):
    path = tmp_path / "bench.json"
    run(Plan(seconds=0.5, runs=1, connections=8, stored=1_000, folder=tmp_path), path)
    figures = json.loads(path.read_text())
    for name in ("durable_per_second", "durable_per_second_full", "empty_per_second", "ratio", "fdatasync_ms"):
        assert figures[name] > 0
    assert figures["connections"] == 8
    assert figures["machine"]["cores"] >= 1
    assert [child.name for child in tmp_path.iterdir()] == ["bench.json"], "nothing is left behind"


def test_a_disk_has_a_latency(tmp_path):
    assert 0 < latency_ms(tmp_path) < 10_000


def test_a_folder_or_file_that_cannot_be_written_is_named_before_anything_is_measured(tmp_path):
    plan = Plan(1.0, 1, 1, 1, tmp_path / "none")
    with pytest.raises(UsageError, match="--folder"):
        run(plan, None)
    with pytest.raises(UsageError, match="none"):
        run(Plan(1.0, 1, 1, 1, tmp_path), tmp_path / "none" / "file.json")
