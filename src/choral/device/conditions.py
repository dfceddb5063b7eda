"""When a device may work: idle, charging, on a network that costs nothing. Judged here, told to nobody.

On Linux, in this order, the first that answers:
  charging: a mains or USB supply that is online, or a battery that charges or is full; no battery at all is mains.
  idle: logind's hint; else no terminal used for `idle_minutes` and a load below half of the processors.
  unmetered: NetworkManager; else metered if the default route goes over a modem (wwan, ppp, rmnet); no route costs nothing.
"""

import os
import subprocess
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

ASK_SECONDS = 3
IDLE_MINUTES = 10
MODEMS = ("wwan", "ppp", "rmnet", "wwp")
LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "IdleHint")
NETWORK = ("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "Metered")
METERED = {"u 1": True, "u 2": False, "u 3": True, "u 4": False}  # yes, no, probably, probably not; 0 is unknown

Ask = Callable[[Sequence[str]], str | None]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds of the device at a moment."""

    idle: bool
    charging: bool
    unmetered: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """What does not hold, in words."""
        return self.lacking(("idle", "charging", "unmetered"))

    def lacking(self, needs: Collection[str]) -> tuple[str, ...]:
        """What does not hold of what is needed, in words."""
        facts = (
            ("idle", self.idle, "the device is in use"),
            ("charging", self.charging, "it is on battery"),
            ("unmetered", self.unmetered, "it is metered"),
        )
        return tuple(words for name, holds, words in facts if name in needs and not holds)


class ConditionSource(Protocol):
    """Whoever can tell."""

    def read(self, now: datetime) -> Conditions:
        """The conditions at this moment."""
        ...


@dataclass(frozen=True, slots=True)
class FixedConditions:
    """Always the same, as a test or a person says."""

    conditions: Conditions

    def read(self, now: datetime) -> Conditions:
        """The conditions given."""
        return self.conditions


def ask(command: Sequence[str]) -> str | None:
    """What a program prints, stripped; None if there is no such program or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@dataclass(frozen=True, slots=True)
class LinuxConditions:
    """What the system says. `root`: where /sys, /proc and /dev lie; `ask`: how programs are asked."""

    root: Path = Path("/")
    ask: Ask = ask
    idle_minutes: int = IDLE_MINUTES

    def read(self, now: datetime) -> Conditions:
        """The conditions at this moment."""
        return Conditions(self._is_idle(now), self._is_charging(), self._is_unmetered())

    def _is_charging(self) -> bool:
        """Mains, a charging battery, or no battery of this machine's own."""
        supplies = sorted((self.root / "sys/class/power_supply").glob("*"))
        kinds = [(supply, _line(supply / "type")) for supply in supplies if _line(supply / "scope") != "Device"]
        if any(kind in ("Mains", "USB") and _line(supply / "online") == "1" for supply, kind in kinds):
            return True
        states = [_line(supply / "status") for supply, kind in kinds if kind == "Battery"]
        return not states or any(state in ("Charging", "Full") for state in states)

    def _is_idle(self, now: datetime) -> bool:
        hint = self.ask(("busctl", "get-property", *LOGIND))
        if hint in ("b true", "b false"):
            return hint == "b true"
        newest = max((used for path in self._terminals() if (used := _used(path)) is not None), default=None)
        quiet = newest is None or now.timestamp() - newest >= 60 * self.idle_minutes
        return quiet and self._load() < max(os.cpu_count() or 1, 1) / 2

    def _is_unmetered(self) -> bool:
        said = self.ask(("busctl", "get-property", *NETWORK))
        if said in METERED:
            return not METERED[said]
        return not any(name.startswith(MODEMS) for name in self._default_routes())

    def _terminals(self) -> list[Path]:
        return [*(self.root / "dev").glob("tty[0-9]*"), *(self.root / "dev/pts").glob("[0-9]*")]

    def _load(self) -> float:
        """Load over one minute; 0 where the system does not say."""
        words = _line(self.root / "proc/loadavg").split()
        return float(words[0]) if words else 0.0

    def _default_routes(self) -> list[str]:
        """Interfaces that carry traffic to everywhere."""
        lines = _text(self.root / "proc/net/route").splitlines()[1:]
        rows = [line.split() for line in lines]
        return [row[0] for row in rows if len(row) > 1 and row[1] == "00000000"]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _line(path: Path) -> str:
    return _text(path).strip()


def _used(path: Path) -> float | None:
    """When a terminal was last read from or written to."""
    try:
        found = path.stat()
    except OSError:
        return None
    return max(found.st_atime, found.st_mtime)
