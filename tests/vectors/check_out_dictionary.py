"""What `checkouts-2.dictionary` was made of. `python -m tests.vectors.check_out_dictionary` writes such a file again: do that
only for a new name of the coding, never for this one."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

import choral
from choral.apps.companion.device import tasks as companion
from choral.apps.phishing.device import tasks as phishing
from choral.apps.phishing.device.records import WIDE_LINKS
from choral.apps.stickers.device import tasks as stickers
from choral.cli.task.commands import draft
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.protocol import Bundle, Checkout, Signed, encode
from choral.protocol.coding import CODING, compress, dictionary
from tests.protocol.examples import BUNDLE

ROOT = Path(choral.__file__).parent
PATH = ROOT / "protocol" / "checkouts-2.dictionary"
VECTOR = Path(__file__).parent / "check-out-coding.json"
START = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = {"shuffler_key": bytes(32), "server_key": bytes(32)}


def tasks():
    """A task of each kind that the house asks, by the name of its signal; the shortest check-outs last, where deflate finds
    them at the least cost."""
    for file in sorted(ROOT.glob("apps/*/tasks/*.toml")):
        yield draft(file).task(start=START, **KEYS)
    span = {"start": START, "expires": START + timedelta(days=180), **KEYS}
    yield stickers.rank_task(stickers.Desk(**span))
    yield stickers.choice_task(stickers.Desk(**span), canaries=bytes(32))
    yield companion.ratings_task(companion.Desk(**span))
    desk = phishing.Desk(**span, canaries=bytes(32), first=bytes(32))
    yield phishing.buffered_task(desk, signal=WIDE_LINKS)
    yield phishing.buffered_task(replace(desk, first=b""))
    yield phishing.drawn_task(desk)
    yield phishing.drawn_task(replace(desk, canaries=b"", first=b""))


def bundle(task):
    """The task's check-out as it travels, without keys, signatures and parameters."""
    begun = int(START.timestamp())
    params = {"params": np.zeros(0, np.float32), "version": np.zeros(1, np.int64)}
    checkout = Checkout(Signed(encode(task), bytes(64)), 0, 2**32, begun, begun + 86_400, params)
    return encode(Bundle((Signed(encode(checkout), bytes(64)),)))


def parameters():
    """Names of mechanisms and algorithms, with those of their parameters."""
    kinds = [*MECHANISMS.values(), *ALGORITHMS.values()]
    return "".join(" ".join([kind.NAME, *kind.__dataclass_fields__]) for kind in kinds).encode()


def made():
    """The dictionary as this program would make it now."""
    return parameters() + b"".join(map(bundle, tasks()))


def vector():
    """The golden body, from the dictionary as it stands."""
    golden = {"dictionary_sha256": hashlib.sha256(dictionary()).hexdigest(), "bundle": encode(BUNDLE).hex()}
    return {"coding": CODING, **golden, "body": compress(encode(BUNDLE)).hex()}


if __name__ == "__main__":
    PATH.write_bytes(made())
    VECTOR.write_text(json.dumps(vector(), indent=1) + "\n")
