"""mbox: when mail was sent and when it came; of each message the headers Date and From, and nothing else. Device half."""

import re
from collections.abc import Iterator
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path

from choral.apps.companion.device.entries import Entry
from choral.apps.companion.importers.base import Context, Found, Importer, entry_or_skipped, spell, text_of

SOURCE = "mail"
ENVELOPE = re.compile(r"From \S+ .*\d\d:\d\d")  # what begins a message; a text may begin a line with "From " too
WANTED = ("date:", "from:")
MOST_LINE = 10_000


def read(path: Path, context: Context) -> Iterator[Found]:
    """One moment a message: "out" from an address of the person's own, else "in"."""
    headers: dict[str, str] | None = None
    after_blank = True
    with text_of(path) as file:
        while line := file.readline(MOST_LINE):
            if after_blank and ENVELOPE.match(line):
                headers = {}
            elif headers is not None:
                if not line.strip():
                    yield from _message(headers, context)
                    headers = None
                elif line.lower().startswith(WANTED):
                    name, _, value = line.partition(":")
                    headers.setdefault(name.lower(), value.strip())
            after_blank = not line.strip()
    if headers:
        yield from _message(headers, context)


def _message(headers: dict[str, str], context: Context) -> Iterator[Found]:
    return entry_or_skipped(lambda: _entry(headers, context))


def _entry(headers: dict[str, str], context: Context) -> Entry:
    sender = parseaddr(headers.get("from", ""))[1].lower()
    what = "out" if sender in context.me else "in"
    return spell(parsedate_to_datetime(headers["date"]), None, context, kind="mail", what=what, source=SOURCE)


def _suits(name: str, head: bytes) -> bool:
    return head.startswith(b"From ") and (name.lower().endswith((".mbox", ".mbx")) or b"\nDate:" in head)


MAILBOX = Importer("mail (mbox)", _suits, read, "Your mail program's export, or Takeout, Mail: a file that ends in .mbox")
