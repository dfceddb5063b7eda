"""What comes back to a device: Releases, verified, over the same road and with the same bytes as for every other device.

Device half: no server, no simulation. `fetch` is a Transport's. Which release is asked for says which keyboard is used,
as asking for its check-outs does; nothing else is said.
"""

import hashlib
import json
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import quote

from choral.errors import PeerError
from choral.protocol import Release, Signed, decode, verify_any

LIST = "/v1/releases"
COLUMNS: dict[str, Callable[[Any], Any]] = {"kind": str, "signal": str, "round": int, "created": int, "hash": str}
Fetch = Callable[[str], bytes]


def newest(fetch: Fetch, *, kind: str, keys: Collection[bytes], signal: str = "") -> Release | None:
    """The latest Release of `kind` about `signal` (public data: no signal), or None; PeerError if it is not what it says.

    keys: Ed25519 public keys that may have signed it: the task's server key, or for public data the trusted operators'
    """
    rows = [row for row in _listed(fetch(LIST)) if row["kind"] == kind and row["signal"] == signal]
    if not rows:
        return None
    row = max(rows, key=lambda one: (one["created"], one["round"], one["hash"]))
    signed = decode(fetch(f"{LIST}/{quote(row['hash'], safe='')}.bin"), Signed)
    if hashlib.sha256(signed.body).hexdigest() != row["hash"]:
        raise PeerError("malformed-message", f"other bytes than those named {row['hash'][:16]} came; do not use them")
    release = verify_any(signed, Release, keys)
    if (release.kind, bool(release.task.strip(b"\0"))) != (kind, bool(signal)):
        raise PeerError("malformed-message", f"a Release of kind {release.kind!r} came where {kind!r} was due; do not use it")
    return release


def _listed(text: bytes) -> list[dict[str, Any]]:
    """The rows of the public list that have what is needed."""
    try:
        return [{name: read(row[name]) for name, read in COLUMNS.items()} for row in json.loads(text)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PeerError("malformed-message", f"the list of releases cannot be read: {type(error).__name__}") from None
