"""How an event is taken note of: journalled for training, or randomized at once, with no store open, for statistics."""

from datetime import datetime

from choral.device import answers, consent, journal, records
from choral.device.binding import BoundStore
from choral.device.checkouts import CHECKOUTS, CheckoutBook
from choral.device.offer import Offer
from choral.device.signal import Event, Signal
from choral.numerics import Entropy


def note(store: BoundStore, book: CheckoutBook, signal: Signal, event: Event, *, entropy: Entropy, now: datetime) -> int | None:
    """How many tasks or journals took the event; None if nobody agreed to any Terms about the signal."""
    with store.transaction() as tx:
        agreed = consent.agreed_terms(tx, signal.name)
        if agreed and not signal.immediate:
            journal.append(tx, signal, event, ttl_days=min(one.retention_days for one in agreed), now=now)
    if not agreed:
        return None
    if not signal.immediate:
        return 1
    hashes = {terms.hash for terms in agreed}
    live = [offer for _, offer in book.live(store, (signal,)) if offer.terms_hash in hashes]
    taking = [offer for offer in live if offer.task.start <= now.timestamp() < offer.task.expires]
    for offer in taking:
        while not _keep(store, offer, signal, event, entropy=entropy, now=now):
            pass  # another program of this device took note in between: its place is another one now
    return len(taking)


def _keep(store: BoundStore, offer: Offer, signal: Signal, event: Event, *, entropy: Entropy, now: datetime) -> bool:
    """Randomize what the event says to this task, and keep it; False if another event came in between.

    Draws for each value: if that many came before, its place; then, if it is kept, its randomization. If consent or question
    changed meanwhile, nothing is kept.
    """
    size, values = records.size_of(offer, signal), answers.values_of(offer, signal, (event,))
    with store.transaction() as tx:
        before = records.seen(tx, offer.task_hash)
    kept = dict[int, bytes]()
    for row, value in enumerate(values):
        place = records.place(before + row, size, entropy)
        if place < size:
            kept[place] = answers.randomize(offer, value, entropy)
    with store.transaction() as tx:
        if records.seen(tx, offer.task_hash) != before:
            return False
        held = CHECKOUTS.get(tx, offer.task_hash)
        if held is not None and held.question == offer.question and consent.has_agreed(tx, offer.terms_hash):
            records.add(tx, offer, kept, values=len(values), size=size, now=now)
        return True
