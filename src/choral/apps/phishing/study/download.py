"""The data set from its public home: streamed with a limit, checked against a pinned hash, written whole or not at all.

Knows one address and one hash. Leaves connections to the caller, and what is in the file to data.py.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from choral.errors import UsageError

MOST_BYTES = 50_000_000
CHUNK = 2**16
Told = Callable[[int, int | None], None]  # bytes more, bytes in all if the server said so


@dataclass(frozen=True, slots=True)
class Source:
    """A file on the web: its address, the SHA-256 of its bytes in hex as its publisher states it, its name, and whose it is."""

    url: str
    sha256: str
    name: str
    credit: str
    page: str = ""  # for people


HANNOUSSE = Source(
    "https://data.mendeley.com/public-files/datasets/c2gw7fy2j4/files/575316f4-ee1d-453e-a04f-7b950915b61b/file_downloaded",
    "21093e2902e5441c86a6daf95e86e7c332046e477fdf109a579d7bd81e586d6c",
    "dataset_B_05_2020.csv",
    "A. Hannousse and S. Yahiouche, Web page phishing detection, Mendeley Data, c2gw7fy2j4 (CC BY 4.0)",
    "https://data.mendeley.com/datasets/c2gw7fy2j4/3",
)


def pull(source: Source, folder: Path, client: httpx.Client, *, told: Told) -> Path:
    """The checked file in `folder`; UsageError, with nothing left behind, if it cannot be had, is too long or another file.

    A file of that name and hash that is there already is not fetched again: so one that a person downloaded is checked, too.
    """
    path = folder / source.name
    by_hand = f"Download it from {source.page or source.url} by hand as {path}, and run this again to check it"
    try:
        if path.is_file() and digest(path) == source.sha256:
            return path
        with _beside(path) as partial:
            found = _fetched(source, partial, client, told)
            if found != source.sha256:
                raise UsageError(
                    f"{source.url} gave a file with SHA-256 {found}, not {source.sha256}; nothing was kept. {by_hand}"
                )
            partial.replace(path)
    except httpx.HTTPStatusError as error:  # some homes serve browsers alone
        raise UsageError(
            f"{source.url} answers with status {error.response.status_code}; nothing was kept. {by_hand}"
        ) from error
    except httpx.HTTPError as error:
        raise UsageError(
            f"cannot download {source.url}: {error or type(error).__name__}; nothing was kept. {by_hand}"
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); name another folder with --folder") from error
    return path


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A name in the same folder that is gone afterwards, unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _fetched(source: Source, path: Path, client: httpx.Client, told: Told) -> str:
    """The hash of what was written to `path`."""
    hasher, length = hashlib.sha256(), 0
    with client.stream("GET", source.url, follow_redirects=True) as response, path.open("wb") as file:
        response.raise_for_status()
        declared = response.headers.get("content-length", "")
        total = int(declared) if declared.isdecimal() else None
        for chunk in response.iter_bytes(CHUNK):
            length += len(chunk)
            if length > MOST_BYTES:
                raise UsageError(f"{source.url} sends more than {MOST_BYTES:,} bytes; nothing was kept")
            hasher.update(chunk)
            file.write(chunk)
            told(len(chunk), total)
    return hasher.hexdigest()
