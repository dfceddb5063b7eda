"""The public Releases that a training task leans on: canaries that no version may do worse on, and a start.

No person is in them: an operator signed and published them. Knows what an algorithm names; leaves judging to models.py.
"""

from choral.errors import PeerError
from choral.learning import Arrays
from choral.protocol import Release, Signed, decode
from choral.server.tasks import Known
from choral.storage import ServerStore

ROLES = ("canaries", "start")


def pointer(known: Known, role: str) -> bytes:
    """The hash that the task's algorithm names for this role; empty if it names none."""
    found = getattr(known.algorithm, role, b"") if known.trains else b""
    return found if isinstance(found, bytes) else b""


def public_arrays(store: ServerStore, known: Known, role: str) -> Arrays | None:
    """The arrays of the public Release in this role; None if the task names none. PeerError if it is not there."""
    hash_ = pointer(known, role)
    if not hash_:
        return None
    signed = store.release(hash_)
    if signed is None:
        raise PeerError(
            "conflict", f"the task's {role} are in Release {hash_.hex()}, which is not published here; publish it first"
        )
    return decode(decode(signed, Signed).body, Release).arrays


def require_public_data(store: ServerStore, known: Known) -> None:
    """PeerError, before the task is published, if a Release that it names is missing or does not fit its model."""
    canaries, start = (public_arrays(store, known, role) for role in ROLES)
    try:
        if start is not None:
            state = known.algorithm.started(start)  # type: ignore[attr-defined]  # of training algorithms
            if canaries is not None:
                known.algorithm.judge(known.algorithm.publish(state), canaries)  # type: ignore[attr-defined]
    except (KeyError, TypeError, ValueError) as error:
        raise PeerError("conflict", f"a public Release of this task does not fit its model: {error}") from None
