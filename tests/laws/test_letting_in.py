"""What a device lets in: each claim of a server, false by itself in an otherwise honest check-out, is refused by its reason."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from choral.device.judging import MOST_OPERATIONS
from choral.device.signal import Asks
from choral.errors import PeerError
from choral.learning import Count
from choral.learning.schema import Work
from choral.mechanisms import RandomizedResponse
from choral.privacy import micro
from choral.protocol import Bundle, Openings, Spec, encode, sign
from tests.device.setting import MECHANISM, NAMES, NOW, READY, SERVER, Desk, agreed, opening_of, signal, task

STRANGER = Ed25519PrivateKey.from_private_bytes(b"stranger".ljust(32, b"\4"))
HONEST = replace(task(), least_chance=2**31)


@dataclass(frozen=True)
class Long(Count):
    """A count whose device half costs one operation more than a device gives."""

    NAME = "long/1"

    def device_work(self, params, limit):
        return Work(MOST_OPERATIONS + 1, 1)


def forged_check_out(desk):
    return sign(desk.checkout(HONEST), STRANGER)


def forged_task(desk):
    return sign(replace(desk.checkout(HONEST), task=sign(HONEST, STRANGER)), SERVER)


def too_cheap(desk):
    return sign(desk.checkout(task(price_micro=micro(MECHANISM.epsilon) - 1)), SERVER)


def another_size(desk):
    larger = RandomizedResponse.for_epsilon(2.0, domain=11)
    return sign(desk.checkout(task(mechanism=Spec.of(larger), price_micro=micro(larger.epsilon))), SERVER)


def too_long(desk):
    checkout = desk.checkout(HONEST)
    return sign(replace(checkout, valid_until=checkout.valid_until + 1), SERVER)


def too_seldom(desk):
    return sign(replace(desk.checkout(HONEST), chance=2**31 - 1), SERVER)


def too_much_work(desk):
    return sign(desk.checkout(task(algorithm=Spec.of(Long()))), SERVER)


FALSE = {
    forged_check_out: "unsigned",
    forged_task: "unsigned",
    too_cheap: "too-expensive",
    another_size: "other-question",
    too_long: "wrong-dates",
    too_seldom: "wrong-chance",
    too_much_work: "too-much-work",
}


def offered(desk):
    """A device to which nothing else was ever offered."""
    return agreed(desk, replace(signal(), asks=Asks(exact=(("domain", 10),))), names={**NAMES, Long.NAME: Long})


@pytest.mark.parametrize("claim", FALSE, ids=lambda claim: claim.__name__)
def test_a_false_claim_is_refused_by_its_reason(claim):
    desk = Desk(HONEST)
    desk.bundles["words"] = encode(Bundle((claim(desk),)))
    device = offered(desk)
    assert [step.code for step in device.refresh(NOW)] == [FALSE[claim]]
    assert device.offers() == ()


def test_without_a_false_claim_nothing_is_refused():
    device = offered(Desk(HONEST))
    assert device.refresh(NOW) == ()
    assert len(device.offers()) == 1


@pytest.mark.parametrize("name", ["chance", "params", "missing"])
def test_a_check_out_that_not_everyone_gets_is_refused(name):
    desk = Desk(HONEST)
    checkout = desk.checkout(HONEST)
    changed = {"chance": replace(checkout, chance=checkout.chance - 1), "params": checkout, "missing": checkout}[name]
    opening = opening_of(sign(changed, SERVER))
    openings = {"chance": [opening], "params": [replace(opening, question=bytes(32))], "missing": []}[name]
    desk.openings = encode(Openings(tuple(sign(one, SERVER) for one in openings)))
    device = agreed(desk)
    assert [step.code for step in device.refresh(NOW)] == ["not-published" if name == "missing" else "differs"]
    assert device.offers() == ()


def test_a_device_answers_only_in_the_round_of_its_own_clock():
    desk = Desk(HONEST)
    device = agreed(desk)
    desk.now = NOW + timedelta(days=1)
    device.refresh(desk.now)
    assert [step.code for step in device.tick(NOW, READY)] == ["clocks-differ"]
    assert (device.waiting(), device.ledger().accounts) == ((), ())


@pytest.mark.parametrize("unseen", ["\x1b[31m", "\u202e", "\u200b", "\x07", "\ufeff"])
def test_a_servers_words_are_shown_without_what_would_not_be_seen(unseen):
    desk = Desk(HONEST)
    device = agreed(desk)
    desk.down = PeerError("unavailable", f"please{unseen} wait")
    told = [step.text for step in device.refresh(NOW)]
    assert any("please" in one for one in told)
    assert not any(unseen[0] in one for one in told)
