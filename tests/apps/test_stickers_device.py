"""Stickers on the device: what is found, in which order it is shown, and what the phone learns by itself."""

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from choral.apps.stickers import shipped
from choral.apps.stickers.device import local
from choral.apps.stickers.device.events import RANK, category, choice_of, chosen, rank_names, signals
from choral.apps.stickers.device.keywords import KeywordIndex
from choral.apps.stickers.device.messages import Candidates
from choral.apps.stickers.device.personal import CANDIDATES, PREFERENCE, Download, downloaded
from choral.apps.stickers.device.suggestion import CHOICES, SHOWN, Choice, Holdings
from choral.apps.stickers.device.tasks import HEADLINE, SMALL, choice_task
from choral.device.conditions import Conditions
from choral.errors import PeerError, UsageError
from choral.learning.bilinear_ranking import BilinearRanking
from choral.protocol import decode, encode
from choral.storage import MemoryDeviceStore
from tests.apps.stickers_phone import (
    MODEL,
    P,
    Q,
    SomeAccount,
    StickerDesk,
    next_day,
    operator_desk,
    phone,
    quality_task,
    small_task,
    some_features,
)
from tests.device.setting import BUSY, NOW, READY

AT = datetime(2027, 1, 4, tzinfo=UTC)


def index(*keywords):
    return KeywordIndex.of([words.split("|") for words in keywords])


def found(keywords, text, enough=1):
    return index(*keywords).places(text, enough=enough).tolist()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("thank you so much", [0]),
        ("THANK YOU!", [0]),
        ("Ｔｈａｎｋ　ｙｏｕ", [0]),
        ("thank  you", [0]),
        ("I thank\nyou", [0]),
        ("youth", []),
        ("bethank you", [1]),
        ("you", [1]),
        ("おはようございます", [2]),
        ("みんなおはよう！", [2]),
        ("ｵﾊﾖｳ", [3]),
        ("おはようthank you", [0, 2]),
        ("", []),
        ("nothing here", []),
    ],
)
def test_keywords_are_found_on_word_boundaries_in_english_and_anywhere_in_japanese(text, places):
    assert found(["thank you|thanks", "you", "おはよう", "オハヨウ"], text) == places


def test_a_keyword_inside_a_longer_one_counts_only_where_there_is_too_little_else():
    assert found(["thank you", "you", "thank"], "thank you", enough=1) == [0]
    assert found(["thank you", "you", "thank"], "thank you", enough=2) == [0, 1, 2]


def test_a_sticker_with_two_keywords_in_the_text_is_found_once():
    assert found(["cat|ねこ"], "ねこ cat") == [0]


def test_no_stickers_no_keywords():
    assert found([], "hello") == []


def test_only_the_end_of_a_long_text_is_looked_at():
    assert found(["cat"], "cat " + "a " * 300) == []
    assert found(["cat"], "a " * 300_000 + "cat") == [0]


def holdings(n=30, preference=(0.5, -1.0, 1.0)):
    return Holdings(
        np.arange(100, 100 + n),
        (("hi",),) * n,
        some_features(n, Q - 1) / 127,
        np.linspace(1, 0, n),
        np.array(preference),
    )


def test_at_most_ten_are_shown_the_most_popular_first_before_there_is_a_model():
    assert holdings().suggested("hi there", None, {}).tolist() == list(range(100, 110))


def test_a_model_ranks_by_the_persons_vector_and_the_stickers_features():
    held, head = holdings(), MODEL.astype(float)
    wanted = held.personal @ head.reshape(P, Q)
    scores = held.features @ wanted[:-1] + held.popularity
    assert held.suggested("hi", head, {}).tolist() == (100 + np.argsort(-scores)[:SHOWN]).tolist()
    assert not np.array_equal(held.suggested("hi", head, {}), held.suggested("hi", None, {}))


def test_ranking_and_training_read_the_same_scores_but_for_the_position():
    held, head = holdings(), MODEL.astype(float)
    examples = held.examples([Choice(tuple(range(100, 110)), 3)])
    logits = BilinearRanking(P, Q).predict(np, head, examples)[0]
    by_place = (held.personal @ head.reshape(P, Q))[-1] / np.log2(2 + np.arange(SHOWN))
    np.testing.assert_allclose(logits - by_place, held.scores(np.arange(10), head))


