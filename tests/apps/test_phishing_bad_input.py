"""What the phishing study refuses: files that are not the links they should be, and options that cannot be run."""

from dataclasses import replace

import pytest

from choral.apps.phishing.device import columns
from choral.apps.phishing.study.data import read_links
from choral.apps.phishing.study.population import synthetic
from choral.apps.phishing.study.study import LEAST_EPSILON, UNITS, Setting, study
from choral.cli.data import pull_command
from choral.cli.experiment.phishing import phishing as experiment
from choral.cli.simulate.phishing import phishing as simulate
from choral.errors import UsageError
from tests.apps.test_phishing_study import run

LINKS = synthetic(3000)
HEAD = ",".join(["url", "status", *columns.HANNOUSSE_URL, *columns.HANNOUSSE_PAGE])


PHIUSIIL_HEAD = ",".join(["URL", "label", *columns.PHIUSIIL])


def row(url="http://a.example", status="phishing", last="1"):
    return f"{url},{status}{',1' * 51},{last}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no CSV"),
        ("a,b\n1,2\n", "neither the columns"),
        ("url,status\nhttp://a.example,phishing\n", "neither the columns"),
        (f"{HEAD}\n", "has no rows"),
        (f"{HEAD}\n" + row() + "http://b.example,phishing,1\n", "is no CSV, or a row of it is not like its head"),
        (f"{HEAD}\n" + row("x" * 3_000_000), "is no CSV"),
        (f"{HEAD},nb_dots\n" + row(last="1,1"), "has the column nb_dots twice"),
        (f"{HEAD}\n" + row(status="banana") + row(), "whose status is neither phishing nor legitimate"),
        (f"{HEAD}\n" + row(status="") + row(), "has a row without status"),
        (f"{HEAD}\n" + row(url="") + row(), "has a row without url"),
        *[(f"{HEAD}\n" + row() + row(last=one), "missing or no number") for one in ("", "nan", "inf", "x")],
        *[(f"{HEAD}\n" + row(last=one), "missing or no number") for one in ("true", "2027-01-01")],
        (f"{PHIUSIIL_HEAD}\nhttp://a.example,7{',1' * 44}\n", "whose label is neither 0 nor 1"),
        (f"{PHIUSIIL_HEAD}\nhttp://a.example,{',1' * 44}\nhttp://a.example,1{',1' * 44}\n", "has a row without label"),
    ],
)
def test_another_file_is_refused_with_its_name_and_what_is_wrong(tmp_path, text, why):
    path = tmp_path / "other.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"other\.csv.*({why}).*(;|$)") as refused:
        read_links(path)
    assert len(str(refused.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("data", [b"\xff\xfe\x00u", b"\x1f\x8b cut", bytes(range(256)) * 9])
def test_what_is_no_text_is_refused(tmp_path, data):
    for name in ("links.csv", "links.csv.gz"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UsageError, match="choral data pull phishing"):
            read_links(tmp_path / name)


def test_links_may_be_named_by_numbers(tmp_path):
    (tmp_path / "links.csv").write_text(f"{HEAD}\n" + row("1") + row("2"))
    assert read_links(tmp_path / "links.csv").domains.tolist() == [0, 1]


WRONG = [
    ("--algorithm", "magic", "no algorithm 'magic'; choose one of draw-and-discard"),
    ("--unit", "planet", "no 'planet'; choose a unit of feature"),
    ("--hostile", 1, "1 is no share of hostile devices"),
    ("--hostile", "nan", "nan is no share of hostile devices"),
    ("--wrong-labels", 2, "2 is no share of wrong labels"),
    ("--wrong-labels", "nan", "nan is no share of wrong labels"),
    ("--instances", 0, "0 instances cannot be held; choose 1 to 1,000"),
    ("--instances", 1001, "choose 1 to 1,000"),
    ("--records", 0, "cannot be simulated; choose 1 or more of each"),
    ("--records", 10**9, "100,000,000 records in all at most"),
    ("--devices", 0, "0 devices cannot be simulated"),
    *[("--epsilon", one, r"epsilon .* is out of range; choose 0\.01 to 1000 nats") for one in (0, -1, "nan", "inf")],
]


@pytest.mark.parametrize(("option", "value", "why"), WRONG, ids=[f"{option} {value}" for option, value, _ in WRONG])
def test_the_command_refuses_what_it_cannot_simulate_before_it_reads_a_link(option, value, why, monkeypatch):
    monkeypatch.setenv("CHORAL_DATA_DIR", "/nowhere")
    with pytest.raises(UsageError, match=why):
        run(simulate, "--devices", 100, "--algorithm", "draw-and-discard", option, value)


@pytest.mark.parametrize(
    ("algorithm", "unit"), [*[("draw-and-discard", unit) for unit in UNITS], ("buffered", "device"), ("central", "device")]
)
def test_the_smallest_and_the_largest_epsilon_that_are_offered_can_be_run(algorithm, unit):
    setting = Setting(algorithm=algorithm, unit=unit, devices=6)
    for epsilon in (LEAST_EPSILON, setting.most_epsilon):
        if (algorithm, epsilon) != ("central", LEAST_EPSILON):  # so few devices in a sum have no grid for it: said in words
            assert study(LINKS, replace(setting, epsilon=epsilon)).learnt.updates == 6
    with pytest.raises(ValueError, match="out of range"):
        replace(setting, epsilon=setting.most_epsilon * 1.01)


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--devices", 49, "too few to learn from; choose 50 or more"),
        ("--seeds", 1, "need 2 to 100 seeds"),
        ("--folder", "/nowhere", "no folder /nowhere"),
    ],
)
def test_the_experiment_refuses_what_it_cannot_run_before_it_reads_a_link(option, value, why, monkeypatch, tmp_path):
    monkeypatch.setenv("CHORAL_DATA_DIR", "/nowhere")
    with pytest.raises(UsageError, match=why):
        run(experiment, "--quick", "--folder", tmp_path, option, value)


@pytest.mark.parametrize("given", ["zz", "", "A" * 64, "0" * 63])
def test_a_hash_that_is_none_is_refused_before_anything_is_downloaded(given, tmp_path):
    with pytest.raises(UsageError, match="is no SHA-256"):
        pull_command("phishing", tmp_path, "http://127.0.0.1:1/", given)
    assert not list(tmp_path.iterdir())
