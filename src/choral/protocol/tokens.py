"""Anonymous one-use tokens: an issuer who knows the account signs what it cannot see; a server who sees it knows no account.

Token type 0x0002 of Privacy Pass (RFC 9577 for the token, RFC 9578 for how it is issued): publicly verifiable, so the
server that takes it holds no key of the issuer's. A token is good for one task: its challenge names the task.
"""

import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from choral.errors import PeerError
from choral.numerics import Entropy
from choral.protocol.blind_rsa import BITS, SIGNATURE_BYTES, Blinded, blind, blind_sign, require_blinded, unblind, verifies
from choral.protocol.messages import Release
from choral.protocol.task import NOBODY
from choral.protocol.wire import malformed

ISSUER = "issuer"  # the kind of the public Release that names one
TYPE = 2
NONCE_BYTES = 32
INPUT = struct.Struct(">H32s32s32s")  # type, nonce, digest of the challenge, key id
TOKEN_BYTES = INPUT.size + SIGNATURE_BYTES
REQUEST = struct.Struct(f">HB{SIGNATURE_BYTES}s")  # type, last byte of the key id, blinded message
MOST_TOGETHER = 16  # requests that an issuer takes in one body
REFUSED = "token-refused"
# SubjectPublicKeyInfo for RSASSA-PSS with SHA-384, MGF1 with SHA-384 and 48 bytes of salt (RFC 9578, section 8.2.2)
PSS_ALGORITHM = bytes.fromhex(
    "303d06092a864886f70d01010a3030a00d300b0609608648016503040202"
    "a11a301806092a864886f70d010108300b0609608648016503040202a203020130"
)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """An issuer's public key, as everyone names it."""

    key: RSAPublicKey

    @property
    def encoded(self) -> bytes:
        """DER SubjectPublicKeyInfo with the RSASSA-PSS parameters."""
        bits = b"\x00" + self.key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        body = PSS_ALGORITHM + b"\x03" + _length(len(bits)) + bits
        return b"\x30" + _length(len(body)) + body

    @property
    def id(self) -> bytes:
        """SHA-256 of the encoded key."""
        return hashlib.sha256(self.encoded).digest()

    @classmethod
    def decode(cls, data: bytes) -> "TokenKey":
        """The key in its one encoding; PeerError for anything else."""
        try:
            key = load_der_public_key(data)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise malformed(f"an issuer's key cannot be read: {error}") from None
        if not isinstance(key, RSAPublicKey) or key.key_size != BITS or cls(key).encoded != data:
            raise malformed(f"an issuer's key is RSASSA-PSS with SHA-384 and {BITS} bits")
        return cls(key)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues tokens: a host's name, and the key that its tokens verify under."""

    name: str
    key: TokenKey

    def release(self, created: datetime) -> Release:
        """The public data that a task names it by."""
        arrays = {"key": np.frombuffer(self.key.encoded, np.uint8), "name": np.frombuffer(self.name.encode("ascii"), np.uint8)}
        return Release(NOBODY, 0, ISSUER, 0, int(created.timestamp()), (), arrays)

    @classmethod
    def from_release(cls, release: Release) -> "Issuer":
        """Who the public data names; PeerError if it names nobody."""
        try:
            name = release.arrays["name"].tobytes().decode("ascii")
            return cls(name, TokenKey.decode(release.arrays["key"].tobytes()))
        except (LookupError, UnicodeDecodeError) as error:
            raise malformed(f"public data of kind {release.kind!r} names no issuer ({type(error).__name__})") from None

    def challenge(self, task: bytes) -> bytes:
        """What a token for the task with this hash must have been made for."""
        return task_challenge(self.name, task)


