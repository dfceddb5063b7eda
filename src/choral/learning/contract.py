"""What every model and every algorithm must pass before its name may stand in a Task. Used by tests; draws nothing itself.

Knows the interfaces alone. The wire and automatic derivatives are above this room or optional: tests hand them in.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Algorithm, Arrays
from choral.learning.models import MODELS, Model, model_of
from choral.learning.rows import Floats, wide
from choral.mechanisms import Estimate
from choral.numerics import SeededEntropy

ROUNDING = 1e-9  # relative to the largest number; sums in another order differ by far less
STEP = 2.0**-17  # of central differences
DIFFERENCES = 1e-6  # how far they may lie from a right gradient
Derivative = Callable[[Model, Floats, Arrays], NDArray[Any]]


def check_model(model: Model, examples: Arrays, derivative: Derivative | None = None) -> None:
    """Raises AssertionError at the first promise broken on these rows, some of which must weigh more than others.

    derivative: of `model.loss` by the parameters, by other means; central differences if there are none
    """
    examples = wide(examples)
    params = model.init(SeededEntropy(5)) / 2
    _model_travels(model)
    _starts(model)
    _follows_its_loss(model, params, examples, derivative or differences)
    _reads_rows(model, params, examples)
    _judges(model, params, examples)


def differences(model: Model, params: Floats, examples: Arrays) -> Floats:
    """Central differences of the loss, float64[size]."""
    nudges = np.eye(model.size) * STEP
    ends = [(model.loss(np, params + nudge, examples), model.loss(np, params - nudge, examples)) for nudge in nudges]
    return np.array([float(up - down) / (2 * STEP) for up, down in ends])


def _hold(condition: bool, promise: str, subject: Model | Algorithm) -> None:
    if not condition:
        raise AssertionError(f"{subject.NAME}: {promise}")


def _is_close(one: NDArray[Any], other: NDArray[Any], within: float = ROUNDING) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max(initial=0) <= within * (1 + np.abs(other).max(initial=0)))


def _model_travels(model: Model) -> None:
    """A Task names a model by its name and by integers joined by x."""
    lengths = [getattr(model, field.name) for field in fields(model)]  # type: ignore[arg-type]
    _hold(all(type(length) is int and length > 0 for length in lengths), "a field is not a positive integer", model)
    if MODELS.get(model.NAME) is type(model):
        again = model_of(model.NAME, "x".join(map(str, lengths)))
        _hold(again == model, "its name and shape do not make it again", model)


def _starts(model: Model) -> None:
    start, again = (model.init(SeededEntropy(3)) for _ in range(2))
    _hold(start.shape == (model.size,) and start.dtype == np.float64, "its start is not float64[size]", model)
    _hold(bool(np.isfinite(start).all()) and start.tobytes() == again.tobytes(), "its start is not the entropy's alone", model)


def _follows_its_loss(model: Model, params: Floats, examples: Arrays, derivative: Derivative) -> None:
    gradient = np.asarray(model.gradient(np, params, examples))
    _hold(gradient.shape == (model.size,), "its gradient is not [size]", model)
    _hold(np.asarray(model.loss(np, params, examples)).shape == (), "its loss is not one number", model)
    right = np.asarray(derivative(model, params, examples), np.float64)
    _hold(_is_close(gradient, right, DIFFERENCES), "its gradient is not its loss's", model)


def _reads_rows(model: Model, params: Floats, examples: Arrays) -> None:
    """Rows are a set with weights: padding, order and the weights' unit say nothing."""
    loss, gradient = float(model.loss(np, params, examples)), np.asarray(model.gradient(np, params, examples))
    padding = {name: array[:3] for name, array in examples.items()} | {"weight": np.zeros(3)}
    padded = {name: np.concatenate([array, padding[name]]) for name, array in examples.items()}
    turned = {name: array[::-1] for name, array in examples.items()}
    heavier = {**examples, "weight": 8 * examples["weight"]}
    for same, what in ((padded, "padding"), (turned, "the order of rows"), (heavier, "the unit of weights")):
        found = np.asarray(model.gradient(np, params, same)), float(model.loss(np, params, same))
        _hold(_is_close(found[0], gradient) and _is_close(np.array(found[1]), np.array(loss)), f"{what} changes it", model)
    one, none = {**examples, "weight": 1.0 * (np.arange(len(examples["weight"])) == 0)}, np.zeros(len(examples["weight"]))
    alone = {name: array[:1] for name, array in one.items()}
    _hold(
        _is_close(np.asarray(model.gradient(np, params, alone)), np.asarray(model.gradient(np, params, one))),
        "a row without weight counts",
        model,
    )
    empty = {**examples, "weight": none}
    _hold(float(model.loss(np, params, empty)) == 0, "its loss of nothing is not 0", model)
    _hold(not np.asarray(model.gradient(np, params, empty)).any(), "its gradient of nothing is not 0", model)


def _judges(model: Model, params: Floats, examples: Arrays) -> None:
    """Prediction has a row an example; the metric has an error, reads no padding and says how good a descent is."""
    _hold(len(model.predict(np, params, examples)) == len(examples["weight"]), "it does not predict each row", model)
    metric, error = model.judge(params, examples)
    _hold(np.isfinite(metric) and error >= 0, "its metric has no error", model)
    padding = {name: array[:3] for name, array in examples.items()} | {"weight": np.zeros(3)}
    padded = {name: np.concatenate([array, padding[name]]) for name, array in examples.items()}
    again = np.array(model.judge(params, padded))
    _hold(_is_close(again, np.array([metric, error])), "padding changes its metric", model)


