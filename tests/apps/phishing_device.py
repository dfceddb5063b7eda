"""What tests of the phishing app on a device share: links with labels, canaries, and a server of a few lines."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np

from choral.apps.phishing.device.context import Context
from choral.apps.phishing.device.features import PUBLIC
from choral.apps.phishing.device.labels import LabelFeed, entry_for, today
from choral.apps.phishing.device.records import LINKS
from choral.apps.phishing.device.tasks import Desk, buffered_task
from choral.apps.phishing.device.watch import LinkWatch
from choral.device import Budget
from choral.errors import PeerError
from choral.numerics import SeededEntropy
from choral.protocol import Release, encode, sign
from choral.protocol.task import NOBODY
from choral.storage import MemoryDeviceStore
from tests.device.setting import NAMES, NOW, OPERATOR, OPERATORS, SERVER, SHUFFLER, START
from tests.device.setting import Desk as ServerDesk

HERE = Context("en", "GB", datetime(2027, 1, 5, 12, tzinfo=UTC))
BAD, GOOD = "http://192.0.2.7/login/index.php?account={}", "https://www.gardening-{}.example.com/roses"
LOGIN = b"<title>Login</title><form action='http://203.0.113.9/p.php'><input type=password name=p></form>"
SIZE = len(PUBLIC) + 1


def canaries(rows=400):
    """Public examples: the first half is honest; inputs lean with the label."""
    source = np.random.default_rng(7)
    label = (np.arange(rows) >= rows // 2).astype(np.float64)
    inputs = source.normal(size=(rows, SIZE - 1)) + (2 * label[:, None] - 1) * 0.3
    arrays = {"inputs": inputs.astype(np.float32), "label": label, "weight": np.ones(rows)}
    return Release(NOBODY, 0, "canaries", 0, int(START.timestamp()), (), arrays)


CANARIES = canaries()
GOOD_MODEL = np.append(np.full(SIZE - 1, 0.3), 0.0).astype(np.float32)


def operator_desk(**changes):
    """Keys and times of the server in tests.device.setting."""
    given = {
        "start": START,
        "expires": START + timedelta(days=300),
        "shuffler_key": SHUFFLER.public_key().public_bytes_raw(),
        "server_key": SERVER.public_key().public_bytes_raw(),
        "reviewer": "a test",
        "canaries": CANARIES.hash,
    }
    return Desk(**{**given, **changes})


def links_task(**changes):
    """Buffered gradients, sent at once."""
    return buffered_task(operator_desk(), **{"minimum": 10, "goal": 10, "delay_seconds": 0, **changes})


def feed(*labelled, now=NOW):
    """A feed of (link, is it phishing)."""
    entries = [
        entry_for(link, phishing=phishing, day=today(now), source="list", place=f"list:{number}")
        for number, (link, phishing) in enumerate(labelled, 1)
    ]
    return LabelFeed.built(entries, now)


class LinkDesk(ServerDesk):
    """The server of a few lines, with models in its check-outs and public data beside them."""

    def __init__(self, *tasks, params=GOOD_MODEL, version=1):
        super().__init__(*(tasks or (links_task(),)))
        self.params, self.version, self.round = params, version, 0
        self.releases = {CANARIES.hash: CANARIES}
        self.asked = []

    def checkout(self, one, **changes):
        params = {"params": self.params, "version": np.array([self.version])}
        return super().checkout(one, **{"params": params, **changes})

    def offer(self, release):
        self.releases[release.hash] = release

    def fetch(self, path):
        self.asked.append(path)
        if path == "/v1/releases":
            rows = [{"hash": hash_.hex(), "kind": one.kind, "created": one.created} for hash_, one in self.releases.items()]
            return json.dumps(rows).encode()
        if path.endswith(".bin"):
            found = self.releases.get(bytes.fromhex(path.split("/")[-1].removesuffix(".bin")))
            if found is None:
                raise PeerError("unknown-page", "no such release")
            return encode(sign(found, OPERATOR))
        return super().fetch(path)


def device(desk, *, agree=True, **changes):
    """A device that has refreshed, and whose person agreed to all that is on offer."""
    given = {"store": MemoryDeviceStore(), "names": NAMES, "operators": OPERATORS, "transport": desk}
    given |= {"entropy": SeededEntropy(5), "budget": Budget.nats(day=100, year=1000, life=1000)}
    made = LinkWatch.opened(**{**given, **changes})
    made.refresh(NOW)
    for offer in made.agent.offers() if agree else ():
        made.agent.agree(offer.terms_hash, NOW)
    return made


def receive(watch, count, *, bad=True, first=0):
    """Links that came, one a minute."""
    links = [(BAD if bad else GOOD).format(number) for number in range(first, first + count)]
    for number, link in enumerate(links):
        watch.receive(link, LOGIN if bad else None, HERE, NOW + timedelta(minutes=number))
    return links


def kept(watch, signal=LINKS):
    """The events in the journal."""
    from choral.device import journal

    with watch.store.transaction() as tx:
        return journal.read(tx, signal)
