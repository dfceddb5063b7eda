"""Anonymous tokens: what is accepted, what is refused, and what the issuer cannot see."""

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from choral.errors import PeerError
from choral.numerics import SeededEntropy, SystemEntropy
from choral.protocol.blind_rsa import SIGNATURE_BYTES
from choral.protocol.tokens import TOKEN_BYTES, Token, TokenKey, TokenRequest, issue, task_challenge

CHALLENGE = task_challenge("issuer.example", bytes(range(32)))
OTHER = task_challenge("issuer.example", bytes(32))


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    return generate_private_key(65_537, 2048)


@pytest.fixture(scope="module")
def key(private_key: RSAPrivateKey) -> TokenKey:
    return TokenKey(private_key.public_key())


@pytest.fixture(scope="module")
def token(private_key: RSAPrivateKey, key: TokenKey) -> Token:
    request = TokenRequest.make(key, CHALLENGE, SystemEntropy())
    return request.finish(issue(private_key, request.message, SystemEntropy()))


def test_a_token_is_good_for_its_task_and_survives_the_wire(token: Token, key: TokenKey) -> None:
    assert len(token.to_bytes()) == TOKEN_BYTES == 354
    again = Token.from_bytes(token.to_bytes())
    again.require(key, CHALLENGE)
    assert again == token


def test_a_token_is_no_good_for_another_task(token: Token, key: TokenKey) -> None:
    with pytest.raises(PeerError, match="another task") as refused:
        token.require(key, OTHER)
    assert refused.value.problem == "token-refused"


def test_a_token_of_another_issuer_is_refused(token: Token) -> None:
    stranger = TokenKey(generate_private_key(65_537, 2048).public_key())
    with pytest.raises(PeerError, match="another issuer"):
        token.require(stranger, CHALLENGE)


@settings(max_examples=40)
@given(place=st.integers(0, TOKEN_BYTES - 1), flip=st.integers(1, 255))
def test_no_byte_of_a_token_can_be_changed(token: Token, key: TokenKey, place: int, flip: int) -> None:
    forged = bytearray(token.to_bytes())
    forged[place] ^= flip
    with pytest.raises(PeerError):
        Token.from_bytes(bytes(forged)).require(key, CHALLENGE)


@given(st.binary(max_size=2 * TOKEN_BYTES))
def test_garbage_is_no_token(key: TokenKey, data: bytes) -> None:
    with pytest.raises(PeerError):
        Token.from_bytes(data).require(key, CHALLENGE)


@given(st.binary(max_size=600))
def test_an_issuer_refuses_garbage(private_key: RSAPrivateKey, data: bytes) -> None:
    with pytest.raises(PeerError):
        issue(private_key, data, SystemEntropy())


def test_an_issuer_refuses_a_number_beyond_its_modulus(private_key: RSAPrivateKey, key: TokenKey) -> None:
    request = TokenRequest.make(key, CHALLENGE, SystemEntropy()).message
    with pytest.raises(PeerError, match="below the modulus"):
        issue(private_key, request[:-SIGNATURE_BYTES] + b"\xff" * SIGNATURE_BYTES, SystemEntropy())


def test_an_answer_that_is_no_signature_gives_no_token(private_key: RSAPrivateKey, key: TokenKey) -> None:
    request = TokenRequest.make(key, CHALLENGE, SystemEntropy())
    answer = issue(private_key, request.message, SystemEntropy())
    for wrong in (bytes(SIGNATURE_BYTES), answer[:-1] + bytes([answer[-1] ^ 1]), answer[1:]):
        with pytest.raises(PeerError):
            request.finish(wrong)


def test_what_the_issuer_sees_shares_nothing_with_the_token(private_key: RSAPrivateKey, key: TokenKey) -> None:
    """Any four bytes in a row of one occur in the other by chance once in 2**32 / (259 * 354 * 2): less than 1e-4."""
    request = TokenRequest.make(key, CHALLENGE, SeededEntropy(7))
    answer = issue(private_key, request.message, SystemEntropy())
    token = request.finish(answer).to_bytes()
    windows = {token[at : at + 4] for at in range(34, len(token) - 3) if not 66 <= at < 98}  # all but the key's own id
    for seen in (request.message[3:], answer):
        assert not any(seen[at : at + 4] in windows for at in range(len(seen) - 3))


def test_the_same_message_is_blinded_anew_each_time(key: TokenKey) -> None:
    entropy = SystemEntropy()
    assert len({TokenRequest.make(key, CHALLENGE, entropy).message for _ in range(8)}) == 8


def test_only_one_encoding_of_a_key_is_a_key(key: TokenKey) -> None:
    assert TokenKey.decode(key.encoded) == key
    for wrong in (key.encoded + b"\0", key.encoded[:-1], b"", b"garbage"):
        with pytest.raises(PeerError, match="issuer's key"):
            TokenKey.decode(wrong)
