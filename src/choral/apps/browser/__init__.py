"""Which sites burden a browser, and where people want media to play by itself: domains only, mapped on the device.

Knows: a public list of domains, three questions. Must not know: other apps; its device half knows no server and no study.
Interface: `heavy_memory`, `heavy_energy`, `auto_play`, `signals` on the device; `sites`, `play_release` for an operator.
Add here: a question as an event, a signal and a file in tasks/; domains in data/, under their own licence.
Tested in: tests/apps.
"""

from choral.apps.browser.events import auto_play, heavy_energy, heavy_memory, signals
from choral.apps.browser.play import Intent, intents, play_release
from choral.apps.browser.sites import NOTHING, OTHER, Sites, sites

__all__ = [
    "NOTHING",
    "OTHER",
    "Intent",
    "Sites",
    "auto_play",
    "heavy_energy",
    "heavy_memory",
    "intents",
    "play_release",
    "signals",
    "sites",
]
