"""What a keyboard tells the agent on its own device about words: one was typed that nobody knows yet.

Device half: no server, no simulation. One event may serve two signals, each with a consent of its own:
`keyboard.words` (a fragment puzzle) randomizes it when it happens. `keyboard.prefixes` (a prefix tree) asks another question
in each round, so that an answer can only be randomized once the round is known: until then the word waits in the device's
encrypted journal, the latest one only and at most as long as the Terms allow; what randomizes it deletes it.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from choral.apps.keyboard.lexicon import Vocabulary
from choral.device import Event, Signal
from choral.device.signal import Asks
from choral.errors import UsageError
from choral.learning import Arrays, FoundWords, PrefixTree
from choral.learning.words import word_codes

LANGUAGES = {"en": "English"}  # with a dictionary to tell what is new
REPORTS = 2  # records kept: two reports a day need two
WAITING = 1  # words that wait for the tree: the latest


def typed_word(language: str, word: str, at: datetime, vocabulary: Vocabulary) -> Event | None:
    """The event that an unknown word was typed; None, and nothing is recorded, for a known one or for what is no word."""
    news = vocabulary.news(word)
    return None if news is None else Event(kind(language), at, {"word": news})


def word_signals(vocabulary: Vocabulary, languages: Sequence[str] = tuple(LANGUAGES)) -> tuple[Signal, ...]:
    """Two signals a language. Words that `vocabulary` knows by now are answered with "nothing"."""
    return tuple(signal for language in languages for signal in _signals(language, partial(examples, vocabulary)))


def kind(language: str) -> str:
    """`keyboard.words.LANGUAGE`: the kind of the events, and the name of the puzzle's signal."""
    if language not in LANGUAGES:
        raise UsageError(f"there is no dictionary for the language {language!r}; choose one of {', '.join(LANGUAGES)}")
    return f"keyboard.words.{language}"


def prefix_signal(language: str) -> str:
    """`keyboard.prefixes.LANGUAGE`: the name of the tree's signal."""
    kind(language)
    return f"keyboard.prefixes.{language}"


def examples(vocabulary: Vocabulary, events: Sequence[Event]) -> Arrays:
    """`word` uint8[n, 14], one an event; all zeros, "nothing", for a word that is known by now, and if there is no event."""
    words = [vocabulary.news(str(event.data["word"])) or "" for event in events]
    return {"word": word_codes(words or [""])}


def _signals(language: str, answers: "partial[Arrays]") -> tuple[Signal, Signal]:
    kinds = frozenset({kind(language)})
    found, prefixes = Asks(frozenset({FoundWords.NAME})), Asks(frozenset({PrefixTree.NAME}))
    puzzle = Signal(name=kind(language), kinds=kinds, examples=answers, limit=REPORTS, immediate=True, asks=found)
    tree = Signal(prefix_signal(language), kinds=kinds, examples=answers, limit=WAITING, immediate=False, asks=prefixes)
    return puzzle, tree
