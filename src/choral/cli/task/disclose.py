"""The disclosure of a task, wherever it is: a task file, signed bytes, or a server, whose word is not taken for it."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from choral.cli.task.file import Draft
from choral.device.http import checked_url
from choral.errors import PeerError, UsageError
from choral.protocol import Signed, Task, decode, disclosure

HASH = re.compile(r"[0-9a-f]{64}")
Names = Mapping[str, type[Any]]


def drafted_disclosure(draft: Draft) -> dict[str, Any]:
    """Of a task file; the task has no hash until it is signed, and begins now."""
    task = draft.task(start=datetime.now(UTC), shuffler_key=bytes(32), server_key=bytes(32))
    found = disclosure(task, draft.mechanism)
    return found | {"task": found["task"] | {"hash": None}}


def signed_disclosure(body: bytes, name: str, names: Names) -> dict[str, Any]:
    """Of a signed task's bytes; UsageError if they are none. The signature is for whoever agrees, and is not checked."""
    try:
        task = decode(decode(body, Signed).body, Task)
        return disclosure(task, task.mechanism.build(names))
    except PeerError as error:
        raise UsageError(f"{name} is no task that is known here ({error}); make one with `choral task sign`") from error


def fetched(hash_: str, server: str | None) -> bytes:
    """The signed task with this hash, from the server; UsageError if it has another or none."""
    if server is None:
        raise UsageError(f"{hash_[:16]}... names a task; say with --server which server has it, or name a file")
    try:
        answer = httpx.get(f"{checked_url(server)}/v1/tasks/{hash_}.bin", trust_env=False, timeout=30)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise UsageError(
            f"{server} has no task {hash_[:16]}... (status {error.response.status_code}); see its /v1/tasks"
        ) from error
    except httpx.HTTPError as error:
        raise UsageError(f"{server} cannot be reached ({error}); check the address and the connection") from error
    if not _is_named(answer.content, hash_):
        raise UsageError(f"{server} gave another task than {hash_[:16]}...; tell its operator, and do not trust it")
    return answer.content


def read_file(path: Path) -> bytes:
    """The file's bytes; UsageError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); name a task file, signed bytes, or a task's hash"
        ) from error


def is_hash(text: str) -> bool:
    """Whether this names a task rather than a file."""
    return bool(HASH.fullmatch(text)) and not Path(text).exists()


def _is_named(body: bytes, hash_: str) -> bool:
    try:
        return hashlib.sha256(decode(body, Signed).body).hexdigest() == hash_
    except PeerError:
        return False
