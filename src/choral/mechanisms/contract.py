"""What every frequency oracle must pass before its name may stand in a Task. Used by tests; draws from fixed seeds.

Knows the interface alone. Leaves to each mechanism's own tests its bytes (golden vectors) and its edges.
"""

import math
from dataclasses import fields, replace
from hashlib import sha256
from statistics import NormalDist

import numpy as np

from choral.mechanisms.base import Estimate, FrequencyOracle, Payloads, Values, empty_state
from choral.mechanisms.exact import exact_epsilon
from choral.numerics import SeededEntropy, outcomes
from choral.numerics.entropy import BULK_ROWS
from choral.numerics.enumeration import EnumeratedEntropy

FALSE_ALARM = 1e-9  # of each z-test on correct code, were its seed drawn anew
MOST_Z = NormalDist().inv_cdf(1 - FALSE_ALARM / 2)
REPEATS = 256  # enough to notice a bias of 0.4 and a variance off by 40 % of its item, or 5 % of all items together
COHORT = BULK_ROWS + 8


def check_mechanism(mechanism: FrequencyOracle, small: FrequencyOracle | None = None) -> None:
    """Raises AssertionError at the first promise broken; `small` is an instance whose every outcome can be walked."""
    _travels(mechanism)
    _refuses_before_drawing(mechanism)
    _rows_are_streams(mechanism)
    _is_linear(mechanism)
    _is_legal(mechanism)
    _is_private(mechanism)
    _bounds_manipulation(mechanism)
    _estimates_without_bias(mechanism)
    if small is not None:
        _travels(small)
        _is_exact(small)


def own_payloads(mechanism: FrequencyOracle, n: int, seed: int = 1) -> Payloads:
    """Payloads[n] of values spread over the whole domain."""
    return mechanism.randomize(_spread(mechanism, n), SeededEntropy(seed))


def _hold(condition: bool, promise: str, mechanism: FrequencyOracle) -> None:
    if not condition:
        raise AssertionError(f"{mechanism.NAME}: {promise}")


def _spread(mechanism: FrequencyOracle, n: int) -> Values:
    """Half of the values are category 0, the others are spread from the last category down."""
    return np.where(np.arange(n) % 2 == 0, 0, (mechanism.domain - 1 - np.arange(n)) % mechanism.domain)


def _travels(mechanism: FrequencyOracle) -> None:
    """A Task carries unsigned integers, bytes and text only; the same parameters are the same mechanism."""
    parameters = {field.name: getattr(mechanism, field.name) for field in fields(mechanism)}  # type: ignore[arg-type]
    plain = all(isinstance(one, bytes | str) or (type(one) is int and 0 <= one < 2**64) for one in parameters.values())
    _hold(plain, "a parameter is neither an unsigned integer of 64 bits nor bytes nor text", mechanism)
    _hold(type(mechanism)(**parameters) == mechanism, "its parameters do not make it again", mechanism)
    record = mechanism.payload
    kinds = [record[name].base for name in record.names or ()]
    packed = sum(record[name].itemsize for name in record.names or ())
    _hold(packed == record.itemsize > 0, "its payload has gaps", mechanism)
    _hold(
        all(kind.kind == "u" and kind.str[0] in "<|" for kind in kinds), "its payload is not little-endian integers", mechanism
    )


def _refuses_before_drawing(mechanism: FrequencyOracle) -> None:
    for wrong in ([-1], [mechanism.domain], [0, mechanism.domain], [0.5], [[0]]):
        untouched = EnumeratedEntropy([])
        try:
            mechanism.randomize(np.array(wrong), untouched)
        except ValueError:
            _hold(not untouched.branches, "it drew before it refused a value", mechanism)
        else:
            _hold(False, f"it took {wrong} for categories below {mechanism.domain}", mechanism)


def _rows_are_streams(mechanism: FrequencyOracle) -> None:
    """A cohort's bits are its devices' bits, in the second report as in the first, and differ from report to report."""
    values = _spread(mechanism, COHORT)
    cohort, devices = SeededEntropy(3), [SeededEntropy(3, stream=row) for row in range(COHORT)]
    reports = []
    for _ in range(2):
        together = mechanism.randomize(values, cohort)
        alone = [mechanism.randomize(values[row : row + 1], devices[row]).tobytes() for row in range(COHORT)]
        _hold(together.tobytes() == b"".join(alone), "a cohort's rows are not its devices' reports", mechanism)
        reports.append(together.tobytes())
    _hold(reports[0] != reports[1], "it gives the same noise twice", mechanism)
    _hold(len(mechanism.randomize(values[:0], cohort)) == 0, "an empty cohort sends something", mechanism)


