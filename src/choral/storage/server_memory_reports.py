"""Reports that come in, in memory: each is counted once, each token is spent once. Called under the store's lock."""

from dataclasses import replace

from choral.storage.server_memory_tables import Tables
from choral.storage.server_rows import Arrival


def add(tables: Tables, arrival: Arrival) -> bool:
    """Whether the report is kept, now or since before."""
    slot, task = arrival.slot, tables.tasks.get(arrival.slot.task)
    if slot.late and task is not None:
        if _is_known_of(tables, task.hash, arrival.id):
            return True
        if slot.round + slot.late < task.round:
            return False
        slot = replace(slot, round=max(slot.round, task.round))
    batch = tables.open_batch(slot)
    ids = tables.reports.get(batch.number, {})
    if arrival.id in ids or batch.state != "open":
        return arrival.id in ids
    if arrival.token and (batch.task, arrival.token) in tables.spent:
        return False
    tables.spent |= {(batch.task, arrival.token)} if arrival.token else set()
    ids[arrival.id] = arrival.body
    tables.batches[batch.number] = replace(batch, reports=batch.reports + 1)
    return True


def _is_known_of(tables: Tables, task: bytes, id_: bytes) -> bool:
    return any(id_ in ids for number, ids in tables.reports.items() if tables.batches[number].task == task)
