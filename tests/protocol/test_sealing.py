import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.errors import PeerError
from choral.protocol import SIZE_CLASSES, Checkout, Report, Task, open_checkout, report_id, seal, sign, unseal, verify
from tests.protocol.examples import CHECKOUT, OPERATOR, OPERATORS, SERVER, SHUFFLER, SIGNED_TASK, TASK

KEY = SHUFFLER.public_key().public_bytes_raw()


def test_what_is_sealed_comes_back():
    report = seal(b"\1\2\3\4", TASK.hash, 3, KEY)
    assert unseal(Report.from_bytes(report.to_bytes()), 4, SHUFFLER) == b"\1\2\3\4"


@pytest.mark.parametrize("size", [0, 1, 132, 170, 171, 1962, 1963, 60_000])
def test_every_report_has_one_of_three_sizes(size):
    assert len(seal(bytes(size), TASK.hash, 0, KEY).to_bytes()) in SIZE_CLASSES


def test_a_payload_too_large_for_any_class_is_refused():
    with pytest.raises(ValueError, match="fits no size class"):
        seal(bytes(65_500), TASK.hash, 0, KEY)


def test_payloads_of_any_content_have_one_size():
    assert {len(seal(bytes([value]) * 132, TASK.hash, value, KEY).to_bytes()) for value in range(50)} == {256}


def test_a_report_belongs_to_one_round_and_task_under_the_seal():
    report = seal(b"abcd", TASK.hash, 3, KEY)
    for moved in (dataclasses.replace(report, round=4), dataclasses.replace(report, task=bytes(32))):
        with pytest.raises(PeerError, match="seal"):
            unseal(moved, 4, SHUFFLER)


def test_every_changed_byte_breaks_the_seal():
    data = seal(b"abcd", TASK.hash, 3, KEY).to_bytes()
    for place in range(0, len(data), 7):
        spoilt = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(PeerError):
            unseal(Report.from_bytes(spoilt), 4, SHUFFLER)


def test_padding_that_is_not_zero_is_refused():
    report = seal(b"abcdX", TASK.hash, 3, KEY)
    with pytest.raises(PeerError, match="padding"):
        unseal(report, 4, SHUFFLER)


def test_another_key_opens_nothing():
    with pytest.raises(PeerError, match="wrong key"):
        unseal(seal(b"abcd", TASK.hash, 3, KEY), 4, X25519PrivateKey.generate())


def test_two_seals_of_one_payload_share_nothing_but_the_header():
    first, second = (seal(b"abcd", TASK.hash, 3, KEY) for _ in range(2))
    assert first.header == second.header
    assert first.seal[:32] != second.seal[:32]
    assert report_id(first.to_bytes()) != report_id(second.to_bytes())


@pytest.mark.parametrize("size", [0, 1, 255, 257, 2047, 65_537])
def test_a_report_of_another_size_is_refused(size):
    with pytest.raises(PeerError, match="one of"):
        Report.from_bytes(bytes(size))


def test_a_signature_holds_for_its_key_and_kind_only():
    assert verify(SIGNED_TASK, Task, OPERATOR.public_key().public_bytes_raw()) == TASK
    with pytest.raises(PeerError, match="signature"):
        verify(SIGNED_TASK, Task, SERVER.public_key().public_bytes_raw())
    with pytest.raises(PeerError, match="signature"):
        verify(SIGNED_TASK, Checkout, OPERATOR.public_key().public_bytes_raw())


def test_a_checkout_is_opened_only_when_operator_and_server_signed():
    task, checkout = open_checkout(sign(CHECKOUT, SERVER), OPERATORS)
    assert (task, checkout.round) == (TASK, 3)
    with pytest.raises(PeerError, match="signature"):
        open_checkout(sign(CHECKOUT, OPERATOR), OPERATORS)
    forged = dataclasses.replace(CHECKOUT, task=sign(TASK, SERVER))
    with pytest.raises(PeerError, match="none of the 1 trusted keys"):
        open_checkout(sign(forged, SERVER), OPERATORS)
