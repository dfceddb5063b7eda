"""The central mode: a report that hides only in a sum leaves only where its person said so, at the sum's price."""

import json
import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

import numpy as np
import pytest

from choral.device import Budget, Event, Signal
from choral.device.home import Home, Settings
from choral.device.ledger import BudgetLedger
from choral.errors import BudgetExhausted, ConsentMissing, PeerError
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.numerics import SeededEntropy
from choral.privacy import Guarantee, required_price
from choral.protocol import Release, Report, Spec, decode, encode, sign, unseal
from choral.server import publish_task
from choral.server.tasks import TaskBook
from choral.server.views import guarantees_view, task_view
from choral.storage import MemoryServerStore

from .setting import NAMES, NOW, OPERATOR, OPERATORS, READY, SERVER, SHUFFLER, Desk, agent, dump, task

SHARES = GaussianVector.for_sum(1.0, 4, clip_norm=1.0, minimum=1000)


@dataclass(frozen=True)
class Mean:
    """The mean of vectors, for these tests."""

    NAME: ClassVar[str] = "mean-of-vectors/1"

    def contribute(self, params, examples):
        return examples["vector"]

    def init(self, entropy):
        return {}

    def publish(self, state):
        return {}


ALL = {**NAMES, Mean.NAME: Mean}
SUMS = ("nobody", "shuffler", "sum")
TRUSTING = Budget.nats(day=100, year=10_000, life=100_000, trusts=SUMS)
VECTORS = Signal(
    "moods", frozenset({"moods.felt"}), lambda events: {"vector": np.zeros((max(1, len(events)), 4))}, 3, immediate=False
)


def question(mechanism=SHARES, *, trust="sum", minimum=1000, price_micro=None, reports_for_life=100):
    draft = task(
        "moods", trust=trust, reports_for_life=reports_for_life, mechanism=Spec.of(mechanism), algorithm=Spec.of(Mean())
    )
    draft = replace(draft, rule=replace(draft.rule, minimum=minimum, goal=2000))
    return dear(draft, price_of(draft, mechanism) if price_micro is None else price_micro)


def price_of(draft, mechanism=SHARES):
    return required_price(
        mechanism,
        trust=draft.terms.trust,
        minimum=draft.rule.minimum,
        reports_per_device=draft.reports_per_device,
        reports_for_life=draft.terms.reports_for_life,
    )


def dear(draft, micro):
    return replace(draft, terms=replace(draft.terms.unbound, price_micro=micro))


def device_of(desk, budget=TRUSTING):
    return agent(desk, VECTORS, names=ALL, budget=budget)


def refreshed(desk, budget=TRUSTING):
    device = device_of(desk, budget)
    return device, device.refresh(NOW)


def test_nobody_takes_part_who_did_not_allow_the_trust_first():
    device, steps = refreshed(Desk(question()), budget=Budget.nats(day=100, year=100, life=100))
    assert not steps
    [offer] = device.offers()
    before = dump(device.store)
    with pytest.raises(ConsentMissing, match="trust 'sum', which this person has not allowed"):
        device.agree(offer.terms_hash, NOW)
    assert dump(device.store) == before
    with pytest.raises(ConsentMissing):
        device.record(Event("moods.felt", NOW, {}), NOW)


def test_the_offer_says_first_that_one_report_alone_hides_next_to_nothing_then_what_a_sum_adds():
    device, _ = refreshed(Desk(question()))
    [offer] = device.offers()
    first, second = offer.sentences
    assert first.startswith("one report alone hides next to nothing (no bound on epsilon)")
    assert "If nobody sees less than a sum of 1000 reports" in second
    assert math.isinf(offer.guarantees[0].epsilon)


def test_who_allowed_it_pays_the_sums_price_to_the_account_of_sums_alone():
    desk = Desk(question())
    device, _ = refreshed(desk)
    [offer] = device.offers()
    device.agree(offer.terms_hash, NOW)
    device.record(Event("moods.felt", NOW, {}), NOW)
    [step] = device.tick(NOW, READY)
    assert step.kind == "contributed"
    price = offer.terms.price_micro
    assert [(one.trust, one.life_micro) for one in device.ledger().accounts] == [("sum", price)]
    device.tick(NOW + timedelta(hours=7), READY)
    [row] = device.sent()
    assert "hides next to nothing" in row.outgoing.meaning
    report = Report.from_bytes(desk.received[0])
    payload = np.frombuffer(unseal(report, SHARES.payload.itemsize, SHUFFLER), SHARES.payload)
    assert SHARES.legal(payload).all()


def test_a_trust_taken_back_later_stops_every_further_report():
    desk = Desk(question())
    device, _ = refreshed(desk)
    device.agree(device.offers()[0].terms_hash, NOW)
    cautious = agent(desk, VECTORS, names=ALL, store=device.store, budget=Budget.nats(day=100, year=100, life=100))
    [step] = cautious.tick(NOW, READY)
    assert step.kind == "refused"
    assert isinstance(step.error, ConsentMissing)
    assert not cautious.ledger().accounts
    assert not cautious.waiting()