def test_ones_own_choices_lift_a_sticker():
    assert holdings().suggested("hi", None, {107: 20})[0] == 107


def test_a_model_of_another_size_does_not_rank():
    with pytest.raises(UsageError, match="4 x 8"):
        holdings().scores(np.arange(3), np.zeros(31))


@pytest.mark.parametrize("count", [0, 1, CHOICES, CHOICES + 5])
def test_examples_have_one_shape_whatever_was_chosen(count):
    choices = [Choice((100 + number % 20, 121, 122), 0) for number in range(count)]
    examples = holdings().examples(choices)
    shapes = {name: array.shape for name, array in examples.items()}
    n = CHOICES
    assert shapes == {
        "personal": (n, P),
        "items": (n, SHOWN, Q),
        "offset": (n, SHOWN),
        "shown": (n, SHOWN),
        "chosen": (n,),
        "weight": (n,),
    }
    assert examples["weight"].sum() == min(count, CHOICES)
    if count > CHOICES:  # the latest ones
        assert np.array_equal(examples["items"][0, 0, :-1], holdings().features[5])


def test_an_empty_journal_is_weight_zero_and_an_update_of_zeros():
    training, _ = signals(holdings().examples)
    examples = training.examples([])
    assert not examples["weight"].any()
    update = SMALL.algorithm().contribute({"params": MODEL}, examples)
    assert update.shape == (1, SMALL.size)
    assert not update.any()


def test_a_sticker_that_is_not_held_any_more_counts_as_not_shown():
    examples = holdings().examples([Choice((100, 7, 101), 2), Choice((100, 7, 101), 1)])
    assert examples["shown"][0].tolist() == [1, 0, 1] + [0] * 7
    assert examples["weight"].tolist()[:2] == [1, 0]
    assert np.isfinite(SMALL.algorithm().contribute({"params": MODEL}, examples)).all()


@pytest.mark.parametrize(("displayed", "place"), [((), 0), ((1, 2), 2), ((1, 1), 0), (tuple(range(11)), 0), ((1,), -1)])
def test_a_choice_is_one_of_what_was_displayed(displayed, place):
    with pytest.raises(ValueError, match="different stickers"):
        Choice(displayed, place)


def test_an_event_holds_ids_place_and_version_and_nothing_else():
    event = chosen(Choice((12, 55, 3), 1), AT, version=6)
    assert dict(event.data) == {"displayed": "12 55 3", "chosen": 1, "version": 6}
    assert choice_of(event) == Choice((12, 55, 3), 1)


def test_every_rank_of_every_version_has_its_category():
    names = rank_names()
    assert len(names) == len(set(names)) == 45
    assert {category(version, rank) for version in range(4) for rank in range(1, 12)} == set(range(44))
    assert names[category(6, 2)] == "version 2 of 4, rank 2"
    assert names[-1] == "nothing"


def test_the_tasks_ask_for_few_reports_at_a_price_that_covers_the_mechanism():
    task = choice_task(operator_desk(), head=HEADLINE, epsilon=4.0)
    assert task.terms.reports_for_life == 4
    assert task.terms.epsilon <= 4
    assert HEADLINE.size == 150
    with pytest.raises(UsageError, match="out of range"):
        choice_task(operator_desk(), epsilon=0)


def test_the_phone_downloads_suggests_journals_trains_and_sends():
    desk = StickerDesk(small_task(), quality_task())
    made = phone(desk)
    shown = made.suggest("thank you")
    assert len(shown.ids) == SHOWN
    assert made.choose(shown.number, 4, NOW) == shown.ids[4]
    (kept,) = made.agent.export()["journal"]
    assert kept["data"] == {"displayed": " ".join(map(str, shown.ids)), "chosen": 4, "version": 0}
    trained = made.train(NOW, READY)
    assert [step.kind for step in trained.steps] == ["contributed", "contributed", "sent", "sent"]
    assert trained.learnt == 1
    assert made.agent.export()["journal"] == []
    assert len(desk.received) == 2


def test_what_was_chosen_rises_with_every_training():
    desk = StickerDesk()
    made = phone(desk)
    last = made.suggest("おはよう").ids[-1]
    places = []
    for _ in range(3):
        shown = made.suggest("おはよう")
        places.append(shown.ids.index(last))
        made.choose(shown.number, places[-1], desk.now)
        assert made.suggest("おはよう").ids == shown.ids  # nothing moves before the training
        made.train(next_day(desk), READY)
    assert places[0] == 9
    assert places[-1] < places[0]
    assert made.suggest("おはよう").ids[0] == last


