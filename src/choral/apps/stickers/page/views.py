"""What the chat page says of consent, reports, prices and the person's own model: the phone's state in sentences."""

from dataclasses import dataclass

from choral.apps.stickers.phone import Phone
from choral.device import Offer, SentReport
from choral.device.outbox import Outgoing
from choral.pages import Promise, promises
from choral.privacy import MICRO

MOST_SENT = 20  # reports shown, the latest
MOST_LIKED = 8  # stickers shown


@dataclass(frozen=True, slots=True)
class OfferView:
    """One thing that could be agreed to. left: reports that its Terms still allow."""

    terms: str
    purpose: str
    unit: str
    signal: str
    epsilon: float
    left: int
    for_life: int
    agreed: bool
    promises: tuple[Promise, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """One report, byte for byte. time: unix seconds, when it was sent or will be"""

    signal: str
    time: int
    outcome: str
    epsilon: float
    meaning: str
    size: int
    report: str
    payload: str


@dataclass(frozen=True, slots=True)
class PanelView:
    """All that the page shows beside the chat.

    said: what the last act did; paid: nats for life; waiting: choices not learnt from yet; liked: sticker and count
    """

    said: tuple[str, ...]
    offers: tuple[OfferView, ...]
    sent: tuple[ReportView, ...]
    unsent: tuple[ReportView, ...]
    paid: float
    reports: int
    version: int
    waiting: int
    liked: tuple[tuple[str, str, int], ...]
    stickers: int


def panel_view(phone: Phone, said: tuple[str, ...]) -> PanelView:
    """The phone as it is now."""
    agent, learnt = phone.agent, phone.learnt
    ledger = agent.ledger()
    liked = sorted(learnt.history.items(), key=lambda one: -one[1])[:MOST_LIKED]
    return PanelView(
        said=said,
        offers=tuple(_offer(phone, offer) for offer in agent.offers()),
        sent=tuple(map(_sent, agent.sent()[::-1][:MOST_SENT])),
        unsent=tuple(_report(row, row.due, "waits for its random time") for row in agent.waiting()),
        paid=ledger.account("nobody").life_micro / MICRO,
        reports=sum(use.life_reports for use in ledger.uses),
        version=phone.version,
        waiting=len(learnt.choices),
        liked=tuple((*phone.shelf.symbol(id_), count) for id_, count in liked),
        stickers=len(phone.holdings.ids),
    )


def _offer(phone: Phone, offer: Offer) -> OfferView:
    terms = offer.terms
    used = phone.agent.ledger().use(offer.terms_hash).life_reports
    return OfferView(
        terms=offer.terms_hash.hex(),
        purpose=terms.purpose,
        unit=terms.unit,
        signal=terms.signal,
        epsilon=terms.epsilon,
        left=max(terms.reports_for_life - used, 0),
        for_life=terms.reports_for_life,
        agreed=offer.agreed,
        promises=promises(offer.guarantees),
    )


def _sent(row: SentReport) -> ReportView:
    return _report(row.outgoing, row.sent, row.outcome)


def _report(row: Outgoing, time: int, outcome: str) -> ReportView:
    return ReportView(
        signal=row.signal,
        time=time,
        outcome=outcome,
        epsilon=row.price_micro / MICRO,
        meaning=row.meaning,
        size=len(row.report),
        report=row.report.hex(" "),
        payload=row.payload.hex(" "),
    )
