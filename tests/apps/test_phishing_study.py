"""The phishing study: what is a feature and what is not, what is learnt at which price, attackers, drift, downloads."""

import json
import math
import os
import re
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
import typer

from choral.apps.phishing.device import columns
from choral.apps.phishing.device.scaling import Scaling
from choral.apps.phishing.study.buffered import Reporters, algorithm_for, buffer_size, stepped
from choral.apps.phishing.study.data import SOURCE, domain_numbers, links_in, read_links, registered_domain, split
from choral.apps.phishing.study.download import HANNOUSSE, Source, digest, pull
from choral.apps.phishing.study.drawn import noisy
from choral.apps.phishing.study.drift import course
from choral.apps.phishing.study.gate import Gate
from choral.apps.phishing.study.ground import fit, ground
from choral.apps.phishing.study.poisoning import SEEDS, named_direction
from choral.apps.phishing.study.population import held_links, mislabelled, synthetic
from choral.apps.phishing.study.study import Setting, study
from choral.cli.experiment.phishing import phishing as experiment
from choral.cli.simulate.phishing import phishing as simulate
from choral.errors import UsageError
from choral.mechanisms.base import empty_state
from choral.mechanisms.closed_form import closed_form
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SeededEntropy

LINKS = synthetic(3000)
FOLDER = os.environ.get("CHORAL_DATA_DIR")
with_data = pytest.mark.skipif(FOLDER is None, reason="needs CHORAL_DATA_DIR")
KEYS = {
    "auc", "recall_at_1pct_fpr", "accuracy", "auc_nonprivate", "auc_central", "auc_public_only", "epsilon_feature",
    "epsilon_record", "epsilon_device", "epsilon_shuffled", "delta", "instance_variance", "instance_variance_theory",
    "updates", "seconds",
}  # fmt: skip


def run(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    app(list(map(str, arguments)), standalone_mode=False)


def test_a_column_that_leaks_or_needs_a_look_up_is_never_a_feature():
    """The list of the design, word for word: none of them in either data set, with and without https and www."""
    leaking = {
        "google_index", "page_rank", "web_traffic", "domain_age", "whois_registered_domain", "domain_registration_length",
        "dns_record", "statistical_report", "ratio_intRedirection", "ratio_extRedirection", "ratio_intErrors",
        "ratio_extErrors", "nb_redirection",
    }  # fmt: skip
    assert leaking <= columns.HANNOUSSE_LEAKING
    assert not columns.HANNOUSSE_LEAKING & {*columns.HANNOUSSE_URL, *columns.HANNOUSSE_PAGE}
    assert not columns.PHIUSIIL_LEAKING & {*columns.PHIUSIIL}
    assert not {"url", "status", "URL", "label", "Title", "FILENAME"} & {*columns.HANNOUSSE_URL, *columns.PHIUSIIL}
    assert len({*columns.HANNOUSSE_URL, *columns.HANNOUSSE_PAGE}) == 52


@with_data
@pytest.mark.parametrize(
    ("name", "rows", "features", "bare"), [(SOURCE, 11_430, 52, 50), ("phishing/phiusiil_first999.csv.gz", 999, 44, 43)]
)
def test_both_data_sets_are_read(name, rows, features, bare):
    links, without = (read_links(Path(FOLDER) / name, transport=transport) for transport in (True, False))
    assert links.features.shape == (rows, features)
    assert without.features.shape == (rows, bare)
    assert not links.synthetic
    assert 0.3 < links.labels.mean() < 0.51


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://login.accounts.example.co.uk/a?b=c", "example.co.uk"),
        ("someone.github.io/x", "github.io"),
        ("http://127.0.0.1:8000/a", "127.0.0.1"),
        ("http://[broken", "http://[broken"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("example.org", "example.org"),
        ("http://xn--bcher-kva.example.com./", "example.com"),
    ],
)
def test_the_registered_domain_of_any_text(url, domain):
    assert registered_domain(url).rstrip(".") == domain.rstrip(".")
    assert domain_numbers([url, url]).tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_no_domain_is_in_two_parts_and_no_row_is_lost(seed):
    parts = split(LINKS, seed)
    domains = [set(LINKS.domains[rows]) for rows in (parts.public, parts.devices, parts.test)]
    assert sum(map(len, domains)) == len(set.union(*domains))
    assert sorted(np.concatenate([parts.public, parts.devices, parts.test])) == list(range(len(LINKS.labels)))
    assert 1000 <= len(parts.public) < 1020
    assert len(parts.test) / len(LINKS.labels) == pytest.approx(0.3, abs=0.01)


