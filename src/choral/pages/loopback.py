"""Who may see a page about one person, served on the person's own machine.

Loopback is no password: every program on the machine can knock, and every web page in the browser can make it knock. So
each route asks for a cookie, but one and the house's style sheet; the cookie is given in exchange for a link that works
once and that only the program prints. Names other than this machine's are refused (DNS rebinding), and so is whatever
changes something without coming from the page itself (cross-site requests).
"""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from choral.numerics import Entropy
from choral.pages.layout import environment, page

ENTER = "/enter"  # the one route without a cookie
LOOKS = ("/static/choral.css", "/static/icon.svg")  # about nobody: a refusal looks like a page, too
SAFE = ("GET", "HEAD")
SAME_SITE = ("same-origin", "none")  # none: the person typed the address or followed the printed link
LINK_LIFE = timedelta(minutes=30)
SESSION_LIFE = timedelta(hours=12)
MOST_SESSIONS = 16
TITLES = {401: "This page is for one person", 403: "This request did not come from this page"}
REMEDIES = {
    401: "Open it by the link that its program printed. A link works once: print a new one if it was used.",
    403: "Open the page itself, by the address that its program printed, and try again there.",
}


@dataclass(slots=True, eq=False)
class Door:
    """Links that work once and sessions that they open; only hashes are kept.

    entropy: the operating system's, where it counts
    """

    entropy: Entropy
    _links: dict[bytes, datetime] = field(default_factory=dict, init=False, repr=False)
    _sessions: dict[bytes, datetime] = field(default_factory=dict, init=False, repr=False)

    def link(self, origin: str, now: datetime) -> str:
        """A new link to the page at `origin`, such as "http://127.0.0.1:8000"; it works once, within half an hour."""
        secret = self._secret()
        self._links[_digest(secret)] = now + LINK_LIFE
        return f"{origin}{ENTER}?key={secret}"

    def enter(self, key: str, now: datetime) -> str | None:
        """A session in exchange for a link's key, which is used up; None if it is unknown, used or too old."""
        until = self._links.pop(_digest(key), None)
        if until is None or until < now:
            return None
        session = self._secret()
        self._sessions[_digest(session)] = now + SESSION_LIFE
        while len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session

    def knows(self, session: str, now: datetime) -> bool:
        """Whether the session was opened here and is not over."""
        given = _digest(session)
        return any(hmac.compare_digest(given, known) and until >= now for known, until in self._sessions.items())

    def leave(self, session: str) -> None:
        """End the session."""
        self._sessions.pop(_digest(session), None)

    def _secret(self) -> str:
        return self.entropy.words(1, 4).tobytes().hex()


def guarded(app: ASGIApp, door: Door, *, hosts: Collection[str], clock: Callable[[], datetime]) -> ASGIApp:
    """The application behind the door. hosts: what may stand in the Host header, such as "127.0.0.1:8000"."""
    guard = _Guard(app, door, frozenset(hosts), clock)
    return guard.answer


@dataclass(frozen=True, slots=True)
class Cookie:
    """The key of a session, as a browser keeps it: no script sees it, and no other site's request carries it.

    Browsers do not tell ports apart when they keep cookies: the name does, so that two pages do not log each other out.
    """

    name: str

    def of(self, headers: Mapping[str, str]) -> str:
        """The key that came with a request; empty if none did."""
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._named(headers))
        except CookieError:
            return ""
        return found.value if found else ""

    def given(self, response: Response, headers: Mapping[str, str], key: str) -> Response:
        """The response, with the key for the browser that sent these headers; an empty key takes the one before away."""
        name, age = self._named(headers), None if key else 0
        response.set_cookie(name, key, max_age=age, httponly=True, samesite="strict", path="/")
        return response

    def _named(self, headers: Mapping[str, str]) -> str:
        return f"{self.name}-{headers.get('host', '').rpartition(':')[2]}"


DOOR = Cookie("choral")


@dataclass(frozen=True, slots=True, eq=False)
class _Guard:
    app: ASGIApp
    door: Door
    hosts: frozenset[str]
    clock: Callable[[], datetime]

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever the application answers, for whom it may answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self.hosts or not _from_here(scope["method"], headers, host):
            return _refused(403)
        if scope["path"] == ENTER:
            return self._entered(scope, headers)
        is_let_in = scope["path"] in LOOKS or self.door.knows(DOOR.of(headers), self.clock())
        return None if is_let_in else _refused(401)

    def _entered(self, scope: Scope, headers: Headers) -> Response:
        keys = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])
        session = self.door.enter(keys[0], self.clock()) if scope["method"] == "GET" else None
        return _refused(401) if session is None else DOOR.given(RedirectResponse("/", 303), headers, session)


def _from_here(method: str, headers: Headers, host: str) -> bool:
    """Whether the request changes nothing, or says that it comes from this very origin."""
    if method in SAFE:
        return True
    return headers.get("origin", "") == f"http://{host}" and headers.get("sec-fetch-site", "same-origin") in SAME_SITE


def _refused(status: int) -> Response:
    templates = environment(__package__)
    return page(templates, "error.html", status=status, code=status, title=TITLES[status], detail="", remedy=REMEDIES[status])


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
