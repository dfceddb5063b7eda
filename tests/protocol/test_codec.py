import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.errors import PeerError
from choral.protocol import Checkout, Release, Spec, Task, Terms, decode, encode
from choral.protocol.containers import DTYPES, Array, Named
from choral.protocol.wire import Reader, Text
from tests.protocol.examples import CHECKOUT, MESSAGES, RELEASE, TASK, TERMS


def same(first, second):
    """Equal field by field, arrays included."""
    if dataclasses.is_dataclass(first):
        return all(same(getattr(first, f.name), getattr(second, f.name)) for f in dataclasses.fields(first))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[name], second[name]) for name in first)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(np.array_equal(first, second)) if isinstance(first, np.ndarray) else first == second


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_comes_back_as_it_went(name):
    message = MESSAGES[name]
    back = decode(encode(message), type(message))
    assert same(message, back)
    assert encode(back) == encode(message)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_cut_or_lengthened_message_is_refused_at_every_byte(name):
    data, kind = encode(MESSAGES[name]), type(MESSAGES[name])
    for size in range(len(data)):
        with pytest.raises(PeerError):
            decode(data[:size], kind)
    with pytest.raises(PeerError, match="follow"):
        decode(data + b"\0", kind)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_flipped_bit_is_refused_or_reads_as_another_legal_message(name):
    data, kind = encode(MESSAGES[name]), type(MESSAGES[name])
    for place in range(0, 8 * len(data), 3):
        spoilt = bytearray(data)
        spoilt[place // 8] ^= 1 << place % 8
        try:
            other = decode(bytes(spoilt), kind)
        except PeerError:
            continue
        assert encode(other) == bytes(spoilt)


@given(st.binary(max_size=400), st.sampled_from([Terms, Task, Checkout, Release]))
def test_garbage_is_a_peer_error_and_nothing_else(data, kind):
    with pytest.raises(PeerError):
        decode(b"\x01" + bytes([kind.KIND]) + data, kind)


@given(st.binary(max_size=300).map(lambda data: encode(RELEASE)[:200] + data))
def test_garbage_behind_a_good_beginning_is_a_peer_error(data):
    with pytest.raises(PeerError):
        decode(data, Release)


def test_a_huge_announced_length_is_refused_before_anything_is_read():
    field = Array(most=1000)
    reader = Reader(bytes([0, 1]) + (2**32 - 1).to_bytes(4, "little") + (2**31).to_bytes(4, "little"))
    with pytest.raises(PeerError, match="at most 1000 bytes"):
        field.read(reader)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused(value):
    with pytest.raises(PeerError, match="finite"):
        Array(100).read(Reader(Array(100).write(np.array([value]))))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_array_type_comes_back(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    back = Array(1000).read(Reader(Array(1000).write(array)))
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


@pytest.mark.parametrize("text", ["e\u0301", "a\x00b", "a\nb", "\ud800"])
def test_text_that_could_be_written_two_ways_or_hides_something_is_refused(text):
    with pytest.raises(ValueError, match="text"):
        Text(100).write(text)


def test_names_out_of_order_or_repeated_are_refused():
    field = Named(Text(9), 9)
    good = field.write({"a": "1", "b": "2"})
    swapped = good[:2] + good[12:] + good[2:12]
    doubled = good[:2] + good[2:12] + good[2:12]
    for bad in (swapped, doubled):
        with pytest.raises(PeerError, match="sorted"):
            field.read(Reader(bad))


def test_an_unknown_mechanism_is_refused_by_name():
    with pytest.raises(PeerError, match="'telepathy/1' is not known here"):
        Spec("telepathy/1", {}).build({})


def test_changed_terms_have_another_hash():
    others = {"trust": "shuffler", "sizes": {"domain": 11}, "signer": bytes(31) + b"\1"}
    for field in dataclasses.fields(TASK.terms):
        value = getattr(TASK.terms, field.name)
        changed = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else None
        if changed is None:
            changed = others.get(field.name) or value + "!"
        assert dataclasses.replace(TASK.terms, **{field.name: changed}).hash != TASK.terms.hash


def test_terms_that_name_no_mechanism_have_no_bytes():
    with pytest.raises(ValueError, match="mechanism_name: need a name"):
        encode(TERMS)


def test_a_task_may_not_ask_for_more_than_its_terms_name():
    spec = TASK.mechanism
    larger = dataclasses.replace(spec, parameters={**spec.parameters, "domain": 11})
    smaller = dataclasses.replace(spec, parameters={**spec.parameters, "domain": 9})
    for changed in (larger, dataclasses.replace(spec, name="local-hashing/1")):
        with pytest.raises(ValueError, match="its Terms allow"):
            dataclasses.replace(TASK, mechanism=changed)
    assert dataclasses.replace(TASK, mechanism=smaller).terms.hash == TASK.terms.hash, "a smaller question asks nobody again"


def test_a_minimum_of_one_needs_trust_nobody():
    with pytest.raises(ValueError, match="minimum batch of 1"):
        dataclasses.replace(TERMS, minimum=1, trust="shuffler")


def test_rounds_open_covers_the_delay_so_that_no_paid_report_comes_too_late():
    with pytest.raises(ValueError, match="too late"):
        dataclasses.replace(TASK, delay_seconds=86_401)


def test_a_checkout_names_no_receiver():
    assert {name for name, _ in Checkout.WIRE} == {"task", "round", "chance", "issued", "valid_until", "params"}
    assert len(encode(CHECKOUT)) < 1000
