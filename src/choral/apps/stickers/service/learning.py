"""What the service does with download logs: takes them in, learns from them, and folds in who came later."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.messages import MOST_CANDIDATES
from choral.apps.stickers.service.download_logs import own_name, read_logs
from choral.apps.stickers.service.preference import Learnt, learn
from choral.apps.stickers.service.stock import Stock
from choral.apps.stickers.service.store import CatalogueStore
from choral.apps.stickers.service.tokens import Secrets, new_token
from choral.errors import UsageError
from choral.protocol import decode, encode
from choral.protocol.codec import Wire
from choral.protocol.containers import Array

MOST_ACCOUNTS = 10_000  # of one request


@dataclass(frozen=True, slots=True)
class LearntMessage:
    """What was learnt, as it lies in the store: the ids of the catalogue's stickers and the arrays of `Learnt`."""

    KIND: ClassVar[int] = 103
    WIRE: ClassVar[Wire] = tuple((name, Array(2**30)) for name in ("stickers", "scale", "mean", "basis", "downloads"))
    stickers: NDArray[np.int64]
    scale: NDArray[np.float64]
    mean: NDArray[np.float64]
    basis: NDArray[np.float64]
    downloads: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Summary:
    """What was learnt, in figures: people with a download, downloads, numbers a person, stickers nobody downloaded."""

    people: int
    downloads: int
    numbers: int
    unseen: int


def open_accounts(store: CatalogueStore, secrets: Secrets, names: Sequence[str], *, renew: bool = False) -> dict[str, str]:
    """A new token for each name, shown here and never again; UsageError for a name that is none or given twice."""
    if not 1 <= len(names) <= MOST_ACCOUNTS or len(set(names)) != len(names):
        raise UsageError(f"need 1 to {MOST_ACCOUNTS} accounts, each once")
    try:
        tokens = {own_name(name): new_token() for name in names}
    except ValueError as error:
        raise UsageError(f"{error}; no account was opened") from None
    store.open_accounts({name: secrets.kept(token) for name, token in tokens.items()}, renew=renew)
    return tokens


def load(store: CatalogueStore, stock: Stock, text: str, *, name: str) -> tuple[int, int]:
    """Downloads in the file and how many of them are new; UsageError, and nothing loaded, if a line is not as it should be."""
    downloads = read_logs(text, stock.catalogue, name=name, packages=stock.packages)
    return len(downloads), store.add(downloads)


def learn_once(store: CatalogueStore, stock: Stock, *, numbers: int) -> Summary:
    """Learn preference information and popularity from all logs anew, and choose everyone's candidates.

    The new numbers are turned to be like those learnt before, if as many were, so that trained models go on to fit.
    UsageError if there are too few logs, or more numbers than they can give.
    """
    logs, accounts = store.logs(stock.catalogue.places)
    try:
        found = learn(
            logs.person, logs.sticker, logs.kind, people=len(accounts), stickers=len(stock.catalogue), numbers=numbers
        )
    except ValueError as error:
        raise UsageError(str(error)) from None
    earlier = last_learnt(store, stock)
    if earlier is not None and earlier.numbers == numbers:
        found = found.like(earlier, logs.person, logs.sticker, logs.kind, people=len(accounts))
    steps = found.vectors(logs.person, logs.sticker, logs.kind, people=len(accounts))
    held = np.split(logs.sticker, np.searchsorted(logs.person, np.arange(1, len(accounts))))
    store.put_personal(_personal(stock, found, accounts, steps, held), learnt=encode(_message(stock, found)))
    return Summary(len(accounts), len(logs.person), numbers, int((found.downloads == 0).sum()))


def fold_in(store: CatalogueStore, stock: Stock, learnt: Learnt, account: int) -> None:
    """Bring one account's numbers and candidates up to date with its downloads, without learning anew."""
    table = np.array(store.downloads(account), np.int64).reshape(-1, 3)
    table = table[np.isin(table[:, 0], list(stock.catalogue.places))]
    rows, kind = stock.rows(table[:, 0]), table[:, 1].astype(np.uint8)
    steps = learnt.vectors(np.zeros(len(rows), np.int64), rows, kind, people=1)
    store.put_personal(_personal(stock, learnt, [account], steps, [rows]))


def last_learnt(store: CatalogueStore, stock: Stock) -> Learnt | None:
    """What was learnt last; None if nothing was, or about another catalogue, so that it must be learnt anew."""
    kept = store.learnt()
    if kept is None:
        return None
    message = decode(kept[1], LearntMessage)
    if message.stickers.tolist() != [sticker.id for sticker in stock.catalogue.stickers]:
        return None
    return Learnt(message.scale, message.mean, message.basis, message.downloads)


def _message(stock: Stock, found: Learnt) -> LearntMessage:
    ids = np.array([sticker.id for sticker in stock.catalogue.stickers], np.int64)
    return LearntMessage(ids, found.scale, found.mean, found.basis, found.downloads)


def _personal(
    stock: Stock, learnt: Learnt, accounts: Sequence[int], steps: NDArray[np.int8], held: Iterable[NDArray[np.int64]]
) -> Iterator[tuple[int, bytes, bytes | None]]:
    """What is kept of each account; no candidates where everyone may use the whole catalogue."""
    ids = np.array([sticker.id for sticker in stock.catalogue.stickers], "<i4")
    for account, numbers, rows in zip(accounts, steps, held, strict=True):
        if len(ids) <= min(stock.most, MOST_CANDIDATES):
            yield account, numbers.tobytes(), None
        else:
            yield account, numbers.tobytes(), ids[stock.choose(learnt, numbers, rows)].tobytes()
