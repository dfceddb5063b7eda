"""Golden bytes of every message, good and bad, for clients in any language. `python -m tests.vectors.test_protocol_vectors`
writes them again: do that only for a new version of the wire, never to make a test pass."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.errors import PeerError
from choral.protocol import Report, decode, encode, report_id, seal, unseal
from tests.protocol.examples import MESSAGES, SHUFFLER, TASK

PATH = Path(__file__).parent / "protocol.json"
PAYLOAD = b"\7\0\0\0"


def spoilt(name, data):
    """Bad messages made from a good one: (why, bytes)."""
    yield f"{name}: another version", b"\2" + data[1:]
    yield f"{name}: another kind", data[:1] + b"\xee" + data[2:]
    yield f"{name}: one byte too few", data[:-1]
    yield f"{name}: one byte too many", data + b"\0"


def generate():
    """All vectors as JSON data; the sealed report is new each time, the rest never changes."""
    good = {name: encode(message) for name, message in MESSAGES.items()}
    report = seal(PAYLOAD, TASK.hash, 3, TASK.shuffler_key).to_bytes()
    return {
        "good": {name: data.hex() for name, data in good.items()},
        "bad": [
            {"kind": name, "why": why, "bytes": bad.hex()} for name, data in good.items() for why, bad in spoilt(name, data)
        ],
        "report": {
            "shuffler_private_key": SHUFFLER.private_bytes_raw().hex(),
            "payload": PAYLOAD.hex(),
            "bytes": report.hex(),
            "id": report_id(report).hex(),
        },
    }


VECTORS = json.loads(PATH.read_text()) if PATH.exists() else {"good": {}, "bad": [], "report": {}}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_its_golden_bytes(name):
    assert encode(MESSAGES[name]).hex() == VECTORS["good"][name]


@pytest.mark.parametrize("bad", VECTORS["bad"], ids=lambda bad: bad["why"])
def test_a_bad_message_is_refused(bad):
    with pytest.raises(PeerError):
        decode(bytes.fromhex(bad["bytes"]), type(MESSAGES[bad["kind"]]))


def test_the_golden_report_opens():
    vector = VECTORS["report"]
    data = bytes.fromhex(vector["bytes"])
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["shuffler_private_key"]))
    assert report_id(data).hex() == vector["id"]
    assert unseal(Report.from_bytes(data), 4, key).hex() == vector["payload"]


if __name__ == "__main__":
    PATH.write_text(json.dumps(generate(), indent=1) + "\n")
