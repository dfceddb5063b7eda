"""Which kinds of health data people keep, never what they say: Apple's third published use of private counting.

Knows: names of data types, one question. Must not know: other apps, any measured value; its device half knows no server.
Interface: `edited`, `signals` on the device; `dictionary_release` for an operator.
Add here: a data type as a line in data/types.txt.
Tested in: tests/apps.
"""

from choral.apps.health.events import edited, signals
from choral.apps.health.types import dictionary, dictionary_release

__all__ = ["dictionary", "dictionary_release", "edited", "signals"]
