"""Labelled links: reading the two published data sets, their features, and splits by registered domain.

Knows columns and domains. Leaves scaling, devices and learning to others. A column that would need a look-up (which sends
the link off the device), or that leaks how the data were collected, is never a feature.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.columns import (
    HANNOUSSE_PAGE,
    HANNOUSSE_TRANSPORT,
    HANNOUSSE_URL,
    PHIUSIIL,
    PHIUSIIL_TRANSPORT,
)
from choral.errors import UsageError
from choral.numerics import SeededEntropy

SOURCE = "phishing/hannousse_web_page_phishing_11430.csv.gz"  # below CHORAL_DATA_DIR
PUBLISHED = "phishing/dataset_B_05_2020.csv"  # the same, as its home names it
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Labelled links: raw features float64[n, f] with their names, labels float64[n] (1: phishing), domains int64[n].

    source: in words; synthetic: whether a generator made them up
    """

    names: tuple[str, ...]
    features: Floats
    labels: Floats
    domains: Integers
    source: str
    synthetic: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of a table, no domain in two parts: with public labels, on devices, and for judging; int64 each."""

    public: Integers
    devices: Integers
    test: Integers


def read_links(path: Path, *, transport: bool = True) -> Links:
    """The links in a CSV (also .gz) of either data set; UsageError for a file that is neither.

    transport: whether https and www count as features
    """
    import pyarrow
    import pyarrow.csv

    try:
        table = pyarrow.csv.read_csv(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise UsageError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    columns = set(table.column_names)
    if columns >= {"url", "status", *HANNOUSSE_URL, *HANNOUSSE_PAGE}:
        phishing = np.array([status == "phishing" for status in table["status"].to_pylist()])
        names, urls, left_out = HANNOUSSE_URL + HANNOUSSE_PAGE, table["url"].to_pylist(), HANNOUSSE_TRANSPORT
        source = "web page phishing detection (Hannousse and Yahiouche, CC BY 4.0)"
    elif columns >= {"URL", "label", *PHIUSIIL}:
        phishing = np.array(table["label"].to_pylist()) == 0
        names, urls, left_out = PHIUSIIL, table["URL"].to_pylist(), PHIUSIIL_TRANSPORT
        source = "PhiUSIIL (Prasad and Chandra, CC BY 4.0)"
    else:
        raise UsageError(f"{path} has neither the columns of Hannousse and Yahiouche nor those of PhiUSIIL")
    chosen = tuple(name for name in names if transport or name not in left_out)
    return Links(chosen, _numbers(table, chosen, path), phishing.astype(np.float64), domain_numbers(urls), source)


def links_in(folder: Path) -> Path:
    """Where the published links lie below a folder of data, also if `choral data pull` put them there."""
    downloaded = folder / PUBLISHED
    return downloaded if downloaded.is_file() else folder / SOURCE


def registered_domain(url: str) -> str:
    """What someone registered, such as example.co.uk; the host itself for an address; the text for what is no link."""
    try:
        host = urlsplit(url if ":" in url or "//" in url else "//" + url).hostname or url
    except ValueError:
        host = url
    return host if _is_address(host) else str(_suffixes().privatesuffix(host) or host)


def domain_numbers(urls: list[str]) -> Integers:
    """A number for each distinct registered domain, int64[n]."""
    return np.unique([registered_domain(url) for url in urls], return_inverse=True)[1].astype(np.int64)


def split(links: Links, seed: int, *, public: int = 1000, test_share: float = 0.3) -> Split:
    """Whole domains in an order that the seed gives: first for judging, then about `public` rows, the rest on devices."""
    count = int(links.domains.max()) + 1
    place = np.argsort(np.argsort(SeededEntropy(seed).words(1, count)[0]))[links.domains]
    order = np.argsort(place, kind="stable").astype(np.int64)
    ends = np.flatnonzero(np.diff(place[order], append=count)) + 1  # where a domain's rows end
    first = int(ends[np.searchsorted(ends, test_share * len(order))])
    second = int(ends[np.searchsorted(ends, min(first + public, len(order)))])
    parts = Split(order[first:second], order[second:], order[:first])
    if any(len(np.unique(links.labels[rows])) < 2 for rows in (parts.public, parts.devices, parts.test)):
        raise UsageError(f"a part of the {len(order):,} links has one class alone; give more links, or another seed")
    return parts


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def _suffixes() -> Any:
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError as error:
        raise UsageError("reading links needs the extra 'phishing': pip install 'choral[phishing]'") from error
    return PublicSuffixList(only_icann=True)


def _numbers(table: Any, names: tuple[str, ...], path: Path) -> Floats:
    try:
        columns = [table[name].to_numpy().astype(np.float64) for name in names]
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path} has a feature that is no number: {error}") from error
    features = np.stack(columns, axis=1)
    if not np.isfinite(features).all() or not len(features):
        raise UsageError(f"{path} has no rows, or a feature that is missing or not finite")
    return np.asarray(features, np.float64)
