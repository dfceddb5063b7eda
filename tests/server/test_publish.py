"""Publishing tasks and public data, and what devices then download."""

from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from choral.errors import PeerError
from choral.learning import Count
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.protocol import Bundle, Checkout, Release, Spec, decode, open_checkout, sign
from choral.protocol.coding import expand
from choral.server import check_out, publish_release
from choral.server.publish import MOST_LIVE
from tests.server.house import DAY, OPERATOR, RESPONSE, SERVER, START, House, make_task, report

OPERATORS = {OPERATOR.public_key().public_bytes_raw()}


def refused(problem, act):
    with pytest.raises(PeerError) as caught:
        act()
    assert caught.value.problem == problem
    return caught.value.detail


def bundle(house, signal="emoji"):
    return check_out(house.book, signal, server_key=SERVER, entropy=SeededEntropy(1), now=house.now)


def test_a_task_that_no_trusted_operator_signed_is_refused():
    house = House()
    refused("bad-signature", lambda: house.publish(make_task(), Ed25519PrivateKey.generate()))
    assert house.store.tasks() == ()


def test_a_task_signed_as_another_kind_of_message_is_refused():
    house = House()
    signed = sign(Release(bytes(32), 0, "x", 0, 0, (), {}), OPERATOR)
    refused("bad-signature", lambda: house.publish(replace(make_task()), Ed25519PrivateKey.generate()))
    answer = house.ask("POST", "/v1/operator/tasks", content=signed.body)
    assert answer.status_code == 401


def test_a_price_below_the_mechanism_is_refused_and_the_exact_price_is_taken():
    price = micro(RESPONSE.epsilon)
    house = House()
    assert str(price) in refused("conflict", lambda: house.publish(make_task(price_micro=price - 1)))
    house.publish(make_task(price_micro=price))


def test_unknown_names_and_illegal_parameters_are_refused():
    house = House()
    refused("unknown-name", lambda: house.publish(make_task(mechanism=Spec("no-such/1", {}))))
    refused("unknown-name", lambda: house.publish(make_task(algorithm=Spec("no-such/1", {}))))
    refused("malformed-message", lambda: house.publish(make_task(mechanism=Spec(RESPONSE.NAME, {"domain": 1, "keep": 1}))))


def test_a_task_for_another_server_is_refused():
    refused("conflict", lambda: House().publish(make_task(server_key=bytes(32))))


def test_a_retention_that_leaves_no_day_to_release_a_round_is_refused():
    for days in (1, 2):
        refused("conflict", lambda days=days: House().publish(make_task(retention_days=days)))
    House().publish(make_task(retention_days=3))


def test_a_round_by_release_that_would_be_over_as_it_opens_is_refused():
    for seconds in (1, 30):
        refused("conflict", lambda seconds=seconds: House().publish(make_task(advance="release", round_seconds=seconds)))
    House().publish(make_task(advance="release", round_seconds=31))


def test_a_server_asks_no_more_tasks_than_one_document_of_openings_holds(monkeypatch):
    monkeypatch.setattr("choral.server.publish.MOST_TOLD", 3)
    house = House()
    for number in range(3):
        house.publish(make_task(signal=f"signal {number}"))
    refused("conflict", lambda: house.publish(make_task(signal="one more")))
    house.second = 10 * DAY
    house.publish(make_task(signal="one more", expires=START + 20 * DAY))


def test_an_expired_task_is_refused():
    house = House(second=10 * DAY)
    refused("task-expired", lambda: house.publish(make_task()))


def test_the_same_task_twice_is_one_task():
    house = House()
    assert house.publish(make_task()) == house.publish(make_task()) == make_task().hash
    assert len(house.store.tasks()) == 1


def test_a_signal_has_at_most_as_many_live_tasks_as_a_bundle_holds():
    house = House()
    for revision in range(MOST_LIVE):
        house.publish(make_task(revision=revision))
    refused("conflict", lambda: house.publish(make_task(revision=99)))
    house.publish(make_task(revision=99, signal="another"))
    assert len(bundle(house).items) == MOST_LIVE


