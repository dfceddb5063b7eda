"""Anonymous one-use tokens in stock, for tasks whose reports need one.

Several are asked for at once, the first before the first report, and more only when too few are left for another turn: most
reports leave on days without asking, so that times join few of them to the account that asked. What the issuer is sent names
no task.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from choral.device.offer import Offer
from choral.device.rows import Table
from choral.device.steps import Step, refusal
from choral.device.transport import Transport, Unreachable
from choral.errors import PeerError, TaskRefused
from choral.numerics import Entropy
from choral.protocol import Release, Signed, decode
from choral.protocol.blind_rsa import SIGNATURE_BYTES
from choral.protocol.codec import Wire
from choral.protocol.task import SECONDS
from choral.protocol.tokens import MOST_TOGETHER, TOKEN_BYTES, Issuer, TokenRequest
from choral.protocol.wire import Blob
from choral.storage.device import DeviceStore, DeviceTransaction

STOCK = 8  # tokens of one task that are asked for at once, or a turn's, if its Terms allow so many more reports


class IssuerRoad(Protocol):
    """The road to the issuer: another host, another connection, and there this device has an account."""

    def ask(self, requests: bytes) -> bytes:
        """The answers to as many requests, in their order; PeerError or Unreachable otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A token that can be spent once; its key is the task's hash and the token's nonce."""

    KIND: ClassVar[int] = 77
    WIRE: ClassVar[Wire] = (("token", Blob(TOKEN_BYTES)), ("expires", SECONDS))
    token: bytes
    expires: int


TOKENS = Table("tokens", HeldToken)


def require(tx: DeviceTransaction, offer: Offer, count: int) -> None:
    """TaskRefused if there are fewer than `count` tokens for a task that asks for them: then more are asked for."""
    if offer.task.needs_tokens:
        held = sum(key[:32] == offer.task_hash for key, _ in TOKENS.scan(tx))
        if held < count:
            told = f"{held} of {count} anonymous tokens are here; more are asked for now, for the next turn; nothing was paid"
            raise TaskRefused(told, code="no-token")


def take(tx: DeviceTransaction, offer: Offer, count: int) -> list[bytes]:
    """One token for each of `count` reports, which leave the stock; none for a task that asks for none.

    TaskRefused if there are too few: then nothing is spent, and more are asked for.
    """
    if not offer.task.needs_tokens:
        return [b""] * count
    require(tx, offer, count)
    held = [(key, row.token) for key, row in TOKENS.scan(tx) if key[:32] == offer.task_hash][:count]
    for key, _ in held:
        TOKENS.delete(tx, key)
    return [token for _, token in held]


def restock(
    store: DeviceStore, offer: Offer, *, left: int, roads: tuple[Transport, IssuerRoad], entropy: Entropy
) -> list[Step]:
    """Ask for tokens if there are too few for the next turn; a step if it cannot be done. left: reports that Terms allow"""
    with store.transaction() as tx:
        held = sum(key[:32] == offer.task_hash for key, _ in TOKENS.scan(tx))
    a_turn = offer.terms.reports_per_day
    missing = min(a_turn, left) - held
    if not offer.task.needs_tokens or missing <= 0:
        return []
    transport, issuer_road = roads
    try:
        issuer = issuer_of(transport, offer.task.issuer)
        counts = (min(max(a_turn, STOCK), left) - held, missing)
        found = _allowed(issuer_road, issuer, offer.task_hash, counts=counts, entropy=entropy)
    except Unreachable as error:
        return [Step("unreachable", f"no tokens from the issuer: {error}", offer.terms.signal, offer.task_hash)]
    except PeerError as error:
        return [refusal(TaskRefused(f"no tokens: {error}"), signal=offer.terms.signal, task=offer.task_hash)]
    with store.transaction() as tx:
        for token in found:
            TOKENS.put(tx, offer.task_hash + token[2:34], HeldToken(token, offer.task.expires))
    return []


def _allowed(road: IssuerRoad, issuer: Issuer, task: bytes, *, counts: tuple[int, int], entropy: Entropy) -> list[bytes]:
    """The first count of tokens, or the second if the account's allowance does not reach; what an issuer does not
    take together comes with the next turn.
    """
    most, least = (min(count, MOST_TOGETHER) for count in counts)
    try:
        return ask(road, issuer, task, count=most, entropy=entropy)
    except PeerError as error:
        if error.problem != "allowance-used" or most == least:
            raise
    return ask(road, issuer, task, count=least, entropy=entropy)


def ask(road: IssuerRoad, issuer: Issuer, task: bytes, *, count: int, entropy: Entropy) -> list[bytes]:
    """`count` tokens for the task with this hash; PeerError if an answer is not the issuer's signature."""
    requests = [TokenRequest.make(issuer.key, issuer.challenge(task), entropy) for _ in range(count)]
    answers = road.ask(b"".join(request.message for request in requests))
    if len(answers) != count * SIGNATURE_BYTES:
        raise PeerError("malformed-message", f"{count} answers of {SIGNATURE_BYTES} bytes were due, {len(answers)} bytes came")
    parts = (answers[start : start + SIGNATURE_BYTES] for start in range(0, len(answers), SIGNATURE_BYTES))
    return [request.finish(part).to_bytes() for request, part in zip(requests, parts, strict=True)]


def issuer_of(transport: Transport, hash_: bytes) -> Issuer:
    """The issuer that a task names by this hash: public data, the same for everyone, from the report server."""
    release = decode(decode(transport.fetch(f"/v1/releases/{hash_.hex()}.bin"), Signed).body, Release)
    if release.hash != hash_:
        raise PeerError("bad-signature", "the public data about the issuer is not what the task names")
    return Issuer.from_release(release)


def purge(tx: DeviceTransaction, now: datetime) -> None:
    """Delete tokens of tasks that are over."""
    for key, row in TOKENS.scan(tx):
        if row.expires <= now.timestamp():
            TOKENS.delete(tx, key)