def test_constants_come_from_public_rows_and_keep_features_in_their_range():
    wild = np.array([[1e300, -5.0], [0.0, 0.0], [3.0, 2.0]])
    for scaling in (Scaling.standard(wild[1:]), Scaling.unit(wild[1:])):
        scaled = scaling(wild)
        assert ((scaled >= scaling.low) & (scaled <= scaling.high)).all()
    assert Scaling.unit(wild[1:])(wild[1:]).tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_devices_hold_links_of_their_part_alone_and_wrong_labels_are_as_many_as_asked():
    """20,000 labels: within 6 standard errors, false alarm 2e-9."""
    rows = np.array([3, 5, 8])
    assert set(held_links(rows, 500, 4, 1).ravel()) == {3, 5, 8}
    wrong = mislabelled(np.zeros(20_000), 0.05, 1).mean()
    assert abs(wrong - 0.05) < 6 * math.sqrt(0.05 * 0.95 / 20_000)


def test_the_generator_says_that_it_is_one():
    assert LINKS.synthetic
    assert "synthetic" in LINKS.source


def test_newtons_method_finds_where_the_gradient_is_zero():
    rows = np.random.default_rng(1).normal(size=(300, 4))
    labels = (rows[:, 0] + np.random.default_rng(2).normal(size=300) > 0).astype(float)
    params = fit(rows, labels, 0.01)
    surplus = 1 / (1 + np.exp(-(rows @ params[:-1] + params[-1]))) - labels
    assert np.abs(rows.T @ surplus / 300 + 0.01 * params[:-1]).max() < 1e-10


@pytest.mark.parametrize("algorithm", ["buffered", "draw-and-discard", "central"])
def test_the_same_setting_gives_the_same_numbers_and_another_seed_others(algorithm):
    one, again, other = (study(LINKS, Setting(algorithm=algorithm, devices=60, seed=seed)) for seed in (1, 1, 2))
    assert one.private == again.private
    assert one.private != other.private


def test_prices_of_a_feature_a_record_and_a_device_stand_side_by_side():
    def prices(**fields):
        return study(LINKS, Setting(devices=60, records=4, **fields)).prices

    drawn = {unit: prices(algorithm="draw-and-discard", unit=unit) for unit in ("feature", "record", "device")}
    assert [getattr(drawn[unit], unit) for unit in drawn] == pytest.approx([4, 4, 4], rel=0.01)
    assert all(one.feature <= 10.01 for one in drawn.values())
    assert drawn["feature"].device == pytest.approx(53 * drawn["feature"].feature, rel=1e-6)
    assert [drawn[unit].record for unit in ("record", "device")] == pytest.approx([4, 4], rel=0.01)
    many = study(LINKS, Setting(algorithm="draw-and-discard", devices=60, records=16)).prices
    assert many.record == pytest.approx(4 * 2 * 2 / 16 / 0.5, rel=0.05)  # twice 2 R / n over 2 C
    assert drawn["device"].shuffled == drawn["device"].device
    buffered, central = prices(), prices(algorithm="central", epsilon=8.0)
    assert buffered.feature == buffered.record == buffered.device == pytest.approx(4)
    assert central.central == pytest.approx(8, rel=0.05)
    assert central.device >= central.central


def test_one_record_of_four_moves_a_devices_step_by_a_quarter_of_what_all_do():
    model = noisy(4.0, "record", size=53, records=4)
    assert model.epsilon == pytest.approx(16, rel=0.03)
    assert model.update.epsilon_of_change(2 * model.update.clip_norm / 4) <= 4


