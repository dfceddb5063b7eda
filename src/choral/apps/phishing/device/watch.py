"""The phishing app on one device: the one object that a chat or a browser would hold.

Device half: no server, no simulation. It scores what comes, by the newest model that this device may judge by; notes it as
a record, if the person agreed; and keeps labels. Nothing is fetched because of a link: what goes out are the agent's own
requests, and those for the public label feed and canaries, the same for every device and whatever it holds.
One thread at a time, like the agent.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from choral.apps.phishing.device.book import LabelBook
from choral.apps.phishing.device.canonical import marks
from choral.apps.phishing.device.context import Context
from choral.apps.phishing.device.detector import Detector, Verdict, shipped_detector
from choral.apps.phishing.device.features import Layout, Seen, constants, look
from choral.apps.phishing.device.labels import KIND as FEED
from choral.apps.phishing.device.lookalike import Brands
from choral.apps.phishing.device.records import KIND, LINKS, ROWS, UNIT_LINKS, WIDE_LINKS, WINDOW, is_same, received, signals
from choral.device import Agent, Budget, Event, Transport, journal
from choral.device.keys import Witness
from choral.device.rows import Table
from choral.device.tokens import IssuerRoad
from choral.errors import ChoralError, ConsentMissing, PeerError, Refused
from choral.numerics import Entropy
from choral.protocol import Checkout, Release, Signed, Task, decode
from choral.protocol.codec import Wire
from choral.protocol.wire import Blob
from choral.storage.device import DeviceStore


@dataclass(frozen=True, slots=True)
class Canaries:
    """A public Release of examples, as it came; its key is its hash."""

    KIND: ClassVar[int] = 131
    WIRE: ClassVar[Wire] = (("body", Blob(2**27)),)
    body: bytes


CANARIES = Table("phishing.canaries", Canaries, public=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said about a link. label: known to be phishing or not, None if nobody has said; noted: kept as a record"""

    seen: Seen
    verdict: Verdict
    label: bool | None
    noted: bool

    @property
    def stops(self) -> bool:
        """Whether to warn before a password is typed: the model is sure enough, or a label says so."""
        return self.seen.asks_password and (self.label is True or (self.verdict.warns and self.label is None))

    @property
    def warns(self) -> bool:
        """Whether to warn at all."""
        return self.label is True or (self.verdict.warns and self.label is None)

    @property
    def looks_alike(self) -> bool:
        """Whether the host's name is like that of a protected brand, although nobody has said that the link is honest."""
        return bool(self.seen.brand) and self.label is None


