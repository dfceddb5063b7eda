"""What happens without a request: the watcher looks, the companion locks itself, and at leisure the agent takes its turn."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from choral.apps.companion.page.desk import Desk, Room, learn_in_time
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
        room = self.desk.open_room()
        if room is None:
            return ()
        try:
            self.desk.watching.write(room.diary)
            steps = self._turn(room, now)
        finally:  # it locks whatever went wrong
            still = self.desk.doze(now)
        if still is not None:
            learn_in_time(room, now)
        return steps

    def _turn(self, room: Room, now: datetime) -> tuple[Step, ...]:
        """The agent's turn: every ten minutes, and before the companion locks itself, which is when nobody uses it."""
        is_left = self.desk.is_left_alone(now)
        if not room.settings.has_server or not (is_left or self._is_time(now)):
            return ()
        self._last, found = now, self.conditions.read(now)
        conditions = replace(found, idle=found.idle or is_left)
        return self.desk.agents(room.opened, room.settings).tick(now, conditions)

    def _is_time(self, now: datetime) -> bool:
        return self._last is None or not timedelta() <= now - self._last < BETWEEN_TURNS