def test_the_gate_keeps_the_best_state_and_lets_one_within_the_error_pass():
    gate = Gate(lambda state: (float(state["x"]), 0.01), {"x": np.float64(0.9)})
    for value, kept in ((0.95, 0.95), (0.94, 0.94), (0.92, 0.94), (0.96, 0.96)):
        assert gate.admit({"x": np.float64(value)})["x"] == kept
    assert gate.rolled_back == 1


def test_a_hostile_report_is_a_legal_one_that_points_along_its_target():
    mechanism, target = PrivUnit.for_epsilon(4.0, 20, clip_norm=1.0), np.eye(20)[3]
    found = named_direction(mechanism, target, seed=1)
    assert found @ target / np.linalg.norm(found) > 0.6  # the best of 2**17 directions of 21 numbers
    honest = closed_form(mechanism, np.tile(target, (200, 1)), SeededEntropy(1))
    assert np.linalg.norm(found) < 1.6 * np.linalg.norm(honest, axis=1).max()
    assert 2 * SEEDS * mechanism.pairs >= 2**17


def test_the_cohorts_step_is_the_mean_of_what_agents_would_send():
    """One buffer through `contribute` and the integers themselves, against the study's short cut: six standard errors."""
    base = ground(LINKS, devices=4000, records=3, seed=1, unit=False)
    algorithm, mechanism = algorithm_for(base), PrivUnit.for_epsilon(4.0, base.size, clip_norm=1.0)
    state = algorithm.init(SeededEntropy(0))
    params, state_sum = algorithm.check_out(state, SeededEntropy(0)), empty_state(mechanism)
    values = np.concatenate([algorithm.contribute(params, base.examples(held)) for held in base.held[:300]])
    payloads = mechanism.randomize(values, SeededEntropy(1))
    integers = algorithm.fold(state, mechanism.estimate(mechanism.accumulate(state_sum, payloads), 300), SeededEntropy(0))
    reporters = Reporters(None, np.zeros(300, bool), np.zeros(base.size), 1)
    exact = stepped(algorithm, state, base, reporters, slice(0, 300))
    error = 0.7 * math.sqrt(mechanism.variance(values).sum()) / 300
    assert 0.5 * error < np.linalg.norm(integers["params"] - exact["params"]) < 2 * error
    assert buffer_size(base) == 20


def test_a_model_that_starts_anew_follows_a_planted_change():
    base = ground(LINKS, devices=4000, records=5, seed=1, unit=False)
    reporters = Reporters(None, np.zeros(4000, bool), np.zeros(base.size), 1)
    once, seasons = (course(base, reporters, seasons=count, buffers=40, every=1) for count in (1, 4))
    assert once.change == seasons.change == 2000
    before = max(point.auc for point in seasons.points[:20])
    assert min(point.auc for point in seasons.points[20:]) < before - 0.05
    assert seasons.points[-1].auc > once.points[-1].auc


@with_data
def test_on_real_links_private_learning_is_near_non_private_learning():
    """The targets at full size (100,000 devices), one split; the page has five. 10 s on a quiet machine."""
    links = read_links(Path(FOLDER) / SOURCE)
    four, one = (study(links, Setting(epsilon=epsilon)) for epsilon in (4.0, 1.0))
    hostile = study(links, Setting(hostile=0.01))
    assert four.central.auc - four.nonprivate.auc < 0.005
    assert four.nonprivate.auc - four.private.auc < 0.012
    assert one.nonprivate.auc - one.private.auc < 0.030
    assert four.nonprivate.recall - four.private.recall < 0.06
    assert hostile.private.auc > 0.90
    drawn = study(links, Setting(algorithm="draw-and-discard", gated=False))
    assert drawn.private.auc > 0.854 - 0.03
    assert drawn.learnt.spread == pytest.approx(drawn.learnt.spread_law, rel=0.25)


