"""Account tokens: 256 random bits, shown once; what is kept is a hash under a key that lies beside the store, not in it."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secrets:
    """The service's keys, all made from one root, and the operator's token.

    token_key: for the kept hashes of account tokens; tag_key: for ETags, so that none can be computed from content
    """

    token_key: bytes
    tag_key: bytes
    operator_token: str

    @classmethod
    def of(cls, root: bytes, operator_token: str) -> "Secrets":
        """The keys of a root of 32 random bytes."""
        return cls(_derived(root, b"account tokens"), _derived(root, b"entity tags"), operator_token)

    def kept(self, token: str) -> bytes:
        """What is stored of a token: 32 bytes."""
        return hmac.digest(self.token_key, token.encode(errors="replace"), "sha256")

    def tag(self, account: int, body: bytes) -> str:
        """A strong ETag of what this account downloads: equal for equal bytes of one account, unlike everywhere else."""
        return f'"{hmac.digest(self.tag_key, account.to_bytes(8, "little") + body, "sha256")[:16].hex()}"'

    def is_operator(self, token: str) -> bool:
        """Whether this is the operator's token, in constant time."""
        given, due = (hashlib.sha256(text.encode(errors="replace")).digest() for text in (token, self.operator_token))
        return hmac.compare_digest(given, due)


def new_token() -> str:
    """A token for one account, from the operating system's entropy."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def _derived(root: bytes, what: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"choral/catalogue/1/" + what).derive(root)
