"""The keyboard's dictionary, events and task."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from choral.apps.keyboard import LOCALES, dictionary, dictionary_release, english_names, oracle, signals, task, typed
from choral.apps.keyboard.dictionary import category
from choral.apps.keyboard.events import examples
from choral.errors import UsageError
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.protocol import Task, decode, encode

NOW = datetime(2026, 1, 5, tzinfo=UTC)
NOTHING = 2654


def emoji_task(locale="ja", **changes):
    given = {"minimum": 100, "goal": 1000, "shuffler_key": bytes(32), "server_key": bytes(32)}
    return task(locale, start=NOW, expires=NOW + timedelta(days=30), **(given | changes))


def test_the_dictionary_has_2654_emoji_and_nothing_each_once():
    assert len(dictionary()) == len(set(dictionary())) == len(english_names()) == 2655
    assert dictionary()[-1] == english_names()[-1] == "nothing"
    assert english_names()[dictionary().index("😂")] == "face with tears of joy"


def test_the_dictionary_release_holds_the_names_and_never_changes():
    release = dictionary_release()
    assert tuple(bytes(release.arrays["names"]).decode().split("\n")) == dictionary()
    assert (release.task, release.round, release.kind, release.reports, release.guarantees) == (
        bytes(32),
        0,
        "dictionary",
        0,
        (),
    )
    assert release.hash.hex() == "659038e28dde97bf4116ee5efa04630df9906e86efe393fe7b10f54f00097b1b"


@pytest.mark.parametrize(
    ("emoji", "counted_as"),
    [
        ("😂", "😂"),
        ("❤", "❤️"),
        ("❤️", "❤️"),
        ("❤︎", "❤️"),
        ("👋🏽", "👋🏽"),
        ("⌚", "⌚️"),
        ("🦩", "nothing"),
        ("", "nothing"),
        ("a", "nothing"),
    ],
)
def test_what_was_typed_is_counted_by_the_stated_rule(emoji, counted_as):
    assert dictionary()[category(emoji)] == counted_as


def test_a_skin_tone_that_the_table_lacks_is_counted_as_the_base_emoji():
    assert "🤝🏽" not in dictionary()
    assert dictionary()[category("🤝🏽")] == "🤝"


def test_every_emoji_is_its_own_category():
    assert [category(emoji) for emoji in dictionary()[:-1]] == list(range(NOTHING))


def test_no_event_is_the_category_nothing():
    assert examples([])["category"].tolist() == [NOTHING]


def test_each_event_is_one_category():
    events = [typed("ja", "😂", NOW), typed("ja", "unheard of", NOW)]
    assert examples(events)["category"].tolist() == [category("😂"), NOTHING]


def test_a_signal_reads_its_own_locale_only_and_randomizes_at_once():
    (signal,) = signals(["ja"])
    assert signal.name == "keyboard.emoji.ja"
    assert typed("ja", "😂", NOW).kind in signal.kinds
    assert typed("en", "😂", NOW).kind not in signal.kinds
    assert signal.immediate
    assert signal.dictionary == dictionary_release().hash
    assert len(signals()) == len(LOCALES) == 10


@pytest.mark.parametrize("use", [lambda: typed("tlh", "😂", NOW), lambda: signals(["tlh"]), lambda: emoji_task("tlh")])
def test_an_unknown_locale_is_refused_with_the_known_ones(use):
    with pytest.raises(UsageError, match=r"'tlh'.*choose one of de, en"):
        use()


def test_the_task_has_apples_parameters_and_travels():
    question = emoji_task()
    sketch = question.mechanism.build(MECHANISMS)
    assert (sketch.domain, sketch.width, sketch.rows) == (2655, 1024, 65536)
    assert 3.9999 < sketch.epsilon <= 4
    assert (question.terms.reports_per_day, question.terms.price_micro, question.terms.signal) == (
        1,
        4_000_000,
        "keyboard.emoji.ja",
    )
    assert question.algorithm.build(ALGORITHMS).dictionary == dictionary_release().hash
    assert decode(encode(question), Task) == question


def test_the_hash_functions_follow_from_the_published_string():
    assert oracle("cms").seed.hex() == "03123102a3dc57dad35ab24f3c28cec8562057279904dcfd103f677bea7f6357"


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("inf"), float("nan"), 1e-9, 99.0])
def test_an_absurd_epsilon_is_refused_with_the_range(epsilon):
    with pytest.raises(UsageError, match="choose one above"):
        oracle(epsilon=epsilon)


def test_an_unknown_mechanism_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"'magic'.*choose one of cms, rr"):
        oracle("magic")


def test_the_device_half_imports_neither_server_nor_simulation():
    program = (
        "import sys, choral.apps.keyboard, choral.apps.keyboard.events, choral.apps.keyboard.tasks\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('choral.')}\n"
        "assert not rooms & {'server', 'simulation', 'pages', 'cli'}, rooms\n"
        "assert not {'jax', 'numba', 'scipy', 'starlette', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif("CHORAL_DATA_DIR" not in os.environ, reason="set CHORAL_DATA_DIR to the folder of the source data")
def test_the_shipped_table_follows_from_its_sources():
    import csv

    with (Path(os.environ["CHORAL_DATA_DIR"]) / "emoji" / "emoji_domain_all_variants.csv").open(encoding="utf-8") as lines:
        source = [(row["emoji"], row["label"]) for row in csv.DictReader(lines) if float(row["emoji_version"]) <= 5]
    assert source == list(zip(dictionary(), english_names(), strict=True))[:-1]