def test_nothing_is_learnt_or_sent_while_the_device_is_in_use():
    desk = StickerDesk()
    made = phone(desk)
    shown = made.suggest("thank you")
    made.choose(shown.number, 9, NOW)
    trained = made.train(NOW, BUSY)
    assert (trained.learnt, [step.kind for step in trained.steps]) == (0, ["waiting"])
    assert len(made.learnt.choices) == 1
    assert made.suggest("thank you").ids == shown.ids
    for state in (Conditions(True, False, True), Conditions(True, True, False)):
        assert made.train(NOW, state).learnt == 0
    assert desk.received == []


def test_without_consent_the_phone_learns_and_no_report_knows():
    desk = StickerDesk()
    made = phone(desk, agree=False)
    shown = made.suggest("thank you")
    made.choose(shown.number, 9, NOW)
    assert made.agent.export()["journal"] == []
    assert made.train(NOW, READY).learnt == 1
    assert desk.received == []
    assert made.suggest("thank you").ids.index(shown.ids[9]) < 9


def test_the_person_model_is_the_public_one_and_a_change_that_the_public_one_pulls_on():
    held, model = holdings(), BilinearRanking(P, Q)
    examples = held.examples([Choice(tuple(range(100, 110)), 9)] * 4)
    public, change = MODEL.astype(float), np.zeros(SMALL.size)
    before = model.loss(np, public, examples)
    for _ in range(60):
        change = local.tuned(model, public, change, examples)
    assert model.loss(np, public + change, examples) < before
    pulled = model.gradient(np, public + change, examples) + local.PULL * change
    assert np.abs(pulled).max() < 1e-4  # it rests where the proximal objective does


def test_a_new_public_model_moves_the_persons_model_with_it():
    desk = StickerDesk()
    made = phone(desk)
    shown = made.suggest("thank you")
    made.choose(shown.number, 9, NOW)
    made.train(NOW, READY)
    change = made.learnt.change
    desk.params, desk.version = (MODEL * -1).astype(np.float32), 1
    made.train(next_day(desk), READY)
    assert made.version == 1
    np.testing.assert_array_equal(made.learnt.head(-MODEL.astype(float)), change - MODEL)


def test_choices_beyond_what_one_training_takes_are_still_counted():
    desk = StickerDesk()
    made = phone(desk, agree=False)
    for _ in range(CHOICES + 3):
        shown = made.suggest("thank you")
        made.choose(shown.number, 0, NOW)
    assert len(made.learnt.choices) == CHOICES
    assert sum(made.learnt.history.values()) == 3
    made.train(NOW, READY)
    assert sum(made.learnt.history.values()) == CHOICES + 3


def test_what_is_not_on_the_screen_cannot_be_chosen():
    made = phone(StickerDesk())
    shown = made.suggest("thank you")
    made.suggest("thanks")
    for number, place in ((shown.number, 0), (shown.number + 1, 10), (shown.number + 1, -1)):
        with pytest.raises(UsageError, match="not on the screen"):
            made.choose(number, place, NOW)
    made.choose(shown.number + 1, 0, NOW)
    with pytest.raises(UsageError, match="not on the screen"):
        made.choose(shown.number + 1, 0, NOW)  # twice


@pytest.mark.parametrize("params", [np.zeros(31, np.float32), np.zeros((4, 8), np.float32), np.zeros(32, np.int64)])
def test_a_model_of_a_wrong_shape_is_skipped_with_a_reason_and_nothing_is_spent(params):
    desk = StickerDesk(params=params)
    made = phone(desk)
    made.choose(made.suggest("thank you").number, 1, NOW)
    steps = made.train(NOW, READY).steps
    assert [(step.kind, step.code) for step in steps] == [("refused", "wrong-parameters")]
    assert made.agent.ledger().account("nobody").life_micro == 0
    assert made.agent.export()["journal"] == [], "nobody could agree to a task that was not let in"


def test_holdings_that_do_not_fit_the_model_are_answered_with_nothing_and_paid():
    """Were they refused, silence would tell what this person downloaded."""
    steps = []
    for preference in ((1.0, 2.0), (0.5, 0.1, 0.2, 0.2)):
        made = phone(StickerDesk(), account=SomeAccount(preference=preference))
        made.choose(made.suggest("thank you").number, 1, NOW)
        steps.append([(step.kind, step.text) for step in made.train(NOW, READY).steps])
        assert made.agent.ledger().account("nobody").life_micro > 0
    assert steps[0] == steps[1]


