"""`choral bench rounds` on a small scale: what it counts is what is stored, and a round trip is small."""

import json
from functools import partial

import pytest

from choral.cli.bench.drawn_rounds import DrawnLoad
from choral.cli.bench.round_trips import Trips
from choral.cli.bench.rounds import FederatedLoad, Plan, run
from choral.errors import UsageError


def test_a_small_benchmark_counts_round_trips_of_two_requests_and_less_than_4_kib(tmp_path):
    path = tmp_path / "rounds.json"
    run(Plan(devices=20, seconds=0.7, runs=2, folder=tmp_path), FederatedLoad.prepared, path)
    figures = json.loads(path.read_text())
    assert figures["round_trips_per_second"] > 0
    assert (figures["waiting_devices"], figures["requests_per_round_trip"]) == (20, 2)
    assert 1_300 < figures["bytes_of_messages"] < figures["bytes_per_round_trip"] < 4_096
    assert [child.name for child in tmp_path.iterdir()] == ["rounds.json"], "nothing is left behind"


def test_models_that_devices_return_are_folded_each_with_a_token_while_it_is_measured(tmp_path):
    path, load = tmp_path / "rounds.json", partial(DrawnLoad.prepared, reports=40)
    run(Plan(devices=8, seconds=30.0, runs=1, folder=tmp_path), load, path)
    figures = json.loads(path.read_text())
    assert figures["round_trips_per_second"] > 0
    assert max(figures["seconds"]) < 30, "a run without further reports ends early"
    assert figures["bytes_of_messages"] < figures["bytes_per_round_trip"] <= 2_000, "with token and HTTP headers"
    assert figures["dropped"] == [0]
    assert max(figures["waiting_to_be_folded"]) <= 40


def test_a_token_travels_with_its_report():
    trips = Trips("a.signal", [b"1" * 256, b"2" * 256], tokens=[b"one", b"two"])
    first, second = trips.uploads("host:1")
    assert b'PrivateToken token="b25l"' in first
    assert second.endswith(b"\r\n\r\n" + b"2" * 256)


def test_uploads_are_distinct_and_have_the_devices_headers():
    trips = Trips("a.signal", [bytes(256), bytes([1]) * 256], 7)
    uploads = trips.uploads("host:1")
    first, second, third = next(uploads), next(uploads), next(uploads)
    assert len({first, second, third}) == 3
    head, _, body = first.partition(b"\r\n\r\n")
    assert (len(body), body[-8:]) == (256, (7).to_bytes(8, "little"))
    for line in (b"POST /v1/reports HTTP/1.1", b"User-Agent: choral", b"Connection: close", b"Content-Length: 256"):
        assert line in head.split(b"\r\n")
    assert trips.fetch("host:1").startswith(b"GET /v1/checkouts/a.signal HTTP/1.1\r\nHost: host:1\r\n")


def test_a_folder_that_is_not_there_is_named_before_anything_is_measured(tmp_path):
    with pytest.raises(UsageError, match="--folder"):
        run(Plan(1, 1.0, 1, tmp_path / "none"), FederatedLoad.prepared, None)
