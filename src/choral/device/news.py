"""What is downloaded before a turn: the check-outs of all signals, then what everyone is told of their rounds.

Every device asks alike, in the same order, whatever it holds. What may be let in is judged with no store open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from choral.device import checkouts
from choral.device.binding import BoundStore
from choral.device.checkouts import CheckoutBook
from choral.device.contribution import ledger
from choral.device.judging import refuse
from choral.device.published import PATH, Published
from choral.device.signal import Signal
from choral.device.steps import Step, refusal
from choral.device.transport import Transport
from choral.errors import PeerError, TaskRefused
from choral.protocol import Bundle, Signed, decode


@dataclass(frozen=True, slots=True)
class News:
    """What came. bundles: by signal; a signal whose answer could not be read is missing; published: None if that could not

    steps: for each thing that could not be read
    """

    bundles: Mapping[str, Sequence[Signed]]
    published: Published | None
    steps: Sequence[Step]


def fetch(transport: Transport, signals: Sequence[Signal]) -> News:
    """Everything, each on a connection of its own; Unreachable if the server does not answer."""
    steps, bundles = list[Step](), dict[str, Sequence[Signed]]()
    for signal in signals:
        try:
            bundles[signal.name] = decode(transport.fetch(f"/v1/checkouts/{quote(signal.name, safe='')}"), Bundle).items
        except PeerError as error:
            if error.problem == "unknown-task":
                bundles[signal.name] = ()
            else:
                steps.append(refusal(refuse("unreadable", signal.name, str(error)), signal=signal.name))
    try:
        return News(bundles, Published.read(transport.fetch(PATH)), steps)
    except PeerError as error:
        told = f"what everyone is told of open rounds cannot be read ({error}); tell whoever runs the server; nothing was paid"
        return News(bundles, None, [*steps, refusal(TaskRefused(told, code="not-published"), signal="all tasks")])


def take(store: BoundStore, book: CheckoutBook, signal: Signal, news: News, now: datetime) -> list[Step]:
    """Hold those of the signal's check-outs that may be let in; a step for each that may not. Tasks that are gone are retired,
    if nothing was refused.
    """
    if news.published is None or signal.name not in news.bundles:
        return []
    offers, steps = book.judge(news.bundles[signal.name], signal, news.published)
    with store.transaction() as tx:
        second, mark = int(now.timestamp()), ledger(tx).mark
        steps += checkouts.take(tx, offers, signal.name, second=second, mark=mark)
        if not steps:
            checkouts.retire(tx, signal.name, {offer.task_hash for offer in offers})
    return steps
