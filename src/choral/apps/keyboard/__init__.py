"""Which emoji are typed, language by language: the first product, and the pattern for the next.

Knows: emoji, keyboards, one question. Must not know: other apps; its device half (events, tasks) knows no server.
Interface: `typed`, `signals` on the device; `task`, `dictionary_release` for an operator; `population` for a study.
Add here: a locale with its shares in data/, under its own licence.
Tested in: tests/apps.
"""

from choral.apps.keyboard.dictionary import dictionary, dictionary_release, english_names
from choral.apps.keyboard.events import LOCALES, signals, typed
from choral.apps.keyboard.tasks import oracle, task

__all__ = ["LOCALES", "dictionary", "dictionary_release", "english_names", "oracle", "signals", "task", "typed"]
