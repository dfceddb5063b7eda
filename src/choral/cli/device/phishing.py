"""`choral device score|report|labels|watch`: links judged on this person's device, labels, and the local page."""

import locale as locales
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from choral.apps.phishing.device.book import LabelBook
from choral.apps.phishing.device.context import Context
from choral.apps.phishing.device.markup import MOST_BYTES
from choral.apps.phishing.device.watch import Answer, LinkWatch
from choral.cli.device import room
from choral.cli.device.room import Asked
from choral.device import Agent
from choral.errors import PeerError, UsageError
from choral.protocol import Signed, decode

FEED = "give what `choral labels build` wrote"
UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="The link, in quotation marks.")]
PageOption = Annotated[Path | None, typer.Option("--page", help="The page's bytes, as this person's client received them.")]
LocaleOption = Annotated[str, typer.Option("--locale", help="Such as ja_JP. Without it: this system's.")]


def score(
    context: typer.Context,
    url: UrlArgument,
    page: PageOption = None,
    locale: LocaleOption = "",
    note: Annotated[bool, typer.Option("--note", help="Keep a record for learning, if you agreed to such reports.")] = False,
) -> None:
    """Say how likely a link is phishing, and why. Judged here: neither the link nor the page goes anywhere."""
    asked: Asked = context.obj
    now = room.now()
    data = None if page is None else _read(page)
    with room.opened(asked) as agent:
        answer = _watch(agent).receive(url, data, _context(locale, now), now, note=note)
    room.write_json(asked, {**answer.verdict.as_json(), "label": _said(answer.label), "noted": answer.noted})
    for line in told(answer):
        _print(line)


def report(
    context: typer.Context,
    url: UrlArgument,
    legitimate: Annotated[bool, typer.Option("--legitimate", help="It is not phishing after all.")] = False,
) -> None:
    """Label a link on this device; the label stays here, and may one day teach the model together with many others."""
    asked: Asked = context.obj
    with room.opened(asked) as agent:
        LabelBook.opened(agent.store).report(url, phishing=not legitimate, now=room.now())
    label = "legitimate" if legitimate else "phishing"
    room.write_json(asked, {"label": label})
    _print(f"noted here as {label}; it is sent to nobody")


def labels(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="What `choral labels build` wrote. Without it: the server's.")] = None,
) -> None:
    """Take in a signed feed of labels, from a file or from the server; links are matched with it on this device."""
    asked: Asked = context.obj
    with room.opened(asked) as agent:
        watch = _watch(agent)
        if file is None:
            for line in watch.refresh(room.now()):
                _print(line)
        else:
            _take(watch, file)
        entries = len(watch.book.feed)
    room.write_json(asked, {"entries": entries})
    _print(f"{entries:,} entries are held")


def watch(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 0,
    locale: LocaleOption = "",
) -> None:
    """Open a page on this machine alone, to judge links and pages, and to see what was sent. Stops at an interrupt."""
    from choral.apps.phishing.page import application
    from choral.cli.http import listen, serve_http
    from choral.numerics import SystemEntropy
    from choral.pages import Door

    asked: Asked = context.obj
    _context(locale, room.now())
    listener = listen("127.0.0.1", port)
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    door = Door(SystemEntropy())
    with room.opened(asked) as agent:
        hosts = {origin.removeprefix("http://")}
        face = application(_watch(agent), door, hosts=hosts, clock=room.now, here=lambda now: _context(locale, now))
        serve_http(listener, face, lambda: print(f"open {door.link(origin, room.now())}", flush=True))


def told(answer: Answer) -> list[str]:
    """The answer for people."""
    verdict = answer.verdict
    about = "link and page" if verdict.page_seen else "link alone; its page was not seen"
    lines = [f"{verdict.score:.0%} likely to be phishing ({about}), says {verdict.model}"]
    if answer.label is not None:
        lines.append(f"it is known to be {_said(answer.label)}")
    if answer.stops:
        lines.append("STOP: this page asks for a password. Do not type it.")
    elif answer.warns:
        rare = "fewer than 1 in 100 honest links look so much like phishing."
        lines.append(f"WARNING: {'do not open it.' if answer.label else rare}")
    elif answer.looks_alike:
        lines.append(f"LOOK TWICE: the name is like that of {answer.seen.brand}.")
    lines += [f"  {'for' if one.against else 'against'} phishing: {one.text}" for one in verdict.reasons]
    return [*lines, "a record of it is kept here"] if answer.noted else lines


def _watch(agent: Agent) -> LinkWatch:
    return LinkWatch.beside(agent, LabelBook.opened(agent.store))


def _context(locale: str, now: datetime) -> Context:
    """This person's, from what was given, else from the system; some systems have no locale that says a country."""
    here = now.astimezone()
    try:
        return Context.of(locale or locales.getlocale()[0] or "C", here)
    except UsageError:
        if locale:
            raise
        return Context.of("C", here)


def _said(label: bool | None) -> str | None:
    return None if label is None else "phishing" if label else "legitimate"


def _read(page: Path) -> bytes:
    try:
        with page.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{page} cannot be read ({error.strerror}); give a file with the page's bytes") from error
    if not data:
        raise UsageError(f"{page} is empty; save the page again")
    return data


def _take(watch: LinkWatch, file: Path) -> None:
    """Let the watch hold the feed in the file."""
    try:
        signed = decode(file.read_bytes(), Signed)
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}); {FEED}") from error
    except PeerError as error:
        raise UsageError(f"{file} is no signed feed ({error}); {FEED}") from error
    try:
        watch.book.take(signed, watch.operators)
    except PeerError as error:
        raise UsageError(f"{file} is not taken: {error}; {FEED}, and trust its operator with --operator") from error


def _print(text: str) -> None:
    Console(highlight=False, soft_wrap=True).print(text, markup=False)
