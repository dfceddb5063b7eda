"""What a link says by itself: the link taken apart, and its features. Nothing is looked up, nothing is fetched.

Device half: no server, no simulation. The 32 columns of Hannousse and Yahiouche (2021) follow the definitions of their
published extractor, odd ones included, so that a model learnt from their table fits: `ip` is also 1 for seven hexadecimal
digits in a row, `nb_subdomains` counts dots up to 3, `path` begins at the first slash after the suffix, wherever that stands.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from choral.apps.phishing.device.hosts import is_address, read_host
from choral.errors import Refused, UsageError

MOST_CHARACTERS = 16_384
EDGES = "".join(map(chr, range(33))) + "\u00a0\u200b\ufeff"  # of what was pasted: no part of a link
SCHEMES = ("http", "https")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(?!\d)")  # "host:80" is a port
WORD_END = re.compile(r"[-./?=@&%:_]+")
ADDRESS = re.compile(
    r"(?:(?:[01]?\d\d?|2[0-4]\d|25[0-5])\.){3}(?:[01]?\d\d?|2[0-4]\d|25[0-5])/"
    r"|(?:0x[0-9a-fA-F]{1,2}\.){3}0x[0-9a-fA-F]{1,2}/"
    r"|(?:[a-fA-F0-9]{1,4}:){7}[a-fA-F0-9]{1,4}"
    r"|[0-9a-fA-F]{7}",
    re.ASCII,
)
PORT = re.compile(
    r"[a-z][a-z0-9+\-.]*://(?:[a-z0-9\-._~%!$&'()*+,;=]+@)?(?:[a-z0-9\-._~%]+|\[[a-z0-9\-._~%!$&'()*+,;=:]+\]):[0-9]+"
)
HYPHENATED = re.compile(r"https?://[^\-]+-[^\-]+/")
SHORTENERS = re.compile(
    r"bit\.ly|goo\.gl|shorte\.st|go2l\.ink|x\.co|ow\.ly|t\.co|tinyurl|tr\.im|is\.gd|cli\.gs|yfrog\.com|migre\.me|ff\.im|"
    r"tiny\.cc|url4\.eu|twit\.ac|su\.pr|twurl\.nl|snipurl\.com|short\.to|BudURL\.com|ping\.fm|post\.ly|Just\.as|bkite\.com|"
    r"snipr\.com|fic\.kr|loopt\.us|doiop\.com|short\.ie|kl\.am|wp\.me|rubyurl\.com|om\.ly|to\.ly|bit\.do|lnkd\.in|db\.tt|"
    r"qr\.ae|adf\.ly|bitly\.com|cur\.lv|ity\.im|q\.gs|po\.st|bc\.vc|twitthis\.com|u\.to|j\.mp|buzurl\.com|cutt\.us|u\.bb|"
    r"yourls\.org|prettylinkpro\.com|scrnch\.me|filoops\.info|vzturl\.com|qr\.net|1url\.com|tweez\.me|v\.gd|link\.zip\.net"
)
_HINTS = "wp login includes admin content site images js alibaba css myaccount dropbox themes plugins signin view"
_SUSPICIOUS = """
    fit tk gp ga work ml date wang men icu online click country stream download xin racing jetzt ren mom party review
    trade accountants science ninja xyz faith zip cricket win accountant realtor top christmas gdn link asia club la ae
    exposed pe go.id rs k12.pa.us or.kr ce.ke audio gob.pe gov.az website bj mx media sa.gov.au
