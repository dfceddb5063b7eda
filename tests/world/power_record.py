"""A story told to the server's store on a disk that is watched, and what an image of that disk must show.

Beside it the same is told to a store in memory, which says what each state must be. A new store then opens the image: it
must hold the state before or after the write that was cut, and go on to the end of the story like one that was never cut.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from choral.errors import StoreError
from choral.numerics import SeededEntropy
from choral.simulation.faults import WRITES
from choral.storage import MemoryServerStore, ServerStore, SqliteServerStore, server_schema
from tests.world.power_story import LEASE, SEALED, STORY
from tests.world.torn_disk import Cut, Journal
from tests.world.watched_sqlite import Recorder, durable

NAME = "store.sqlite"
TOKENS = {(one.slot.task, one.token) for op in STORY for one in op.reports if one.token}
Call = tuple[str, tuple[Any, ...], dict[str, Any]]
OPENING: Call = ("opening", (), {})
Adjust = Callable[[sqlite3.Connection], Any]


class Broken(AssertionError):  # noqa: N818  # named for what happened
    """A promise that an image of the disk does not keep."""


@dataclass(frozen=True, slots=True)
class Step:
    """A write of the store: the events that it lies between, the op that it is of, and what must be true after it."""

    call: Call
    op: int
    begins: int
    ends: int
    state: Any
    acknowledged: frozenset[bytes] = frozenset()
    sent: frozenset[bytes] = frozenset()


@dataclass
class Watched:
    """A server store, its twin in memory, and a note of each write."""

    store: ServerStore
    twin: ServerStore
    recorder: Recorder
    steps: list[Step]
    op: int = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        return method if name not in WRITES else lambda *args, **named: self._write(method, (name, args, named))

    def _write(self, method: Callable[..., Any], call: Call) -> Any:
        name, args, named = call
        last, begins = self.steps[-1], len(self.recorder.events)
        answer, promised = method(*args, **named), getattr(self.twin, name)(*args, **named)
        assert answer == promised, f"{name} answers otherwise than the store in memory"
        arrivals = args[0] if name == "add" else ()
        kept = {one.id for one, is_kept in zip(arrivals, promised if arrivals else (), strict=True) if is_kept}
        acknowledged, sent = last.acknowledged | kept, last.sent | {one.id for one in arrivals}
        step = Step(call, self.op, begins, len(self.recorder.events), state(self.twin), acknowledged, sent)
        self.steps.append(step)
        return answer


@dataclass(frozen=True, slots=True)
class Life:
    """What happened on the disk from the start of a server to its end, and what the store had promised by then.

    number: of lives before this one; calls: what was written in them, as far as it was still there
    """

    journal: Journal
    steps: tuple[Step, ...]
    number: int
    calls: tuple[Call, ...]

    def at(self, moment: int) -> tuple[int, int]:
        """The places of the last write that was over at this moment, and of the one that was going on, or the same again."""
        done = max(place for place, step in enumerate(self.steps) if step.ends <= moment or not place)
        is_going_on = done + 1 < len(self.steps) and self.steps[done + 1].begins < moment
        return done, done + is_going_on


def first_life(folder: Path, adjust: Adjust = lambda connection: connection) -> Life:
    """The whole story on an empty disk; `adjust` changes a connection that the store opened as it always does."""
    folder.mkdir()
    recorder = Recorder(folder.name)
    return _live(folder, adjust, recorder, Life(Journal(()), (Step(OPENING, 0, 0, 0, None),), 0, ()))


def next_life(life: Life, seed: int, number: int, folder: Path) -> Life:
    """What follows the cut `number` of a life: everything is sent again, and another worker goes on."""
    cut = lay_out(life.journal, seed, number, folder)
    done, going_on = life.at(cut.moment)
    with opened(folder) as store:
        last = going_on if state(store) == life.steps[going_on].state else done
    lay_out(life.journal, seed, number, folder)
    recorder = Recorder(f"{folder.name} {number}")
    recorder.begins_with(folder)
    calls = (*life.calls, *(step.call for step in life.steps[1 : last + 1]))
    begin = replace(life.steps[going_on], acknowledged=life.steps[done].acknowledged)
    return _live(folder, lambda connection: connection, recorder, Life(life.journal, (begin,), life.number + 1, calls))


def _live(folder: Path, adjust: Adjust, recorder: Recorder, before: Life) -> Life:
    def connect(path: Path) -> sqlite3.Connection:
        with recorder.watching():
            return adjust(server_schema.connect(path))

    start, twin = len(recorder.events), MemoryServerStore()
    for name, args, named in before.calls:
        getattr(twin, name)(*args, **named)
    store = SqliteServerStore(folder / NAME, connect=connect)
    begin = replace(before.steps[0], call=OPENING, begins=start, ends=len(recorder.events), state=state(twin))
    watched = Watched(store, twin, recorder, [begin], begin.op)
    go_on(watched, begin.op, before.number)
    require_whole(recorder, folder)
    store.close()
    require_whole(recorder, folder)
    return Life(Journal(recorder.events, start), tuple(watched.steps), before.number, before.calls)


def require_whole(recorder: Recorder, folder: Path) -> None:
    """The recorder has missed nothing: what it wrote down makes the very files that are there."""
    journal = Journal(recorder.events)
    made = journal.image(Cut(len(journal.events), sector=0, kept=8, shuffled=False), SeededEntropy(0))
    assert made == {path.name: path.read_bytes() for path in durable(folder)}


def go_on(store: Any, op: int, lives: int) -> None:
    """The story from this op on; after a cut everything is sent again before, and the op waits until its lease is over."""
    if lives:
        store.add([report for told in STORY[: op + 1] for report in told.reports])
    for place in range(op, len(STORY)):
        store.op = place
        STORY[place].deed(store, STORY[place].at + (lives * (LEASE + 1) if place == op else 0))


def state(store: ServerStore) -> Any:
    """All that a store can be asked for, and the ids that it knows, which show only when a report comes again."""
    tasks = [store.task(row.hash) for row in store.tasks()]
    rows = [row for task in tasks for row in store.batches(task.hash)]
    return (
        tasks,
        [(row, *store.sealed(row), *store.waiting(row, 99), *store.parts(row)) for row in rows],
        [(store.versions(task.hash), store.audit(task.hash)) for task in tasks],
        [(row, store.release(row.hash), store.unpublished(row.hash)) for row in store.releases()],
        {token for token in TOKENS if store.is_spent(*token)},
        known_ids(store),
    )


def known_ids(store: ServerStore) -> list[bytes]:
    """Of reports, in order."""
    if isinstance(store, MemoryServerStore):
        return sorted(id_ for reports in store._tables.reports.values() for id_ in reports)
    return sorted(id_ for (id_,) in store._database.read("SELECT id FROM report"))


def outcome(found: Any) -> Any:
    """The same state without when, and by how many workers, it was made."""
    tasks, rows, *rest = found
    return tasks, [(replace(row, lease=0, lease_until=0, cut_at=0), *kept) for row, *kept in rows], rest


def check(life: Life, seed: int, number: int, folder: Path) -> str:
    """Opens image `number` and goes on with it: the write that was cut; Broken if a promise was not kept."""
    cut = lay_out(life.journal, seed, number, folder)
    done, going_on = (life.steps[place] for place in life.at(cut.moment))
    try:
        with opened(folder) as store:
            require_each_once(folder / NAME, done.acknowledged, going_on.sent)
            found = state(store)
            require(found in (done.state, going_on.state), "it holds neither the state before the write nor the one after")
            go_on(store, going_on.op, life.number + 1)
            require(outcome(state(store)) == outcome(life.steps[-1].state), "another worker ends the story in another way")
            left = any(SEALED in path.read_bytes() for path in durable(folder))
            require(not left, "a sealed report is still on the disk after all were erased")
    except Broken as broken:
        where = f"life {life.number}, image {number} of seed {seed}: {cut}, {going_on.call[0]} after {done.call[0]}"
        raise Broken(f"{where}: {broken}") from broken
    return going_on.call[0]


def lay_out(journal: Journal, seed: int, number: int, folder: Path) -> Cut:
    """Makes image `number`; in half of all cases with garbage for the log's index, which is never synced."""
    entropy = SeededEntropy(seed, number)
    cut = journal.cut(entropy)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in journal.image(cut, entropy).items():
        (folder / name).write_bytes(content)
    if entropy.below(1, 2)[0]:
        (folder / f"{NAME}-shm").write_bytes(entropy.words(1, 4_096).tobytes())
    return cut


