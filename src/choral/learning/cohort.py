"""Cohorts: the device half of one algorithm for many devices at once. The only file that imports JAX.

Knows arrays with a leading axis of devices, and the same pure function that one device runs. Leaves rounds, privacy and
what becomes of the updates to others. Nothing here names a processor but one table: how much is worked on side by side.
In 64 bits (JAX's `jax_enable_x64`) an update equals the device's but for the order of sums; in 32 bits, to 32 bits.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays

PART_BYTES = 2**26  # of examples and updates held beside the caller's own at any time
SIDE_BYTES = {"cpu": 2**16}  # of examples trained side by side: on a processor its nearest memory is the limit,
ELSEWHERE_BYTES = 2**26  # elsewhere there are thousands of lanes to fill
Rows = NDArray[np.integer]


class Trained(Protocol):
    """What a cohort needs of an algorithm: the device half, hashable, pure."""

    def local_update(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """One device's update [size] from params [size] and its own examples."""
        ...


def resident(examples: Arrays) -> Mapping[str, Any]:
    """The same examples where JAX computes, in its floats: hand these to `updates` when they serve many rounds."""
    return {name: jnp.asarray(array, _kind(array)) for name, array in examples.items()}


def updates(algorithm: Trained, params: NDArray[np.floating], examples: Arrays, *, rows: Rows | None = None) -> NDArray[Any]:
    """Each device's update, floats [n, size], of 32 bits unless JAX computes in 64.

    params: the flat vector [size]; examples: named arrays [devices, rows, ...]; rows: which devices [n], all by default
    """
    return np.concatenate(list(parts(algorithm, params, examples, rows=rows)))


def parts(
    algorithm: Trained, params: NDArray[np.floating], examples: Arrays, *, rows: Rows | None = None
) -> Iterator[NDArray[Any]]:
    """The same in the same order, some devices at a time, so that memory stays flat for a million; compiled once."""
    devices = device_count(examples)
    chosen = np.arange(devices) if rows is None else np.asarray(rows)
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= devices:
        raise ValueError(f"need at least one device, and rows in [0, {devices}); got {len(chosen)} rows")
    vector = jnp.asarray(params, _kind(np.asarray(params)))
    each = sum(array.nbytes // devices for array in examples.values()) + vector.nbytes
    length = min(len(chosen), max(1, PART_BYTES // each))
    beside = min(length, max(1, SIDE_BYTES.get(jax.default_backend(), ELSEWHERE_BYTES) // each))
    for start in range(0, len(chosen), length):
        part = chosen[start : start + length]
        same = np.resize(part, beside * -(-length // beside))  # repeats itself: one shape is one compilation
        trained = _of_resident if _is_resident(examples) else _of_host
        yield np.asarray(trained(algorithm, beside, vector, examples, same))[: len(part)]


def device_count(examples: Arrays) -> int:
    """Length of the leading axis; ValueError if the arrays do not agree on it, or there are no devices."""
    lengths = {len(array) for array in examples.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"named arrays share a leading axis of at least one device, got lengths {sorted(lengths)}")
    return lengths.pop()


def _of_resident(algorithm: Trained, beside: int, params: Any, examples: Arrays, rows: Rows) -> Any:
    return _chosen_updates(algorithm, beside, params, examples, rows.astype(np.int32))


def _of_host(algorithm: Trained, beside: int, params: Any, examples: Arrays, rows: Rows) -> Any:
    return _all_updates(algorithm, beside, params, resident({name: array[rows] for name, array in examples.items()}))


@partial(jax.jit, static_argnums=(0, 1))
def _chosen_updates(algorithm: Trained, beside: int, params: Any, examples: Arrays, rows: Any) -> Any:
    def one(row: Any) -> Any:
        return algorithm.local_update(jnp, params, {name: array[row] for name, array in examples.items()})

    return jax.lax.map(one, rows, batch_size=beside if beside > 1 else None)


@partial(jax.jit, static_argnums=(0, 1))
def _all_updates(algorithm: Trained, beside: int, params: Any, examples: Arrays) -> Any:
    one = partial(algorithm.local_update, jnp, params)
    return jax.lax.map(one, examples, batch_size=beside if beside > 1 else None)


def _is_resident(examples: Arrays) -> bool:
    return all(isinstance(array, jax.Array) for array in examples.values())


def _kind(array: NDArray[Any]) -> Any:
    """The type in which JAX computes: its own width for floats and integers."""
    wide = float if array.dtype.kind == "f" else array.dtype
    return jax.dtypes.canonicalize_dtype(wide)


def processor() -> dict[str, Any]:
    """What JAX computes on, for whoever reports a measurement."""
    devices = jax.devices()
    return {"jax": jax.__version__, "jax_devices": [f"{device.platform}: {device.device_kind}" for device in devices]}
