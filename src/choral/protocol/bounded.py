"""A body of bytes while it comes: never more of it than is allowed, whoever reads it and whatever they keep it in."""

from collections.abc import AsyncIterator


async def bounded(parts: AsyncIterator[bytes], most: int, refusal: Exception) -> AsyncIterator[bytes]:
    """The same parts; `refusal` is raised instead of the one with which they are more than `most` bytes together."""
    size = 0
    async for part in parts:
        size += len(part)
        if size > most:
            raise refusal
        yield part


async def whole_body(parts: AsyncIterator[bytes], most: int, refusal: Exception) -> bytes:
    """All parts together, `refusal` if they are more than `most` bytes."""
    return b"".join([part async for part in bounded(parts, most, refusal)])