def test_the_account_of_sums_has_its_limits_and_the_ledger_spends_under_no_trust_that_is_not_allowed():
    terms = question().terms
    tight = Budget(terms.price_micro, 10**9, 10**9, SUMS)
    ledger = BudgetLedger().spend(terms, tight, NOW)
    with pytest.raises(BudgetExhausted):
        ledger.spend(terms, tight, NOW)
    closed = Budget(10**9, 10**9, 10**9)
    assert ledger.affordable(terms, closed, NOW + timedelta(days=1)) == 0
    with pytest.raises(ConsentMissing, match="nothing was spent"):
        ledger.spend(terms, closed, NOW + timedelta(days=1))
    with pytest.raises(ValueError, match="trusts are some of"):
        Budget(1, 1, 1, ("everyone",))


DEAR = 4_000_000_000
REFUSED = {
    "a price below the sum's": (lambda: dear(question(), price_of(question()) - 1), "its Terms say"),
    "charged as if it were local": (lambda: question(trust="nobody", price_micro=DEAR), "hides next to nothing"),
    "charged as if it were shuffled": (lambda: question(trust="shuffler", price_micro=DEAR), "hides next to nothing"),
    "a local delta under nobody": (
        lambda: question(GaussianVector.for_sum(2.0, 4, clip_norm=1.0, minimum=1), trust="nobody", price_micro=DEAR),
        "hides next to nothing",
    ),
    "noise so small that even the sum hides nothing": (
        lambda: question(GaussianVector(4, 1_000_000, 2**24, 4), price_micro=DEAR),
        "ask for a larger minimum",
    ),
    "too many reports for life": (lambda: question(reports_for_life=1001, price_micro=DEAR), "fewer reports for life"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_sums_task_that_is_not_paid_for_is_refused_on_the_device(name):
    make, reason = REFUSED[name]
    device, [step] = refreshed(Desk(make()))
    assert step.kind == "refused"
    assert reason in step.text
    assert not device.offers()


@pytest.mark.parametrize("name", REFUSED)
def test_a_sums_task_that_is_not_paid_for_is_a_conflict_at_the_server(name):
    with pytest.raises(PeerError) as caught:
        published(REFUSED[name][0]())
    assert caught.value.problem == "conflict"


def published(one):
    store = MemoryServerStore()
    server_key = SERVER.public_key().public_bytes_raw()
    publish_task(store, sign(one, OPERATOR), operators=OPERATORS, names=ALL, server_key=server_key, now=NOW)
    return store


def test_a_server_publishes_what_is_paid_for_and_tells_it_in_json_without_infinity():
    one = question()
    book = TaskBook(published(one), ALL)
    told = json.dumps(task_view(book, book.get(one.hash), int(NOW.timestamp())), allow_nan=False)
    first, second = json.loads(told)["guarantees"]
    assert first["epsilon"] is None
    assert "hides next to nothing" in first["sentence"]
    assert 0 < second["epsilon"] < 10


def test_a_release_carries_a_guarantee_without_a_bound_and_nothing_else_may_be_infinite():
    endless = Guarantee(math.inf, 1e-6, "one report", "any two values", "nobody")
    release = Release(bytes(32), 0, "moods", 1000, 0, (endless,), {})
    assert decode(encode(release), Release).guarantees == (endless,)
    assert guarantees_view((endless,))[0]["epsilon"] is None
    with pytest.raises(ValueError, match="finite"):
        encode(Release(bytes(32), 0, "moods", 1000, 0, (replace_delta(endless),), {}))


def replace_delta(guarantee):
    broken = replace(guarantee)
    object.__setattr__(broken, "delta", math.inf)
    return broken


def test_the_sum_of_many_shares_is_what_was_promised():
    """Noise of a sum over 1,000 devices: within 6 standard errors of its variance, false alarm 2e-9."""
    rows = SHARES.randomize(np.zeros((1000, 400))[:, :4], SeededEntropy(1))
    sums = SHARES.accumulate(np.zeros(4, np.int64), rows)
    assert (np.abs(sums) < 6 * math.sqrt(1000 * (SHARES.sigma**2 + 0.25))).all()


def test_a_devices_settings_trust_no_sum_until_told_and_keep_what_they_were_told(tmp_path):
    home = Home(tmp_path / "device")
    assert "sum" not in home.settings().budget.trusts
    home.keep(Settings().trusting_sums(True))
    assert home.settings().budget.trusts == SUMS
    home.keep(home.settings().trusting_sums(False))
    assert home.settings() == Settings()


def test_the_command_allows_the_trust_and_takes_it_back(tmp_path):
    from typer.testing import CliRunner

    from choral.cli.device.commands import app

    def told(*words):
        found = CliRunner().invoke(app, ["--home", str(tmp_path / "home"), "trust", *words])
        assert found.exit_code == 0, found.output
        return found.output

    assert "never leave" in told()
    assert "may leave" in told("--sum")
    assert Home(tmp_path / "home").settings().budget.trusts == SUMS
    assert "never leave" in told("--no-sum")
    assert "sum" not in Home(tmp_path / "home").settings().budget.trusts
