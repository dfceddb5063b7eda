"""One spelling for all spellings of a link, and the hash prefixes under which a label feed knows it.

Device half: no server, no simulation. The rules are those of Safe Browsing (developers.google.com/safe-browsing/v4/
urls-hashing): unescape until nothing changes, one form of the host and the path, then up to 30 pairs of host suffix and
path prefix, the most exact first, each by the first bytes of its SHA-256.
"""

import hashlib
import ipaddress
import re
from urllib.parse import unquote_to_bytes

PREFIX_BYTES = 8  # of SHA-256: among a million entries two agree by chance with probability 3e-8
MOST_HOST_PARTS = 5
MOST_PATHS = 4
ESCAPED = re.compile(rb"%[0-9a-fA-F]{2}")
SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]*://")
SLASHES = re.compile(rb"/{2,}")
DOTS = re.compile(rb"\.{2,}")
NUMBER = re.compile(rb"0[xX][0-9a-fA-F]*|[0-9]+")
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
    data = _ascii_host(re.sub("[\t\r\n]", "", link.strip(" "))).split(b"#")[0]
    data = _unescaped(data)
    found = SCHEME.match(data)
    scheme = found[0][:-3].lower() if found else b"http"
    rest = data[found.end() :] if found else data.removeprefix(b"//")
    end = min((place for place in (rest.find(b"/"), rest.find(b"?")) if place >= 0), default=len(rest))
    host = _host(rest[:end])
    path, sign, query = rest[end:].partition(b"?")
    return scheme.decode(), host, _written(_path(path)), _written(sign + query)


def _ascii_host(link: str) -> bytes:
    """The link as bytes, its host in the letters of DNS where it has such a form."""
    head, slashes, rest = link.partition("://")
    rest = rest if slashes else head
    end = min((place for place in map(rest.find, "/?#") if place >= 0), default=len(rest))
    user, at, host = rest[:end].rpartition("@")
    labels = ".".join(map(_label, host.split(".")))
    return ((head + slashes if slashes else "") + user + at + labels + rest[end:]).encode("utf-8", "replace")


def _label(label: str) -> str:
    if label.isascii():
        return label
    try:
        return label.encode("idna").decode("ascii")
    except UnicodeError:
        return label


def _unescaped(data: bytes) -> bytes:
    while ESCAPED.search(data):
        data = unquote_to_bytes(data)
    return data


def _host(data: bytes) -> str:
    host = data.rpartition(b"@")[2]
    host = re.sub(rb":[0-9]*\Z", b"", host)
    host = DOTS.sub(b".", host.strip(b".")).lower()
    return _address(host) or _written(host)


def _address(host: bytes) -> str:
    """An IPv4 address in any of its spellings, or a bracketed IPv6 address, in its one form; empty for a name."""
    if host.startswith(b"["):
        try:
            return f"[{ipaddress.IPv6Address(host.strip(b'[]').decode('ascii'))}]"
        except (ValueError, UnicodeDecodeError):
            return ""
    numbers = host.split(b".")
    if len(numbers) > 4 or not all(NUMBER.fullmatch(one) for one in numbers) or max(map(len, numbers)) > 24:
        return ""
    try:
        values = [int(one, 16 if one[:2] in (b"0x",) and len(one) > 2 else 8 if one[:1] == b"0" else 10) for one in numbers]
    except ValueError:
        return ""
    last = 256 ** (5 - len(values))
    if any(value > 255 for value in values[:-1]) or values[-1] >= last:
        return ""
    whole = sum(value << 8 * (3 - place) for place, value in enumerate(values[:-1])) + values[-1]
    return str(ipaddress.IPv4Address(whole))


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
