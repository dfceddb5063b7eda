"""Bytes of Privacy Pass tokens: the published vector of RFC 9578 for type 2."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from choral.numerics import SystemEntropy
from choral.protocol.blind_rsa import blinded
from choral.protocol.tokens import INPUT, TYPE, Token, TokenKey, TokenRequest, challenge_digest, issue

VECTOR = json.loads((Path(__file__).parent / "privacy-pass-2.json").read_text())


def value(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name])


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    key = load_pem_private_key(value("skS"), None)
    assert isinstance(key, RSAPrivateKey)
    return key


@pytest.fixture(scope="module")
def request_made(private_key: RSAPrivateKey) -> TokenRequest:
    key, token = TokenKey(private_key.public_key()), Token.from_bytes(value("token"))
    message = INPUT.pack(TYPE, token.nonce, token.challenge, key.id)
    hidden = blinded(key.key, message, salt=value("salt"), factor=int.from_bytes(value("blind")))
    return TokenRequest(key, token.nonce, token.challenge, hidden)


def test_the_issuers_key_is_encoded_as_published(private_key: RSAPrivateKey) -> None:
    assert TokenKey(private_key.public_key()).encoded == value("pkS")
    assert TokenKey.decode(value("pkS")).id == Token.from_bytes(value("token")).key


def test_the_request_is_the_published_one(request_made: TokenRequest) -> None:
    assert request_made.message == value("token_request")


def test_the_answer_is_the_published_one(private_key: RSAPrivateKey) -> None:
    assert issue(private_key, value("token_request"), SystemEntropy()) == value("token_response")


def test_the_token_is_the_published_one(request_made: TokenRequest) -> None:
    token = request_made.finish(value("token_response"))
    assert token.to_bytes() == value("token")
    assert token.challenge == challenge_digest(value("token_challenge"))
    token.require(request_made.key, value("token_challenge"))
