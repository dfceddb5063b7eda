"""What the person chose for their companion; kept in the encrypted diary, so that a locked one tells nobody. Device half."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from choral.apps.companion.device.asking import Asking
from choral.apps.companion.device.diary import FELT, LABELLED, Diary
from choral.device.http import checked_url
from choral.errors import UsageError

NOTE = "settings"
LENGTHS: Mapping[int, str] = {12: "two hours", 24: "an hour", 48: "half an hour"}  # fragments a day, and how long each is
LOCKS = (1, 5, 15, 30, 60)  # minutes
OPERATOR_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen; what was never chosen stands as here.

    zone: of the clock on the wall, empty for the one that the program was started with
    quiet_from, quiet_to: hours between which nothing is asked; times: how often a day mood is asked, at most
    lock_minutes: unused until it locks; per_day: fragments a day; is_watching: whether the watcher looks
    is_discreet: neutral titles, and no contents until revealed; country: two letters, for help near the person
    server, operator: with whom to learn, an address and a key of 64 hexadecimal digits; empty for nobody
    trusts_sums: whether reports may leave that hide only while nobody sees less than a sum of many
    """

    zone: str = ""
    quiet_from: int = 22
    quiet_to: int = 8
    times: int = 3
    lock_minutes: int = 15
    per_day: int = 24
    is_watching: bool = False
    is_discreet: bool = False
    country: str = ""
    server: str = ""
    operator: str = ""
    trusts_sums: bool = False

    @classmethod
    def read(cls, diary: Diary) -> "Settings":
        """What was kept last; what this program does not know, or cannot live by, stands as if it was never chosen."""
        kept, usual = diary.note(NOTE, {}), cls()
        known = {one.name: kept[one.name] for one in fields(cls) if type(kept.get(one.name)) is type(getattr(usual, one.name))}
        found = cls(**known)
        return replace(
            found,
            zone=found.zone if found.zone in available_timezones() else usual.zone,
            per_day=found.per_day if found.per_day in LENGTHS else usual.per_day,
            lock_minutes=found.lock_minutes if found.lock_minutes in LOCKS else usual.lock_minutes,
        )

    def keep(self, diary: Diary) -> None:
        """Keep them."""
        diary.keep_note(NOTE, asdict(self))

    def clock(self, otherwise: ZoneInfo) -> ZoneInfo:
        """The zone of the clock on the wall."""
        return ZoneInfo(self.zone) if self.zone else otherwise

    @property
    def asking(self) -> Asking:
        """When mood is asked."""
        return Asking.from_note({"times": self.times, "quiet_from": self.quiet_from, "quiet_to": self.quiet_to})

    @property
    def lock_after(self) -> timedelta:
        """How long it stays open unused."""
        return timedelta(minutes=self.lock_minutes)

    @property
    def has_server(self) -> bool:
        """Whether there is anybody to learn with."""
        return bool(self.server and self.operator)

    def beside(self, *, server: str, operator: str) -> "Settings":
        """With these to learn with, or nobody; UsageError for half of it, or for what is no address or no key."""
        if not server and not operator:
            return replace(self, server="", operator="")
        digits = operator.strip().lower()
        if len(digits) != OPERATOR_DIGITS or not set(digits) <= set("0123456789abcdef"):
            raise UsageError(f"an operator's key is {OPERATOR_DIGITS} hexadecimal digits; ask the operator for the public key")
        return replace(self, server=checked_url(server.strip()), operator=digits)


def checked_zone(name: str) -> str:
    """The name of a zone, or empty; UsageError for one that this system does not know."""
    if name and name not in available_timezones():
        raise UsageError(f"this system knows no zone {name[:60]!r}; give one such as Europe/London, or leave it empty")
    return name


def recut(diary: Diary, before: int, after: int) -> None:
    """Move what was said to fragments of another length, in one transaction.

    Shorter ones inherit the label of the longer one, and the first of them its mood. Where several become one, the label
    that most of them had stays, and the mood that was said last.
    """
    with diary.store.transaction() as tx:
        for table, moved in ((LABELLED, _moved_labels), (FELT, _moved_moods)):
            for key, _ in table.table.scan(tx):
                day = date.fromordinal(int.from_bytes(key))
                table.write(tx, day, moved(table.read(tx, day), before, after))


def _moved_labels(labels: Mapping[int, Any], before: int, after: int) -> dict[int, Any]:
    found: dict[int, list[Any]] = {}
    for place, label in sorted(labels.items()):
        for new in range(place * after // before, max(place * after // before + 1, (place + 1) * after // before)):
            found.setdefault(new, []).append(label)
    return {place: max(all_, key=all_.count) for place, all_ in found.items()}


def _moved_moods(moods: Mapping[int, Any], before: int, after: int) -> dict[int, Any]:
    latest = sorted(moods.items(), key=lambda item: (item[1].at, item[0]))
    return {place * after // before: mood for place, mood in latest}
