"""The companion's one door: ratings for the shared model, off until agreed, dense, and a task that a device lets in."""

from datetime import timedelta

import numpy as np
import pytest

from choral.apps.companion.device.activities import ACTIVITIES, NUMBERS
from choral.apps.companion.device.fragments import Fragments
from choral.apps.companion.device.signals import ITEMS, RATINGS, clustered, companion_signals, rated, ratings_of
from choral.apps.companion.device.tasks import Desk, ratings_filter, ratings_task
from choral.device import Budget
from choral.errors import ConsentMissing, UsageError
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SeededEntropy
from choral.privacy import required_price
from choral.protocol import Task, decode, encode
from tests.device import setting

from .companion_records import felt

NOW = setting.NOW
NAMES = {**MECHANISMS, **ALGORITHMS}
SHUFFLER, SERVER = (key.public_key().public_bytes_raw() for key in (setting.SHUFFLER, setting.SERVER))
DESK = Desk(setting.START, NOW + timedelta(days=30), shuffler_key=SHUFFLER, server_key=SERVER)
TRUSTING = Budget.nats(day=100, year=10_000, life=100_000, trusts=("nobody", "shuffler", "sum"))


class Server(setting.Desk):
    """The tests' server with the shared model in its check-outs."""

    def checkout(self, one, **changes):
        algorithm = ratings_filter()
        params = algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(1))
        return super().checkout(one, **{"params": params, **changes})


def device(server, budget=TRUSTING):
    return setting.agent(server, *companion_signals(), budget=budget)


def events(*hours):
    return [rated(name, hour=hour, mood=felt(valence), at=NOW) for name, hour, valence in hours]


def test_an_hour_becomes_an_item_an_hour_and_a_rating():
    rows = ratings_of(events(("a walk", 18, 80), ("working", 9, 45)))
    assert rows["item"].tolist() == [NUMBERS["a walk"], NUMBERS["working"]]
    assert rows["hour"].tolist() == [18, 9]
    assert rows["rating"].tolist() == [0.8, 0.45]
    assert rows["weight"].tolist() == [1, 1]


def test_another_cause_and_an_unknown_activity_are_no_event():
    assert rated("a walk", hour=18, mood=felt(80, external=True), at=NOW) is None
    assert rated("flying", hour=18, mood=felt(80), at=NOW) is None
    assert rated("a walk", hour=24, mood=felt(80), at=NOW) is None


def test_nothing_to_say_is_a_row_of_weight_zero_and_a_report_of_the_same_length():
    algorithm, (signal,) = ratings_filter(), companion_signals()
    params = algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(1))
    silent = algorithm.contribute(params, signal.examples([]))
    spoken = algorithm.contribute(params, signal.examples(events(("a walk", 18, 80))))
    assert silent.shape == spoken.shape == (1, algorithm.size)
    assert not silent.any()
    assert spoken.any()


def test_the_one_door_keeps_a_journal_and_reads_one_kind_of_event():
    (signal,) = companion_signals()
    assert (signal.name, signal.kinds, signal.immediate) == (RATINGS, frozenset({"companion.rated"}), False)
    assert len(ACTIVITIES) <= ITEMS


def test_items_can_be_the_clusters_of_a_public_catalogue():
    fragments = Fragments()
    centres = np.array([[NUMBERS["working"]] * 6, [NUMBERS["a walk"]] * 6], np.uint8)
    items = clustered(fragments, centres)
    assert (items.of("a walk"), items.of("working"), items.count, items.of("flying")) == (1, 0, 2, None)
    assert ratings_of(events(("a walk", 18, 80)), items)["item"].tolist() == [1]


def test_the_task_travels_and_states_what_a_report_costs_in_a_sum():
    task = ratings_task(DESK, minimum=300, goal=300)
    again = decode(encode(task), Task)
    mechanism, algorithm = again.mechanism.build(NAMES), again.algorithm.build(NAMES)
    assert algorithm == ratings_filter()
    assert mechanism.dimension == algorithm.size
    assert again.terms.trust == "sum"
    assert again.terms.epsilon <= 4.0
    assert again.terms.price_micro >= required_price(
        mechanism, trust="sum", minimum=300, reports_per_device=1, reports_for_life=again.terms.reports_for_life
    )


def test_it_is_off_until_the_person_agrees_and_allows_sums():
    [event] = events(("a walk", 18, 80))
    server = Server(ratings_task(DESK))
    for budget in (TRUSTING, Budget.nats(day=100, year=100, life=100)):
        phone = device(server, budget)
        phone.refresh(NOW)
        with pytest.raises(ConsentMissing):
            phone.record(event, NOW)
    with pytest.raises(ConsentMissing, match="sum"):
        phone.agree(phone.offers()[0].terms_hash, NOW)


def test_what_leaves_a_device_is_as_long_whatever_was_lived_and_the_journal_is_empty_afterwards():
    server = Server(ratings_task(DESK))
    for hours in ((), (("a walk", 18, 80), ("working", 9, 45))):
        phone = device(server)
        phone.refresh(NOW)
        phone.agree(phone.offers()[0].terms_hash, NOW)
        for event in events(*hours):
            phone.record(event, NOW)
        [step] = phone.tick(NOW, setting.READY)
        assert step.kind == "contributed"
        phone.tick(NOW + timedelta(hours=7), setting.READY)
    assert len({len(report) for report in server.received}) == 1
    assert len(server.received) == 2


def test_sizes_that_do_not_go_together_are_refused_in_words():
    for wrong in ({"epsilon": 0.0}, {"minimum": 1}, {"minimum": 20, "goal": 10}, {"minimum": 2, "goal": 2, "items": 60_000}):
        with pytest.raises(UsageError, match=r"ask for|need"):
            ratings_task(DESK, **wrong)
