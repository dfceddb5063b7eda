"""Looks for what must not be there: identifiers and texts, in the files of a server and in every value of its database."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ahocorasick_rs import BytesAhoCorasick

SUFFIX = ".sqlite"


@dataclass(frozen=True, slots=True)
class Scan:
    """size: bytes looked at; findings: where, and what kind of thing, each once; never the thing itself."""

    size: int
    findings: tuple[str, ...]


def scan(paths: Iterable[Path], secrets: Mapping[str, Iterable[str]]) -> Scan:
    """Whether any of the secrets, listed by kind, stands in these files and folders: as text, as UTF-16, as bytes of hex.

    Databases are looked at twice: as raw files, and value by value, for a value may lie in several pages of a file.
    """
    patterns = [(form, kind) for kind, texts in secrets.items() for text in texts for form in _forms(text)]
    automaton = BytesAhoCorasick([form for form, _ in patterns])
    size, found = 0, dict[str, None]()
    for place, data in _pieces(paths):
        size += len(data)
        for pattern, _, _ in automaton.find_matches_as_indexes(data):
            found[f"{patterns[pattern][1]} in {place}"] = None
    return Scan(size, tuple(found))


def _forms(text: str) -> set[bytes]:
    forms = {text.encode(), text.encode("utf-16-le")}
    if len(text) % 2 == 0 and set(text) <= set("0123456789abcdef"):
        forms.add(bytes.fromhex(text))
    return {form for form in forms if len(form) >= 4}


def _pieces(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for file in files:
            yield file.name, file.read_bytes()
            if file.suffix == SUFFIX:
                yield from _values(file)


def _values(file: Path) -> Iterator[tuple[str, bytes]]:
    """Every value of every table, as text or bytes."""
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            for row in db.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  # a name that the database itself gave
                yield f"{file.name}, table {table}", b"\0".join(_bytes(value) for value in row)
    finally:
        db.close()


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
