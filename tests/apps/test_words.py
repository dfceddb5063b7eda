"""New words: what is news, what becomes of it, and the lexicon that makes it none."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.apps.keyboard.downloads import newest
from choral.apps.keyboard.lexicon import Vocabulary, found_words, lexicon_release, lexicon_words, shipped_words
from choral.apps.keyboard.speakers import new_words
from choral.apps.keyboard.words import examples, kind, prefix_signal, typed_word, word_signals
from choral.engines import Serial
from choral.errors import PeerError, UsageError
from choral.learning import PrefixTree
from choral.learning.words import spelled, word_codes
from choral.mechanisms import ProjectiveGeometryResponse
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.protocol import Release, Spec, encode, sign
from choral.server import TaskBook, ingest, publish_task, release_once, shuffle_once
from choral.server.checkout import Counter
from choral.storage import MemoryServerStore
from tests.device.setting import NAMES, OPERATOR, OPERATORS, READY, SERVER, SHUFFLER, START, Desk, agreed, task
from tests.device.setting import NOW as DEVICE_NOW

NOW = datetime(2026, 1, 5, tzinfo=UTC)
KNOWN = Vocabulary(frozenset({"hello", "world"}))
PUBLIC = SERVER.public_key().public_bytes_raw()


@pytest.mark.parametrize(("typed", "news"), [("bruh", "bruh"), ("BRUH", "bruh"), ("lo", "lo"), ("a" * 14, "a" * 14)])
def test_an_unknown_word_of_2_to_14_letters_is_news(typed, news):
    event = typed_word("en", typed, NOW, KNOWN)
    assert event is not None
    assert (event.kind, event.data) == ("keyboard.words.en", {"word": news})


@pytest.mark.parametrize(
    "typed", ["hello", "Hello", "a", "", "a" * 15, "it's", "pass1234", "naïve", "two words", "lol\n", "ﬁx"]
)
def test_a_known_word_and_what_is_no_word_are_never_an_event(typed):
    assert typed_word("en", typed, NOW, KNOWN) is None


def test_an_unknown_language_is_refused_with_the_known_ones():
    for use in (kind, prefix_signal, lambda language: word_signals(KNOWN, [language])):
        with pytest.raises(UsageError, match=r"'tlh'.*choose one of en"):
            use("tlh")


def test_no_event_and_a_word_that_is_known_by_now_are_nothing():
    event = typed_word("en", "bruh", NOW, KNOWN)
    assert spelled(examples(KNOWN, [event])["word"]) == ("bruh",)
    learnt = KNOWN.with_lexicon(lexicon_release(["bruh"], version=1, created=0))
    assert not examples(learnt, [event])["word"].any()
    assert not examples(KNOWN, [])["word"].any()
    assert examples(KNOWN, [])["word"].shape == (1, 14)


def test_one_word_serves_two_signals_and_only_the_trees_waits_as_the_latest_word():
    puzzle, tree = word_signals(KNOWN)
    assert puzzle.kinds == tree.kinds == {"keyboard.words.en"}
    assert (puzzle.name, puzzle.immediate) == ("keyboard.words.en", True)
    assert (tree.name, tree.immediate, tree.limit) == ("keyboard.prefixes.en", False, 1)


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=14)), st.lists(st.sampled_from(["lol", "omg"])))
def test_a_lexicon_holds_the_words_given_and_those_before_it_sorted_and_once(words, before):
    earlier = lexicon_release(before, version=1, created=5)
    release = lexicon_release(words, version=2, created=6, earlier=earlier)
    assert lexicon_words(release) == tuple(sorted({*words, *before}))
    assert all(KNOWN.with_lexicon(release).news(word) is None for word in words)


def test_a_lexicon_takes_words_only_and_counts_up():
    with pytest.raises(UsageError, match="not 2 to 14 letters"):
        lexicon_release(["lol", "b2b"], version=1, created=0)
    with pytest.raises(UsageError, match="choose 4"):
        lexicon_release(["lol"], version=3, created=0, earlier=lexicon_release([], version=3, created=0))


def test_what_is_no_lexicon_is_refused():
    with pytest.raises(UsageError, match="where a lexicon was due"):
        lexicon_words(Release(bytes(32), 0, "dictionary", 0, 0, (), {}))


def test_found_words_come_commonest_first_and_once():
    def release(words, estimates):
        arrays = {"word": word_codes(words), "estimate": np.array(estimates), "stderr": np.ones(len(words))}
        return Release(b"t" * 32, 0, "found-words/1", 100, 0, (), arrays)

    both = [release(["lol", "omg"], [50.0, 20.0]), release(["omg", "idk"], [60.0, 5.0])]
    assert found_words(both) == ("omg", "lol", "idk")
    assert found_words(both, at_least=20) == ("omg", "lol")


def test_a_dictionary_file_is_read_by_the_stated_rule(tmp_path):
    path = tmp_path / "words"
    path.write_text("Hello\nx\nit's\nworld\n", encoding="utf-8")
    assert Vocabulary.read(path) == KNOWN
    with pytest.raises(UsageError, match="one word a line"):
        Vocabulary.read(tmp_path / "missing")


def test_the_shipped_words_are_known_and_the_studys_words_are_not():
    assert len(shipped_words().words) == 119_151
    assert all(shipped_words().news(word) for word in new_words())
    assert abs(sum(new_words().values()) - 1) < 1e-4


class Library:
    """A server's public releases, as a transport's `fetch` sees them."""

    def __init__(self, *releases, key=OPERATOR, **changes):
        self.bodies = {}
        rows = []
        for release in releases:
            signed = sign(release, key)
            name = hashlib.sha256(signed.body).hexdigest()
            self.bodies[f"/v1/releases/{name}.bin"] = encode(signed)
            row = {"hash": name, "kind": release.kind, "signal": "", "round": release.round, "created": release.created}
            rows.append({**row, **changes})
        self.bodies["/v1/releases"] = json.dumps(rows).encode()

    def fetch(self, path):
        return self.bodies[path]


def test_a_device_downloads_the_latest_lexicon_and_checks_who_signed_it():
    old, new = (lexicon_release([word], version=one, created=one) for one, word in ((1, "lol"), (2, "omg")))
    library = Library(new, old)
    assert lexicon_words(newest(library.fetch, kind="lexicon", keys=OPERATORS)) == ("omg",)
    assert newest(library.fetch, kind="histogram", keys=OPERATORS, signal="keyboard.emoji.ja") is None


def test_a_lexicon_by_somebody_else_or_under_another_name_is_refused():
    lexicon = lexicon_release(["lol"], version=1, created=1)
    with pytest.raises(PeerError, match="none of the"):
        newest(Library(lexicon, key=SERVER).fetch, kind="lexicon", keys=OPERATORS)
    with pytest.raises(PeerError, match="do not use it"):
        newest(Library(lexicon, kind="histogram", signal="x").fetch, kind="histogram", keys=OPERATORS, signal="x")
    swapped = Library(lexicon)
    path = next(one for one in swapped.bodies if one.endswith(".bin"))
    swapped.bodies[path] = encode(sign(lexicon_release(["omg"], version=1, created=1), OPERATOR))
    with pytest.raises(PeerError, match="other bytes"):
        newest(swapped.fetch, kind="lexicon", keys=OPERATORS)


@pytest.mark.parametrize("text", [b"", b"{}x", b"[1]", b'[{"kind": 1}]', b'[{"kind": "lexicon", "signal": ""}]'])
def test_a_list_that_cannot_be_read_is_refused(text):
    with pytest.raises(PeerError, match="cannot be read"):
        newest(lambda _: text, kind="lexicon", keys=OPERATORS)


def tree_task():
    """A small tree of real rounds: PGR over the cells of the first two letters."""
    tree = PrefixTree(domain=2_000, rounds=bytes([2, 4, 6, 8, 10, 12, 14]))
    mechanism = ProjectiveGeometryResponse.for_epsilon(8.0, tree.domain)
    question = task(
        prefix_signal("en"),
        mechanism=Spec.of(mechanism),
        algorithm=Spec.of(tree),
        price_micro=micro(mechanism.epsilon),
        goal=30,
        rounds_open=1,
        round_seconds=30 * 86_400,
        advance="release",
        delay_seconds=0,
    )
    return replace(question, terms=replace(question.terms, minimum=30), rule=replace(question.rule, minimum=30))


def test_real_agents_spell_a_word_round_by_round_and_stop_once_it_is_in_the_lexicon():
    """30 agents, seven rounds, epsilon 8; fixed seeds."""
    question, store = tree_task(), MemoryServerStore()
    publish_task(store, sign(question, OPERATOR), operators=OPERATORS, names=NAMES, server_key=PUBLIC, now=DEVICE_NOW)
    book, desk, release = TaskBook(store, NAMES), Server(store), None
    crowd = [agreed(desk, *word_signals(KNOWN), entropy=SeededEntropy(5, stream=one)) for one in range(30)]
    for number in range(7):
        desk.day = number
        for one, agent in enumerate(crowd):
            agent.record(typed_word("en", "bruh" if one % 3 else "yeet", desk.now, KNOWN), desk.now)
            agent.tick(desk.now, READY)
        for body in desk.received:
            ingest(book, body, desk.now)
        desk.received.clear()
        shuffle_once(store, SHUFFLER, names=NAMES, entropy=SeededEntropy(7), now=desk.now)
        release = release_once(store, SERVER, names=NAMES, engine=Serial(), entropy=SeededEntropy(8), now=desk.now)
    assert found_words([release]) == ("bruh", "yeet")
    assert not any(agent.export()["journal"] for agent in crowd)
    learnt = KNOWN.with_lexicon(lexicon_release(found_words([release]), version=1, created=0))
    assert typed_word("en", "Bruh", NOW, learnt) is None


class Server(Desk):
    """A desk that answers with a real server's check-outs; `day` moves its clock."""

    def __init__(self, store):
        super().__init__()
        self.store, self.day = store, 0

    @property
    def now(self):
        return START + timedelta(days=self.day, hours=9)

    @now.setter
    def now(self, _):
        self.day = 0

    def fetch(self, path):
        counter = Counter.of(TaskBook(self.store, NAMES), SERVER, SeededEntropy(9))
        signal = path.rsplit("/", 1)[1]
        return counter.openings(self.now)[0] if signal == "openings" else counter.answer(signal, self.now)[0]


def test_the_device_half_imports_neither_server_nor_simulation():
    program = (
        "import sys, choral.apps.keyboard.words, choral.apps.keyboard.prediction, choral.apps.keyboard.downloads\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('choral.')}\n"
        "assert not rooms & {'server', 'simulation', 'pages', 'cli'}, rooms\n"
        "assert not {'jax', 'numba', 'scipy', 'starlette', 'pyarrow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif("CHORAL_DATA_DIR" not in os.environ, reason="set CHORAL_DATA_DIR to the folder of the source data")
def test_the_shipped_words_follow_from_their_sources():
    import pyarrow.parquet as pq

    rows = pq.read_table(Path(os.environ["CHORAL_DATA_DIR"]) / "words" / "words_en.parquet").to_pydict()
    known = {word for word, is_known in zip(rows["word"], rows["in_wamerican_huge"], strict=True) if is_known}
    assert shipped_words().words == known
    frequencies = dict(zip(rows["word"], rows["freq_twitter2015"], strict=True))
    listed = new_words()
    total = sum(frequencies[word] for word in listed)
    assert [frequencies[word] / total for word in listed] == pytest.approx(list(listed.values()), rel=1e-4)
    assert not known & set(listed)
