"""What happens without a request: the watcher looks, the companion locks itself, and at leisure the agent takes its turn."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from choral.apps.companion.page.desk import Desk, learn_in_time
from choral.device import Step
from choral.device.conditions import ConditionSource

BETWEEN_TURNS = timedelta(minutes=10)


@dataclass(slots=True, eq=False)
class Pulse:
    """To be called every half a minute or so, on a thread of its own. conditions: whether the device has leisure"""

    desk: Desk
    conditions: ConditionSource
    _last: datetime | None = field(default=None, init=False)

    def beat(self) -> tuple[Step, ...]:
        """One look, and what the agent did if it had its turn; a locked companion reads, writes and sends nothing."""
        now = self.desk.now()
        self.desk.watching.step(now)
        room = self.desk.doze(now)
        if room is None:
            return ()
        self.desk.watching.write(room.diary)
        learn_in_time(room, now)
        if not room.settings.has_server or not self._is_time(now):
            return ()
        self._last = now
        return self.desk.agents(room.opened, room.settings).tick(now, self.conditions.read(now))

    def _is_time(self, now: datetime) -> bool:
        return self._last is None or not timedelta() <= now - self._last < BETWEEN_TURNS
