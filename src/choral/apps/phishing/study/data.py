"""Labelled links: reading the two published data sets, their features, and splits by registered domain.

Knows columns and domains. Leaves scaling, devices and learning to others. A column that would need a look-up (which sends
the link off the device), or that leaks how the data were collected, is never a feature.
"""

import os
from collections import Counter
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
GET_ONE = "give the CSV of either data set, such as `choral data pull phishing` gets"
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
    table = _table(path)
    columns = set(table.column_names)
    if columns >= {"url", "status", *HANNOUSSE_URL, *HANNOUSSE_PAGE}:
        names, url, label, phishing, left_out = HANNOUSSE_URL + HANNOUSSE_PAGE, "url", "status", "phishing", HANNOUSSE_TRANSPORT
        legitimate, source = "legitimate", "web page phishing detection (Hannousse and Yahiouche, CC BY 4.0)"
    elif columns >= {"URL", "label", *PHIUSIIL}:
        names, url, label, phishing, left_out = PHIUSIIL, "URL", "label", "0", PHIUSIIL_TRANSPORT
        legitimate, source = "1", "PhiUSIIL (Prasad and Chandra, CC BY 4.0)"
    else:
        raise UsageError(f"{path} has neither the columns of Hannousse and Yahiouche nor those of PhiUSIIL; {GET_ONE}")
    chosen = tuple(name for name in names if transport or name not in left_out)
    urls, said = _texts(table, url, path), _texts(table, label, path)
    if not {*said} <= {phishing, legitimate}:
        raise UsageError(f"{path} has a row whose {label} is neither {phishing} nor {legitimate}; mend it or leave it out")
    labels = np.array([one == phishing for one in said], np.float64)
    return Links(chosen, _numbers(table, chosen, path), labels, domain_numbers(urls), source)


def links_in(folder: Path) -> Path:
    """Where the published links lie below a folder of data, also if `choral data pull` put them there."""
    downloaded = folder / PUBLISHED
    return downloaded if downloaded.is_file() else folder / SOURCE


def registered_domain(url: str) -> str:
    """What someone registered, such as example.co.uk; the host itself for an address; the text for what is no link."""
    try:
        host = (urlsplit(url if ":" in url or "//" in url else "//" + url).hostname or url).rstrip(".") or url
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


def _table(path: Path) -> Any:
    import pyarrow
    import pyarrow.csv

    try:
        table = pyarrow.csv.read_csv(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "a folder" if path.is_dir() else "cut or spoilt"
        raise UsageError(f"cannot read {path} ({reason}); {GET_ONE}") from error
    except pyarrow.ArrowInvalid as error:
        raise UsageError(f"cannot read {path}: it is no CSV, or a row of it is not like its head; {GET_ONE}") from error
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise UsageError(f"{path} has the column {twice[0]} twice; leave one of them out")
    if not len(table):
        raise UsageError(f"{path} has no rows below its head; {GET_ONE}")
    return table


def _texts(table: Any, name: str, path: Path) -> list[str]:
    """A column as texts; UsageError if one is missing."""
    values = table[name].to_pylist()
    if None in values or "" in values:
        raise UsageError(f"{path} has a row without {name}; mend it or leave it out")
    return [str(value) for value in values]


def _numbers(table: Any, names: tuple[str, ...], path: Path) -> Floats:
    columns = []
    for name in names:
        column = table[name].to_numpy()
        if column.dtype.kind not in "iuf" or not np.isfinite(column).all():
            raise UsageError(f"{path} has a {name} that is missing or no number; mend that row or leave it out")
        columns.append(column.astype(np.float64))
    return np.stack(columns, axis=1)
