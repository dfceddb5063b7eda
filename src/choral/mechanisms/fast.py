"""Whether the compiled kernels are here and worth their start."""

from types import ModuleType

WORTHWHILE = 2**15  # reports from which they pay, also where they are yet to be compiled
HASHES_WORTH = 256  # table look-ups that cost as much as one report's loop


def kernels(size: int) -> ModuleType | None:
    """The compiled twins for work on `size` things; None for little work, and where numba is not installed."""
    if size < WORTHWHILE:
        return None
    try:
        from choral.mechanisms import kernels as compiled
    except ImportError:
        return None
    return compiled
