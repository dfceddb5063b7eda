"""`choral simulate histogram`: who holds which value, what the command writes, and what it refuses."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from choral.cli.simulate.commands import app
from choral.engines import Serial
from choral.errors import UsageError
from choral.mechanisms import RandomizedResponse
from choral.numerics import SeededEntropy
from choral.simulation.histogram import Senders, histogram
from choral.simulation.holders import MOST_GROUPS, Counted, Drawn, categories, holders
from choral.simulation.oracles import ORACLES
from choral.simulation.study import Shard
from choral.simulation.tables import read_values

SHARES = ("--column", "item", "--weight", "share")


def simulate(*arguments):
    return CliRunner().invoke(app, ["histogram", *map(str, arguments)])


def written(folder, text, name="rows.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def zipf(tmp_path):
    rows = "".join(f"item {rank},{1 / rank},{'en' if rank % 3 else 'fr'}\n" for rank in range(1, 101))
    return written(tmp_path, "item,share,locale\n" + rows, "zipf.csv")


def held(group):
    return np.bincount(group.values(Shard(0, group.devices)))


def test_each_row_is_a_device_or_as_many_as_its_weight(tmp_path):
    path = written(tmp_path, "v,n\na,2\nb,1\na,3\n")
    plain, weighted = read_values(path, "v"), read_values(path, "v", weight="n")
    ((_, rows),) = holders(plain, plain.values.codes, domain=2, seed=1)
    ((_, counts),) = holders(weighted, weighted.values.codes, domain=2, seed=1)
    assert (held(rows).tolist(), held(counts).tolist()) == ([2, 1], [5, 1])


def test_a_weight_that_is_no_number_of_devices_needs_a_number_of_devices(tmp_path):
    table = read_values(written(tmp_path, "v,n\na,0.5\nb,1\n"), "v", weight="n")
    with pytest.raises(UsageError, match="say how many devices"):
        list(holders(table, table.values.codes, domain=2, seed=1))


def test_a_person_is_one_device_that_holds_one_of_their_rows_by_weight(tmp_path):
    """2,000 people with weights 3 and 1: 1,500 +- 19 hold the first; the seed is fixed."""
    rows = "".join(f"a,3,{person}\nb,1,{person}\n" for person in range(2000))
    table = read_values(written(tmp_path, "v,n,who\n" + rows + "c,0,2000\n"), "v", weight="n", person="who")
    ((_, group),) = holders(table, table.values.codes, domain=3, seed=1)
    counts = np.bincount(group.values(Shard(0, group.devices)), minlength=3)
    assert counts.sum() == 2000
    assert counts[2] == 0  # a row of weight 0 is never chosen
    assert 1420 < counts[0] < 1580


def test_with_a_number_of_devices_people_weigh_alike(tmp_path):
    """One person with 9 rows of a, one with one row of b: half of 4,000 devices +- 32 hold b; the seed is fixed."""
    table = read_values(written(tmp_path, "v,who\n" + "a,1\n" * 9 + "b,2\n"), "v", person="who")
    ((_, group),) = holders(table, table.values.codes, domain=2, seed=1, devices=4000)
    assert 1870 < held(group)[1] < 2130


def test_groups_share_the_devices_in_proportion_and_no_stream_of_entropy(tmp_path):
    table = read_values(written(tmp_path, "v,g\na,x\nb,x\na,y\n"), "v", group="g")
    groups = dict(holders(table, table.values.codes, domain=2, seed=1, devices=10))
    assert {name: (group.first, group.devices) for name, group in groups.items()} == {"x": (0, 7), "y": (7, 3)}


def test_too_many_groups_are_refused(tmp_path):
    rows = "".join(f"a,{number}\nb,{number}\n" for number in range(MOST_GROUPS + 1))
    table = read_values(written(tmp_path, "v,g\n" + rows), "v", group="g")
    with pytest.raises(UsageError, match="too many"):
        list(holders(table, table.values.codes, domain=2, seed=1))


def test_drawn_devices_follow_the_weights_and_never_hold_what_weighs_nothing():
    """30,000 draws by 0, 1, 2, 0: 10,000 +- 82 of the second; the seed is fixed."""
    group = Drawn(np.cumsum([0.0, 1.0, 2.0, 0.0]), 30_000, seed=3)
    counts = np.bincount(group.values(Shard(0, 30_000)), minlength=4)
    assert counts[[0, 3]].tolist() == [0, 0]
    assert 9_600 < counts[1] < 10_400


def test_a_device_is_the_same_in_any_shard():
    for group in (Drawn(np.cumsum(np.arange(1.0, 9.0)), 900, seed=3, first=50), Counted(np.cumsum(np.arange(1, 43)))):
        whole = group.values(Shard(0, 900))
        parts = [group.values(Shard(first, 300)) for first in (0, 300, 600)]
        assert (whole == np.concatenate(parts)).all()


def test_a_cohorts_reports_are_those_of_its_devices():
    mechanism, group = RandomizedResponse.for_epsilon(1.0, 5), Counted(np.cumsum([40, 30, 20, 10, 5]), first=1000)
    together = Senders(mechanism, group, 9)(Shard(0, 105)).payloads
    values = group.values(Shard(0, 105))
    alone = [mechanism.randomize(values[row : row + 1], SeededEntropy(9, stream=1000 + row)) for row in range(105)]
    assert (together == np.concatenate(alone)).all()


def test_an_empty_cohort_is_refused():
    with pytest.raises(ValueError, match="at least one device"):
        histogram(Senders(RandomizedResponse.for_epsilon(1.0, 2), Counted(np.zeros(2, np.int64)), 1), engine=Serial())


def test_what_is_outside_the_dictionary_is_other(tmp_path):
    table = read_values(written(tmp_path, "v\na\nz\nb\ny\n"), "v")
    names, rows = categories(table, ("b", "a"))
    assert names == ("b", "a", "other")
    assert rows.tolist() == [1, 2, 0, 2]
    assert categories(table, ("b", "other", "a"))[0] == ("b", "other", "a")
    assert categories(table, None)[0] == ("a", "z", "b", "y")


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_every_mechanism_gives_every_item_and_errs_as_its_theory_says(zipf, tmp_path, name):
    """100 items: the ratio has a standard error of 14 %, 50 % is three of them; the seed is fixed."""
    out = tmp_path / "out.json"
    run = simulate("--data", zipf, *SHARES, "--devices", 3000, "--epsilon", 2, "--mechanism", name, "--seed", 1, "--json", out)
    assert run.exit_code == 0, run.output
    found = json.loads(out.read_text())
    needed = {"mechanism", "epsilon", "domain", "devices", "bits_per_report", "mse", "mse_theory", "mse_optimum", "seconds"}
    assert needed | {"peak_memory_mb", "items"} <= set(found)
    assert (found["mechanism"], found["domain"], found["devices"]) == (name, 100, 3000)
    assert found["epsilon"] == pytest.approx(2.0, abs=1e-4)
    assert [item["item"] for item in found["items"]] == [f"item {rank}" for rank in range(1, 101)]
    assert sum(item["truth"] for item in found["items"]) == 3000
    assert 0.5 < found["mse"] / found["mse_theory"] < 1.5
    assert found["mse_theory"] > 0.999 * found["mse_optimum"]


def test_groups_are_reported_apart(zipf, tmp_path):
    out, plot = tmp_path / "out.json", tmp_path / "plot.png"
    run = simulate("--data", zipf, *SHARES, "--group", "locale", "--devices", 2000, "--json", out, "--plot", plot)
    assert run.exit_code == 0, run.output
    found = json.loads(out.read_text())
    assert set(found["groups"]) == {"en", "fr"}
    assert "items" not in found
    assert sum(group["devices"] for group in found["groups"].values()) == found["devices"] == 2000
    assert all(item["truth"] == 0 for item in found["groups"]["fr"]["items"] if int(item["item"][5:]) % 3)
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_items_and_another_seed_others(zipf, tmp_path):
    found = []
    for seed in (1, 1, 2):
        out = tmp_path / "out.json"
        simulate("--data", zipf, *SHARES, "--devices", 500, "--seed", seed, "--json", out)
        found.append(json.loads(out.read_text())["items"])
    assert found[0] == found[1] != found[2]


def test_text_with_markup_is_shown_as_it_is(tmp_path):
    path = written(tmp_path, "v\n" + "[bold]$x$[/]\n" * 50 + "b\n")
    run = simulate("--data", path, "--column", "v", "--mechanism", "rr", "--plot", tmp_path / "p.png")
    assert run.exit_code == 0, run.output
    assert "[bold]$x$[/]" in run.stdout


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("v\na\nb\n", ["--mechanism", "magic"], "choose one of pgr"),
        ("v\na\nb\n", ["--epsilon", "0"], "choose one above"),
        ("v\na\nb\n", ["--epsilon", "-1"], "choose one above"),
        ("v\na\nb\n", ["--epsilon", "inf"], "choose one above"),
        ("v\na\nb\n", ["--epsilon", "99"], "below 20"),
        ("v\na\na\n", [], "nothing to learn"),
        ("v\na\nb\n", ["--column", "w"], "no column 'w'"),
        ("v\na\nb\n", ["--devices", "0"], "choose 1 to"),
        ("v\na\nb\n", ["--devices", "10000000000"], "choose 1 to"),
        ("v,n\na,1\nb,1000000000\n", ["--weight", "n"], "choose 1 to"),
        ("v\na\nb\n", ["--plot", "plot.xls"], "must end in"),
        ("v\na\nb\n", ["--domain", "no-such-file"], "dictionary"),
        ("v,w\na,1\nb", [], "ends mid-row"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy(tmp_path, text, arguments, words):
    column = [] if "--column" in arguments else ["--column", "v"]
    run = simulate("--data", written(tmp_path, text), *column, *arguments)
    assert isinstance(run.exception, UsageError), run.output
    assert words in str(run.exception)


def test_a_mechanism_that_cannot_hold_the_dictionary_says_so(tmp_path):
    path = written(tmp_path, "v\n" + "".join(f"{number}\n" for number in range(70_000)))
    run = simulate("--data", path, "--column", "v", "--mechanism", "ss")
    assert isinstance(run.exception, UsageError)
    assert "ss cannot ask this" in str(run.exception)


def test_a_bad_choice_is_warned_of(zipf):
    run = simulate("--data", zipf, *SHARES, "--devices", 500, "--mechanism", "hcms", "--epsilon", 4)
    assert "warning: hadamard-count-mean-sketch" in run.stderr
    assert "times the optimal variance" in run.stderr
