import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from choral.cli.app import app
from choral.engines import Processes, Serial
from choral.errors import UsageError
from choral.learning.prefix_tree import PrefixTree
from choral.learning.words import FoundWords
from choral.mechanisms.fragment_puzzle import FragmentPuzzle
from choral.mechanisms.projective_geometry import ProjectiveGeometryResponse
from choral.simulation.study import Shard
from choral.simulation.vocabulary import method, read_vocabulary
from choral.simulation.words import Speakers, judged, learn

WORDS = ("lol", "omg", "ilysm", "neighbour", "idk", "")
SHARES = np.array([0.3, 0.2, 0.15, 0.1, 0.05, 0.2])
TREE = PrefixTree(domain=19_000, rounds=bytes([3, 5, 7, 9, 11, 13, 14]))
RESPONSE = ProjectiveGeometryResponse.for_epsilon(6.0, TREE.domain, slack=0.2)


def clock():
    return 0.0


def grown(speakers, devices, engine=None):
    return learn(RESPONSE, TREE, speakers, devices=devices, rounds=7, engine=engine or Serial(), clock=clock)


def test_the_prefix_tree_finds_common_words_with_their_error():
    speakers = Speakers(WORDS, SHARES, seed=1)
    devices = 40_000
    summary = judged(grown(speakers, devices), speakers, devices)
    assert [one["word"] for one in summary["found"]] == list(WORDS[:-1])
    assert all(abs(one["estimate"] - one["truth"]) < 6 * one["stderr"] for one in summary["found"])
    assert (summary["precision"], summary["recall"], summary["users"]) == (1.0, 1.0, devices)
    assert sum(summary["reports"]) == devices


def test_the_fragment_puzzle_finds_them_too_but_cuts_long_ones():
    puzzle = FragmentPuzzle.for_epsilon(12.0, seed=bytes(32), length=6, width=128, rows=16)
    speakers = Speakers(WORDS, SHARES, seed=2)
    learnt = learn(puzzle, FoundWords(6), speakers, devices=20_000, rounds=1, engine=Serial(), clock=clock)
    summary = judged(learnt, speakers, 20_000)
    found = {one["word"]: one for one in summary["found"]}
    assert {"lol", "omg", "ilysm"} <= set(found)
    assert found["neighb"]["truth"] == 0
    assert summary["precision"] < 1


def test_the_same_seed_learns_the_same_and_another_does_not():
    first, again, other = (grown(Speakers(WORDS, SHARES, seed), 20_000) for seed in (3, 3, 4))
    assert first.estimate.tolist() == again.estimate.tolist()
    assert first.words != other.words or first.estimate.tolist() != other.estimate.tolist()


def test_processes_learn_what_one_process_learns():
    puzzle = FragmentPuzzle.for_epsilon(12.0, seed=bytes(32), length=6, width=32, rows=4)
    speakers = Speakers(WORDS, SHARES, seed=5)
    alone, together = (
        learn(puzzle, FoundWords(6), speakers, devices=70_000, rounds=1, engine=engine, clock=clock)
        for engine in (Serial(), Processes(2))
    )
    assert alone.estimate.tolist() == together.estimate.tolist()


def test_every_device_takes_part_in_exactly_one_round_by_its_own_coin():
    speakers = Speakers(WORDS, SHARES, seed=6)
    rounds = speakers.rounds(Shard(0, 60_000), 6)
    counts = np.bincount(rounds, minlength=6)
    assert len(counts) == 6
    assert (np.abs(counts - 10_000) < 6.2 * np.sqrt(60_000 * 5 / 36)).all()  # false alarm below 1e-8
    assert (speakers.rounds(Shard(500, 100), 6) == rounds[500:600]).all()


def test_devices_speak_by_the_shares_and_rows_speak_for_themselves():
    drawn = Speakers(WORDS, SHARES, seed=7).truth(50_000)
    assert (np.abs(drawn - 50_000 * SHARES) < 6.2 * np.sqrt(50_000 * SHARES)).all()
    rows = np.array([0, 0, 1, 5, 5])
    assert Speakers(WORDS, SHARES, seed=7, rows=rows).truth(5).tolist() == [2, 1, 0, 0, 0, 2]


def test_shares_must_fit_the_words():
    with pytest.raises(ValueError, match="summing to 1"):
        Speakers(WORDS, SHARES / 2, seed=1)


def written(folder, lines):
    path = folder / "words.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_what_is_known_or_no_word_is_nothing(tmp_path):
    path = written(tmp_path, ["word,weight", "lol,3", "house,4", "Ok!,1", "omg,2", "lol,"])
    known = tmp_path / "known.parquet"
    pa.parquet.write_table(pa.table({"word": ["house"]}), known)
    vocabulary = read_vocabulary(path, "word", weight="weight", known=known)
    assert vocabulary.words == ("lol", "omg", "")
    np.testing.assert_allclose(vocabulary.shares, [0.3, 0.2, 0.5])
    assert vocabulary.nothing == pytest.approx(0.5)
    assert vocabulary.rows.tolist() == [0, 2, 2, 1]


def test_a_file_without_a_new_word_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no new word"):
        read_vocabulary(written(tmp_path, ["word", "No!"]), "word")


@pytest.mark.parametrize(("name", "epsilon"), [("trie", 8.0), ("prefix", 0.0), ("sfp", float("nan")), ("prefix", 99.0)])
def test_an_unknown_method_or_an_absurd_epsilon_is_refused(name, epsilon):
    with pytest.raises(UsageError, match="choose one"):
        method(name, epsilon)


def test_the_command_writes_what_was_found_beside_the_truth(tmp_path):
    path = written(tmp_path, ["word", *["lol"] * 3_000, *["ilysm"] * 2_000, *["Not one"] * 500])
    out = tmp_path / "out.json"
    result = CliRunner().invoke(app, ["simulate", "words", "--data", str(path), "--epsilon", "8", "--json", str(out)])
    assert result.exit_code == 0, result.output
    summary = json.loads(out.read_text(encoding="utf-8"))
    assert [one["word"] for one in summary["found"]] == ["lol", "ilysm"]
    assert [one["truth"] for one in summary["found"]] == [3_000, 2_000]
    assert summary["users"] == 5_500
    assert summary["decode_seconds"] > 0
    assert {"precision", "recall", "epsilon", "seed", "method", "bits_per_report"} <= set(summary)
