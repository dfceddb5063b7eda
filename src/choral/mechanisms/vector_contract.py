"""What every mechanism for vectors must pass before its name may stand in a Task. Used by tests; draws from fixed seeds.

Knows the interface alone. Leaves to each mechanism's own tests its bytes (golden vectors), its edges, and how exact its
epsilon is: a vector's outcomes cannot all be walked.
"""

import math
from dataclasses import fields
from statistics import NormalDist

import numpy as np

from choral.mechanisms.base import Payloads, Values, empty_state
from choral.mechanisms.vectors import VectorMechanism
from choral.numerics import SeededEntropy
from choral.numerics.entropy import BULK_ROWS
from choral.numerics.enumeration import EnumeratedEntropy

FALSE_ALARM = 1e-9  # of each z-test on correct code, were its seed drawn anew
MOST_Z = NormalDist().inv_cdf(1 - FALSE_ALARM / 2)
REPEATS = 256  # enough to notice a bias of 0.4 standard errors, and a variance off by 5 % over all coordinates
COHORT = BULK_ROWS + 8


def check_vector_mechanism(mechanism: VectorMechanism) -> None:
    """Raises AssertionError at the first promise broken."""
    _travels(mechanism)
    _refuses_before_drawing(mechanism)
    _rows_are_streams(mechanism)
    _is_linear(mechanism)
    _is_legal(mechanism)
    _is_private(mechanism)
    _estimates_without_bias(mechanism)


def example_vectors(mechanism: VectorMechanism, n: int) -> Values:
    """Vectors far too long, of one coordinate, of zeros, and of all lengths up to the clip norm; float64[n, dimension]."""
    bits = SeededEntropy(9).words(n, mechanism.dimension).astype(np.float64) / 2**64 - 0.25
    bits[::4] = 0
    bits[1::4] = np.eye(mechanism.dimension)[np.arange(len(bits[1::4])) % mechanism.dimension]
    lengths = np.array([1.0, 0.7, 0.3, 5.0])[np.arange(n) % 4][:, None]
    norms = np.maximum(np.linalg.norm(bits, axis=1, keepdims=True), 1e-300)
    return np.asarray(bits / norms * lengths * mechanism.clip_norm, np.float64)


def _hold(condition: bool, promise: str, mechanism: VectorMechanism) -> None:
    if not condition:
        raise AssertionError(f"{mechanism.NAME}: {promise}")


def _own_payloads(mechanism: VectorMechanism, n: int, seed: int = 1) -> Payloads:
    return mechanism.randomize(example_vectors(mechanism, n), SeededEntropy(seed))


def _travels(mechanism: VectorMechanism) -> None:
    """A Task carries unsigned integers, bytes and text only; the same parameters are the same mechanism."""
    parameters = {field.name: getattr(mechanism, field.name) for field in fields(mechanism)}  # type: ignore[arg-type]
    plain = all(isinstance(one, bytes | str) or (type(one) is int and 0 <= one < 2**64) for one in parameters.values())
    _hold(plain, "a parameter is neither an unsigned integer of 64 bits nor bytes nor text", mechanism)
    _hold(type(mechanism)(**parameters) == mechanism, "its parameters do not make it again", mechanism)
    record = mechanism.payload
    kinds = [record[name].base for name in record.names or ()]
    _hold(sum(record[name].itemsize for name in record.names or ()) == record.itemsize > 0, "its payload has gaps", mechanism)
    little = all(kind.kind in "ui" and kind.str[0] in "<|" for kind in kinds)
    _hold(little, "its payload is not little-endian integers", mechanism)


def _refuses_before_drawing(mechanism: VectorMechanism) -> None:
    right = np.zeros((1, mechanism.dimension))
    spoilt = [np.where(np.arange(mechanism.dimension) == 0, bad, right) for bad in (math.nan, math.inf, -math.inf)]
    for wrong in (*spoilt, right[0], right[:, 1:], right[:, :, None], right.astype(np.int64), right.astype(complex)):
        untouched = EnumeratedEntropy([])
        try:
            mechanism.randomize(wrong, untouched)
        except ValueError as error:
            _hold(not untouched.branches and "enumerated" not in str(error), "it drew before it refused a value", mechanism)
        else:
            _hold(False, f"it took {wrong.dtype} of shape {wrong.shape} for a vector", mechanism)


def _rows_are_streams(mechanism: VectorMechanism) -> None:
    """A cohort's bits are its devices' bits, in the second report as in the first, and differ from report to report."""
    values = example_vectors(mechanism, COHORT)
    cohort, devices = SeededEntropy(3), [SeededEntropy(3, stream=row) for row in range(COHORT)]
    reports = []
    for _ in range(2):
        together = mechanism.randomize(values, cohort)
        alone = [mechanism.randomize(values[row : row + 1], devices[row]).tobytes() for row in range(COHORT)]
        _hold(together.tobytes() == b"".join(alone), "a cohort's rows are not its devices' reports", mechanism)
        reports.append(together.tobytes())
    _hold(reports[0] != reports[1], "it gives the same noise twice", mechanism)
    _hold(len(mechanism.randomize(values[:0], cohort)) == 0, "an empty cohort sends something", mechanism)


