"""What every server store must do for models: their start, their versions, those refused, the way back."""

from dataclasses import replace

from choral.storage.server import ServerStore
from choral.storage.server_contract_parts import (
    GOAL,
    NUMBERS,
    TASK,
    arrival,
    filled,
    first_row,
    head,
    keep_release,
    keep_task,
    leased,
    refused,
    require,
    revision,
)
from choral.storage.server_rows import BatchRow, ReleaseRow, VersionRow

START = VersionRow(TASK, 0, 0, 0, "published", b"", 0, 1)


def _begins_a_model_once(store: ServerStore) -> None:
    keep_task(store)
    require(store.begin_model(START, b"start"), "keeps the start of a model")
    require(not store.begin_model(START, b"other"), "keeps the first start")
    require((store.version_state(TASK, 0), store.versions(TASK)) == (b"start", (START,)), "gives the start back")


def _keeps_versions_with_their_releases(store: ServerStore) -> None:
    batch = _ready(store)
    version = VersionRow(TASK, 1, 0, 0, "published", b"r" * 32, GOAL, 40, 0.75, 0.01, 0.5, None)
    row = ReleaseRow(b"r" * 32, TASK, 0, "model", GOAL, 40)
    named = {"signed": b"signed", "unpublished": b"full"}
    refused(lambda: store.finish_release(batch, row, **named, state=b"full", base=0, version=version))
    require(len(store.versions(TASK)) == 1 and store.releases() == (), "keeps nothing of a fold into an older state")
    store.finish_release(batch, row, **named, state=b"full", base=1, version=version)
    require(store.versions(TASK) == (START, version), "gives versions back as they were, also what they do not know")
    require((head(store).version, store.version_state(TASK, 1)) == (1, b"full"), "makes a new version the current one")


def _keeps_refused_versions_without_a_state(store: ServerStore) -> None:
    batch = _ready(store)
    version = VersionRow(TASK, 1, 0, 0, "refused", b"", GOAL, 40, 0.25, 0.01, 0.5, 0.01, "worse")
    store.finish_erased(batch, "refused", legal=GOAL, dropped=0, now=40, version=version)
    require((store.versions(TASK)[1], store.version_state(TASK, 1)) == (version, None), "keeps a refused version's row only")
    require((head(store).version, head(store).revision) == (0, 1), "leaves the model alone")
    require(first_row(store).state == "erased" and not list(store.parts(batch)), "spends a refused batch")


def _takes_back_what_streamed_into_a_refused_version(store: ServerStore) -> None:
    batch = _ready(store)
    version = VersionRow(TASK, 1, 0, 0, "refused", b"", GOAL, 40, why="worse")
    store.finish_erased(batch, "refused", legal=GOAL, dropped=0, now=40, version=version, state=b"parent")
    task = store.task(TASK)
    require(task is not None and (task.state, task.version) == (b"parent", 0), "restores the state that is given")
    require(revision(store) == 2, "counts a state that is restored as written")


def _rolls_back_whole_and_writes_it_down(store: ServerStore) -> None:
    batch = _ready(store)
    version = VersionRow(TASK, 1, 0, 0, "published", b"r" * 32, GOAL, 40)
    row = ReleaseRow(b"r" * 32, TASK, 0, "model", GOAL, 40)
    store.finish_release(batch, row, signed=b"signed", unpublished=b"full", state=b"full", base=1, version=version)
    require(not store.roll_back(version, now=50), "rolls back to no version that is current")
    require(store.roll_back(START, now=60), "rolls back to the start")
    task = store.task(TASK)
    require(task is not None and (task.state, task.version, task.revision) == (b"start", 0, 3), "restores a state whole")
    require([one.state for one in store.versions(TASK)] == ["published", "rolled back"], "marks what it rolled back")
    (deed,) = store.audit(TASK)
    require((deed.at, deed.detail) == (60, "from version 1 to version 0"), "writes down what an operator did")
    require(store.roll_back(store.versions(TASK)[1], now=70), "can go forward again")
    require(head(store).version == 1 and len(store.audit(TASK)) == 2, "writes down each deed")


def _makes_a_version_of_the_current_one_only(store: ServerStore) -> None:
    batch = _ready(store)
    first, row = VersionRow(TASK, 1, 0, 0, "published", b"r" * 32, GOAL, 40), ReleaseRow(b"r" * 32, TASK, 0, "model", GOAL, 40)
    store.finish_release(batch, row, signed=b"signed", unpublished=b"full", state=b"full", base=1, version=first)
    store.add([arrival(next(NUMBERS), round_=1) for _ in range(GOAL)])
    store.finish_shuffle(leased(store, "shuffle", 50), [b"a"], legal=GOAL, dropped=0, now=60)
    second = leased(store, "release", 70)
    store.roll_back(START, now=80)
    late, row = replace(first, number=2, parent=1, round=1, release=b"s" * 32), replace(row, hash=b"s" * 32, round=1)
    refused(lambda: store.finish_release(second, row, signed=b"", unpublished=b"", state=None, base=0, version=late))
    worse = replace(late, state="refused", release=b"")
    refused(lambda: store.finish_erased(second, "worse", legal=GOAL, dropped=0, now=90, version=worse, state=b"full"))
    task = store.task(TASK)
    require(task is not None and (task.state, task.version) == (b"start", 0), "keeps nothing made before a roll-back")
    require(len(store.versions(TASK)) == 2 and len(store.releases()) == 1, "publishes nothing made before a roll-back")


def _releases_one_batch_of_a_task_at_a_time(store: ServerStore) -> None:
    keep_task(store)
    for round_ in (0, 1):
        store.add([arrival(next(NUMBERS), round_=round_) for _ in range(GOAL)])
    for _ in (0, 1):
        store.finish_shuffle(leased(store, "shuffle", 10), [b"a"], legal=GOAL, dropped=0, now=20)
    first = leased(store, "release", 30)
    require(store.lease("release", now=31, until=99) is None, "releases one batch of a task at a time")
    keep_release(store, first, ReleaseRow(b"r" * 32, TASK, first.round, "model", GOAL, 40))
    require(leased(store, "release", 32).round == 1 - first.round, "goes on with the next batch")


MODEL_CHECKS = (
    _begins_a_model_once,
    _keeps_versions_with_their_releases,
    _keeps_refused_versions_without_a_state,
    _takes_back_what_streamed_into_a_refused_version,
    _rolls_back_whole_and_writes_it_down,
    _makes_a_version_of_the_current_one_only,
    _releases_one_batch_of_a_task_at_a_time,
)


def _ready(store: ServerStore) -> BatchRow:
    """A batch of a model that has begun, leased for its release."""
    filled(store, GOAL)
    store.begin_model(START, b"start")
    store.finish_shuffle(leased(store, "shuffle", 10), [b"a"], legal=GOAL, dropped=0, now=20)
    require(revision(store) == 1, "counts the start as the first state")
    return leased(store, "release", 30)