def test_a_model_that_does_not_fit_what_was_downloaded_leaves_the_order_as_it_is():
    desk = StickerDesk()
    made = phone(desk, account=SomeAccount(preference=(1.0, 2.0)))
    popular = made.suggest("thank you").ids
    assert popular == phone(StickerDesk(params=MODEL * 0), account=SomeAccount()).suggest("thank you").ids


def test_without_preference_information_yet_a_person_takes_part_as_one_of_no_known_preference():
    made = phone(StickerDesk(), account=SomeAccount(preference=None))
    assert made.holdings.personal.tolist() == [1, 0, 0, 0]
    made.choose(made.suggest("thank you").number, 1, NOW)
    assert made.train(NOW, READY).steps[0].kind == "contributed"


def test_downloads_are_asked_for_by_their_tag_and_kept_for_a_phone_without_a_network():
    store, account = MemoryDeviceStore(), SomeAccount()
    first = phone(StickerDesk(), store=store, account=account)
    first.download(account)
    assert account.asked == [(PREFERENCE, ""), (CANDIDATES, ""), (PREFERENCE, "tag"), (CANDIDATES, "tag")]
    second = phone(StickerDesk(), store=store, account=account)
    assert second.suggest("おはよう").ids == first.suggest("おはよう").ids


def test_candidates_that_cannot_be_read_change_nothing():
    account = SomeAccount()
    made = phone(StickerDesk(), account=account)
    before = made.suggest("おはよう").ids
    account.fetch = lambda path, tag: Download("new", b"\1\2\3")
    with pytest.raises(PeerError):
        made.download(account)
    assert made.suggest("おはよう").ids == before


def test_candidates_with_a_missing_keyword_are_refused():
    body = decode(SomeAccount().bodies[CANDIDATES], Candidates)
    n = len(body.stickers)
    bare = {name: getattr(body, name) for name, _ in Candidates.WIRE} | {"keywords_en": ("",) * n, "keywords_ja": ("",) * n}
    account = SomeAccount()
    account.bodies[CANDIDATES] = encode(Candidates(**bare))
    with pytest.raises(PeerError, match="keyword"):
        phone(StickerDesk(), account=account)


@pytest.mark.parametrize(("status", "words"), [(401, "log in"), (404, "nothing at"), (503, "try again")])
def test_what_the_catalogue_refuses_is_said_in_words(status, words):
    import httpx

    from choral.errors import ChoralError

    with pytest.raises(ChoralError, match=words):
        downloaded(httpx.Response(status, request=httpx.Request("GET", "http://127.0.0.1/v1/me/preference")))


def test_an_unchanged_download_is_none():
    import httpx

    assert downloaded(httpx.Response(304, request=httpx.Request("GET", "http://127.0.0.1/"))) is None


def test_the_quality_report_says_at_which_rank_the_choice_was_found_and_by_which_version():
    desk = StickerDesk(small_task(), quality_task(epsilon=12.0), version=6)
    made = phone(desk)
    made.choose(made.suggest("thank you").number, 2, NOW)
    made.train(NOW, READY)
    (task,) = [one for one in desk.tasks if one.terms.signal == RANK]
    assert desk.values(task) == [category(6, 3)]  # at epsilon 12 a lie is one in 3,700


def test_the_ranking_device_half_loads_no_heavy_library():
    program = """
import sys
import choral.apps.stickers.device.phone, choral.apps.stickers.device.tasks
from tests.apps.test_stickers_laws import small_update
small_update()
heavy = {"jax", "numba", "scipy", "starlette", "uvicorn", "matplotlib", "httpx", "jinja2"}
assert not heavy & set(sys.modules), sorted(heavy & set(sys.modules))
assert not [name for name in sys.modules if name.startswith(("choral.server", "choral.simulation", "choral.cli"))]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_all_that_is_shipped_can_be_found_by_a_keyword():
    stickers = shipped().stickers
    found = KeywordIndex.of([sticker.keywords for sticker in stickers])
    for text in ("おはよう", "thank you", "ありがとう", "good night"):
        assert len(found.places(text, enough=1)) >= 5