@dataclass(slots=True, kw_only=True, eq=False)
class LinkWatch:
    """Made by `opened`. agent: the door to the report path; book: labels; brands: protected names, None for those shipped."""

    agent: Agent
    book: LabelBook
    store: DeviceStore
    operators: Collection[bytes]
    transport: Transport
    brands: Brands | None = None
    _judging: tuple[object, Detector] | None = field(default=None, init=False, repr=False)

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
        issuer: IssuerRoad | None = None,
        brands: Brands | None = None,
        window: int = WINDOW,
        rows: int = ROWS,
    ) -> Self:
        """The app with its agent and what its store remembers."""
        book = LabelBook.opened(store)
        agent = Agent(
            store=store,
            signals=signals(book.label, window=window, rows=rows),
            names=names,
            operators=operators,
            transport=transport,
            entropy=entropy,
            budget=budget,
            witness=witness,
            issuer=issuer,
        )
        return cls(agent=agent, book=book, store=store, operators=operators, transport=transport, brands=brands)

    @classmethod
    def beside(cls, agent: Agent, book: LabelBook) -> Self:
        """The app with an agent that serves other apps, too, and whose signals were made with this book."""
        return cls(agent=agent, book=book, store=agent.store, operators=agent.operators, transport=agent.transport)

    def receive(self, text: str, page: bytes | None, context: Context, now: datetime, *, note: bool = True) -> Answer:
        """What is said about a link and its page's bytes; a record of both is kept if the person agreed to such reports.

        Refused for what cannot be read: then nothing is judged and nothing kept.
        """
        seen = look(text, page, context, self.brands)
        verdict = self.detector().judge(seen)
        noted = note and self._noted(received(seen, now), now)
        return Answer(seen, verdict, self.book.label(marks(seen.link.text)), noted)

    def detector(self) -> Detector:
        """The newest model of a check-out whose public canaries are here, else the public model that ships.

        A model without canaries never warns: nobody knows how often it would cry wolf. Nor does one that is no model.
        """
        models = self._models()
        with self.store.transaction() as tx:
            known = [
                (checkout.issued, _version(checkout), task, CANARIES.has(tx, _canaries(task))) for checkout, task, _ in models
            ]
        if self._judging is None or self._judging[0] != known:
            self._judging = known, self._best(models)
        return self._judging[1]

    def refresh(self, now: datetime) -> tuple[str, ...]:
        """Get check-outs, the newest label feed and the canaries of the models; what could not be had, in words."""
        said = [step.text for step in self.agent.refresh(now)]
        try:
            listed = self._labels_on_offer()
            if listed is not None:
                self.book.take(decode(self.transport.fetch(f"/v1/releases/{listed}.bin"), Signed), self.operators)
            for _, task, _ in self._models():
                self._fetch_canaries(_canaries(task))
        except ChoralError as error:
            said.append(str(error))
        return tuple(said)

    def export(self) -> dict[str, Any]:
        """Everything this device keeps about its person, as plain values fit for JSON."""
        own = [{"mark": f"{number:016x}", "phishing": said} for number, said in self.book.own.items()]
        return {**self.agent.export(), "reported_links": own, "labels_in_feed": len(self.book.feed)}

    def _noted(self, event: Event, now: datetime) -> bool:
        """Whether the event is kept: now, or since before, for the same link looked at twice is one record."""
        with self.store.transaction() as tx:
            kept = [one for signal in self.agent.signals if KIND in signal.kinds for one in journal.read(tx, signal.name)]
        if any(is_same(event, one) for one in kept):
            return True
        with suppress(ConsentMissing):
            return bool(self.agent.record(event, now))
        return False

    def _models(self) -> list[tuple[Checkout, Task, Layout]]:
        """What check-outs offer, the averaged model before one of k, then the newest first."""
        scales = constants()
        layouts = {LINKS: scales.public, WIDE_LINKS: scales.wide, UNIT_LINKS: scales.in_unit}
        order = list(layouts)
        offers = [offer for offer in self.agent.offers() if offer.terms.signal in layouts]
        offers.sort(key=lambda one: (order.index(one.terms.signal), -_version(one.checkout), -one.checkout.issued))
        return [(offer.checkout, offer.task, layouts[offer.terms.signal]) for offer in offers]

    def _best(self, models: list[tuple[Checkout, Task, Layout]]) -> Detector:
        for checkout, task, layout in models:
            with suppress(Refused):
                return self._detector(checkout, task, layout)
        return shipped_detector()

    def _detector(self, checkout: Checkout, task: Task, layout: Layout) -> Detector:
        with self.store.transaction() as tx:
            kept = CANARIES.get(tx, _canaries(task))
        if kept is None or "params" not in checkout.params:
            raise Refused("the canaries of this model are not here")
        canaries = decode(kept.body, Release).arrays
        name = f"version {_version(checkout)} of the model learnt from devices"
        found = Detector.of(checkout.params["params"], layout, canaries, name=name)
        found.require_as_good_as(shipped_detector(), canaries)
        return found

    def _fetch_canaries(self, name: bytes) -> None:
        """Get the Release of this hash, once; its name proves it."""
        with self.store.transaction() as tx:
            if not name or CANARIES.has(tx, name):
                return
        body = decode(self.transport.fetch(f"/v1/releases/{name.hex()}.bin"), Signed).body
        if decode(body, Release).hash != name:
            raise PeerError("malformed-message", "the public canaries are not those that the task names; tell its operator")
        with self.store.transaction() as tx:
            CANARIES.put(tx, name, Canaries(body))

    def _labels_on_offer(self) -> str | None:
        """The newest label feed in the server's public list."""
        try:
            rows = json.loads(self.transport.fetch("/v1/releases"))
            found = [row for row in rows if row["kind"] == FEED and int(row["created"]) > self.book.feed.created]
            newest = max(found, key=lambda row: int(row["created"]), default=None)
            return None if newest is None else bytes.fromhex(newest["hash"]).hex()
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise PeerError(
                "malformed-message", f"the server's list of releases cannot be read ({type(error).__name__})"
            ) from error


def _canaries(task: Task) -> bytes:
    named = task.algorithm.parameters.get("canaries", b"")
    return named if isinstance(named, bytes) else b""


def _version(checkout: Checkout) -> int:
    """The number of the model's version; 0 for the start."""
    version = checkout.params.get("version")
    return int(version.flat[0]) if version is not None and version.size == 1 and version.dtype.kind == "i" else 0
