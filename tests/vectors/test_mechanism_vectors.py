"""Golden draws, payloads and estimates of every mechanism, for clients in any language: words in, bytes out.

`python -m tests.vectors.test_mechanism_vectors NAME...` writes files anew: for a new name only, never to make a test pass.
"""

import json
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from choral.mechanisms import MECHANISMS, empty_state, payloads_from
from choral.numerics import ScriptedEntropy, SeededEntropy
from tests.mechanisms.examples import ILLEGAL, SMALL

FOLDER = Path(__file__).parent / "mechanisms"
SCRIPT = 4096
HIGHEST = 2**64 - 1


def parameters(mechanism):
    plain = {field.name: getattr(mechanism, field.name) for field in fields(mechanism)}
    return {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in plain.items()}


def mechanism_of(vector):
    plain = {name: bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for name, v in vector["parameters"].items()}
    return MECHANISMS[vector["name"]](**plain)


def one_draw(mechanism, value, words):
    """One report made from scripted words, and how many of them it took."""
    entropy = ScriptedEntropy(words)
    payload = mechanism.randomize(np.array([value]), entropy).tobytes().hex()
    return {"value": value, "words": words[: len(words) - len(entropy._words)], "payload": payload}


def generate(mechanism):
    scripts = [[0] * SCRIPT, [HIGHEST] * SCRIPT] + [
        SeededEntropy(1, stream).words(1, SCRIPT)[0].tolist() for stream in range(8)
    ]
    good = [one_draw(mechanism, number % mechanism.domain, words) for number, words in enumerate(scripts)]
    estimate = mechanism.estimate(state_of(mechanism, good), len(good))
    return {
        "name": mechanism.NAME,
        "parameters": parameters(mechanism),
        "good": good,
        "sum": {"estimate": estimate.values.tolist(), "variance": estimate.variance.tolist()},
        "illegal": [{"why": why, "payload": payload.hex()} for why, payload in ILLEGAL[mechanism.NAME].items()],
    }


def state_of(mechanism, good):
    payloads = payloads_from(mechanism, [bytes.fromhex(case["payload"]) for case in good])
    return mechanism.accumulate(empty_state(mechanism), payloads)


@pytest.fixture(params=sorted(SMALL))
def vector(request):
    return json.loads((FOLDER / (request.param.replace("/", "-") + ".json")).read_text())


def test_scripted_words_give_the_golden_payloads(vector):
    mechanism = mechanism_of(vector)
    assert [one_draw(mechanism, case["value"], case["words"]) for case in vector["good"]] == vector["good"]


def test_golden_payloads_are_legal_and_give_the_golden_estimate(vector):
    mechanism = mechanism_of(vector)
    payloads = payloads_from(mechanism, [bytes.fromhex(case["payload"]) for case in vector["good"]])
    assert mechanism.legal(payloads).all()
    estimate = mechanism.estimate(state_of(mechanism, vector["good"]), len(vector["good"]))
    np.testing.assert_allclose(estimate.values, vector["sum"]["estimate"], rtol=1e-12)
    np.testing.assert_allclose(estimate.variance, vector["sum"]["variance"], rtol=1e-12)


def test_bad_payloads_are_illegal(vector):
    mechanism = mechanism_of(vector)
    assert vector["illegal"]
    for case in vector["illegal"]:
        assert not mechanism.legal(payloads_from(mechanism, [bytes.fromhex(case["payload"])])).any(), case["why"]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = FOLDER / (name.replace("/", "-") + ".json")
        path.write_text(json.dumps(generate(SMALL[name]), indent=1) + "\n")