"""
HINTS = tuple(_HINTS.split())
SUSPICIOUS = frozenset(_SUSPICIOUS.split())
MOST_DOTS = 3


@dataclass(frozen=True, slots=True)
class Link:
    """A link taken apart, made by `read_link`.

    text: as it came; host: in small letters; suffix: public suffix, such as co.uk, empty for an address of numbers
    label: what stands before the suffix, the registered name; subdomain: what stands before that
    path: from the first slash after the suffix; parameters: in the query
    """

    text: str
    scheme: str
    host: str
    suffix: str
    label: str
    subdomain: str
    path: str
    query: str
    user: str

    @property
    def registered(self) -> str:
        """What someone registered, such as example.co.uk; the host itself for an address of numbers."""
        return f"{self.label}.{self.suffix}".strip(".")


def read_link(text: str) -> Link:
    """The link in `text`, read as browsers read it; Refused for what is no address of a page. A missing scheme is https."""
    text = text.strip(EDGES)
    _require(bool(text), "there is no link; paste one, such as https://example.com/")
    too_long = f"the link has {len(text):,} characters, more than the {MOST_CHARACTERS:,} of any honest one; do not open it"
    _require(len(text) <= MOST_CHARACTERS, too_long)
    _require(not CONTROL.search(text), "the link holds control characters, which no honest link does; do not open it")
    named = SCHEME.match(text)
    scheme = named[1] if named else "https"
    known = scheme.lower() in SCHEMES
    _require(known, f"this begins with {scheme[:20].lower()!r}, which is no address of a page; only http and https are")
    text, parts, host = _as_read(f"{scheme}://", _straight(text[named.end() :] if named else text))
    suffix, label, subdomain = _taken_apart(host)
    path = "".join(text[text.find(suffix) :].partition("/")[1:])
    user = parts.netloc.rpartition("@")[0]
    return Link(text, parts.scheme, host, suffix, label, subdomain, path, parts.query, user)


def url_features(link: Link) -> Mapping[str, float]:
    """The features by name: the 32 columns of the data set, then our own."""
    return {**_counts(link.text), **_shape(link), **_own(link)}


def belongs_to_many(host: str) -> bool:
    """Whether people register, or are given, names below this one, such as co.uk or github.io."""
    return not is_address(host) and _suffixes(only_icann=False).publicsuffix(host) == host


def words(text: str) -> list[str]:
    """The parts between punctuation, in small letters."""
    return [word for word in WORD_END.split(text.lower()) if word]


def prepare() -> None:
    """Load the list of public suffixes now, so that the first link is as fast as the others."""
    _suffixes().publicsuffix("example.com")


def _straight(rest: str) -> str:
    """What follows the scheme, without the slashes that begin it; up to the query a backslash is a slash."""
    end = min((place for place in map(rest.find, "?#") if place >= 0), default=len(rest))
    return rest[:end].replace("\\", "/").lstrip("/") + rest[end:]


def _as_read(scheme: str, rest: str) -> tuple[str, SplitResult, str]:
    """The whole link, taken apart, with its host as a browser reads it."""
    try:
        parts = urlsplit(scheme + rest)
        _ = parts.port  # a ValueError for what is none
        user, at, site = parts.netloc.rpartition("@")
        if site.startswith("["):
            return scheme + rest, parts, str(ipaddress.IPv6Address(parts.hostname or ""))
        given, colon, port = site.partition(":")
        host = read_host(given)
    except ValueError:
        raise Refused("the link names no host that a browser could open; do not open it") from None
    if host != given.lower():
        rest = f"{user}{at}{host}{colon}{port}{rest[len(parts.netloc) :]}"
    return scheme + rest, parts, host


def _taken_apart(host: str) -> tuple[str, str, str]:
    """Suffix, registered name and subdomain."""
    if is_address(host):
        return "", host, ""
    suffix = str(_suffixes().publicsuffix(host) or "")
    rest = host[: len(host) - len(suffix)].rstrip(".") if host.endswith(suffix) else host
    subdomain, _, label = rest.rpartition(".")
    return suffix, label, subdomain


def _counts(text: str) -> dict[str, float]:
    """Characters of the whole link."""
    signs = {"dots": ".", "hyphens": "-", "at": "@", "qm": "?", "and": "&", "eq": "=", "underscore": "_", "percent": "%"}
    signs |= {"slash": "/", "colon": ":", "semicolumn": ";"}
    return {
        "length_url": len(text),
        **{f"nb_{name}": text.count(sign) for name, sign in signs.items()},
        "nb_tilde": "~" in text,
        "nb_dslash": text.rfind("//") > len("https:"),
        "ratio_digits_url": _digits(text),
        "ip": bool(ADDRESS.search(text)),
        "port": bool(PORT.match(text)),
        "nb_subdomains": min(text.count("."), MOST_DOTS) or MOST_DOTS,
        "prefix_suffix": bool(HYPHENATED.search(text)),
        "shortening_service": bool(SHORTENERS.search(text)),
        "phish_hints": sum(map(text.lower().count, HINTS)),
    }


def _shape(link: Link) -> dict[str, float]:
    """Of host and path."""
    found = [*words(link.label), *words(link.path[1:]), *words(link.subdomain)]
    return {
        "length_hostname": len(link.host),
        "nb_www": sum("www" in word for word in found),
        "nb_com": sum("com" in word for word in found),
        "http_in_path": link.path.count("http"),
        "https_token": link.scheme != "https",
        "ratio_digits_host": _digits(link.host),
        "punycode": any(part.startswith("xn--") for part in link.host.split(".")),
        "tld_in_path": link.suffix in link.path.lower(),
        "tld_in_subdomain": link.suffix in link.subdomain,
        "longest_words_raw": max(map(len, found), default=0),
        "suspecious_tld": link.suffix in SUSPICIOUS,
    }


def _own(link: Link) -> dict[str, float]:
    """What the data set has no column for."""
    return {
        "parameters": len([one for one in re.split("[&;]", link.query) if one]),
        "path_depth": urlsplit(link.text).path.rstrip("/").count("/"),
        "user_in_link": bool(link.user),
        "beyond_ascii": sum(ord(sign) > 127 for sign in link.host),
    }


def _digits(text: str) -> float:
    return sum(sign in "0123456789" for sign in text) / len(text)


@lru_cache(maxsize=2)
def _suffixes(*, only_icann: bool = True) -> Any:
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError as error:
        raise UsageError("reading links needs the extra 'phishing': pip install 'choral[phishing]'") from error
    return PublicSuffixList(only_icann=only_icann)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise Refused(problem)
