"""What a page's own script asks: one JSON object in the body of a request, bounded while it comes, each member checked.

Nothing of a body that is refused is quoted.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from starlette.exceptions import HTTPException
from starlette.requests import Request

from choral.protocol.bounded import whole_body

BAD_REQUEST, TOO_LARGE = 400, 413
FOREIGN = "The request is not the page's own; reload the page."
HASH_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """The members of the object; 400 for one that is missing, or is not what the page would send."""

    members: Mapping[str, Any] = field(repr=False)

    @classmethod
    async def read(cls, request: Request, most: int) -> Self:
        """From a body of at most `most` bytes; 413 for one that is longer."""
        body = await whole_body(request.stream(), most, HTTPException(TOO_LARGE, "This is too large to be read."))
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise _foreign() from None
        if not isinstance(found, dict):
            raise _foreign()
        return cls(found)

    def text(self, name: str) -> str:
        """A text; lone halves of characters, which are no text, become question marks."""
        value = self.members.get(name)
        if not isinstance(value, str):
            raise _foreign()
        return value.encode("utf-8", "replace").decode()

    def number(self, name: str) -> int:
        """A whole number."""
        value = self.members.get(name)
        if type(value) is not int:
            raise _foreign()
        return value

    def is_true(self, name: str) -> bool:
        """Whether a member is there and true."""
        return self.members.get(name) is True

    def hash(self, name: str) -> bytes:
        """The 32 bytes of a hash in hexadecimal."""
        value = self.text(name)
        if len(value) != HASH_DIGITS or set(value) - set("0123456789abcdef"):
            raise _foreign()
        return bytes.fromhex(value)

    def data(self, name: str) -> bytes | None:
        """The bytes in base 64; None for null."""
        value = self.members.get(name)
        if value is None:
            return None
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise _foreign() from None


def _foreign() -> HTTPException:
    return HTTPException(BAD_REQUEST, FOREIGN)
