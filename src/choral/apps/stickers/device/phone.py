"""The sticker app on one phone: the one object that a chat would hold.

Device half: no server, no simulation. It brings together what this person holds, the public model, the person's own change
of it, and the agent, which alone can report. What is being typed is looked at and let go: nothing here keeps a text or
the keyword that was found in it, and whatever is kept is a function of what was displayed and chosen.
One thread at a time, like the agent.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import numpy as np

from choral.apps.stickers.device import local
from choral.apps.stickers.device.events import CHOICE, chosen, signals
from choral.apps.stickers.device.local import LocalModel
from choral.apps.stickers.device.personal import Account, Shelf
from choral.apps.stickers.device.suggestion import Choice, Floats, Holdings
from choral.device import Agent, Budget, Conditions, Step, Transport
from choral.device.keys import Witness
from choral.errors import ConsentMissing, UsageError
from choral.learning.bilinear_ranking import BilinearRanking
from choral.numerics import Entropy
from choral.storage.device import DeviceStore


@dataclass(frozen=True, slots=True)
class Display:
    """What is on the screen: sticker ids, the best first. number: of this display, which a choice must name."""

    number: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a turn did: the agent's steps, and how many choices the person's own model learnt from."""

    steps: tuple[Step, ...]
    learnt: int


@dataclass(slots=True, kw_only=True, eq=False)
class Phone:
    """One person's phone, made by `opened`.

    agent: the door to the report path; shelf: what the catalogue service told; store: the device's, encrypted where it counts
    """

    agent: Agent
    shelf: Shelf
    store: DeviceStore
    _public: Floats | None = field(default=None, init=False, repr=False)
    _version: int = field(default=0, init=False)
    _local: LocalModel = field(default=local.EMPTY, init=False, repr=False)
    _display: Display = field(default=Display(0, ()), init=False)

    @classmethod
    def opened(
        cls,
        *,
        store: DeviceStore,
        names: Mapping[str, type[Any]],
        operators: Collection[bytes],
        transport: Transport,
        entropy: Entropy,
        budget: Budget,
        witness: Witness | None = None,
    ) -> Self:
        """The phone with its agent, and what its store remembers from before."""
        shelf = Shelf.opened(store)
        agent = Agent(
            store=store,
            signals=signals(shelf.examples),
            names=names,
            operators=operators,
            transport=transport,
            entropy=entropy,
            budget=budget,
            witness=witness,
        )
        phone = cls(agent=agent, shelf=shelf, store=store)
        phone._look()
        return phone

    @property
    def holdings(self) -> Holdings:
        """What this person holds."""
        return self.shelf.holdings

    @property
    def version(self) -> int:
        """Version of the public model that ranks; 0 before the first."""
        return self._version

    @property
    def learnt(self) -> LocalModel:
        """What this phone has learnt of its person."""
        return self._local

    def download(self, account: Account) -> None:
        """Get preference and candidates with the person's own account; a road of its own, apart from all reports."""
        self.shelf.download(account)
        self._look()

    def refresh(self, now: datetime) -> tuple[Step, ...]:
        """Get the latest public model and the tasks on offer, as the agent does before it contributes."""
        steps = self.agent.refresh(now)
        self._look()
        return steps

    def suggest(self, text: str) -> Display:
        """What to show for what is being typed; nothing of the text is kept."""
        ids = self.holdings.suggested(text, self._local.head(self._public), self._local.history)
        self._display = Display(self._display.number + 1, tuple(ids.tolist()))
        return self._display

    def choose(self, number: int, place: int, now: datetime) -> int:
        """Take the sticker at `place` of display `number`; its id. UsageError if that is not on the screen (any more)."""
        shown = self._display
        if number != shown.number or not 0 <= place < len(shown.ids):
            raise UsageError("what was chosen is not on the screen any more; choose from what is shown now")
        self._display = Display(shown.number, ())
        self.take_note(Choice(shown.ids, place), now)
        return shown.ids[place]

    def take_note(self, choice: Choice, now: datetime) -> None:
        """Learn from a choice at the next training; it is journalled for a report only if the person agreed to such reports."""
        with self.store.transaction() as tx:
            local.note(tx, choice)
        self._local = local.read(self.store)
        with suppress(ConsentMissing):  # the person's own model may learn, for it stays here; no report will know
            self.agent.record(chosen(choice, now, version=self._version), now)

    def train(self, now: datetime, conditions: Conditions) -> Trained:
        """The agent's turn, then, if the device has leisure, the person's own model learns from what was chosen since."""
        steps = self.agent.tick(now, conditions)
        self._look()
        return Trained(steps, 0 if conditions.missing else self._learn())

    def export(self) -> dict[str, Any]:
        """Everything this device keeps about its person, as plain values fit for JSON."""
        return {**self.agent.export(), "stickers": {**local.exported(self._local), "downloads": self.shelf.exported()}}

    def forget_learnt(self) -> None:
        """Let go of what the person's own model has learnt; reports and consents stay as they are."""
        with self.store.transaction() as tx:
            local.forget(tx)
        self._look()

    def forget(self) -> None:
        """Delete everything and shred the store; the ledger of what was paid stays."""
        self.shelf.forget()
        self.forget_learnt()
        self.agent.forget()
        self._look()

    def _learn(self) -> int:
        model = BilinearRanking(len(self.holdings.personal), self.holdings.width)
        public = np.zeros(model.size) if self._public is None else self._public
        with self.store.transaction() as tx:
            learnt = local.learn(tx, model, public, self.holdings.examples(self._local.choices))
        self._local = local.read(self.store)
        return learnt

    def _look(self) -> None:
        """Read the public model and one's own into memory, so that typing waits for no store.

        A public model of another shape than what this person downloaded is left alone until both fit again.
        """
        self._local = local.read(self.store)
        checkout = self.agent.latest(CHOICE)
        if checkout is None:
            self._public, self._version = None, 0
            return
        head = np.asarray(checkout.params.get("params", ()), np.float64)
        self.shelf.suit(head.size)
        if head.shape == (len(self.holdings.personal) * self.holdings.width,):
            self._public, self._version = head, _version(checkout.params, checkout.round)


def _version(params: Mapping[str, Any], round_: int) -> int:
    """The number of the model version that the server names, else the round."""
    return int(np.asarray(params.get("version", round_)).reshape(-1)[0])