@contextmanager
def opened(folder: Path) -> Iterator[ServerStore]:
    """A new server's store over what the cut left."""
    try:
        store = SqliteServerStore(folder / NAME)
    except StoreError as error:
        raise Broken(f"it does not open: {error}") from error
    try:
        yield store
    except StoreError as error:
        raise Broken(f"it cannot be used: {error}") from error
    finally:
        store.close()


def require_each_once(path: Path, acknowledged: frozenset[bytes], sent: frozenset[bytes]) -> None:
    """No report is lost, double or phantom, by the ids in the file; where a batch's ids are forgotten, by its count."""
    with closing(sqlite3.connect(path)) as db:
        require(db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "it is damaged")
        batches = db.execute("SELECT number, reports, has_ids FROM batch").fetchall()
        rows = db.execute("SELECT batch, id FROM report").fetchall()
    kept, in_batch = {id_ for _, id_ in rows}, Counter(batch for batch, _ in rows)
    forgotten = sum(reports for _, reports, has_ids in batches if not has_ids)
    lost = len(acknowledged - kept) - forgotten
    require(lost <= 0, f"{lost} acknowledged reports are lost")
    require(len(kept) == len(rows), "a report is kept twice")
    require(kept <= sent and len(kept) + forgotten <= len(sent), "it holds a report that nobody sent")
    require(all(in_batch[number] == reports for number, reports, has_ids in batches if has_ids), "a batch miscounts its rows")


def require(holds: bool, promise: str) -> None:
    """Broken unless it holds."""
    if not holds:
        raise Broken(promise)