def _is_linear(mechanism: VectorMechanism) -> None:
    payloads = _own_payloads(mechanism, 200)
    whole = mechanism.accumulate(empty_state(mechanism), payloads)
    _hold(whole.shape == mechanism.cells and whole.dtype == np.int64, "its state is not int64 of shape `cells`", mechanism)
    parts = [mechanism.accumulate(empty_state(mechanism), part) for part in (payloads[:1], payloads[1:1], payloads[1:])]
    _hold(bool((np.sum(parts, axis=0) == whole).all()), "merging is not addition", mechanism)
    onward = mechanism.accumulate(mechanism.accumulate(empty_state(mechanism), payloads[150:]), payloads[:150])
    _hold(bool((onward == whole).all()), "the order of reports matters", mechanism)
    as_read = mechanism.accumulate(empty_state(mechanism), np.frombuffer(payloads.tobytes(), mechanism.payload))
    _hold(bool((as_read == whole).all()), "payloads off the wire count differently", mechanism)


def _is_legal(mechanism: VectorMechanism) -> None:
    """Own payloads are legal; whatever `legal` passes can be summed and estimated."""
    _hold(bool(mechanism.legal(_own_payloads(mechanism, 200)).all()), "it calls its own payload illegal", mechanism)
    size = mechanism.payload.itemsize
    noise = SeededEntropy(4).words(1, 32 * size).view(np.uint8)[0][: 256 * size - 2 * size].tobytes()
    anything = np.frombuffer(noise + b"\xff" * size + b"\xff\xff\xff\x7f" * size, mechanism.payload, 256)
    mask = mechanism.legal(anything)
    _hold(mask.shape == (256,) and mask.dtype == np.bool_, "`legal` is not one bool a payload", mechanism)
    passed = anything[mask]
    estimate = mechanism.estimate(mechanism.accumulate(empty_state(mechanism), passed), len(passed))
    finite = np.isfinite(estimate.values).all() and np.isfinite(estimate.variance).all() and (estimate.variance >= 0).all()
    _hold(bool(finite), "a legal payload spoils the estimate", mechanism)
    _hold(not mechanism.legal(np.frombuffer(b"\xff\xff\xff\x7f" * size, mechanism.payload, 1)).any(), "all is legal", mechanism)


def _is_private(mechanism: VectorMechanism) -> None:
    """Pure and local; or, where it rests on a sum, said so: a local delta, and a sum's guarantee behind it."""
    first, *others = mechanism.guarantees(1000)
    _hold(first.trust == "nobody" and first.epsilon == mechanism.epsilon > 0, "its first guarantee is not local", mechanism)
    central = any(other.trust == "sum" for other in others)
    _hold((first.delta > 0) == central, "its local guarantee is neither pure nor that of a share of a sum's noise", mechanism)
    _hold(all(other.assumption for other in others), "a conditional guarantee does not say its condition", mechanism)


def _estimates_without_bias(mechanism: VectorMechanism, n: int = 60) -> None:
    """Over many batches, errors average to zero and their squares to the variance, which the estimate tells."""
    values = example_vectors(mechanism, n)
    truth, theory = mechanism.clip(values).sum(axis=0), mechanism.variance(values)
    payloads = mechanism.randomize(np.tile(values, (REPEATS, 1)), SeededEntropy(100)).reshape(REPEATS, n)
    estimates = [mechanism.estimate(mechanism.accumulate(empty_state(mechanism), batch), n) for batch in payloads]
    errors = np.array([(estimate.values - truth) / np.sqrt(theory) for estimate in estimates])
    means = np.abs(errors.mean(axis=0)) * math.sqrt(REPEATS)
    most = NormalDist().inv_cdf(1 - FALSE_ALARM / 2 / mechanism.dimension)
    _hold(bool((means < most).all()), f"a coordinate is biased, {means.max():.1f} standard errors", mechanism)
    squares = (errors**2).mean(axis=1)
    off = abs(squares.mean() - 1) / squares.std(ddof=1) * math.sqrt(REPEATS)
    _hold(off < MOST_Z, f"its variance is {squares.mean():.3f} of its theory, {off:.1f} standard errors off", mechanism)
    told = float(np.mean([estimate.variance / theory for estimate in estimates]))
    _hold(abs(told - 1) < 0.1, f"it tells {told:.3f} of its variance", mechanism)
