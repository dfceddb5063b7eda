"""How `choral trace` watches: a profiler's hook tells when one of the watched functions of the production code returns, but
for a device's rehearsal of a check-out without any event.

Keys, times and random words are written down here, so that what is printed is the same on every machine, but for seals,
whose keys the operating system draws anew: of them only sizes are shown.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import choral
from choral.device.judging import rehearse
from choral.numerics import ScriptedEntropy

WORDS = 64
GOLDEN = 0x9E3779B97F4A7C15  # the script: multiples of it, modulo 2**64
PACKAGE = Path(choral.__file__).parent
Words = Callable[[Mapping[str, Any], Any], str]
Watched = Sequence[tuple[Callable[..., Any], Words]]


@contextmanager
def watching(lines: list[str], watched: Watched) -> Iterator[None]:
    """Append a line for each return of a watched function, while the context lasts; none where its words are empty."""
    codes = {_code(function): (function, describe) for function, describe in watched}
    rehearsal = _code(rehearse)

    def hook(frame: FrameType, event: str, result: Any) -> None:
        if event == "return" and frame.f_code in codes and not _is_within(frame, rehearsal):
            function, describe = codes[frame.f_code]
            if text := describe(frame.f_locals, result):
                lines.append(f"{_place(function)}\t{text}")

    sys.setprofile(hook)
    try:
        yield
    finally:
        sys.setprofile(None)


def numbered(lines: list[str]) -> Iterator[str]:
    """Headings as they are, and what was watched with its number and place."""
    number = 0
    for line in lines:
        place, _, text = line.partition("\t")
        if not text:
            yield f"\n{line}\n"
            continue
        number += 1
        yield f"{number:3} {place}"
        yield from (f"      {part}" for part in text.split("\n"))


def script(words: int = WORDS) -> ScriptedEntropy:
    """Written-down randomness."""
    return ScriptedEntropy([(turn * GOLDEN) % 2**64 for turn in range(1, words + 1)])


def secret(name: str) -> bytes:
    """A key that everyone knows, for traces only."""
    return hashlib.sha256(b"choral/trace/" + name.encode()).digest()


def _code(function: Any) -> CodeType:
    return inspect.unwrap(function).__code__  # type: ignore[no-any-return]


def _is_within(frame: FrameType, code: CodeType) -> bool:
    """Whether the function with this code has called the frame."""
    caller = frame.f_back
    while caller is not None and caller.f_code is not code:
        caller = caller.f_back
    return caller is not None


def _place(function: Any) -> str:
    plain = inspect.unwrap(function)
    return f"{Path(inspect.getfile(plain)).relative_to(PACKAGE)}:{plain.__qualname__}"
