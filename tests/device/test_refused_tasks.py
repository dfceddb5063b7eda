"""Scripted malicious servers: each is refused, with a reason, before anything is spent or stored."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from choral.device import Budget
from choral.errors import PeerError, TaskRefused
from choral.learning import Count, PrefixTree
from choral.mechanisms import RandomizedResponse
from choral.privacy import micro
from choral.protocol import Bundle, Signed, Spec, encode, sign

from .setting import DAY, MECHANISM, NAMES, NOW, OPERATOR, READY, SERVER, START, Desk, agent, agreed, dump, signal, task, typed

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
    another_signal: "about 'other', not about 'words'",
    unknown_mechanism: "'exfiltrate/1' is not known here",
    unknown_algorithm: "'exfiltrate/1' is not known here",
    swapped_parts: "mechanism or its algorithm is not one",
    illegal_parameters: "parameters of 'randomized-response/1' are not legal",
    missing_parameters: "parameters of 'randomized-response/1' are not legal",
    too_expensive: "one report costs 2 nats, its Terms say",
    far_too_expensive: "one report costs 15 nats, its Terms say 2",
    another_dictionary: "another dictionary than this app's",
    expired: "expired at 2027-01-04 09:00 UTC",
    over_before_issued: "over before it was issued",
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


@pytest.mark.parametrize("changes", [{"issued": SECOND - 60}, {"round": 0}])
def test_an_older_check_out_than_the_one_held_is_refused(changes):
    desk = Desk(task())
    desk.round = 1
    device = agreed(desk)
    held = device.offers()
    desk.bundles["words"] = bundle_of(served(desk, desk.tasks[0], **changes))
    [step] = device.refresh(NOW)
    assert "is older than the one held" in step.text
    assert device.offers()[0].checkout.round == held[0].checkout.round == 1


def test_a_check_out_that_was_retired_still_bars_older_ones():
    desk = Desk(task())
    device = agreed(desk)
    desk.bundles["words"] = bundle_of()
    assert device.refresh(NOW) == ()
    assert device.offers() == ()
    desk.bundles["words"] = bundle_of(served(desk, desk.tasks[0], issued=SECOND - 1))
    assert "is older" in device.refresh(NOW)[0].text
    del desk.bundles["words"]
    assert device.refresh(NOW) == ()
    assert len(device.offers()) == 1


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
    assert "no check-out can be read" in step.text


def test_a_signed_thing_that_is_no_check_out_is_refused():
    desk = Desk(task())
    device = agent(desk)
    desk.bundles["words"] = bundle_of(sign(desk.tasks[0], OPERATOR))
    assert "a Checkout was due" in device.refresh(NOW)[0].text


def test_a_stale_check_out_is_not_contributed_to():
    desk = Desk(task())
    desk.valid_seconds = 3600
    device = agreed(desk)
    desk.down = PeerError("unavailable", "stopping")
    steps = device.tick(NOW + timedelta(hours=2), READY)
    assert any("check-out was valid until" in step.text for step in steps)
    assert device.ledger().accounts == ()


def test_a_check_out_of_a_closed_round_is_not_contributed_to():
    desk = Desk(task())
    desk.round, desk.now, desk.valid_seconds = 0, NOW + 5 * timedelta(days=1), 30 * DAY
    device = agreed(desk)
    assert any("round 0 closed" in step.text for step in device.tick(desk.now, READY))
    assert device.ledger().accounts == ()


def test_a_task_that_has_not_begun_is_agreed_to_but_waits():
    desk = Desk(task(start=SECOND + DAY, expires=SECOND + 9 * DAY))
    device = agreed(desk)
    assert any("the task begins at" in step.text for step in device.tick(NOW, READY))
    desk.now = NOW + timedelta(days=1, hours=1)
    assert "contributed" in [step.kind for step in device.tick(desk.now, READY)]


def test_a_task_whose_domain_does_not_fit_is_refused_and_changes_nothing():
    narrow = RandomizedResponse.for_epsilon(2.0, domain=4)
    desk = Desk(task(mechanism=Spec.of(narrow), price_micro=micro(narrow.epsilon)))
    device = agreed(desk)
    before = dump(device.store)
    with pytest.raises(TaskRefused, match="does not fit the app's signal"):
        device.record(typed("hello"), NOW)
    assert dump(device.store) == before
    [step] = device.tick(NOW, READY)
    assert "does not fit the app's signal" in step.text
    after = dump(device.store)
    assert (after["ledger"], after["outbox"], after["records"]) == (before["ledger"], before["outbox"], before["records"])


def test_a_key_that_nothing_can_be_sealed_to_spends_nothing():
    desk = Desk(task(shuffler_key=bytes(32)))
    device = agreed(desk)
    paid = device.ledger()
    [step] = device.tick(NOW, READY)
    assert step.kind == "refused"
    assert "nothing can be sealed" in step.text
    assert (device.ledger(), device.waiting()) == (paid, ())


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
    device = agreed(desk, signal("prefixes", immediate=False), signal())
    device.record(typed("hello", "prefixes"), NOW)
    steps = {step.signal: step for step in device.tick(NOW, READY)}
    assert steps["prefixes"].kind == "refused"
    assert "does not fit its algorithm" in steps["prefixes"].text
    assert steps["words"].kind == "contributed"
    assert len(device.waiting()) == 1
