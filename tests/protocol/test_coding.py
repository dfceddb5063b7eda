"""The content coding of check-outs: what it saves, what it refuses, and that its dictionary never changes."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.errors import PeerError
from choral.protocol import Bundle, decode, encode
from choral.protocol.coding import CODING, compress, dictionary, expand
from tests.protocol.examples import BUNDLE
from tests.vectors.check_out_dictionary import bundle, tasks

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "check-out-coding.json").read_text())
MOST = 2**16


def test_the_dictionary_is_the_one_that_devices_hold():
    assert hashlib.sha256(dictionary()).hexdigest() == VECTOR["dictionary_sha256"]


def test_a_golden_body_expands_to_the_golden_check_out():
    """What other programs compress may differ byte by byte; what it expands to may not."""
    assert expand(bytes.fromhex(VECTOR["body"]), MOST).hex() == VECTOR["bundle"] == encode(BUNDLE).hex()


@given(st.binary(max_size=300) | st.sampled_from([encode(BUNDLE), bytes(5000)]))
def test_what_was_compressed_comes_back(data):
    assert expand(compress(data), MOST) == data


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
def test_what_is_only_stored_does_not_change_the_length(same, one, other):
    short = min(len(one), len(other))
    first, second = (compress(same + rest[:short], before=len(same)) for rest in (one, other))
    assert len(first) == len(second)
    assert expand(first, MOST) == same + one[:short]


@pytest.mark.parametrize("task", list(tasks()), ids=lambda task: f"{task.terms.signal}, {task.mechanism.name}")
def test_of_a_task_of_the_house_little_more_travels_than_its_keys_and_signatures(task):
    data = bundle(task)
    assert len(data) > 700
    assert len(compress(data)) < 60, "zeros where keys and signatures are"


def test_a_task_of_another_app_travels_in_fewer_bytes_too():
    data = encode(BUNDLE)
    assert len(compress(data)) < 0.7 * len(data)


@given(st.binary(max_size=200) | st.tuples(st.integers(0), st.integers(1, 255)).map(lambda at: spoilt(*at)))
def test_garbage_and_a_spoilt_body_are_refused_or_expand_within_the_limit(data):
    with suppress(PeerError):
        assert len(expand(data, 1000)) <= 1000


def spoilt(place, change):
    body = bytearray(compress(encode(BUNDLE)))
    body[place % len(body)] ^= change
    return bytes(body)


@pytest.mark.parametrize("body", [b"", compress(b"body")[:-1], compress(b"body") + b"\0"])
def test_a_cut_or_lengthened_body_is_refused(body):
    with pytest.raises(PeerError, match=CODING):
        expand(body, MOST)


def test_a_small_body_cannot_fill_the_memory():
    bomb = compress(bytes(2**24))
    assert len(bomb) < 2**15
    with pytest.raises(PeerError, match="longer than 1000 bytes"):
        expand(bomb, 1000)


def test_a_bundle_is_read_from_what_travels():
    assert decode(expand(compress(encode(BUNDLE)), MOST), Bundle) == BUNDLE
