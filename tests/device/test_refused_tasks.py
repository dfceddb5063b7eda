"""Scripted malicious servers: each is refused, with a reason, before anything is spent or stored."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from choral.device import Budget
from choral.device.judging import REASONS, refuse
from choral.errors import PeerError, TaskRefused
from choral.learning import Count, PrefixTree
from choral.mechanisms import RandomizedResponse
from choral.privacy import micro
from choral.protocol import Bundle, Signed, Spec, encode, sign

from .setting import DAY, MECHANISM, NAMES, NOW, OPERATOR, READY, SERVER, START, Desk, agent, agreed, dump, signal, task

STRANGER = Ed25519PrivateKey.from_private_bytes(b"stranger".ljust(32, b"\4"))
SECOND = int(NOW.timestamp())


def bundle_of(*signed):
    return encode(Bundle(signed))


def served(desk, one, **changes):
    return sign(desk.checkout(one, **changes), SERVER)


def unsigned_task(desk):
    one = desk.tasks[0]
    body = sign(one, STRANGER)
    return sign(replace(desk.checkout(one), task=body), SERVER)


def changed_task(desk):
    real = sign(desk.tasks[0], OPERATOR)
    changed = replace(desk.tasks[0], shuffler_key=bytes(31) + b"\x09")
    return sign(replace(desk.checkout(desk.tasks[0]), task=Signed(encode(changed), real.signature)), SERVER)


def forged_checkout(desk):
    return sign(desk.checkout(desk.tasks[0]), STRANGER)


def another_signal(desk):
    return served(desk, task("other"))


def unknown_mechanism(desk):
    return served(desk, task(mechanism=Spec("exfiltrate/1", {})))


def unknown_algorithm(desk):
    return served(desk, task(algorithm=Spec("exfiltrate/1", {})))


def swapped_parts(desk):
    return served(desk, task(mechanism=Spec.of(Count()), algorithm=Spec.of(MECHANISM)))


def illegal_parameters(desk):
    return served(desk, task(mechanism=Spec("randomized-response/1", {"domain": 10, "keep": 1})))


def missing_parameters(desk):
    return served(desk, task(mechanism=Spec("randomized-response/1", {"domain": 10})))


def too_expensive(desk):
    return served(desk, task(price_micro=micro(MECHANISM.epsilon) - 1))


def far_too_expensive(desk):
    return served(desk, task(mechanism=Spec.of(RandomizedResponse.for_epsilon(15.0, domain=10))))


def another_dictionary(desk):
    return served(desk, task(algorithm=Spec.of(Count(dictionary=b"d" * 32))))


def expired(desk):
    return served(desk, task(expires=SECOND))


def over_before_issued(desk):
    return served(desk, desk.tasks[0], issued=SECOND, valid_until=SECOND)


def too_many_reports(desk):
    return served(desk, task(reports_per_day=2**31, reports_for_life=2**32 - 1))


HOSTILE = {
    unsigned_task: "none of the 1 trusted keys",
    changed_task: "none of the 1 trusted keys",
    forged_checkout: "signature of this Checkout",
    another_signal: "about 'other'",
    unknown_mechanism: "'exfiltrate/1' is not known here",
    unknown_algorithm: "'exfiltrate/1' is not known here",
    swapped_parts: "mechanism or its algorithm is not one",
    illegal_parameters: "parameters of 'randomized-response/1' are not legal",
    missing_parameters: "parameters of 'randomized-response/1' are not legal",
    too_expensive: "one report costs 2 nats, its Terms say",
    far_too_expensive: "one report costs 15 nats, its Terms say 2",
    another_dictionary: "another dictionary than this app's",
    expired: "expired at 2027-01-04 09:00 UTC",
    over_before_issued: "lies outside its round",
    too_many_reports: "too many reports of one device",
}


@pytest.mark.parametrize("attack", HOSTILE, ids=lambda attack: attack.__name__)
def test_a_hostile_task_is_refused_before_anything_is_spent_or_stored(attack):
    desk = Desk(task())
    device = agreed(desk)
    before = dump(device.store)
    desk.bundles["words"] = bundle_of(attack(desk))
    [step] = device.refresh(NOW)
    assert isinstance(step.error, TaskRefused)
    assert HOSTILE[attack] in step.text
    assert dump(device.store) == before


@pytest.mark.parametrize("attack", HOSTILE, ids=lambda attack: attack.__name__)
def test_a_hostile_task_stops_no_honest_one_beside_it(attack):
    desk = Desk(task())
    device = agreed(desk)
    desk.bundles["words"] = bundle_of(attack(desk), served(desk, desk.tasks[0]))
    assert [step.kind for step in device.tick(NOW, READY)] == ["refused", "contributed"]


def test_a_payload_that_fits_no_report_is_refused():
    class Wide:
        NAME = "wide/1"
        payload = np.dtype([("bits", "u1", (70_000,))])

        def randomize(self, values, entropy):
            raise AssertionError("never reached")

        def guarantees(self, minimum, reports_per_device=1):
            return MECHANISM.guarantees(minimum, reports_per_device)

    desk = Desk(task(mechanism=Spec("wide/1", {})))
    device = agent(desk, names={**NAMES, "wide/1": Wide})
    [step] = device.refresh(NOW)
    assert "fits no size class" in step.text


@pytest.mark.parametrize("round_", [0, 2])
def test_a_check_out_of_the_round_beside_displaces_none_of_the_round_that_is_now(round_):
    desk = Desk(task())
    desk.now = NOW + timedelta(days=1)
    device = agreed(desk)
    desk.bundles["words"] = bundle_of(served(desk, desk.tasks[0], round=round_, **span(desk, round_)))
    assert device.refresh(desk.now) == ()
    assert device.offers()[0].checkout.round == 1
    assert "contributed" in [step.kind for step in device.tick(desk.now, READY)]


@pytest.mark.parametrize("far", [0, 1, 2, 6, 399])
def test_a_check_out_of_a_round_far_from_this_clock_displaces_nothing_and_locks_nobody_out(far):
    desk = Desk(task())
    desk.now = NOW + timedelta(days=4)
    device = agreed(desk)
    held = device.offers()[0].checkout
    desk.bundles["words"] = bundle_of(served(desk, desk.tasks[0], round=far, **span(desk, far)))
    [step] = device.refresh(desk.now)
    assert (step.kind, step.code) == ("refused", "clocks-differ")
    assert "one of the two clocks is off" in step.text
    assert device.offers()[0].checkout == held
    del desk.bundles["words"]
    assert "contributed" in [step.kind for step in device.tick(desk.now, READY)]


def span(desk, round_):
    begin = desk.tasks[0].start + round_ * DAY
    return {"issued": begin, "valid_until": begin + DAY}


def test_the_same_check_out_again_is_no_replay():
    desk = Desk(task())
    device = agreed(desk)
    assert device.refresh(NOW) == device.refresh(NOW) == ()


@pytest.mark.parametrize("garbage", [b"", b"\x01", b"<html>log in</html>", encode(Bundle(()))[:-1], encode(Bundle(())) + b"\0"])
def test_garbage_instead_of_check_outs_is_a_step(garbage):
    desk = Desk(task())
    device = agreed(desk)
    desk.bundles["words"] = garbage
    [step] = device.refresh(NOW)
    assert step.kind == "refused"
    assert step.code == "unreadable"
    assert "it cannot be read" in step.text


def test_a_signed_thing_that_is_no_check_out_is_refused():
    desk = Desk(task())
    device = agent(desk)
    desk.bundles["words"] = bundle_of(sign(desk.tasks[0], OPERATOR))
    assert "a Checkout was due" in device.refresh(NOW)[0].text


def test_a_stale_check_out_waits_for_a_newer_one_unpaid():
    desk = Desk(task())
    device = agreed(desk)
    desk.down = PeerError("unavailable", "stopping")
    [*_, step] = device.tick(NOW + timedelta(days=1), READY)
    assert (step.kind, step.code) == ("waiting", "clocks-differ")
    [*_, step] = device.tick(NOW + timedelta(days=5), READY)
    assert (step.kind, step.code) == ("refused", "clocks-differ")
    assert "connect to the server" in step.text
    assert device.ledger().accounts == ()


def test_a_task_that_has_not_begun_is_agreed_to_but_waits():
    desk = Desk(task(start=SECOND + DAY, expires=SECOND + 9 * DAY))
    device = agreed(desk)
    assert any("the task begins at" in step.text for step in device.tick(NOW, READY))
    desk.now = NOW + timedelta(days=1, hours=1)
    assert "contributed" in [step.kind for step in device.tick(desk.now, READY)]


def test_a_task_whose_domain_has_no_place_for_nothing_is_not_even_offered():
    narrow = RandomizedResponse.for_epsilon(2.0, domain=4)
    desk = Desk(task(mechanism=Spec.of(narrow), price_micro=micro(narrow.epsilon)))
    device = agent(desk)
    [step] = device.refresh(NOW)
    assert step.code == "does-not-fit"
    assert "cannot take what the app says" in step.text
    assert device.offers() == ()


def test_a_key_that_nothing_can_be_sealed_to_is_refused_with_its_check_out():
    desk = Desk(task(shuffler_key=bytes(32)))
    device = agent(desk)
    [step] = device.refresh(NOW)
    assert step.code == "bad-key"
    assert device.offers() == ()


def test_every_refusal_says_which_task_who_must_act_and_that_nothing_was_paid():
    for code, reason in REASONS.items():
        text = str(refuse(code, "words", "why"))
        assert "'words'" in text
        assert "nothing was paid" in text
        assert any(word in reason for word in ("tell", "update")), code


def test_an_operator_that_is_trusted_no_more_is_heard_no_more():
    desk = Desk(task())
    device = agreed(desk)
    later = agent(desk, store=device.store, operators=frozenset({STRANGER.public_key().public_bytes_raw()}))
    assert later.offers() == ()


def test_no_sequence_of_tasks_takes_more_than_the_budget():
    budget = Budget.nats(day=5, year=9, life=11)
    desk = Desk()
    device = agent(desk, budget=budget)
    for day in range(12):
        desk.now = START + timedelta(days=day, hours=9)
        desk.tasks = [task(revision=day * 10 + number, purpose=f"Number {number % 3}") for number in range(4)]
        device.refresh(desk.now)
        for offer in device.offers():
            device.agree(offer.terms_hash, desk.now)
        device.tick(desk.now, READY)
        account = device.ledger().account("nobody")
        assert max(account.days.values()) <= budget.per_day_micro
    assert account.life_micro == 8_000_000
    assert len(desk.received) + len(device.waiting()) <= 4


def test_a_signal_needs_its_name_to_be_heard():
    desk = Desk(task("with space/and slash"))
    assert len(agreed(desk, signal("with space/and slash")).offers()) == 1


def test_a_check_out_whose_parameters_do_not_fit_is_refused_and_stops_no_other():
    tree = PrefixTree(domain=2000, rounds=bytes([2, 4, 6, 8, 10, 12, 14]))
    asked = task(name="prefixes", algorithm=Spec.of(tree), mechanism=Spec.of(RandomizedResponse.for_epsilon(2.0, 2000)))
    desk = Desk(asked, task())
    device = agent(desk, signal("prefixes", immediate=False), signal())
    [step] = device.refresh(NOW)
    assert (step.signal, step.code) == ("prefixes", "wrong-parameters")
    assert "the array 'letters' is missing" in step.text
    assert [offer.terms.signal for offer in device.offers()] == ["words"]
