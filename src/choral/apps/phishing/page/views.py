"""What the link page says of a link, of labels, consent, reports and prices: the device's state in sentences."""

from dataclasses import dataclass

from choral.apps.phishing.detector import FALSE_POSITIVES
from choral.apps.phishing.features import shipped_document
from choral.apps.phishing.records import KIND, marks_of
from choral.apps.phishing.watch import Answer, LinkWatch
from choral.device import Event, Offer, SentReport, journal
from choral.device.outbox import Outgoing
from choral.pages import Promise, promises
from choral.privacy import MICRO

MOST_SENT = 20  # reports shown, the latest
ROW = 16  # bytes a line of a report
MOST_SHOWN = 200  # characters of a link


@dataclass(frozen=True, slots=True)
class ReasonView:
    """One reason. share: of the strongest one, in per cent, for a bar"""

    text: str
    against: bool
    share: int


@dataclass(frozen=True, slots=True)
class AnswerView:
    """What is said about a link. kind: "stop", "warn" or "calm"; percent: how likely phishing it is"""

    link: str
    shown: str
    kind: str
    percent: str
    threshold: str
    one_in: int
    page_seen: bool
    asks_password: bool
    reasons: tuple[ReasonView, ...]
    label: bool | None
    noted: bool
    model: str


@dataclass(frozen=True, slots=True)
class OfferView:
    """One thing that could be agreed to. left: reports that its Terms still allow"""

    terms: str
    purpose: str
    unit: str
    signal: str
    epsilon: float
    left: int
    for_life: int
    agreed: bool
    may_be_silent: bool
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
    """All that the page shows beside the link.

    said: what the last act did; paid: nats for life; records, labelled: kept here; labels: entries of the public feed
    """

    said: tuple[str, ...]
    offers: tuple[OfferView, ...]
    sent: tuple[ReportView, ...]
    unsent: tuple[ReportView, ...]
    paid: float
    reports: int
    records: int
    labelled: int
    labels: int
    reported: int
    model: str
    source: str


def answer_view(answer: Answer) -> AnswerView:
    """The answer, fit to be shown."""
    verdict, text = answer.verdict, answer.seen.link.text
    strongest = max((abs(one.weight) for one in verdict.reasons), default=1.0)
    return AnswerView(
        link=text,
        shown=text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…",
        kind="stop" if answer.stops else "warn" if answer.warns else "calm",
        percent=f"{100 * verdict.score:.0f}",
        threshold=f"{100 * verdict.as_json()['threshold']:.0f}",
        one_in=round(1 / FALSE_POSITIVES),
        page_seen=verdict.page_seen,
        asks_password=verdict.asks_password,
        reasons=tuple(ReasonView(one.text, one.against, round(100 * abs(one.weight) / strongest)) for one in verdict.reasons),
        label=answer.label,
        noted=answer.noted,
        model=verdict.model,
    )


def panel_view(watch: LinkWatch, said: tuple[str, ...]) -> PanelView:
    """The device as it is now."""
    agent = watch.agent
    ledger, records = agent.ledger(), _records(watch)
    return PanelView(
        said=said,
        offers=tuple(_offer(watch, offer) for offer in agent.offers()),
        sent=tuple(map(_sent, agent.sent()[::-1][:MOST_SENT])),
        unsent=tuple(_report(row, row.due, "waits for its random time") for row in agent.waiting()),
        paid=ledger.account("nobody").life_micro / MICRO,
        reports=sum(use.life_reports for use in ledger.uses),
        records=len(records),
        labelled=sum(watch.book.label(marks_of(event)) is not None for event in records),
        labels=len(watch.book.feed),
        reported=len(watch.book.own),
        model=watch.detector().name,
        source=str(shipped_document()["source"]),
    )


def _records(watch: LinkWatch) -> list[Event]:
    """Links noted here, of the signal that keeps most of them: each signal keeps its own copy."""
    most: list[Event] = []
    with watch.store.transaction() as tx:
        for signal in watch.agent.signals:
            found = list(journal.read(tx, signal.name)) if KIND in signal.kinds else []
            most = found if len(found) > len(most) else most
    return most


def _offer(watch: LinkWatch, offer: Offer) -> OfferView:
    terms = offer.terms
    used = watch.agent.ledger().use(offer.terms_hash).life_reports
    return OfferView(
        terms=offer.terms_hash.hex(),
        purpose=terms.purpose,
        unit=terms.unit,
        signal=terms.signal,
        epsilon=terms.epsilon,
        left=max(terms.reports_for_life - used, 0),
        for_life=terms.reports_for_life,
        agreed=offer.agreed,
        may_be_silent=terms.sending_is_visible,
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
        report=_hex(row.report),
        payload=_hex(row.payload),
    )


def _hex(data: bytes) -> str:
    """Every byte, ROW of them a line."""
    return "\n".join(data[start : start + ROW].hex(" ") for start in range(0, len(data), ROW))
