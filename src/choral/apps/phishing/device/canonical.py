"""One spelling for all spellings of a link, and the hash prefixes under which a label feed knows it.

Device half: no server, no simulation. The rules are those of Safe Browsing (developers.google.com/safe-browsing/v4/
urls-hashing): unescape until nothing changes, one form of the host and the path, then up to 30 pairs of host suffix and
path prefix, the most exact first, each by the first bytes of its SHA-256.
"""

import hashlib
import ipaddress
import re

from choral.apps.phishing.device.hosts import address

PREFIX_BYTES = 8  # of SHA-256: among a million entries two agree by chance with probability 3e-8
MOST_HOST_PARTS = 5
MOST_PATHS = 4
PERCENT, HEX = ord("%"), frozenset(b"0123456789abcdefABCDEF")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
PORT = re.compile(r":[0-9]*\Z")
SLASHES = re.compile(rb"/{2,}")
DOTS = re.compile(rb"\.{2,}")
PLAIN = frozenset(range(33, 127)) - {ord("#"), ord("%")}


def canonical(link: str) -> str:
    """The one spelling of a link: scheme, host, path, query.

    >>> canonical("http://WWW.Example.com:80/a/./b/../%63#part")
    'http://www.example.com/a/c'
    """
    scheme, host, path, query = _parts(link)
    return f"{scheme}://{host}{path}{query}"


def expressions(link: str) -> tuple[str, ...]:
    """Host suffixes with path prefixes, the most exact first.

    >>> expressions("http://a.b.com/1/2.html?x=1")[:4]
    ('a.b.com/1/2.html?x=1', 'a.b.com/1/2.html', 'a.b.com/1/', 'a.b.com/')
    """
    _, host, path, query = _parts(link)
    return tuple(dict.fromkeys(one + rest for one in _hosts(host) for rest in _paths(path, query)))


def mark(expression: str) -> int:
    """The first 64 bits of the expression's SHA-256, as one number."""
    return int.from_bytes(hashlib.sha256(expression.encode()).digest()[:PREFIX_BYTES], "big")


def marks(link: str) -> tuple[int, ...]:
    """The marks of a link's expressions, the most exact first."""
    return tuple(map(mark, expressions(link)))


def listed(entry: str) -> str:
    """The expression that an entry of a list stands for: of a whole host if it names no more, else of that very page."""
    _, host, path, query = _parts(entry)
    return f"{host}{path}{query}"


def _parts(link: str) -> tuple[str, str, str, str]:
    """Scheme, host, path, query; the host ends where a browser ends it, before anything is unescaped."""
    text = re.sub("[\t\r\n]", "", link.strip(" ")).partition("#")[0]
    named = SCHEME.match(text)
    rest = text[named.end() :] if named else text.removeprefix("//")
    end = min((place for place in map(rest.find, "/?") if place >= 0), default=len(rest))
    path, sign, query = unescaped(rest[end:].encode("utf-8", "replace")).partition(b"?")
    return named[1].lower() if named else "http", _host(rest[:end]), _written(_path(path)), _written(sign + query)


def _label(label: str) -> str:
    if label.isascii():
        return label
    try:
        return label.encode("idna").decode("ascii")
    except UnicodeError:
        return label


def unescaped(data: bytes) -> bytes:
    """Unescaped until nothing changes, in one pass from the end: what an escape stands for may be part of one before it."""
    if PERCENT not in data:
        return data
    found = bytearray()  # backwards
    for byte in reversed(data):
        found.append(byte)
        while len(found) > 2 and found[-1] == PERCENT and found[-2] in HEX and found[-3] in HEX:
            found[-3:] = bytes([int(found[-2:-4:-1], 16)])
    return bytes(reversed(found))


def _host(site: str) -> str:
    """Without user and port, in the letters of DNS where it has such a form."""
    name = PORT.sub("", site.rpartition("@")[2])
    data = unescaped(".".join(map(_label, name.split("."))).encode("utf-8", "replace"))
    host = DOTS.sub(b".", data.strip(b".")).lower()
    return _bracketed(host) or address(host.decode("latin-1")) or _written(host)


def _bracketed(host: bytes) -> str:
    """An IPv6 address in its one form; empty for what is none."""
    try:
        return f"[{ipaddress.IPv6Address(host.strip(b'[]').decode('ascii'))}]" if host.startswith(b"[") else ""
    except (ValueError, UnicodeDecodeError):
        return ""


def _path(path: bytes) -> bytes:
    parts: list[bytes] = []
    pieces = SLASHES.sub(b"/", path).split(b"/")[1:] or [b""]
    for piece in pieces:
        if piece == b"..":
            parts = parts[:-1]
        elif piece != b".":
            parts.append(piece)
    if pieces[-1] in (b".", b"..") and (not parts or parts[-1]):
        parts.append(b"")
    return b"/" + b"/".join(parts)


def _written(data: bytes) -> str:
    return "".join(chr(byte) if byte in PLAIN else f"%{byte:02X}" for byte in data)


def _hosts(host: str) -> list[str]:
    """The host itself and up to four of its suffixes, of two parts or more."""
    if host.startswith("[") or host.replace(".", "").isdigit():
        return [host]
    parts = host.split(".")
    first = max(len(parts) - MOST_HOST_PARTS, 1)
    return [host, *(".".join(parts[place:]) for place in range(first, len(parts) - 1))]


def _paths(path: str, query: str) -> list[str]:
    """With its query, without, and up to four folders above it, counted from the root, the deepest first."""
    folders = path.split("/")[:-1]
    above = ["/".join(folders[: place + 1]) + "/" for place in reversed(range(min(len(folders), MOST_PATHS)))]
    return [path + query, path, *above] if query else [path, *above]