def check_algorithm(
    algorithm: Algorithm,
    examples: Arrays,
    updates: tuple[Estimate, Estimate],
    *,
    travelled: Callable[[Arrays], Arrays],
    linear: Collection[str] = (),
) -> None:
    """Raises AssertionError at the first promise broken.

    updates: estimates over the same number of reports; travelled: arrays after a Release's bytes
    linear: arrays of the state that are linear in the estimate; tried by folding the mean of the two
    """
    _algorithm_travels(algorithm)
    start = algorithm.init(SeededEntropy(1))
    _hold(_is_same(start, algorithm.init(SeededEntropy(1))), "its start is not the entropy's alone", algorithm)
    state = _folded(algorithm, start, updates[0])
    for one in (start, state):
        _survives(algorithm, one, travelled)
        _contributes(algorithm, one, examples)
        _folds(algorithm, one, updates, travelled)
        _is_linear(algorithm, one, updates, linear)


def _frozen(arrays: Arrays) -> Arrays:
    """Copies that nobody can write into."""
    copies = {name: np.array(array) for name, array in arrays.items()}
    for array in copies.values():
        array.setflags(write=False)
    return copies


def _is_same(one: Arrays, other: Arrays) -> bool:
    if one.keys() != other.keys():
        return False
    pairs = [(np.asarray(one[name]), np.asarray(other[name])) for name in one]
    return all(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def _algorithm_travels(algorithm: Algorithm) -> None:
    """A Task carries unsigned integers, bytes and text only; the same parameters are the same algorithm."""
    parameters = {field.name: getattr(algorithm, field.name) for field in fields(algorithm)}  # type: ignore[arg-type]
    plain = all(isinstance(one, bytes | str) or (type(one) is int and 0 <= one < 2**64) for one in parameters.values())
    _hold(plain, "a parameter is neither an unsigned integer of 64 bits nor bytes nor text", algorithm)
    _hold(type(algorithm)(**parameters) == algorithm, "its parameters do not make it again", algorithm)


def _survives(algorithm: Algorithm, state: Arrays, travelled: Callable[[Arrays], Arrays]) -> None:
    """What the server keeps and what it gives away come back from their bytes as they were, and are what they were."""
    _hold(_is_same(travelled(state), state), "its state does not survive a Release", algorithm)
    for name, answer in _answers(algorithm, state).items():
        _hold(_is_same(travelled(answer), answer), f"what it can {name} does not survive a Release", algorithm)
        again = _answers(algorithm, travelled(state))[name]
        _hold(_is_same(again, answer), f"{name} is not of the state and the entropy alone", algorithm)


def _answers(algorithm: Algorithm, state: Arrays) -> Mapping[str, Arrays]:
    frozen = _frozen(state)
    return {"check_out": algorithm.check_out(frozen, SeededEntropy(2)), "publish": algorithm.publish(frozen)}


def _contributes(algorithm: Algorithm, state: Arrays, examples: Arrays) -> None:
    """Pure, and a model that is NaN or of another shape is refused before an example is read."""
    params = algorithm.check_out(state, SeededEntropy(2))
    algorithm.require_params(_frozen(params))
    _hold(algorithm.device_work(params, 1).operations > 0, "its device half costs nothing", algorithm)
    values, again = (algorithm.contribute(_frozen(params), _frozen(examples)) for _ in range(2))
    _hold(values.tobytes() == again.tobytes() and len(values) > 0, "its contribution is not pure, or no row", algorithm)
    for name, array in params.items():
        if array.dtype.kind == "f":
            for wrong in (np.full_like(array, np.nan), np.full_like(array, np.inf), array[:-1]):
                _refuses(algorithm, {**params, name: wrong})
        for wrong in (array[None], array.astype("S3")):
            _refuses(algorithm, {**params, name: wrong})
        _refuses(algorithm, {other: params[other] for other in params if other != name})
    _refuses(algorithm, {**params, "more": np.zeros(1)})


def _refuses(algorithm: Algorithm, params: Arrays) -> None:
    try:
        algorithm.require_params(params)
    except ValueError:
        return
    _hold(False, "it takes parameters that are not finite, of another shape or not its own", algorithm)


def _folded(algorithm: Algorithm, state: Arrays, update: Estimate) -> Arrays:
    return algorithm.fold(_frozen(state), update, SeededEntropy(4))


def _folds(
    algorithm: Algorithm, state: Arrays, updates: tuple[Estimate, Estimate], travelled: Callable[[Arrays], Arrays]
) -> None:
    """Pure, also after a restart; what follows is finite."""
    after = _folded(algorithm, state, updates[1])
    _hold(_is_same(_folded(algorithm, travelled(state), updates[1]), after), "a restart changes its fold", algorithm)
    numbers = [array for array in (*after.values(), *algorithm.publish(after).values()) if array.dtype.kind == "f"]
    _hold(all(bool(np.isfinite(array).all()) for array in numbers), "its fold is not finite", algorithm)


def _is_linear(algorithm: Algorithm, state: Arrays, updates: tuple[Estimate, Estimate], names: Collection[str]) -> None:
    one, other = updates
    between = Estimate((one.values + other.values) / 2, (one.variance + other.variance) / 2, one.n, one.items)
    ends, middle = [_folded(algorithm, state, update) for update in updates], _folded(algorithm, state, between)
    for name in names:
        expected = (ends[0][name] + ends[1][name]) / 2
        _hold(_is_close(middle[name], expected), f"{name} is not linear in the estimate", algorithm)
        _hold(not _is_close(ends[0][name], ends[1][name]), f"{name} does not depend on the estimate", algorithm)
