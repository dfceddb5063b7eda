"""Training over a population and what it is compared with: one code path, fixed rates, honest errors."""

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from choral.apps.stickers.device.catalogue import shipped
from choral.apps.stickers.device.tasks import Head
from choral.apps.stickers.study.baselines import central, history, own_history
from choral.apps.stickers.study.judge import judged, kept, mean_over, measures
from choral.apps.stickers.study.market import Market
from choral.apps.stickers.study.study import SHARD, Run, averaging, buffered, head_of, rate, train
from choral.errors import UsageError
from choral.learning.bilinear_ranking import BilinearRanking
from choral.mechanisms import empty_state
from choral.numerics import SeededEntropy

HEAD = head_of(150)
MODEL = BilinearRanking(HEAD.personal, HEAD.item)
DATA = os.environ.get("CHORAL_DATA_DIR")
needs_data = pytest.mark.skipif(DATA is None, reason="real choices are for measuring only; set CHORAL_DATA_DIR")


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.of(shipped(), 5, HEAD, logged=3_000)


def test_a_round_steps_along_the_mean_of_what_devices_contribute(market: Market) -> None:
    """The cohort in 32 bits, the devices one by one in 64: the same step to 32 bits."""
    run = buffered(HEAD, None, devices=30, rounds=1)
    [found] = train(market, [run], devices=30, rounds=1, seed=1)
    state = run.algorithm.init(SeededEntropy(_start_seed(1)))
    whole, params = market.examples(0, 30), {"params": state["params"]}
    each = [run.algorithm.contribute(params, {name: array[i] for name, array in whole.items()}) for i in range(30)]
    expected = run.algorithm.folded(state, np.concatenate(each).mean(axis=0))["served"]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def _start_seed(seed: int) -> int:
    from choral.apps.stickers.study.study import number_of

    return number_of("start", seed)


def test_runs_share_people_and_none_changes_another(market: Market) -> None:
    runs = [buffered(HEAD, 8.0, devices=120, rounds=3), buffered(HEAD, None, devices=120, rounds=3)]
    together = train(market, runs, devices=120, rounds=3, seed=2)
    alone = train(market, runs[:1], devices=120, rounds=3, seed=2)
    assert np.array_equal(together[0], alone[0])
    assert not np.array_equal(together[0], together[1])


