"""Links on devices and a real server in one process: labels and canaries come down, updates go up, a model comes back."""

from datetime import timedelta

import numpy as np
import pytest

from choral.apps.phishing.device.detector import shipped_detector
from choral.apps.phishing.device.features import look
from choral.apps.phishing.device.records import LINKS, UNIT_LINKS, WINDOW
from choral.apps.phishing.device.tasks import buffered_task, drawn_task
from choral.apps.phishing.device.watch import LinkWatch
from choral.device import Budget, InProcessTransport
from choral.engines import Serial
from choral.numerics import SeededEntropy
from choral.protocol import sign
from choral.server import TaskBook, application, publish_release, publish_task, release_once, shuffle_once, stream_once
from choral.storage import MemoryDeviceStore, MemoryServerStore
from tests.apps.phishing_device import BAD, CANARIES, GOOD, HERE, LOGIN, feed, kept, operator_desk
from tests.device.setting import NAMES, NOW, OPERATOR, OPERATORS, READY, SERVER, SHUFFLER

DEVICES, GOAL = 6, 6
EPSILON = 8.0


class House:
    """A server in memory with both tasks, the canaries and a feed."""

    def __init__(self):
        self.store, self.entropy, self.now = MemoryServerStore(), SeededEntropy(1), NOW
        public = SERVER.public_key().public_bytes_raw()
        labelled = [(BAD.format(number), True) for number in range(4)] + [(GOOD.format(number), False) for number in range(4)]
        for release in (CANARIES, feed(*labelled).release()):
            publish_release(self.store, sign(release, OPERATOR), operators=OPERATORS)
        self.tasks = [
            buffered_task(operator_desk(), epsilon=EPSILON, minimum=GOAL, goal=GOAL, delay_seconds=0),
            drawn_task(operator_desk(), epsilon=EPSILON, instances=3),
        ]
        for task in self.tasks:
            publish_task(self.store, sign(task, OPERATOR), operators=OPERATORS, names=NAMES, server_key=public, now=NOW)
        self.app = application(
            self.store, server_key=SERVER, operators=OPERATORS, operator_token="token", names=NAMES,
            clock=lambda: self.now, entropy=self.entropy,
        )  # fmt: skip

    def work(self):
        """All duties once: what streams, and what is released in batches."""
        book = TaskBook(self.store, NAMES)
        while stream_once(book, SHUFFLER, entropy=self.entropy, now=self.now):
            pass
        shuffle_once(self.store, SHUFFLER, names=NAMES, entropy=self.entropy, now=self.now)
        return release_once(self.store, SERVER, names=NAMES, engine=Serial(), entropy=self.entropy, now=self.now)


@pytest.fixture
def house():
    return House()


def device(transport, number):
    """A device whose person agreed to both tasks, with links of which some are labelled."""
    watch = LinkWatch.opened(
        store=MemoryDeviceStore(), names=NAMES, operators=OPERATORS, transport=transport,
        entropy=SeededEntropy(100 + number), budget=Budget.nats(day=100, year=1000, life=1000),
    )  # fmt: skip
    assert not watch.refresh(NOW)
    for offer in watch.agent.offers():
        watch.agent.agree(offer.terms_hash, NOW)
    for link in range(WINDOW // 2 + 2):
        watch.receive(BAD.format(link), LOGIN, HERE, NOW)
        watch.receive(GOOD.format(link), None, HERE, NOW)
    return watch


def test_devices_teach_a_model_with_labels_from_a_feed_and_judge_by_it(house):
    with InProcessTransport(house.app) as transport:
        watches = [device(transport, number) for number in range(DEVICES)]
        assert {len(watch.book.feed) for watch in watches} == {8}
        for watch in watches:
            steps = watch.agent.tick(NOW, READY)
            assert [step.kind for step in steps] == ["contributed", "contributed", "sent", "sent"]
            assert [len(kept(watch, name)) for name in (LINKS, UNIT_LINKS)] == [4, 4]  # 24 came, 8 labelled, 20 used
        release = house.work()
        assert release is not None
        house.now = NOW + timedelta(minutes=2)
        for watch in watches:
            assert not watch.refresh(house.now)
        checkout = watches[0].agent.latest(LINKS)
        assert int(checkout.params["version"][0]) == 1
        assert np.abs(checkout.params["params"]).max() > 0
        drawn = watches[0].agent.latest(UNIT_LINKS).params["params"]
        assert np.isfinite(drawn).all()
        detector = watches[0].detector()  # six noisy reports may or may not pass the device's own gate
        assert detector.name in {f"version {number} of the model learnt from devices" for number in (1, 2)} | {
            shipped_detector().name
        }
        assert 0 < detector.judge(look(BAD.format(1), LOGIN, HERE)).score < 1
