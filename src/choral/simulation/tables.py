"""A person's own file as columns of labels: CSV, Parquet or JSON lines. Needs pyarrow (the `server` extra).

Knows files and columns. Leaves to others what a value means. A row without a value or weight is left out and counted; weights
must be finite and not negative; text is UTF-8; what is broken raises UsageError, which never quotes a value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from numpy.typing import NDArray

from choral.errors import UsageError

LABEL = pa.dictionary(pa.int32(), pa.string())
CHUNK = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """One label a row: `names[codes[i]]`, each name once, in the order in which they appear.

    codes: int32[n]
    """

    names: tuple[str, ...]
    codes: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of a file that have a value.

    weights: float64[n], or None; groups: labels of the same rows, or None;
    people: int32[n], the same number for the same person, or None; skipped: rows without a value
    """

    values: Labels
    weights: NDArray[np.float64] | None
    groups: Labels | None
    people: NDArray[np.int32] | None
    skipped: int

    def __len__(self) -> int:
        """Rows."""
        return len(self.values.codes)


def read_values(
    path: Path, column: str, weight: str | None = None, group: str | None = None, person: str | None = None
) -> Table:
    """The named columns of the file; UsageError if it cannot be read to its end or has not what was asked for."""
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix not in READERS:
        raise UsageError(f"cannot tell what {path} is; name a file that ends in .{', .'.join(READERS)} (or .gz of it)")
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    columns = {name: pa.float64() if name == weight else LABEL for name in (column, weight, group, person) if name is not None}
    try:
        rows = READERS[suffix](path, columns)
        return _table(rows, path, column, weight, group, person)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {_reason(error)}") from None


def read_names(path: Path) -> tuple[str, ...]:
    """A dictionary: one name a line, UTF-8, empty lines left out; UsageError if one stands twice or none is there."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the dictionary {path}: {_reason(error)}") from None
    names = tuple(filter(None, lines))
    if not names or len(set(names)) < len(names):
        raise UsageError(
            f"the dictionary {path} must have names, one a line, each once; it has {len(names)}, some twice or none"
        )
    return names


def _csv(path: Path, columns: Mapping[str, Any]) -> Any:
    _refuse_open_quote(path)
    with pa.input_stream(str(path), compression="detect") as stream:
        names = pa.csv.open_csv(stream).schema.names
    _refuse_missing(path, columns, names)
    convert = pa.csv.ConvertOptions(
        include_columns=list(columns), column_types=dict(columns), null_values=[""], strings_can_be_null=True
    )
    with pa.input_stream(str(path), compression="detect") as stream:
        return pa.csv.read_csv(stream, convert_options=convert)


def _parquet(path: Path, columns: Mapping[str, Any]) -> Any:
    _refuse_missing(path, columns, pa.parquet.read_schema(path).names)
    return pa.parquet.read_table(path, columns=list(columns))


def _json(path: Path, columns: Mapping[str, Any]) -> Any:
    with pa.input_stream(str(path), compression="detect") as stream:
        rows = pa.json.read_json(stream)
    _refuse_missing(path, columns, rows.schema.names)
    return rows


READERS: Mapping[str, Callable[[Path, Mapping[str, Any]], Any]] = {
    "csv": _csv,
    "parquet": _parquet,
    "jsonl": _json,
    "ndjson": _json,
    "json": _json,
}


def _refuse_missing(path: Path, columns: Mapping[str, Any], names: list[str]) -> None:
    for column in columns:
        if names.count(column) != 1:
            fault = "no" if column not in names else "more than one"
            raise UsageError(f"{path} has {fault} column {column!r}; it has {', '.join(map(repr, names[:20]))}")


def _refuse_open_quote(path: Path) -> None:
    """A file cut inside quotes would otherwise read as one long last value."""
    quotes = 0
    with pa.input_stream(str(path), compression="detect") as stream:
        while chunk := stream.read(CHUNK):
            quotes += chunk.count(b'"')
    if quotes % 2:
        raise UsageError(f"{path} has an odd number of quote marks: it ends mid-row, or a quote mark in a value is not doubled")


def _table(rows: Any, path: Path, column: str, weight: str | None, group: str | None, person: str | None) -> Table:
    kept = rows.filter(rows.column(column).is_valid())
    if weight is not None:
        kept = kept.filter(kept.column(weight).is_valid())
    if not len(kept):
        raise UsageError(f"{path} has no row with a value in the column {column!r}")
    return Table(
        _labels(kept, column),
        None if weight is None else _weights(kept, weight, path),
        None if group is None else _complete(_labels(kept, group), group, path),
        None if person is None else _complete(_labels(kept, person), person, path).codes,
        len(rows) - len(kept),
    )


def _labels(rows: Any, column: str) -> Labels:
    """Codes into the distinct values as text; a missing value is -1."""
    labels = rows.column(column)
    if not pa.types.is_dictionary(labels.type):
        labels = labels.cast(pa.string()).dictionary_encode()
    elif labels.type != LABEL:
        labels = labels.cast(LABEL)
    whole = pa.chunked_array(labels.chunks, type=labels.type).unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    return Labels(tuple(whole.dictionary.to_pylist()), whole.indices.fill_null(-1).to_numpy(zero_copy_only=False))


def _complete(labels: Labels, column: str, path: Path) -> Labels:
    if (labels.codes < 0).any():
        raise UsageError(f"{path}: {int((labels.codes < 0).sum()):,} rows with a value have nothing in the column {column!r}")
    return labels


def _weights(rows: Any, column: str, path: Path) -> NDArray[np.float64]:
    weights = np.asarray(rows.column(column).cast(pa.float64()).to_numpy(), np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise UsageError(f"{path}: the column {column!r} must hold finite numbers, none below 0 and some above")
    return weights


def _reason(error: Exception) -> str:
    """What is wrong, without the row or the value that shows it."""
    text = str(error)
    if wrong := re.search(r"Expected (\d+) columns, got (\d+)", text):
        return f"a row has {wrong[2]} columns where the first has {wrong[1]}: it ends mid-row, or a separator is not quoted"
    if isinstance(error, UnicodeDecodeError) or "UTF8" in text or "utf-8" in text:
        return "it is not UTF-8 text; convert it first"
    if wrong := re.search(r"conversion error to (\w+)", text):
        return f"a value in a column of numbers is not a {wrong[1]}"
    if wrong := re.search(r"in row \d+$", text):
        return f"something is wrong {wrong[0]}: one whole JSON object a line is needed, to the end of the file"
    return re.sub(r"'[^']*'", "...", text.split("\n")[0])
