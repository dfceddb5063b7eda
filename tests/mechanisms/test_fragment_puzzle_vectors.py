"""Golden reports of the fragment puzzle, for clients in any language: words in, bytes out.

`python -m tests.mechanisms.test_fragment_puzzle_vectors` writes the file anew: for a new name only, never to make a test pass.
"""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np

from choral.learning.words import word_codes
from choral.mechanisms import empty_state, payloads_from
from choral.mechanisms.fragment_puzzle import FragmentPuzzle
from choral.mechanisms.puzzle import word_numbers
from choral.numerics import ScriptedEntropy, SeededEntropy

FILE = Path(__file__).parent.parent / "vectors" / "fragment-puzzle-1.json"
SMALL = FragmentPuzzle.for_epsilon(8.0, seed=bytes(range(32)), length=6, width=32, rows=4)
WORDS = ("lol", "ilysm", "ok", "", "abcdef", "zzzzzz")


def report(word, words):
    entropy = ScriptedEntropy(words)
    payload = SMALL.randomize(word_codes([word], 6), entropy).tobytes().hex()
    return {"value": word, "words": words[: len(words) - len(entropy._words)], "payload": payload}


def generate():
    scripts = [[0] * 64, [2**64 - 1] * 64, *(SeededEntropy(1, stream).words(1, 64)[0].tolist() for stream in range(4))]
    parameters = {field.name: getattr(SMALL, field.name) for field in fields(SMALL)}
    return {
        "name": SMALL.NAME,
        "parameters": parameters | {"seed": SMALL.seed.hex()},
        "tags": {word: int(SMALL.tags(word_numbers(word_codes([word], 6)))[0]) for word in WORDS},
        "good": [report(word, words) for word, words in zip(WORDS, scripts, strict=True)],
    }


def test_every_report_is_the_golden_one():
    assert json.loads(FILE.read_text(encoding="utf-8")) == generate()


def test_golden_reports_are_legal_and_count():
    records = [bytes.fromhex(case["payload"]) for case in generate()["good"]]
    payloads = payloads_from(SMALL, records)
    state = SMALL.accumulate(empty_state(SMALL), payloads)
    assert SMALL.legal(payloads).all()
    assert state[0, :, -1].sum() == len(records)
    bits = sum(int.from_bytes(record["word_bits"].tobytes(), "little").bit_count() for record in payloads)
    assert np.sum(state[0, :, :-1]) == bits


if __name__ == "__main__":
    FILE.write_text(json.dumps(generate(), indent=1) + "\n", encoding="utf-8")
