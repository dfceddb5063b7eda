"""Who downloaded which sticker, how and on which day: the one schema for a team's own logs, CSV or JSON lines.

Server and study half. A file is read whole and checked whole before anyone sees a row of it.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import Catalogue
from choral.errors import UsageError

COLUMNS = ("account", "sticker", "kind", "day")
PACKAGE = "package"  # may stand where "sticker" stands: all stickers of a package, by the catalogue's packages
MOST_NAME = 64
EARLIEST = date(2000, 1, 1)
Packages = Mapping[str, tuple[int, ...]]


class Kind(IntEnum):
    """How a sticker came to a person; the number is what is stored."""

    PURCHASED = 0
    SPONSORED = 1  # free, given by a sponsor
    PREMIUM = 2  # within a subscription

    @classmethod
    def of(cls, word: str) -> "Kind":
        """The kind that a word of the schema names; ValueError otherwise."""
        try:
            return cls[word.upper()] if word == word.lower() else cls[""]
        except KeyError:
            raise ValueError(f"the column 'kind' needs one of {', '.join(one.name.lower() for one in cls)}") from None


@dataclass(frozen=True, slots=True)
class Download:
    """One row: the team's own name of the account, a sticker's id, how, and the day (no finer time is kept)."""

    account: str
    sticker: int
    kind: Kind
    day: date


@dataclass(frozen=True, slots=True)
class Logs:
    """Many downloads as columns, for learning.

    person: int64[e], numbered from 0; sticker: int64[e], row of the catalogue; kind: uint8[e]; day: int32[e], since 1970
    """

    person: NDArray[np.int64]
    sticker: NDArray[np.int64]
    kind: NDArray[np.uint8]
    day: NDArray[np.int32]


def read_logs(text: str, catalogue: Catalogue, *, name: str, packages: Packages | None = None) -> tuple[Download, ...]:
    """All downloads of a file: JSON lines if it begins with {, else CSV whose first line names the columns.

    name: the file, for messages; packages: from a package to the ids of its stickers
    UsageError with line and column, never with the value, if anything is missing, unknown or not what it should be.
    """
    rows = _json_rows(text, name) if text.lstrip().startswith("{") else _csv_rows(text, name)
    found: list[Download] = []
    for line, row in rows:
        try:
            found += _downloads(row, catalogue, packages or {})
        except ValueError as error:
            raise UsageError(f"{name}, line {line}: {error}; nothing was loaded") from None
    if not found:
        raise UsageError(f"{name} holds no download; nothing was loaded")
    return tuple(found)


def read_packages(text: str, catalogue: Catalogue, *, name: str) -> dict[str, tuple[int, ...]]:
    """From a package to the ids of its stickers: CSV with the columns package and sticker; UsageError with the line."""
    found: dict[str, tuple[int, ...]] = {}
    for line, row in _csv_rows(text, name, columns=(PACKAGE, "sticker")):
        try:
            found[own_name(row[PACKAGE], PACKAGE)] = (*found.get(row[PACKAGE], ()), sticker_id(row["sticker"], catalogue))
        except ValueError as error:
            raise UsageError(f"{name}, line {line}: {error}") from None
    return found


def write_logs(downloads: Iterable[Download]) -> str:
    """The same schema as CSV."""
    lines = (f"{one.account},{one.sticker},{one.kind.name.lower()},{one.day.isoformat()}\n" for one in downloads)
    return ",".join(COLUMNS) + "\n" + "".join(lines)


def own_name(given: object, column: str = "account") -> str:
    """A team's own name: 1 to 64 printable characters without spaces, commas and quotation marks; ValueError otherwise."""
    if not isinstance(given, str) or not 1 <= len(given) <= MOST_NAME:
        raise ValueError(f"the column {column!r} needs 1 to {MOST_NAME} characters")
    if not given.isprintable() or any(one.isspace() or one in ',"' for one in given):
        raise ValueError(f"the column {column!r} may hold no space, comma, quotation mark or control character")
    return given


def sticker_id(given: object, catalogue: Catalogue) -> int:
    """The id of a sticker of the catalogue, from digits or a number; ValueError otherwise."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 12:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise ValueError("the column 'sticker' needs the number of a sticker")
    if given not in catalogue.places:
        raise ValueError("the column 'sticker' names none of the catalogue; load the catalogue that these logs are about")
    return given


def _downloads(row: Mapping[str, Any], catalogue: Catalogue, packages: Packages) -> Iterator[Download]:
    account, kind, day = own_name(row["account"]), Kind.of(_text(row["kind"], "kind")), _day(row["day"])
    if PACKAGE in row:
        if row[PACKAGE] not in packages:
            raise ValueError("the column 'package' names no package that is known here; give the packages' file")
        ids: Iterable[int] = packages[row[PACKAGE]]
    else:
        ids = (sticker_id(row["sticker"], catalogue),)
    return (Download(account, id_, kind, day) for id_ in ids)


def _day(given: object) -> date:
    try:
        day = date.fromisoformat(_text(given, "day"))
    except ValueError:
        raise ValueError("the column 'day' needs a day such as 2027-01-15") from None
    if day < EARLIEST:
        raise ValueError(f"the column 'day' lies before {EARLIEST}")
    return day


def _text(given: object, column: str) -> str:
    if not isinstance(given, str):
        raise ValueError(f"the column {column!r} needs a text")
    return given


def _require_columns(names: Iterable[str], where: str, wanted: Sequence[str]) -> None:
    """UsageError unless these are the columns wanted, in any order, with `package` perhaps in the place of `sticker`."""
    others = [PACKAGE if column == "sticker" else column for column in wanted]
    if sorted(names) not in (sorted(wanted), sorted(others)):
        raise UsageError(f"{where}: the columns must be {', '.join(wanted)}; nothing was loaded")


def _csv_rows(text: str, name: str, columns: Sequence[str] = COLUMNS) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    try:
        _require_columns(reader.fieldnames or (), f"{name}, line 1", columns)
        for row in reader:
            if None in row or None in row.values():
                raise UsageError(f"{name}, line {reader.line_num}: needs {len(columns)} values; nothing was loaded")
            yield reader.line_num, row
    except csv.Error as error:
        raise UsageError(f"{name}, line {reader.line_num}: {error}; nothing was loaded") from None


def _json_rows(text: str, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, part in enumerate(text.splitlines(), start=1):
        if not part.strip():
            continue
        try:
            row = json.loads(part)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise UsageError(f"{name}, line {line}: is no JSON object; nothing was loaded")
        _require_columns(row, f"{name}, line {line}", COLUMNS)
        yield line, row
