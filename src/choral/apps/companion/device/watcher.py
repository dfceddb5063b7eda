"""A small watcher for Linux: which class of program is in front, and whether anyone is there. Device half.

It asks what the desktop offers, in this order: sway or i3, Hyprland, X11 by xprop; and for idleness the X server, else the
login manager. A program's name becomes its class at once; titles are never asked for. Where a desktop tells nobody
(GNOME and KDE on Wayland), it says so instead of guessing.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from choral.apps.companion.device.entries import Entry, entry_of
from choral.apps.companion.importers.classes import app_class
from choral.device.conditions import LOGIND, ask

SOURCE = "watcher"
AWAY_SECONDS = 180  # without a key or a mouse
LONGEST_GAP = 300  # seconds between two looks; after a longer one (sleep, a jumping clock) a new entry begins
WINDOW_ID = re.compile(r"0x[0-9a-fA-F]+")
QUOTED = re.compile(r'"([^"]*)"')
Ask = Callable[[Sequence[str]], str | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in front. program: as the desktop calls it, empty if nothing is; away: nobody has touched anything for a while"""

    program: str
    away: bool


@dataclass(frozen=True, slots=True)
class Desktop:
    """The desktop of this machine. ask: how programs are asked."""

    ask: Ask = ask

    def look(self) -> Seen | None:
        """What is seen now; None if this desktop tells nobody."""
        program = next((name for tell in (self._sway, self._hyprland, self._x11) if (name := tell()) is not None), None)
        away = self._away()
        if program is None and away is None:
            return None
        return Seen(program or "", bool(away))

    def _sway(self) -> str | None:
        for command in (("swaymsg", "-t", "get_tree"), ("i3-msg", "-t", "get_tree")):
            tree = _json(self.ask(command))
            if tree is not None:
                return _focused(tree)
        return None

    def _hyprland(self) -> str | None:
        window = _json(self.ask(("hyprctl", "activewindow", "-j")))
        return None if window is None else str(window.get("class", ""))

    def _x11(self) -> str | None:
        active = self.ask(("xprop", "-root", "_NET_ACTIVE_WINDOW"))
        window = WINDOW_ID.search(active or "")
        if window is None:
            return None
        names = QUOTED.findall(self.ask(("xprop", "-id", window[0], "WM_CLASS")) or "")
        return names[-1] if names else ""

    def _away(self) -> bool | None:
        """Whether nobody is there; None if nobody tells."""
        idle = self.ask(("xprintidle",))
        if idle is not None and idle.isdigit():
            return int(idle) >= AWAY_SECONDS * 1000
        hint = self.ask(("busctl", "get-property", *LOGIND))
        return hint == "b true" if hint in ("b true", "b false") else None


@dataclass(frozen=True, slots=True)
class Watch:
    """What goes on at the moment: an entry that grows, and when it was last looked at."""

    entry: Entry | None = None
    last: int = 0

    def grown(self, seen: Seen | None, now: datetime) -> "tuple[Watch, Entry | None]":
        """The watch after a look, and the entry to be kept now; a clock that jumped, or a long gap, begins a new one."""
        second = int(now.timestamp())
        if seen is None:
            return Watch(), None
        fresh = _entry(seen, now)
        goes_on = (
            self.entry is not None
            and 0 <= second - self.last <= LONGEST_GAP
            and (self.entry.kind, self.entry.what, self.entry.offset) == (fresh.kind, fresh.what, fresh.offset)
            and self.entry.day == fresh.day
        )
        if goes_on and self.entry is not None:
            fresh = replace(self.entry, seconds=second - self.entry.start)
        return Watch(fresh, second), fresh


def _entry(seen: Seen, now: datetime) -> Entry:
    if seen.away:
        return entry_of(now, kind="idle", what="away", source=SOURCE)
    return entry_of(now, kind="app", what=app_class(seen.program) if seen.program else "desktop", source=SOURCE)


def _focused(node: Any) -> str:
    """The program of the focused window in a tree of windows; empty if none is."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.get("focused"):
            return str(one.get("app_id") or one.get("window_properties", {}).get("class") or "")
        waiting += [*one.get("nodes", ()), *one.get("floating_nodes", ())]
    return ""


def _json(text: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(text or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
