"""A body that is longer than allowed is refused while it comes, and no part beyond the bound is asked for."""

import asyncio
import io

import pytest

from choral.protocol.bounded import bounded, whole_body


class TooMuchError(Exception):
    """What the reader of this test refuses with."""


def parts_of(sizes, asked):
    async def come():
        for size in sizes:
            asked.append(size)
            yield bytes(size)

    return come()


@pytest.mark.parametrize(("sizes", "most"), [((), 0), ((5,), 5), ((0, 3, 2), 5), ((1, 1), 5)])
def test_a_body_within_the_bound_comes_whole(sizes, most):
    assert len(asyncio.run(whole_body(parts_of(sizes, []), most, TooMuchError()))) == sum(sizes)


def test_the_part_that_is_too_much_is_not_kept_and_none_after_it_is_read():
    asked, kept = [], io.BytesIO()

    async def keep():
        async for part in bounded(parts_of((3, 2, 1, 9), asked), 5, TooMuchError()):
            kept.write(part)

    with pytest.raises(TooMuchError):
        asyncio.run(keep())
    assert len(kept.getvalue()) == 5
    assert asked == [3, 2, 1]
