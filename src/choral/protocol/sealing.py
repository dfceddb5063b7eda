"""Sealing reports to the shuffler (HPKE, RFC 9180) and signing messages (Ed25519, RFC 8032).

Knows keys as arguments. Leaves files and key rings to others.
"""

from collections.abc import Collection
from typing import TypeVar

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from choral.errors import PeerError
from choral.protocol.codec import Message, decode, encode, first
from choral.protocol.messages import Checkout, Signed
from choral.protocol.report import Report, plaintext_size
from choral.protocol.task import Task

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
INFO = b"choral/report/1\0"
M = TypeVar("M", bound=Message)


def seal(payload: bytes, task: bytes, round_: int, shuffler_key: bytes) -> Report:
    """A Report of the smallest size class that holds `payload`, bound to its header."""
    header = Report(task, round_, b"").header
    padded = payload.ljust(plaintext_size(len(payload)), b"\0")
    return Report(task, round_, SUITE.encrypt(padded, X25519PublicKey.from_public_bytes(shuffler_key), info=INFO + header))


def unseal(report: Report, payload_size: int, key: X25519PrivateKey) -> bytes:
    """The payload; PeerError if the seal, the header, the size or the padding is not as `seal` makes them."""
    try:
        padded = SUITE.decrypt(report.seal, key, info=INFO + report.header)
    except (InvalidTag, ValueError):
        raise PeerError("broken-seal", "the seal does not open: wrong key, changed header or changed bytes") from None
    if len(padded) != plaintext_size(payload_size) or padded[payload_size:].strip(b"\0"):
        raise PeerError("broken-seal", "the sealed payload has the wrong size or its padding is not zero")
    return padded[:payload_size]


def sign(message: Message, key: Ed25519PrivateKey) -> Signed:
    """The message's bytes, signed together with their kind."""
    body = encode(message)
    return Signed(body, key.sign(_context(message.KIND) + body))


def verify(signed: Signed, kind: type[M], public_key: bytes) -> M:
    """The message, once its signature holds; PeerError otherwise, before anything in it is read."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signed.signature, _context(kind.KIND) + signed.body)
    except InvalidSignature:
        raise PeerError("bad-signature", f"the signature of this {kind.__name__} does not hold for the expected key") from None
    return decode(signed.body, kind)


def open_checkout(signed: Signed, operators: Collection[bytes]) -> tuple[Task, Checkout]:
    """The task and check-out, once an operator's signature holds for the one and the task's server key for the other.

    Which key that is stands in the task, so the signed task is cut out first; nothing else is read before its signature holds.
    """
    task = verify_any(first(signed.body, Checkout), Task, operators)
    return task, verify(signed, Checkout, task.server_key)


def verify_any(signed: Signed, kind: type[M], public_keys: Collection[bytes]) -> M:
    """The message, once its signature holds for one of the keys; PeerError otherwise."""
    for key in public_keys:
        try:
            return verify(signed, kind, key)
        except PeerError as error:
            if error.problem != "bad-signature":
                raise
    raise PeerError("bad-signature", f"none of the {len(public_keys)} trusted keys signed this {kind.__name__}")


def _context(kind: int) -> bytes:
    return b"choral/signed/1\0" + bytes([kind])