@dataclass(frozen=True, slots=True)
class Token:
    """What is spent with one report: `nonce` names it, `challenge` is the digest of what it is good for."""

    nonce: bytes
    challenge: bytes
    key: bytes
    signature: bytes

    def to_bytes(self) -> bytes:
        """The token as it is sent."""
        return _input(self.nonce, self.challenge, self.key) + self.signature

    @classmethod
    def from_bytes(cls, data: bytes) -> "Token":
        """The token that `data` holds; PeerError if it is not one."""
        if len(data) != TOKEN_BYTES:
            raise PeerError(REFUSED, f"a token has {TOKEN_BYTES} bytes, got {len(data)}")
        kind, nonce, challenge, key = INPUT.unpack_from(data)
        if kind != TYPE:
            raise PeerError(REFUSED, f"tokens are of type {TYPE}, got {kind}")
        return cls(nonce, challenge, key, data[INPUT.size :])

    def require(self, key: TokenKey, challenge: bytes) -> None:
        """PeerError unless the token was made for this challenge and signed by this issuer."""
        if self.challenge != challenge_digest(challenge) or self.key != key.id:
            raise PeerError(REFUSED, "the token was made for another task or by another issuer; ask for one for this task")
        if not verifies(key.key, _input(self.nonce, self.challenge, self.key), self.signature):
            raise PeerError(REFUSED, "the token's signature does not hold; it was not made by this issuer")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token that is being asked for. `message` is all the issuer sees; the rest stays with its owner."""

    key: TokenKey
    nonce: bytes
    challenge: bytes
    blinded: Blinded

    @classmethod
    def make(cls, key: TokenKey, challenge: bytes, entropy: Entropy) -> "TokenRequest":
        """A request for one token that will be good for this challenge."""
        nonce = entropy.words(1, NONCE_BYTES // 8).astype("<u8").tobytes()
        digest = challenge_digest(challenge)
        return cls(key, nonce, digest, blind(key.key, _input(nonce, digest, key.id), entropy))

    @property
    def message(self) -> bytes:
        """What the issuer is sent."""
        return REQUEST.pack(TYPE, self.key.id[-1], self.blinded.message)

    def finish(self, answer: bytes) -> Token:
        """The token, from the issuer's answer; PeerError if the answer is no signature."""
        message = _input(self.nonce, self.challenge, self.key.id)
        signature = unblind(self.key.key, message, answer, inverse=self.blinded.inverse)
        return Token(self.nonce, self.challenge, self.key.id, signature)


def issue(key: RSAPrivateKey, request: bytes, entropy: Entropy) -> bytes:
    """The issuer's answer to a request; PeerError if it is not one for this key."""
    return blind_sign(key, asked(TokenKey(key.public_key()), request), entropy)


def asked(key: TokenKey, request: bytes) -> bytes:
    """The blinded message of a request for a token under this key; PeerError if it is not one."""
    if len(request) != REQUEST.size:
        raise malformed(f"a token request has {REQUEST.size} bytes, got {len(request)}")
    kind, key_byte, message = REQUEST.unpack(request)
    if kind != TYPE or key_byte != key.id[-1]:
        raise malformed("the request is for another type of token or another key; download the issuer's key again")
    require_blinded(key.key, message)
    return bytes(message)


def task_challenge(issuer: str, task: bytes) -> bytes:
    """What a token for one task is good for: a TokenChallenge (RFC 9577, section 2.1.1) with the task's hash as its context."""
    name = issuer.encode("ascii")
    if not 1 <= len(name) < 2**16 or len(task) != 32:
        raise ValueError("a challenge needs an issuer's name and a task's hash of 32 bytes")
    return struct.pack(">HH", TYPE, len(name)) + name + b"\x20" + task + b"\x00\x00"


def challenge_digest(challenge: bytes) -> bytes:
    """How a token names its challenge."""
    return hashlib.sha256(challenge).digest()


def _input(nonce: bytes, challenge: bytes, key: bytes) -> bytes:
    return INPUT.pack(TYPE, nonce, challenge, key)


def _length(size: int) -> bytes:
    """A DER length."""
    if size < 128:
        return bytes([size])
    body = size.to_bytes(-(-size.bit_length() // 8))
    return bytes([0x80 | len(body)]) + body
