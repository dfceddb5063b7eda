"""A host's name as a browser reads it: escapes undone, look-alike dots and wide letters made plain, numbers an address.

Device half: no server, no simulation. What a browser would never open is refused (WHATWG URL Standard, "host parsing").
"""

import ipaddress
import re
import unicodedata
from urllib.parse import unquote

MOST_HOST = 253  # RFC 1035
MOST_NUMBER = 24  # digits of one part of an address
NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+", re.ASCII)
FORBIDDEN = frozenset(" #/:<>?@[\\]^|%\ufffd")
JOINERS = frozenset("\u200c\u200d")  # that some scripts need
# What browsers read as a dot or as nothing (UTS 46), beside what NFKC does.
READ_AS = {0x3002: ".", **dict.fromkeys((0x00AD, 0x034F, 0x200B, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)))}


def read_host(host: str) -> str:
    """The host in small letters, one spelling for an address; ValueError for one that no browser opens."""
    name = unicodedata.normalize("NFKC", unquote(host).translate(READ_AS)).translate(READ_AS).lower().removesuffix(".")
    if not 0 < len(name) <= MOST_HOST or "" in name.split(".") or any(map(_is_forbidden, name)):
        raise ValueError(f"no browser opens a host such as {name[:40]!r}")
    return address(name) or name


def address(host: str) -> str:
    """An IPv4 address in any of its spellings, in its one form; empty for a name.

    >>> address("0x7f.1"), address("example.com")
    ('127.0.0.1', '')
    """
    numbers = host.split(".")
    if len(numbers) > 4 or not all(NUMBER.fullmatch(one) and len(one) <= MOST_NUMBER for one in numbers):
        return ""
    try:
        values = [_value(one) for one in numbers]
    except ValueError:
        return ""
    if any(value > 255 for value in values[:-1]) or values[-1] >= 256 ** (5 - len(values)):
        return ""
    whole = sum(value << 8 * (3 - place) for place, value in enumerate(values[:-1])) + values[-1]
    return str(ipaddress.IPv4Address(whole))


def is_address(host: str) -> bool:
    """Whether a host is an address of numbers, in its one form and without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _value(number: str) -> int:
    """0x begins a hexadecimal number, 0 an octal one, as in C."""
    if number[:2] in ("0x", "0X"):
        return int(number[2:] or "0", 16)
    return int(number, 8 if number[0] == "0" else 10)


def _is_forbidden(sign: str) -> bool:
    return sign in FORBIDDEN or (unicodedata.category(sign)[0] == "C" and sign not in JOINERS)
