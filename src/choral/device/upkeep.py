"""What keeps a device's store in order: the witness against older copies, and deletion of what is over."""

from datetime import datetime

from choral.device import checkouts, journal, outbox, records, tokens
from choral.device.binding import BoundStore
from choral.device.checkouts import CHECKOUTS
from choral.device.consent import CONSENTS
from choral.device.contribution import LEDGER, LEDGER_KEY, TURNS, ledger
from choral.device.journal import ENTRIES, SPANS
from choral.device.keys import Witness
from choral.device.ledger import BudgetLedger
from choral.device.outbox import LOST, OUTBOX, PULSE, SENT
from choral.device.records import RECORDS, RESERVOIRS
from choral.device.rows import Table
from choral.device.steps import Step
from choral.device.tokens import TOKENS
from choral.errors import PeerError, StoreError
from choral.protocol import decode, encode
from choral.storage.device import DeviceStore, DeviceTransaction

FORGOTTEN: tuple[Table, ...] = (  # type: ignore[type-arg]  # rows of many kinds
    CONSENTS,
    CHECKOUTS,
    RESERVOIRS,
    RECORDS,
    SPANS,
    ENTRIES,
    OUTBOX,
    SENT,
    PULSE,
    TURNS,
    TOKENS,
    LOST,
)  # everything but the ledger


BOUND = tuple(table.name for table in (CONSENTS, CHECKOUTS, OUTBOX, TURNS, RESERVOIRS, RECORDS, TOKENS, LEDGER))


def bind(store: DeviceStore) -> BoundStore:
    """The store with all rows bound that decide what may leave; where they are not those that were written, all goes but
    the ledger.
    """
    return BoundStore(store, BOUND, _forget_for_safety)


def settle(store: BoundStore, witness: Witness | None) -> list[Step]:
    """Bring ledger and witness together. If the store is an older copy, the larger totals count and all else is dropped.

    An older copy may bring back a consent that was withdrawn since: nothing of it is used, the person is asked again.
    """
    with store.transaction():
        steps = [Step("restored", CHANGED)] if store.was_broken else []
    store.was_broken = False
    if witness is None:
        return steps
    kept = witness.witness()
    with store.transaction() as tx:
        own, seen = ledger(tx), _read(kept)
        if own.is_behind(seen):
            own = own.merged(seen).turned()
            forget(tx)
            LEDGER.put(tx, LEDGER_KEY, own)
            steps.append(Step("restored", RESTORED))
    now = encode(own)
    if now != kept:
        witness.keep(now)
    return steps


RESTORED = (
    "this device's store is older than its ledger's witness, or new: what was paid stays paid; every consent is off, "
    "and what waited is deleted; agree again to go on"
)


CHANGED = (
    "rows of this device's store were put back or changed from outside, or are of an older choral: what was paid stays paid; "
    "every consent is off, and what waited is deleted; agree again to go on"
)


def _forget_for_safety(tx: DeviceTransaction) -> None:
    forget(tx)
    LEDGER.put(tx, LEDGER_KEY, ledger(tx).turned())


def forget(tx: DeviceTransaction) -> None:
    """Delete everything but the ledger."""
    for table in FORGOTTEN:
        table.clear(tx)


def purge(store: DeviceStore, now: datetime) -> list[Step]:
    """Delete what is over: tasks, records, journal entries, reports too late to be sent, the log of old ones."""
    with store.transaction() as tx:
        second = ledger(tx).second(now)
        for task in checkouts.purge(tx, second):
            TURNS.delete(tx, task)
            records.drop(tx, task)
        records.purge(tx, now)
        journal.purge(tx, now)
        tokens.purge(tx, now)
        return outbox.purge(tx, second)


def _read(kept: bytes) -> BudgetLedger:
    try:
        return decode(kept, BudgetLedger) if kept else BudgetLedger()
    except PeerError as error:
        raise StoreError(f"the ledger's witness beside the key cannot be read: {error}; put it back from a copy") from error
