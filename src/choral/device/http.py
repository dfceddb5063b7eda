"""The road over HTTP. httpx is loaded with the first request.

Every request of a kind has the same bytes on every device and every day, but for the report itself: fixed headers, no
cookies, no credentials from the environment, one connection a request, no session resumed. Plain HTTP is refused
off this machine.
"""

import ipaddress
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from choral.device.transport import (
    HEADERS,
    LOOK,
    MOST_BYTES,
    MOST_PROBLEM_BYTES,
    REPORTS_PATH,
    Unreachable,
    answer,
    plain,
    upload_headers,
)
from choral.errors import UsageError

if TYPE_CHECKING:
    import ssl

    import httpx

TIMEOUT_SECONDS = 30.0  # for each wait
DEADLINE_SECONDS = 300.0  # for a whole answer
TOKENS_PATH = "/v1/tokens"
ISSUANCE_TYPE = "application/private-token-request"
KEPT_ALIVE = tuple((name, "keep-alive" if name == "Connection" else value) for name, value in HEADERS)


class HttpTransport:
    """The road a real device takes: a connection of its own for each request.

    url: such as "https://choral.example", with https unless it is this machine
    trust: certificates to believe instead of the system's; most_bytes: longest download
    """

    def __init__(self, url: str, *, trust: "ssl.SSLContext | None" = None, most_bytes: int = MOST_BYTES) -> None:
        self._url = checked_url(url)
        self._trust = trust
        self._most_bytes = most_bytes

    def fetch(self, path: str) -> bytes:
        """What lies at `path`."""
        with self._client() as client:
            return _request(client, "GET", path, None, {}, most_bytes=self._most_bytes)[0]

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Upload the report."""
        with self._client() as client:
            _request(client, "POST", REPORTS_PATH, report, upload_headers(token), most_bytes=MOST_PROBLEM_BYTES)

    def _client(self) -> "httpx.Client":
        if self._trust is None:
            self._trust = _trust()  # 30 ms: once a transport
        return _new_client(self._url, self._trust, connections=1, kept_alive=0)


class HttpIssuer:
    """The road to an issuer of tokens. Here, and only here, the device says whose it is: by its account's token."""

    def __init__(self, url: str, account: str, *, trust: "ssl.SSLContext | None" = None) -> None:
        self._url = checked_url(url)
        self._headers = {"Content-Type": ISSUANCE_TYPE, "Authorization": f"Bearer {account}"}
        self._trust = trust

    def ask(self, requests: bytes) -> bytes:
        """The answers, on a connection of its own."""
        with _new_client(self._url, self._trust or _trust(), connections=1, kept_alive=0) as client:
            return _request(client, "POST", TOKENS_PATH, requests, self._headers, most_bytes=MOST_PROBLEM_BYTES)[0]


class SharedHttpTransport:
    """For a demo of thousands of agents only: a pool of connections that stay open, and check-outs shared by all.

    Whoever shares connections can be recognised by them. Threads may share it. Close it after use.
    """

    def __init__(self, url: str, connections: int) -> None:
        self._client = _new_client(checked_url(url), _trust(), connections=connections, kept_alive=connections)
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def fetch(self, path: str) -> bytes:
        """What lies at `path`, or lay there as long ago as its max-age allows."""
        with self._lock:
            until, body = self._kept.get(path, (0.0, b""))
            if time.monotonic() < until:
                return body
            body, max_age = _request(self._client, "GET", path, None, {}, most_bytes=MOST_BYTES)
            self._kept[path] = (time.monotonic() + max_age, body)
            return body

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Upload the report."""
        _request(self._client, "POST", REPORTS_PATH, report, upload_headers(token), most_bytes=MOST_PROBLEM_BYTES)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def __enter__(self) -> "SharedHttpTransport":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def checked_url(url: str) -> str:
    """The address without a trailing slash; UsageError if it is not one, or would send in the clear off this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not the address of a server ({error}); give one such as https://choral.example") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is not the address of a server; give one such as https://choral.example")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError(f"{url} would send in the clear; use https, or http on this machine only (127.0.0.1)")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trust() -> "ssl.SSLContext":
    import httpx

    return httpx.create_ssl_context(trust_env=False)


def _new_client(url: str, trust: "ssl.SSLContext", *, connections: int, kept_alive: int) -> "httpx.Client":
    """A client that has nothing of its own: no cookies, no netrc, no proxies, no redirects."""
    import httpx

    client = httpx.Client(
        base_url=url,
        verify=trust,
        trust_env=False,
        follow_redirects=False,
        timeout=TIMEOUT_SECONDS,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=kept_alive),
    )
    client.headers = httpx.Headers(KEPT_ALIVE if kept_alive else HEADERS)
    del client.headers["Accept"]  # which says no more than its absence
    return client


def _request(
    client: "httpx.Client",
    method: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    most_bytes: int,
) -> tuple[bytes, int]:
    """Body and max-age of the answer wanted; PeerError or Unreachable otherwise."""
    with _unreachable(str(client.base_url)), client.stream(method, path, content=body, headers=headers) as response:
        received = plain(_bounded(response, most_bytes), response.headers.get("content-encoding", ""), most_bytes)
        client.cookies.clear()
        kind = response.headers.get("content-type", "")
        return answer(response.status_code, kind, received, want=204 if path == REPORTS_PATH else 200), _max_age(response)


def _bounded(response: "httpx.Response", most_bytes: int) -> bytes:
    """The body; stops reading at `most_bytes`, or when the whole takes too long."""
    parts, size, until = list[bytes](), 0, time.monotonic() + DEADLINE_SECONDS  # a timeout, not the time of day
    for part in response.iter_raw():
        size += len(part)
        if size > most_bytes:
            raise Unreachable(f"the answer is longer than {most_bytes} bytes; it was not read further; {LOOK}")
        if time.monotonic() > until:
            raise Unreachable(f"the answer was not complete after {DEADLINE_SECONDS:g} seconds; try again later")
        parts.append(part)
    return b"".join(parts)


def _max_age(response: "httpx.Response") -> int:
    """Seconds that the answer may be kept; 0 where it does not say."""
    for directive in response.headers.get("cache-control", "").split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and value.isascii() and value.isdigit():
            return min(int(value), 86_400)
    return 0


@contextmanager
def _unreachable(url: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.HTTPError as error:
        raise Unreachable(f"{url} cannot be reached ({_words(error)}); check the address and the connection") from error


def _words(error: Any) -> str:
    return str(error) or type(error).__name__
