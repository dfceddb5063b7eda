"""Golden draws, payloads and estimates of mechanisms for vectors, for clients in any language: words in, bytes out.

`python -m tests.vectors.test_vector_mechanism_vectors NAME...` writes files anew: for a new name only, never to make a
test pass. Values are floats, written so that they read back as the same 64 bits.
"""

import json
import sys

import numpy as np
import pytest

from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.laplace_model import LaplaceModel
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.proj_unit import ProjUnit
from choral.numerics import ScriptedEntropy, SeededEntropy
from tests.mechanisms.vector_examples import ILLEGAL, MODEL, MODEL_ILLEGAL, SMALL
from tests.vectors.test_mechanism_vectors import FOLDER, HIGHEST, parameters, state_of

KINDS = {kind.NAME: kind for kind in (PrivUnit, ProjUnit, GaussianVector, LaplaceVector, LaplaceModel)}
EXAMPLES = {**SMALL, MODEL.NAME: MODEL}
NOBODYS = {**ILLEGAL, MODEL.NAME: MODEL_ILLEGAL}
SCRIPT = 16
VALUES = [[0, 0, 0, 0, 0], [1.5, 0, 0, 0, 0], [0.25, -0.5, 0.75, 0.1, -0.3], [-9, 1e300, 3, -1e-300, 2], [-0.0, 0, -1, 0, 0]]
CENTRES = [[0, 0, 0], [1.5, -2.25, 0.4], [220752, -220752, 0.0131], [-30, 30, 1e-9]]  # the third is at both ends of the grid


def one_draw(mechanism, value, words):
    """One report made from scripted words, and how many of them it took."""
    entropy = ScriptedEntropy(words)
    payload = mechanism.randomize(np.array([value], float), entropy).tobytes().hex()
    return {"value": value, "words": words[: len(words) - len(entropy._words)], "payload": payload}


def value(mechanism, number):
    """An update; for a model, behind its centre."""
    update = VALUES[number % len(VALUES)][: mechanism.dimension]
    return CENTRES[number % len(CENTRES)] + update if isinstance(mechanism, LaplaceModel) else update


def generate(mechanism):
    scripts = [[0] * SCRIPT, [HIGHEST] * SCRIPT] + [
        SeededEntropy(1, stream).words(1, SCRIPT)[0].tolist() for stream in range(8)
    ]
    values = [value(mechanism, number) for number in range(len(scripts))]
    good = [one_draw(mechanism, value, words) for value, words in zip(values, scripts, strict=True)]
    estimate = mechanism.estimate(state_of(mechanism, good), len(good))
    return {
        "name": mechanism.NAME,
        "parameters": parameters(mechanism),
        "good": good,
        "sum": {"estimate": estimate.values.tolist(), "variance": estimate.variance.tolist()},
        "illegal": [{"why": why, "payload": payload.hex()} for why, payload in NOBODYS[mechanism.NAME].items()],
    }


@pytest.fixture(params=sorted(EXAMPLES))
def vector(request):
    return json.loads((FOLDER / (request.param.replace("/", "-") + ".json")).read_text())


def test_scripted_words_give_the_golden_payloads(vector):
    mechanism = KINDS[vector["name"]](**vector["parameters"])
    assert [one_draw(mechanism, case["value"], case["words"]) for case in vector["good"]] == vector["good"]


def test_golden_payloads_are_legal_and_give_the_golden_estimate(vector):
    mechanism = KINDS[vector["name"]](**vector["parameters"])
    payloads = np.frombuffer(b"".join(bytes.fromhex(case["payload"]) for case in vector["good"]), mechanism.payload)
    assert mechanism.legal(payloads).all()
    estimate = mechanism.estimate(state_of(mechanism, vector["good"]), len(vector["good"]))
    np.testing.assert_allclose(estimate.values, vector["sum"]["estimate"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(estimate.variance, vector["sum"]["variance"], rtol=1e-12)


def test_bad_payloads_are_illegal(vector):
    mechanism = KINDS[vector["name"]](**vector["parameters"])
    for case in vector["illegal"]:
        payload = np.frombuffer(bytes.fromhex(case["payload"]), mechanism.payload)
        assert not mechanism.legal(payload).any(), case["why"]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = FOLDER / (name.replace("/", "-") + ".json")
        path.write_text(json.dumps(generate(EXAMPLES[name]), indent=1) + "\n")