def test_the_command_writes_every_figure_with_its_error(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("CHORAL_DATA_DIR", raising=False)
    for algorithm in ("buffered", "draw-and-discard", "central"):
        path = tmp_path / f"{algorithm}.json"
        run(simulate, "--algorithm", algorithm, "--devices", 60, "--records", 2, "--hostile", 0.02, "--json", path)
        found = json.loads(path.read_text())
        assert found.keys() >= KEYS
        assert found["synthetic"]
        assert all(found[f"{name}_stderr"] > 0 for name in ("auc", "recall_at_1pct_fpr", "accuracy", "auc_central"))
        assert found["updates"] == 60
        output = capsys.readouterr()
        assert "synthetic" in output.err
        charged = r"\(delta 1e-06\), which is what a ledger charges to" if algorithm == "central" else "device, which is what a"
        assert re.search(charged, " ".join(output.out.split()))


def test_the_experiment_makes_its_page(tmp_path, monkeypatch):
    """One of each kind of run, 50 devices; 6 s on a quiet machine."""
    monkeypatch.delenv("CHORAL_DATA_DIR", raising=False)
    run(experiment, "--quick", "--seeds", 2, "--folder", tmp_path)
    page = (tmp_path / "phishing.md").read_text()
    for told in ("synthetic", "## Poisoning", "## Drift", "## What an epsilon of 4 protects", "(phishing_poison.png)"):
        assert told in page
    assert {path.name for path in tmp_path.iterdir()} == {
        "phishing.md",
        "phishing.json",
        "phishing_poison.png",
        "phishing_drift.png",
    }


BODY = b"url,status\n" * 100


class Home(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/file")
            self.end_headers()
            return
        self.send_response(200 if self.path in ("/file", "/long") else 404)
        self.end_headers()
        for _ in range(50_000 if self.path == "/long" else 1):
            self.wfile.write(BODY)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def home():
    server = HTTPServer(("127.0.0.1", 0), Home)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetch(tmp_path, home):
    import hashlib

    right = hashlib.sha256(BODY).hexdigest()
    with httpx.Client(timeout=5) as client:

        def fetched(path, sha256=right, told=lambda more, total: None):
            return pull(Source(home + path, sha256, "file.csv", "us"), tmp_path, client, told=told)

        yield fetched


def test_a_download_is_kept_when_its_hash_is_right_and_not_fetched_twice(fetch):
    told = []
    path = fetch("/moved", told=lambda more, total: told.append(more))
    assert path.read_bytes() == BODY
    assert sum(told) == len(BODY)
    assert fetch("/nowhere", sha256=digest(path)) == path


@pytest.mark.parametrize(("path", "why"), [("/nowhere", "404"), ("/long", "more than"), ("/file", "SHA-256")])
def test_any_other_download_leaves_nothing_behind(fetch, tmp_path, path, why):
    with pytest.raises(UsageError, match=why):
        fetch(path, sha256="0" * 64)
    assert not list(tmp_path.iterdir())


def test_a_file_that_a_person_downloaded_is_checked_and_another_one_is_left_alone(fetch, tmp_path):
    (tmp_path / "file.csv").write_bytes(BODY)
    assert fetch("/nowhere").read_bytes() == BODY
    (tmp_path / "file.csv").write_bytes(b"another")
    with pytest.raises(UsageError, match=r"status 404.*by hand as .*file\.csv"):
        fetch("/nowhere")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"another"]


def test_a_folder_that_cannot_be_written_is_named(home, tmp_path):
    source = Source(home + "/file", "0" * 64, "file.csv", "us")
    with httpx.Client() as client, pytest.raises(UsageError, match="--folder"):
        pull(source, tmp_path / "gone", client, told=partial(max, 0))


def test_links_that_were_downloaded_are_found_in_the_data_folder(tmp_path):
    assert links_in(tmp_path) == tmp_path / SOURCE
    (tmp_path / "phishing").mkdir()
    (tmp_path / "phishing" / HANNOUSSE.name).touch()
    assert links_in(tmp_path) == tmp_path / "phishing" / HANNOUSSE.name


def test_no_connection_is_a_clear_refusal(tmp_path):
    with httpx.Client() as client, pytest.raises(UsageError, match="cannot download"):
        pull(Source("http://127.0.0.1:1/x", "0" * 64, "x", "us"), tmp_path, client, told=partial(max, 0))
    assert HANNOUSSE.url.startswith("https://")
    assert len(HANNOUSSE.sha256) == 64
