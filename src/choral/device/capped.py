"""An algorithm's device half, run so that it ends: ours carry a bound that was judged, others a hard cap on time and memory.

A class from outside this package runs in a process of its own, which gets public parameters, the person's examples and
nothing else, and gives back one array. Where the system knows no limits on memory (Windows), only time is capped.
"""

import importlib
import io
import json
import os
import subprocess
import sys
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.device.signal import Arrays
from choral.errors import ChoralError

MOST_SECONDS = 20  # of processor time and on the wall
MOST_BYTES = 2**32  # of address space: numpy alone reserves hundreds of megabytes
PACKAGE = __name__.partition(".")[0]


class CappedOut(ChoralError):  # noqa: N818  # named for what happened
    """An algorithm from outside this package did not answer within its cap, or answered with no array."""


def contribute(algorithm: Any, params: Arrays, examples: Arrays) -> NDArray[Any]:
    """What the device half answers; CappedOut where one from outside this package breaks its cap or fails."""
    if type(algorithm).__module__.partition(".")[0] == PACKAGE:
        with np.errstate(all="ignore"):
            return np.asarray(algorithm.contribute(params, examples))
    return _run_apart(algorithm, params, examples)


def _run_apart(algorithm: Any, params: Arrays, examples: Arrays) -> NDArray[Any]:
    kind = type(algorithm)
    values = {one.name: getattr(algorithm, one.name) for one in fields(algorithm)}
    written = {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in values.items()}
    head = json.dumps([kind.__module__, kind.__qualname__, written]).encode()
    parts = [head, _packed(params), _packed(examples)]
    body = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    try:
        done = subprocess.run(
            (sys.executable, "-m", __name__),
            input=body,
            capture_output=True,
            timeout=MOST_SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"},
        )
        found = np.load(io.BytesIO(done.stdout), allow_pickle=False) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError, EOFError) as error:
        raise CappedOut(f"{kind.__qualname__} did not answer within {MOST_SECONDS} s ({type(error).__name__})") from error
    if found is None:
        raise CappedOut(
            f"{kind.__qualname__} of {kind.__module__} failed or broke its cap ({MOST_SECONDS} s, {MOST_BYTES >> 30} GiB); it "
            "must be a class that another process can import"
        )
    return np.asarray(found)


def _packed(arrays: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{name: np.asarray(array) for name, array in arrays.items()})  # type: ignore[arg-type]
    return file.getvalue()


def _unpacked(data: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def main() -> None:
    """The other process: limits itself, reads what to do from its input, writes the answer."""
    if sys.platform != "win32":
        import resource

        for limit, most in ((resource.RLIMIT_CPU, MOST_SECONDS), (resource.RLIMIT_AS, MOST_BYTES), (resource.RLIMIT_CORE, 0)):
            _, hard = resource.getrlimit(limit)
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (least, least))
    data, parts = sys.stdin.buffer.read(), list[bytes]()
    while data:
        size = int.from_bytes(data[:8], "little")
        parts.append(data[8 : 8 + size])
        data = data[8 + size :]
    module, name, written = json.loads(parts[0])
    kind: Any = importlib.import_module(module)
    for part in name.split("."):
        kind = getattr(kind, part)
    values = {key: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for key, value in written.items()}
    with np.errstate(all="ignore"):
        answer = np.asarray(kind(**values).contribute(_unpacked(parts[1]), _unpacked(parts[2])))
    file = io.BytesIO()
    np.save(file, answer, allow_pickle=False)
    sys.stdout.buffer.write(file.getvalue())


if __name__ == "__main__":
    main()
