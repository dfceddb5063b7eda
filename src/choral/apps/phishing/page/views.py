"""What the link page says of a link, of labels, consent, reports and prices."""

from dataclasses import dataclass
from urllib.parse import quote

from choral.apps.phishing.device.detector import FALSE_POSITIVES
from choral.apps.phishing.device.features import shipped_document
from choral.apps.phishing.device.records import KIND, marks_of
from choral.apps.phishing.device.watch import Answer, LinkWatch
from choral.device import Event, journal
from choral.device.statement import Left, Purpose, purposes, what_left

MOST_SHOWN = 200  # characters of a link


@dataclass(frozen=True, slots=True)
class ReasonView:
    """One reason. share: of the strongest one, in per cent, for a bar"""

    text: str
    against: bool
    share: int


@dataclass(frozen=True, slots=True)
class AnswerView:
    """What is said about a link. percent: how likely phishing it is

    kind: "stop", "warn", "alike" (the model is calm, but the name is like that of `brand`) or "calm"
    shown: the link with every sign visible; ascii_host: the host as DNS has it, empty if it is written so
    """

    link: str
    shown: str
    ascii_host: str
    brand: str
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
class PanelView:
    """All that the page shows beside the link.

    said: what the last act did; records, labelled: kept here; labels: entries of the public feed; reported: own words
    """

    said: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    left: Left
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
        shown=visible(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"),
        ascii_host=_ascii(answer.seen.link.host),
        brand=answer.seen.brand,
        kind=_kind(answer),
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


def visible(text: str) -> str:
    """The text with signs that cannot be seen, or that turn the direction of others, as a link escapes them.

    >>> visible("https://example.com/\u202egpj.exe")
    'https://example.com/%E2%80%AEgpj.exe'
    """
    return "".join(sign if sign.isprintable() else quote(sign) for sign in text)


def panel_view(watch: LinkWatch, said: tuple[str, ...]) -> PanelView:
    """The device as it is now."""
    records = _records(watch)
    return PanelView(
        said=said,
        purposes=purposes(watch.agent),
        left=what_left(watch.agent),
        records=len(records),
        labelled=sum(watch.book.label(marks_of(event)) is not None for event in records),
        labels=len(watch.book.feed),
        reported=len(watch.book.own),
        model=watch.detector().name,
        source=str(shipped_document()["source"]),
    )


def _kind(answer: Answer) -> str:
    if answer.stops:
        return "stop"
    if answer.warns:
        return "warn"
    return "alike" if answer.looks_alike else "calm"


def _ascii(host: str) -> str:
    try:
        return "" if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return quote(host)


def _records(watch: LinkWatch) -> list[Event]:
    """Links noted here, of the signal that keeps most of them: each signal keeps its own copy."""
    most: list[Event] = []
    with watch.store.transaction() as tx:
        for signal in watch.agent.signals:
            found = list(journal.read(tx, signal.name)) if KIND in signal.kinds else []
            most = found if len(found) > len(most) else most
    return most
