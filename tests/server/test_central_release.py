"""The central mode on the server: people's parts of a filter become a release that says what it rests on."""

from dataclasses import replace

import numpy as np

from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.numerics import SeededEntropy
from choral.privacy import required_price
from choral.protocol import Checkout, Signed, Spec, decode, encode, open_checkout, seal
from choral.protocol.messages import Bundle
from tests.server.house import DAY, OPERATOR, House, make_task

FILTER = AlternatingLeastSquares(3, 0, 500, per_person=1)
PEOPLE = 60
NOISE = GaussianVector.for_sum(8.0, FILTER.size, clip_norm=FILTER.clip_norm, minimum=PEOPLE)


def filter_task():
    draft = make_task(trust="sum", mechanism=Spec.of(NOISE), algorithm=Spec.of(FILTER), reports_for_life=5, minimum=3)
    draft = replace(draft, rule=replace(draft.rule, minimum=PEOPLE, goal=100))
    price = required_price(NOISE, trust="sum", minimum=PEOPLE, reports_per_device=draft.reports_per_device, reports_for_life=5)
    return replace(draft, terms=replace(draft.terms.unbound, price_micro=price))


def checkout(house) -> Checkout:
    bundle = decode(house.ask("GET", "/v1/checkouts/emoji").content, Bundle)
    return open_checkout(bundle.items[0], {OPERATOR.public_key().public_bytes_raw()})[1]


def test_a_sum_of_peoples_parts_becomes_a_model_whose_guarantees_say_that_one_report_hides_nothing():
    house, task = House(), filter_task()
    house.publish(task)
    params = checkout(house).params
    for person in range(PEOPLE):
        examples = {"item": np.arange(3), "rating": np.array([0.9, 0.5, 0.1]), "weight": np.ones(3)}
        payload = NOISE.randomize(FILTER.contribute(params, examples), SeededEntropy(person))
        house.ingest([seal(payload.tobytes(), task.hash, 0, task.shuffler_key).to_bytes()])
    house.second = 3 * DAY
    house.close()
    house.shuffle()
    release = house.release()
    assert release.reports == PEOPLE
    items = FILTER.parts(release.arrays)
    assert items.biases[0] > 0.1 > -0.1 > items.biases[2]
    assert [one.trust for one in release.guarantees] == ["nobody", "sum"]
    told = house.ask("GET", f"/v1/releases/{release.hash.hex()}").json()["guarantees"]
    assert "hides next to nothing" in told[0]["sentence"]
    assert told[1]["epsilon"] > 0
    assert decode(encode(release), type(release)).guarantees == release.guarantees
    assert isinstance(decode(house.ask("GET", f"/v1/releases/{release.hash.hex()}.bin").content, Signed), Signed)