def test_a_check_out_is_signed_fresh_and_the_same_for_all():
    house = House(second=DAY + 59)
    task = make_task()
    house.publish(task)
    first = bundle(house)
    house.second += 0.9
    assert bundle(house) == first
    found, checkout = open_checkout(first.items[0], OPERATORS)
    assert (found, checkout.round, checkout.chance) == (task, 1, task.chance)
    assert checkout.issued == START + DAY
    assert checkout.valid_until == START + 2 * DAY


def test_rounds_open_covers_the_delay_so_that_no_paid_report_comes_too_late():
    """A report made by a check-out in its last second, sent after the longest delay, still counts."""
    for delay, rounds_open in ((0, 1), (3_600, 2), (DAY, 2), (DAY + 1, 3)):
        task = make_task(delay_seconds=delay, rounds_open=rounds_open)
        house = House()
        house.publish(task)
        _, checkout = open_checkout(bundle(house).items[0], OPERATORS)
        house.second = checkout.valid_until - START - 1 + delay
        house.ingest([report(task, 1, round_=checkout.round)])
        assert house.store.batch(task.hash, 0).reports == 1


def test_nothing_is_checked_out_before_the_start_after_the_end_or_of_a_cut_round():
    house = House(second=-1)
    task = make_task(goal=3)
    house.publish(task)
    refused("unknown-task", lambda: bundle(house))
    refused("unknown-task", lambda: bundle(house, "another"))
    house.second = 0
    house.ingest(report(task, number) for number in range(3))
    house.shuffle()
    refused("unknown-task", lambda: bundle(house))
    house.second = DAY
    assert decode(bundle(house).items[0].body, Checkout).round == 1
    house.second = 10 * DAY
    refused("unknown-task", lambda: bundle(house))


def test_public_data_is_signed_and_holds_no_person():
    house = House()
    names = {"names": np.frombuffer(b"a\nb", np.uint8)}
    good = Release(bytes(32), 0, "dictionary", 0, 1, (), names)
    hash_ = publish_release(house.store, sign(good, OPERATOR), operators=OPERATORS)
    assert hash_ == good.hash == publish_release(house.store, sign(good, OPERATOR), operators=OPERATORS)
    for bad in (replace(good, reports=1), replace(good, task=b"t" * 32), replace(good, guarantees=RESPONSE.guarantees(3))):
        refused("conflict", lambda bad=bad: publish_release(house.store, sign(bad, OPERATOR), operators=OPERATORS))
    refused("bad-signature", lambda: publish_release(house.store, sign(good, SERVER), operators=OPERATORS))
    assert len(house.store.releases()) == 1


def test_a_bundle_is_decoded_as_it_was_encoded():
    house = House()
    house.publish(make_task(algorithm=Spec.of(Count(threshold_milli=1))))
    answer = house.ask("GET", "/v1/checkouts/emoji")
    assert len(decode(answer.content, Bundle).items) == 1
    assert answer.headers["cache-control"].startswith("public, max-age=")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in answer.headers
    assert house.ask("GET", "/v1/checkouts/other").status_code == 404


@pytest.mark.parametrize("accepted", ["choral-2", "gzip, choral-2", "choral-2;q=0, identity", "choral-22", "*", ""])
def test_a_bundle_comes_in_its_own_coding_to_those_who_ask_for_it(accepted):
    house = House()
    house.publish(make_task(algorithm=Spec.of(Count(threshold_milli=1))))
    plain = house.ask("GET", "/v1/checkouts/emoji", headers={"Accept-Encoding": "identity"}).content
    answer = house.ask("GET", "/v1/checkouts/emoji", headers={"Accept-Encoding": accepted})
    is_coded = accepted.endswith("choral-2")
    assert answer.headers.get("content-encoding") == ("choral-2" if is_coded else None)
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (expand(answer.content, 2**16) if is_coded else answer.content) == plain
    assert not is_coded or len(answer.content) < 0.75 * len(plain)