def _is_linear(mechanism: FrequencyOracle) -> None:
    payloads = own_payloads(mechanism, 300)
    whole = mechanism.accumulate(empty_state(mechanism), payloads)
    _hold(whole.shape == mechanism.cells and whole.dtype == np.int64, "its state is not int64 of shape `cells`", mechanism)
    parts = [mechanism.accumulate(empty_state(mechanism), part) for part in (payloads[:1], payloads[1:1], payloads[1:])]
    _hold(bool((np.sum(parts, axis=0) == whole).all()), "merging is not addition", mechanism)
    onward = mechanism.accumulate(mechanism.accumulate(empty_state(mechanism), payloads[200:]), payloads[:200])
    _hold(bool((onward == whole).all()), "the order of reports matters", mechanism)
    as_read = np.frombuffer(payloads.tobytes(), mechanism.payload)
    read = mechanism.accumulate(empty_state(mechanism), as_read)
    _hold(bool((read == whole).all()), "payloads off the wire count differently", mechanism)


def _is_legal(mechanism: FrequencyOracle) -> None:
    """Own payloads are legal; whatever `legal` passes can be summed and estimated, and what it does not pass exists."""
    _hold(bool(mechanism.legal(own_payloads(mechanism, 300)).all()), "it calls its own payload illegal", mechanism)
    size = mechanism.payload.itemsize
    noise = SeededEntropy(4).words(1, 32 * size).view(np.uint8)[0][: 256 * size - size].tobytes()
    anything = np.frombuffer(noise + b"\xff" * size, mechanism.payload)
    mask = mechanism.legal(anything)
    _hold(mask.shape == (256,) and mask.dtype == np.bool_, "`legal` is not one bool a payload", mechanism)
    passed = anything[mask]
    estimate = mechanism.estimate(mechanism.accumulate(empty_state(mechanism), passed), len(passed))
    _hold(bool(np.isfinite(estimate.values).all()), "a legal payload spoils the estimate", mechanism)


def _is_private(mechanism: FrequencyOracle) -> None:
    first, *others = mechanism.guarantees(1000)
    _hold(first.trust == "nobody" and first.epsilon == mechanism.epsilon, "its first guarantee is not local", mechanism)
    _hold(first.delta == 0 < first.epsilon, "its local guarantee is not pure", mechanism)
    _hold(all(other.assumption for other in others), "a conditional guarantee does not say its condition", mechanism)


def _bounds_manipulation(mechanism: FrequencyOracle) -> None:
    most = max(np.abs(_one_report(mechanism, payload).values).max() for payload in own_payloads(mechanism, 24))
    _hold(most <= mechanism.manipulation * (1 + 1e-9), f"one report moved an item by {most}", mechanism)


def _one_report(mechanism: FrequencyOracle, payload: np.void) -> Estimate:
    return mechanism.estimate(mechanism.accumulate(empty_state(mechanism), np.array([payload], mechanism.payload)), 1)


def _estimates_without_bias(mechanism: FrequencyOracle, n: int = 400) -> None:
    """Over many batches, with public coins drawn anew, errors average to zero and their squares to the variance."""
    values = _spread(mechanism, n)
    truth = np.bincount(values, minlength=mechanism.domain).astype(float)
    scaled, plugged = [], []
    for repeat in range(REPEATS):
        fresh = _with_new_public_coins(mechanism, repeat)
        payloads = fresh.randomize(values, SeededEntropy(100 + repeat))
        estimate = fresh.estimate(fresh.accumulate(empty_state(fresh), payloads), n)
        scaled.append((estimate.values - truth) / np.sqrt(fresh.variance(truth, n)))
        plugged.append(estimate.variance / fresh.variance(truth, n))
    errors = np.array(scaled)
    means = np.abs(errors.mean(axis=0)) * math.sqrt(REPEATS)
    most = NormalDist().inv_cdf(1 - FALSE_ALARM / 2 / mechanism.domain)
    _hold(bool((means < most).all()), f"an item is biased, {means.max():.1f} standard errors", mechanism)
    squares = (errors**2).mean(axis=1)
    off = abs(squares.mean() - 1) / squares.std(ddof=1) * math.sqrt(REPEATS)
    _hold(off < MOST_Z, f"its variance is {squares.mean():.3f} of its theory, {off:.1f} standard errors off", mechanism)
    told = float(np.mean(plugged))
    _hold(abs(told - 1) < 0.1, f"it tells {told:.3f} of its variance", mechanism)


def _with_new_public_coins(mechanism: FrequencyOracle, number: int) -> FrequencyOracle:
    if not any(field.name == "seed" for field in fields(mechanism)):  # type: ignore[arg-type]
        return mechanism
    return replace(mechanism, seed=sha256(str(number).encode()).digest())  # type: ignore[type-var]


def _is_exact(small: FrequencyOracle) -> None:
    """No pair of values and no outcome exceeds epsilon, and some reach it; likewise for manipulation."""
    exact = exact_epsilon(small)
    _hold(exact <= small.epsilon + 1e-12, f"an outcome costs {exact}, it claims {small.epsilon}", small)
    _hold(exact >= small.epsilon - 1e-9, f"no outcome costs more than {exact}, it claims {small.epsilon}", small)
    payloads = outcomes(lambda entropy: small.randomize(np.array([0]), entropy).tobytes())
    records = np.frombuffer(b"".join(payloads), small.payload)
    most = max(float(np.abs(_one_report(small, record).values).max()) for record in records)
    _hold(math.isclose(most, small.manipulation, rel_tol=1e-9), f"one report moves {most}, not {small.manipulation}", small)
