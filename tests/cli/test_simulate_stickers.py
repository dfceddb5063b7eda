"""`choral simulate stickers` and `choral experiment stickers`: what they write, and how they refuse."""

import json
from pathlib import Path
from typing import Any

import pytest

from choral.apps.stickers.device.catalogue import shipped
from choral.apps.stickers.study.own_file import crowds, read_lines
from choral.apps.stickers.study.population import World
from choral.apps.stickers.study.study import head_of
from choral.cli.experiment.stickers import stickers as experiment
from choral.cli.simulate.stickers import stickers as simulate
from choral.errors import UsageError

KEYS = (
    *("ndcg5", "mrr", "ndcg5_random", "ndcg5_popularity", "ndcg5_untrained", "ndcg5_own_history", "ndcg5_central"),
    *("ndcg5_federated_nonprivate", "gain_kept", "epsilon", "epsilon_shuffled", "delta", "unit", "model_size", "seconds"),
)
HEAD = "user,keyword,displayed,chosen\n"


def _choices(people: int) -> str:
    """Choices of generated people in the columns of a team's own file."""
    stickers, world = shipped().stickers, World.of(shipped(), 8)
    made = world.people(0, people)
    lines = [
        f"u{person},word,{'|'.join(str(stickers[place].id) for place in row)},{stickers[row[chosen]].id}"
        for person in range(people)
        for row, chosen, weight in zip(made.displayed[person], made.chosen[person], made.weight[person], strict=True)
        if weight
    ]
    return HEAD + "\n".join(lines) + "\n"


def _run(tmp_path: Path, **options: Any) -> dict[str, Any]:
    out = tmp_path / "out.json"
    usual = {"devices": None, "epsilon": 8.0, "rounds": 10, "seed": 1, "head": 150, "held_out": 600}
    simulate(**(usual | {"data": None, "catalogue": None, "plot": None} | options), json_file=out)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def test_generated_people_give_all_figures_and_their_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _run(tmp_path, devices=1_000, plot=tmp_path / "plot.png")
    assert not [key for key in KEYS if found.get(key) is None]
    assert found["ndcg5_random"] < found["ndcg5_popularity"] < found["ndcg5_own_history"]
    assert found["epsilon"] <= 8
    assert found["epsilon_shuffled_all"] <= found["epsilon_shuffled"] <= found["epsilon"]
    assert found["model_size"] == 150
    assert 0 < found["stderr"]["ndcg5"] < 0.02
    assert 0.25 < found["agreement_own"] < 0.45
    assert (tmp_path / "plot.png").stat().st_size > 1_000
    out = " ".join(capsys.readouterr().out.split())
    assert "Two choices of one person agree" in out
    assert "is kept" in out


def test_a_teams_own_file_is_studied_in_the_same_figures(tmp_path: Path) -> None:
    path = tmp_path / "choices.csv"
    path.write_text(_choices(120), encoding="utf-8")
    found = _run(tmp_path, data=path, rounds=None)
    assert not [key for key in KEYS if key not in found]
    assert found["devices"] == 84
    assert found["rounds"] == 4
    assert found["agreement_own"] is None
    assert found["ndcg5_popularity"] > 0


def test_a_file_is_split_by_user_and_padded(tmp_path: Path) -> None:
    path = tmp_path / "choices.csv"
    path.write_text(_choices(60), encoding="utf-8")
    train, test = crowds(read_lines(path, shipped()), shipped(), head_of(150), seed=1)
    assert (len(train), len(test)) == (42, 18)
    examples = train.examples(0, 42)
    assert examples["personal"].shape == (42, 16, 10)
    assert (examples["personal"][:, 0, 1:] == 0).all(), "nothing was chosen before the first choice"
    assert (examples["shown"].sum(axis=2) > 0).astype(float).tolist() == examples["weight"].tolist()
    again, _ = crowds(read_lines(path, shipped()), shipped(), head_of(150), seed=1, devices=20)
    assert (again.chosen == train.chosen[:20]).all()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("user,displayed,chosen\n", "line 1: no column 'keyword'"),
        (HEAD, "holds no choice"),
        (HEAD + "a,hi,0|1,0\nb,hi,0|1\n", "line 3: the column 'chosen' is empty"),
        (HEAD + ",hi,0|1,0\n", "line 2: the column 'user' is empty"),
        (HEAD + "a,hi,0|1,0,9\n", "line 2: there are more values"),
        (HEAD + "a,hi,0|x,0\n", "line 2: the column 'displayed' needs numbers"),
        (HEAD + "a,hi,0|999999,0\n", "line 2: the column 'displayed' names a sticker that the catalogue lacks"),
        (HEAD + "a,hi,0|1,5\n", "line 2: the column 'chosen' names a sticker that was not displayed"),
        (HEAD + "a,hi,0|0,0\n", "line 2: the column 'displayed' needs 2 to 10 different"),
        (HEAD + "a,hi,0|1|2|3|4|5|6|7|8|9|10,0\n", "line 2: the column 'displayed' needs 2 to 10 different"),
        (HEAD + 'a,"hi,0|1,0\n', "line 1: unexpected end of data"),
    ],
)
def test_a_broken_file_is_refused_with_line_and_column(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "choices.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_lines(path, shipped())
    assert fault in str(refused.value)
    assert "999999" not in str(refused.value)


def test_too_few_users_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "choices.csv"
    path.write_text(HEAD + "a,hi,0|1,0\nb,hi,0|1,1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="2 users are too few"):
        crowds(read_lines(path, shipped()), shipped(), head_of(150), seed=1)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_lines(tmp_path / "none.csv", shipped())


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"devices": 0}, "0 devices"),
        ({"epsilon": 25.0}, "out of range"),
        ({"epsilon": float("nan")}, "out of range"),
        ({"rounds": 0}, "0 rounds"),
        ({"head": 151}, "choose one of"),
        ({"held_out": 1}, "2 or more"),
        ({"devices": 5, "rounds": 6}, "one report each"),
        ({"catalogue": Path("mine.csv")}, "goes with --data"),
    ],
)
def test_what_cannot_be_simulated_is_refused(tmp_path: Path, options: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        _run(tmp_path, **options)
    assert not (tmp_path / "out.json").exists()


def test_the_experiment_makes_its_page_its_plot_and_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHORAL_DATA_DIR", raising=False)
    experiment(seeds=2, seed=1, quick=True, folder=tmp_path)
    text = (tmp_path / "stickers.md").read_text(encoding="utf-8")
    found = json.loads((tmp_path / "stickers.json").read_text(encoding="utf-8"))
    assert "## What is kept" in text
    assert "CHORAL_DATA_DIR was not set" in text
    assert [(trial["devices"], trial["seed"]) for trial in found["trials"]] == [(500, 1), (500, 2), (1_000, 1), (1_000, 2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stickers.json", "stickers.md", "stickers.png"]


def test_the_experiment_needs_the_real_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHORAL_DATA_DIR", raising=False)
    with pytest.raises(UsageError, match="CHORAL_DATA_DIR"):
        experiment(seeds=2, seed=1, quick=False, folder=tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        experiment(seeds=2, seed=1, quick=True, folder=tmp_path / "none")