def test_shards_do_not_change_what_is_learnt(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    run = buffered(HEAD, 8.0, devices=100, rounds=2)
    [whole] = train(market, [run], devices=100, rounds=2, seed=3)
    monkeypatch.setattr("choral.apps.stickers.study.study.SHARD", 16)
    [cut] = train(market, [run], devices=100, rounds=2, seed=3)
    assert SHARD > 16
    np.testing.assert_allclose(cut, whole, atol=1e-4)


def test_the_closed_form_stands_for_the_devices_reports(market: Market) -> None:
    """The same first step by real reports and by their twin: both unbiased, with the mechanism's error (5 standard ones)."""
    run, devices = buffered(HEAD, 8.0, devices=400, rounds=1), 400
    assert run.mechanism is not None
    plain = buffered(replace(HEAD, clip_norm=100.0), None, devices=devices, rounds=1)
    state = plain.algorithm.init(SeededEntropy(1))
    examples = market.examples(0, devices)
    rows = [{name: array[i] for name, array in examples.items()} for i in range(devices)]
    updates = np.concatenate([plain.algorithm.contribute(state, one) for one in rows])
    payloads = run.mechanism.randomize(updates, SeededEntropy(9))
    real = run.mechanism.estimate(run.mechanism.accumulate(empty_state(run.mechanism), payloads), devices).values
    from choral.mechanisms.closed_form import closed_form

    twin = closed_form(run.mechanism, updates, SeededEntropy(10)).sum(axis=0)
    error = np.sqrt(2 * run.mechanism.variance(updates))
    assert np.abs(real - twin).max() < 5.5 * error.max()
    assert 0.8 < float(((real - twin) ** 2).mean() / (error**2).mean()) < 1.2


def test_the_rate_follows_from_public_constants_alone() -> None:
    mechanism = HEAD.mechanism(4.0)
    assert rate(mechanism, devices=400, rounds=50) == pytest.approx(2 * rate(mechanism, devices=100, rounds=50))
    assert rate(HEAD.mechanism(8.0), devices=100, rounds=50) > rate(mechanism, devices=100, rounds=50)
    assert rate(mechanism, devices=10**9, rounds=50) * mechanism.clip_norm == pytest.approx(rate(None, devices=1, rounds=50))
    double = replace(HEAD, clip_norm=2 * HEAD.clip_norm).mechanism(4.0)
    assert rate(double, devices=100, rounds=50) == pytest.approx(rate(mechanism, devices=100, rounds=50) / 2)


def test_training_without_privacy_beats_what_is_untrained_and_nears_the_central_fit(market: Market) -> None:
    """3,000 devices; gains of ten standard errors and more."""
    runs = {"plain": buffered(HEAD, None, devices=3_000, rounds=30), "private": buffered(HEAD, 8.0, devices=3_000, rounds=30)}
    runs["averaged"] = averaging(HEAD, None, devices=3_000, rounds=30)
    heads = dict(zip(runs, train(market, list(runs.values()), devices=3_000, rounds=30, seed=4), strict=True))
    heads["central"] = central(MODEL, [market.examples(0, 3_000)])
    scores = judged(market, heads, model=MODEL, people=1_500, seed=4)
    mean = {name: float(one["ndcg5"].mean()) for name, one in scores.items()}
    assert mean["random"] < mean["popularity"] < mean["untrained"] < mean["plain"] - 0.03
    assert mean["random"] == pytest.approx(np.mean([1, 0.63093, 0.5, 0.430677, 0.386853, 0, 0, 0, 0, 0]), abs=0.02)
    assert abs(mean["plain"] - mean["central"]) < 0.02
    assert abs(mean["averaged"] - mean["plain"]) < 0.02
    share = kept(scores, private="private", plain="plain")
    assert share.best_untrained == "untrained"
    assert 0 < share.share.mean < 1
    assert mean["plain with history"] > mean["plain"]


def test_kept_is_a_ratio_with_a_paired_error() -> None:
    best, plain = np.zeros(4), np.array([0.1, 0.3, 0.1, 0.3])
    scores = {"random": {"ndcg5": best}, "plain": {"ndcg5": plain}, "private": {"ndcg5": plain / 2}}
    found = kept(scores, private="private", plain="plain", untrained=("random",))
    assert found.share.mean == pytest.approx(0.5)
    assert found.share.error == pytest.approx(0, abs=1e-12)
    assert found.gain_nonprivate.error == pytest.approx(0.1 * math.sqrt(4 / 3) / 2)


def test_a_gain_of_nothing_has_no_share() -> None:
    scores = {name: {"ndcg5": np.ones(3)} for name in ("random", "plain", "private")}
    assert math.isnan(kept(scores, private="private", plain="plain", untrained=("random",)).share.mean)


def test_one_person_tells_nothing_of_others() -> None:
    assert math.isnan(mean_over(np.ones(1)).error)


def test_measures_average_each_persons_choices_first() -> None:
    scores = np.array([[[3.0, 2, 1], [1, 2, 3]], [[1, 2, 3], [9, 9, 9]]])
    chosen, weight = np.zeros((2, 2), np.int64), np.array([[1.0, 1.0], [1.0, 0.0]])
    found = measures(scores, chosen, weight)
    assert found["mrr"].tolist() == pytest.approx([(1 + 1 / 3) / 2, 1 / 3])
    assert found["hit1"].tolist() == [0.5, 0]
    hidden = measures(scores, chosen, weight, np.array([[[1.0, 1, 1], [1, 0, 0]], [[1, 1, 0], [1, 1, 1]]]))
    assert hidden["mrr"].tolist() == pytest.approx([1, 1 / 2])


def test_history_knows_the_past_only() -> None:
    displayed = np.tile(np.array([4, 5, 6]), (1, 4, 1))
    chosen, weight = np.array([[1, 1, 2, 0]]), np.array([[1.0, 1.0, 1.0, 0.0]])
    counts = history(displayed, chosen, weight)
    assert counts[0].tolist() == [[0, 0, 0], [0, 1, 0], [0, 2, 0], [0, 2, 1]]
    assert own_history(np.array([9.0, 0, 1]), counts)[0, 1].argmax() == 1


def test_the_central_fit_is_the_likeliest() -> None:
    """Where choices are coin tosses between two kinds of items with known odds, their logarithm is found."""
    n = 3_000
    items = np.zeros((n, 1, 2, 1), np.float32)
    items[:, :, 1] = 1
    chosen = (np.arange(n) % 4 > 0).astype(np.int64)[:, None]
    ones = np.ones((n, 1, 2), np.float32)
    rows = {"personal": np.ones((n, 1, 1), np.float32), "items": items, "offset": 0 * ones, "shown": ones}
    found = central(BilinearRanking(1, 1), [{**rows, "chosen": chosen, "weight": np.ones((n, 1), np.float32)}])
    assert found.tolist() == pytest.approx([math.log(3)], abs=0.01)


def test_what_cannot_be_trained_is_refused(market: Market) -> None:
    with pytest.raises(UsageError, match="choose one of 150, 300, 600"):
        head_of(151)
    with pytest.raises(UsageError, match="there are 3"):
        train(market, [buffered(HEAD, None, devices=3, rounds=4)], devices=3, rounds=4, seed=1)


def test_a_run_knows_its_price() -> None:
    assert buffered(HEAD, 4.0, devices=10, rounds=1).epsilon <= 4
    assert Run(Head().algorithm(), None).epsilon == math.inf


@needs_data
def test_on_real_phones_federated_training_beats_popularity_by_three_standard_errors() -> None:
    from choral.apps.stickers.study.real import on_phones

    found = on_phones(Path(DATA or ""), 1)
    rows = {row.name: row for row in found.rows}
    assert found.agreement is not None
    assert np.allclose(found.agreement, (0.37, 0.08), atol=0.01)
    for name in ("federated, not private", "federated, epsilon 8"):
        assert rows[name].above.mean > 3 * rows[name].above.error


@needs_data
def test_kaomoji_get_their_numbers_from_the_public_part_alone() -> None:
    from choral.apps.stickers.study.kaomoji import read_messages

    train_part, test_part = read_messages(Path(DATA or ""), 1)
    assert len(train_part.chosen) + len(test_part.chosen) == pytest.approx(0.6 * 28_214, abs=2)
    assert np.array_equal(train_part.kaomoji, test_part.kaomoji)
    examples = train_part.examples(len(train_part.chosen) - 1, 2)
    assert examples["chosen"].ravel().tolist() == [train_part.chosen[-1], train_part.chosen[0]]


def test_real_choices_that_are_not_there_are_named(tmp_path: Path) -> None:
    from choral.apps.stickers.study.choices import read_choices
    from choral.apps.stickers.study.kaomoji import read_messages

    with pytest.raises(UsageError, match="CHORAL_DATA_DIR"):
        read_choices(tmp_path)
    with pytest.raises(UsageError, match="CHORAL_DATA_DIR"):
        read_messages(tmp_path, 1)
