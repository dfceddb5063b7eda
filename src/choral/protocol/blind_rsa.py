"""RSA blind signatures: a signer signs what it cannot see. RFC 9474, RSABSSA-SHA384-PSS-Deterministic, 2,048-bit keys.

Knows keys, messages and integers; draws randomness through `Entropy` only. Leaves to others what a signature is for.
Signing is done on a value that was blinded once more by the signer, so that how long it takes says nothing of the key.
"""

import hashlib
from dataclasses import dataclass
from math import gcd

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA384

from choral.errors import PeerError
from choral.numerics import Entropy
from choral.protocol.wire import malformed

BITS = 2048
SIGNATURE_BYTES = BITS // 8
HASH_BYTES = SALT_BYTES = 48
PADDING = PSS(MGF1(SHA384()), SALT_BYTES)


@dataclass(frozen=True, slots=True)
class Blinded:
    """A message as its signer will see it, and what takes the blinding off again, which its owner keeps to itself."""

    message: bytes
    inverse: int


def blind(key: RSAPublicKey, message: bytes, entropy: Entropy) -> Blinded:
    """The message encoded with a random salt and hidden behind a random factor; ValueError for another size of key."""
    modulus = _modulus(key)
    salt = _random(entropy, SALT_BYTES)
    return blinded(key, message, salt=salt, factor=_factor(entropy, modulus))


def blinded(key: RSAPublicKey, message: bytes, *, salt: bytes, factor: int) -> Blinded:
    """As `blind`, with the salt and the factor given: for vectors."""
    modulus = _modulus(key)
    encoded = int.from_bytes(encode_pss(message, salt))
    if gcd(encoded, modulus) != 1:
        raise ValueError("the message shares a factor with the modulus; ask for another key")
    hidden = encoded * pow(factor, key.public_numbers().e, modulus) % modulus
    return Blinded(hidden.to_bytes(SIGNATURE_BYTES), pow(factor, -1, modulus))


def blind_sign(key: RSAPrivateKey, message: bytes, entropy: Entropy) -> bytes:
    """The signature of a blinded message; PeerError if it is no number below the modulus.

    The result is checked before it is given away: a fault in the computation would give the key away.
    """
    numbers, public = key.private_numbers(), key.public_key().public_numbers()
    modulus = _modulus(key.public_key())
    hidden = require_blinded(key.public_key(), message)
    factor = _factor(entropy, modulus)
    again = hidden * pow(factor, public.e, modulus) % modulus
    half_p, half_q = pow(again % numbers.p, numbers.dmp1, numbers.p), pow(again % numbers.q, numbers.dmq1, numbers.q)
    signed = half_q + numbers.q * ((half_p - half_q) * numbers.iqmp % numbers.p)
    signature = signed * pow(factor, -1, modulus) % modulus
    if pow(signature, public.e, modulus) != hidden:
        raise ArithmeticError("the signature does not verify; nothing was given away; check this machine's memory")
    return signature.to_bytes(SIGNATURE_BYTES)


def require_blinded(key: RSAPublicKey, message: bytes) -> int:
    """The number in a blinded message; PeerError if it is none below the modulus."""
    hidden = int.from_bytes(message)
    if len(message) != SIGNATURE_BYTES or hidden >= _modulus(key):
        raise malformed(f"a blinded message is a number below the modulus in {SIGNATURE_BYTES} bytes")
    return hidden


def unblind(key: RSAPublicKey, message: bytes, answer: bytes, *, inverse: int) -> bytes:
    """The signature of the message itself; PeerError if the signer's answer does not give one."""
    if len(answer) != SIGNATURE_BYTES:
        raise malformed(f"a blind signature has {SIGNATURE_BYTES} bytes, got {len(answer)}")
    signature = (int.from_bytes(answer) * inverse % _modulus(key)).to_bytes(SIGNATURE_BYTES)
    if not verifies(key, message, signature):
        raise PeerError("bad-signature", "the signer's answer does not unblind to a signature; ask again, or tell its operator")
    return signature


def verifies(key: RSAPublicKey, message: bytes, signature: bytes) -> bool:
    """Whether this is a signature of the message: RSASSA-PSS with SHA-384 and a salt of 48 bytes."""
    try:
        key.verify(signature, message, PADDING, SHA384())
    except InvalidSignature:
        return False
    return True


def encode_pss(message: bytes, salt: bytes) -> bytes:
    """EMSA-PSS-ENCODE of RFC 8017, section 9.1.1, for a modulus of 2,048 bits."""
    digest = hashlib.sha384(bytes(8) + hashlib.sha384(message).digest() + salt).digest()
    block = bytes(SIGNATURE_BYTES - len(salt) - HASH_BYTES - 2) + b"\x01" + salt
    mask = _mask(digest, len(block))
    hidden = bytearray(one ^ other for one, other in zip(block, mask, strict=True))
    hidden[0] &= 0x7F  # the encoded message has one bit less than the modulus
    return bytes(hidden) + digest + b"\xbc"


def _mask(seed: bytes, length: int) -> bytes:
    """MGF1 of RFC 8017, section B.2.1."""
    blocks = (hashlib.sha384(seed + count.to_bytes(4)).digest() for count in range(-(-length // HASH_BYTES)))
    return b"".join(blocks)[:length]


def _modulus(key: RSAPublicKey) -> int:
    if key.key_size != BITS:
        raise ValueError(f"a key for blind signatures has {BITS} bits, got {key.key_size}")
    return key.public_numbers().n


def _factor(entropy: Entropy, modulus: int) -> int:
    """Uniform among the numbers below the modulus that have an inverse: drawn again where it is not."""
    while True:
        factor = int.from_bytes(_random(entropy, SIGNATURE_BYTES))
        if 1 < factor < modulus and gcd(factor, modulus) == 1:
            return factor


def _random(entropy: Entropy, count: int) -> bytes:
    return entropy.words(1, -(-count // 8)).astype("<u8").tobytes()[:count]
