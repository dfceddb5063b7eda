"""Models and their versions in memory. Each function is called under the store's lock."""

from dataclasses import replace

from choral.storage.server import LeaseLost
from choral.storage.server_memory_tables import Tables
from choral.storage.server_rows import AuditRow, VersionRow


def keep_state(tables: Tables, hash_: bytes, state: bytes, base: int) -> None:
    """The task's state, if the one that is kept is still of revision `base`; LeaseLost otherwise."""
    task = tables.tasks[hash_]
    if task.revision != base:
        raise LeaseLost(f"the state of task {hash_.hex()} has changed meanwhile; nothing was kept, fold anew")
    tables.tasks[hash_] = replace(task, state=state, revision=base + 1)


def require_current(tables: Tables, version: VersionRow | None) -> None:
    """LeaseLost if the version was made from one that is not current any more."""
    if version is not None and tables.tasks[version.task].version != version.parent:
        raise LeaseLost(f"version {version.parent} of task {version.task.hex()} is not current any more; fold anew")


def add_version(tables: Tables, version: VersionRow) -> None:
    """A version that was made from the current one, and is current from now on unless it was refused."""
    tables.versions[version.task, version.number] = version
    if version.state != "refused":
        tables.tasks[version.task] = replace(tables.tasks[version.task], version=version.number)


def begin(tables: Tables, start: VersionRow, state: bytes) -> bool:
    """The state that a task's model starts from, as its version 0; False if it has a state already."""
    if tables.tasks[start.task].revision:
        return False
    keep_state(tables, start.task, state, 0)
    tables.versions[start.task, start.number] = start
    tables.starts[start.task] = state
    return True


def versions(tables: Tables, task: bytes) -> tuple[VersionRow, ...]:
    """All versions of a task's model, by number."""
    return tuple(tables.versions[key] for key in sorted(tables.versions) if key[0] == task)


def version_state(tables: Tables, task: bytes, number: int) -> bytes | None:
    """The whole state of a version that was published, also of one that was rolled back."""
    row = tables.versions.get((task, number))
    if row is None or row.state == "refused":
        return None
    return tables.releases[row.release][2] if row.release else tables.starts.get(task)


def roll_back(tables: Tables, version: VersionRow, now: int) -> bool:
    """Make this version the current one, mark those after it, write down the deed; False if it cannot be."""
    task, state = tables.tasks[version.task], version_state(tables, version.task, version.number)
    if state is None or task.version == version.number:
        return False
    keep_state(tables, version.task, state, task.revision)
    tables.tasks[task.hash] = replace(tables.tasks[task.hash], version=version.number)
    for row in versions(tables, task.hash):
        if row.number > version.number and row.state == "published":
            tables.versions[task.hash, row.number] = replace(row, state="rolled back")
    tables.versions[task.hash, version.number] = replace(version, state="published")
    detail = f"from version {task.version} to version {version.number}"
    tables.audit.append(AuditRow(now, task.hash, "rolled back", detail))
    return True
