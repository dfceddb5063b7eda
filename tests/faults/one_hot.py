"""Reports that are each their own number, so that a release tells for every one of them how often it was counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from choral.engines import Serial
from choral.learning import ALGORITHMS, Count
from choral.mechanisms import MECHANISMS, RandomizedResponse
from choral.numerics import SeededEntropy
from choral.protocol import BatchRule, Release, Spec, Task, Terms, decode, report_id, seal, sign
from choral.server import KeyFolder, publish_release, publish_task, release_once, shuffle_once
from choral.server.keys import OPERATOR, SERVER, SHUFFLER
from choral.storage import SqliteServerStore

NAMES = {**MECHANISMS, **ALGORITHMS}
MOST = 2**31


@dataclass(frozen=True, slots=True)
class OneHot:
    """A server's folder with one live task, and `count` reports for it.

    bodies: the reports, each the category of its own place
    """

    folder: Path
    task: Task
    bodies: list[bytes]

    @classmethod
    def prepared(cls, folder: Path, count: int, issuer: Release | None = None) -> "OneHot":
        """A new folder; with `issuer` the task's reports need tokens of that one."""
        keys = KeyFolder(folder / "keys")
        now = datetime.now(UTC)
        second = int(now.timestamp())
        task = Task(
            Terms("To be counted", "one-hot", "one report", "nobody", 40_000_000, 1, 1, 3, 30),
            Spec.of(_response(count)),
            Spec.of(Count()),
            BatchRule(3, MOST, 1, 86_400, "time"),
            revision=0,
            start=second - 60,
            expires=second + 86_400,
            delay_seconds=0,
            chance=2**32,
            shuffler_key=keys.public(SHUFFLER),
            server_key=keys.public(SERVER),
            reviewer="nobody",
            issuer=issuer.hash if issuer else bytes(32),
        )
        _publish(folder, keys, task, issuer, now)
        return cls(
            folder, task, [seal(n.to_bytes(4, "little"), task.hash, 0, task.shuffler_key).to_bytes() for n in range(count)]
        )

    def stored(self) -> set[bytes]:
        """The reports in the store, each there once; its own count of them agrees."""
        store = SqliteServerStore(self.folder / "store.sqlite")
        row = store.batch(self.task.hash, 0)
        kept = list(store.sealed(row)) if row else []
        store.close()
        assert len(kept) == len(set(kept)) == (row.reports if row else 0), "a report is kept twice, or is not counted"
        return set(kept)

    def released(self) -> "np.ndarray":
        """How often the release of the closed round counted each number: int64[count]."""
        keys, later = KeyFolder(self.folder / "keys"), datetime.now(UTC) + timedelta(days=2)
        store = SqliteServerStore(self.folder / "store.sqlite")
        shuffle = partial(shuffle_once, store, keys.shuffler_key(), names=NAMES, entropy=SeededEntropy(1), now=later)
        release = partial(release_once, store, keys.server_key(), names=NAMES, engine=Serial(), entropy=SeededEntropy(2))
        assert shuffle().dropped == 0
        row = release(now=later)
        full = decode(store.unpublished(row.hash), Release)
        store.close()
        truth, lie = 0.5, 0.5 / (len(self.bodies) - 1)
        counts = full.arrays["estimate"] * (truth - lie) + row.reports * lie
        assert np.abs(counts - counts.round()).max() < 1e-6
        return counts.round().astype(int)

    def counted_once(self, bodies: Iterable[bytes]) -> None:
        """The release counts each of these reports once, and no other."""
        numbers = {report_id(body): number for number, body in enumerate(self.bodies)}
        expected = np.zeros(len(self.bodies), int)
        expected[[numbers[report_id(body)] for body in bodies]] = 1
        counts = self.released()
        assert (counts <= expected).all(), f"counted twice, or never sent: {np.flatnonzero(counts > expected)[:10]}"
        assert (counts >= expected).all(), f"lost: {np.flatnonzero(counts < expected)[:10]}"


def _response(count: int) -> RandomizedResponse:
    """A randomizer that says the truth every second time; here its answers are chosen, not drawn."""
    return RandomizedResponse(count, 2**63)


def _publish(folder: Path, keys: KeyFolder, task: Task, issuer: Release | None, now: datetime) -> None:
    operators, store = {keys.public(OPERATOR)}, SqliteServerStore(folder / "store.sqlite")
    if issuer:
        publish_release(store, sign(issuer, keys.operator_key()), operators=operators)
    signed = sign(task, keys.operator_key())
    publish_task(store, signed, operators=operators, names=NAMES, server_key=keys.public(SERVER), now=now)
    store.close()
