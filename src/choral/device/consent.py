"""What this person has agreed to. Off by default, one row a purpose, bound to the hash of the Terms.

A new key, round, level or model under the same Terms does not ask again; a changed price, limit or purpose does.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from choral.device.rows import Table
from choral.protocol import Terms
from choral.protocol.codec import Nested, Wire
from choral.protocol.task import SECONDS
from choral.storage.device import DeviceTransaction


@dataclass(frozen=True, slots=True)
class Consent:
    """Yes to these Terms, and since when."""

    KIND: ClassVar[int] = 67
    WIRE: ClassVar[Wire] = (("terms", Nested(Terms)), ("since", SECONDS))
    terms: Terms
    since: int


CONSENTS = Table("consents", Consent)


def agree(tx: DeviceTransaction, terms: Terms, now: datetime) -> None:
    """Write down the yes."""
    CONSENTS.put(tx, terms.hash, Consent(terms, int(now.timestamp())))


def has_agreed(tx: DeviceTransaction, terms_hash: bytes) -> bool:
    """Whether this person has agreed to the Terms of this hash, and to no others."""
    return CONSENTS.has(tx, terms_hash)


def agreed_terms(tx: DeviceTransaction, signal: str) -> list[Terms]:
    """All Terms about this signal that this person has agreed to."""
    return [consent.terms for _, consent in CONSENTS.scan(tx) if consent.terms.signal == signal]


def withdraw(tx: DeviceTransaction, terms_hash: bytes) -> str | None:
    """Take the yes back; the signal it was about, None if there was none."""
    given = CONSENTS.get(tx, terms_hash)
    CONSENTS.delete(tx, terms_hash)
    return None if given is None else given.terms.signal
