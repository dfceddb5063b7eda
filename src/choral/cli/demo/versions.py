"""What a demo says of each version of a model: its metric, and how much better it is than the first, both with errors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def version_row(version: int, reports: int, own: NDArray[np.float64], gain: NDArray[np.float64]) -> dict[str, Any]:
    """own: the metric of each one judged, float64[n]; gain: over the first version, paired, float64[n]"""
    return {
        "version": version,
        "reports": reports,
        "metric": float(own.mean()),
        "stderr": _stderr(own),
        "gain": float(gain.mean()),
        "gain_stderr": _stderr(gain),
    }


def _stderr(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if values.any() else 0.0
