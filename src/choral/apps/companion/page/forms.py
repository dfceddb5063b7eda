"""What a browser asks, checked: query, form, and a file that is streamed to a private place and deleted at once."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request

from choral.apps.companion.page.session import OPENED
from choral.protocol.bounded import bounded, whole_body

BAD_REQUEST, TOO_LARGE = 400, 413
MOST_FORM = 65_536  # bytes
MOST_FILE = 512 * 2**20  # bytes
FIRST_YEAR, LAST_YEAR = 1980, 2200  # of a day that is asked for
MOST_NAME = 120  # characters of a file's name
INCOMING = "incoming"  # the private folder that a file passes through
RELOAD = "reload the page and try again"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in. path: where it lies for the moment; name: as the person knows it"""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. now: by the clock on the wall; key: the cookie of the unlocked session; path: with its query"""

    now: datetime
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    key: str = field(repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    upload: Upload | None = None

    @classmethod
    def of(cls, request: Request, now: datetime) -> "Ask":
        """The request without its body."""
        query = f"?{request.url.query}" if request.url.query else ""
        headers = request.headers
        return cls(now, request.url.path + query, dict(request.query_params), headers, OPENED.of(headers))

    def text(self, name: str, *, most: int = 200) -> str:
        """A member of the form, empty if it is missing; 400 for one that is too long."""
        value = self.form.get(name, "")
        if len(value) > most:
            raise wrong(f"{name} is longer than {most} characters")
        return value

    def is_on(self, name: str) -> bool:
        """Whether a box of the form is ticked."""
        return name in self.form

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number of the form within bounds, or 400."""
        return whole(self.form.get(name, ""), name, low, high)

    def day(self, name: str = "day") -> date:
        """A day of the form, or 400."""
        return parsed_day(self.form.get(name, ""))

    def shown_day(self, default: date) -> date:
        """The day that the address asks for."""
        return parsed_day(self.query["day"]) if "day" in self.query else default


def wrong(detail: str) -> HTTPException:
    """The refusal of a request that no page of ours makes."""
    return HTTPException(BAD_REQUEST, f"{detail}; {RELOAD}.")


def whole(text: str, name: str, low: int, high: int) -> int:
    """The whole number in a text; 400 if it is none, or out of bounds."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high):
        raise wrong(f"{name} is not a whole number from {low} to {high}")
    return int(text)


def parsed_day(text: str) -> date:
    """The day in a text such as 2026-03-04; 400 if it is none, or one that no clock here can tell."""
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-03-04") else _no_day()
    except ValueError:
        return _no_day()
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else _no_day()


async def read_form(request: Request) -> dict[str, str]:
    """The members of a form of at most MOST_FORM bytes, the last of each name."""
    body = await whole_body(request.stream(), MOST_FORM, HTTPException(TOO_LARGE, "The form is too long."))
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
    except ValueError:
        raise wrong("the form cannot be read") from None


@contextmanager
def incoming(folder: Path) -> Iterator[Path]:
    """A place for one file in a folder that only the person may read; the file is deleted at the end, whatever happens.

    On Linux it has no name from the start, so that nothing of it is left even where the program is killed.
    """
    place = folder / INCOMING
    place.mkdir(mode=0o700, exist_ok=True)
    path = place / secrets.token_hex(16)
    path.touch(mode=0o600)
    try:
        with path.open("rb") as held:
            nameless = Path(f"/proc/self/fd/{held.fileno()}")
            if nameless.exists():
                path.unlink()
            yield nameless if nameless.exists() else path
    finally:
        path.unlink(missing_ok=True)


def clear_incoming(folder: Path) -> None:
    """Delete what a program that was killed may have left."""
    for path in (folder / INCOMING).glob("*"):
        path.unlink(missing_ok=True)


async def receive(request: Request, path: Path, *, most: int) -> Upload:
    """The body streamed to `path`, a piece in memory at a time; 413 for one that is longer than `most` bytes."""
    refusal = HTTPException(TOO_LARGE, f"The file is larger than {most // 2**20} MB; export a shorter time and try again.")
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told[:20]) > most:
        raise refusal
    with path.open("wb") as file:
        async for part in bounded(request.stream(), most, refusal):
            file.write(part)
    name = Path(unquote(request.headers.get("x-file-name", ""), errors="replace").replace("\\", "/")).name
    return Upload(path, "".join(one for one in name if one.isprintable())[-MOST_NAME:] or "a file")


def _no_day() -> date:
    raise wrong("the day is none")
