"""The ledger: what was paid stays paid, under any clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.device.ledger import DAY, YEAR_DAYS, Account, Budget, BudgetLedger
from choral.errors import BudgetExhausted
from choral.protocol import decode, encode

from .setting import NOW, task

TERMS = task(price_micro=2_000_000, reports_per_day=2, reports_for_life=500).terms
BUDGET = Budget.nats(day=5, year=12, life=20)
AMPLE = Budget.nats(day=1e6, year=1e6, life=1e6)


def paid(*moments, terms=TERMS, budget=AMPLE):
    ledger = BudgetLedger()
    for moment in moments:
        ledger = ledger.spend(terms, budget, moment)
    return ledger


def test_the_limit_of_reports_a_day_is_named_with_its_remedy():
    with pytest.raises(
        BudgetExhausted, match=r"Terms allow 2 report\(s\) for the day, 0 are left; it opens again on 2027-01-05"
    ):
        paid(NOW, NOW, NOW)


def test_the_days_budget_is_named_with_what_is_left():
    terms = task(price_micro=2_000_000, reports_per_day=9).terms
    with pytest.raises(BudgetExhausted, match=r"'nobody' has 1 of 5 nats left for the day; it opens again on 2027-01-05"):
        paid(NOW, NOW, NOW, terms=terms, budget=BUDGET)


def test_the_years_budget_counts_any_365_days():
    days = [NOW + timedelta(days=50 * number) for number in range(6)]
    ledger = paid(*days, budget=BUDGET)
    with pytest.raises(BudgetExhausted, match="for the year; it opens again as days leave the last 365"):
        ledger.spend(TERMS, BUDGET, NOW + timedelta(days=364))
    assert ledger.spend(TERMS, BUDGET, NOW + timedelta(days=365)).account("nobody").life_micro == 14_000_000


def test_the_budget_for_life_never_opens_again():
    ledger = paid(*[NOW + timedelta(days=400 * number) for number in range(10)], budget=BUDGET)
    with pytest.raises(BudgetExhausted, match="0 of 20 nats left for life; that is for good"):
        ledger.spend(TERMS, BUDGET, NOW + timedelta(days=40_000))


def test_reports_for_life_of_one_terms_leave_other_terms_alone():
    few = task(reports_per_day=1, reports_for_life=1).terms
    ledger = paid(NOW, terms=few)
    with pytest.raises(BudgetExhausted, match=r"Terms allow 1 report\(s\) for life"):
        ledger.spend(few, AMPLE, NOW + timedelta(days=1))
    ledger.spend(TERMS, AMPLE, NOW + timedelta(days=1))


def test_a_clock_set_back_never_refunds():
    ledger = paid(NOW, NOW)
    for back in (timedelta(hours=1), timedelta(days=1), timedelta(days=400), timedelta(days=10_000)):
        with pytest.raises(BudgetExhausted):
            ledger.spend(TERMS, AMPLE, NOW - back)


def test_a_clock_set_back_is_named_with_what_to_do():
    with pytest.raises(BudgetExhausted, match=r"clock says 2026-12-05, but something was spent on 2027-01-04 already: set the"):
        paid(NOW, NOW).spend(TERMS, AMPLE, NOW - timedelta(days=30))


def test_a_clock_that_was_far_ahead_opens_no_day_before_it():
    ahead = NOW + timedelta(days=1000)
    ledger = paid(ahead, ahead)
    for day in (0, 1, 500, 1000):
        with pytest.raises(BudgetExhausted, match="2029-10-01"):
            ledger.spend(TERMS, AMPLE, NOW + timedelta(days=day))
    assert ledger.spend(TERMS, AMPLE, ahead + timedelta(days=1)).account("nobody").life_micro == 6_000_000


def test_every_report_is_charged_to_nobody_and_to_the_trust_of_its_terms():
    terms = task(trust="shuffler", price_micro=2_000_000).terms
    ledger = paid(NOW, terms=terms)
    assert [(one.trust, one.life_micro) for one in ledger.accounts] == [("nobody", 2_000_000), ("shuffler", 2_000_000)]


def test_spending_changes_nothing_when_it_is_refused():
    ledger = paid(NOW)
    with pytest.raises(BudgetExhausted, match="nothing was spent"):
        ledger.spend(TERMS, AMPLE, NOW, reports=2)
    assert ledger == paid(NOW)


def test_several_reports_are_paid_together_or_not_at_all():
    assert paid(NOW).affordable(TERMS, AMPLE, NOW) == 1
    assert BudgetLedger().spend(TERMS, AMPLE, NOW, reports=2).use(TERMS.hash).life_reports == 2
    with pytest.raises(ValueError, match="reports >= 1"):
        BudgetLedger().spend(TERMS, AMPLE, NOW, reports=0)


def test_a_ledger_comes_back_from_its_bytes():
    ledger = paid(NOW, NOW + timedelta(days=3), NOW + timedelta(days=900))
    assert decode(encode(ledger), BudgetLedger) == ledger


def test_an_older_copy_is_recognised_and_the_larger_totals_count():
    older = paid(NOW)
    newer = older.spend(TERMS, AMPLE, NOW + timedelta(days=1))
    assert older.is_behind(newer)
    assert not newer.is_behind(older)
    assert not newer.is_behind(newer)
    assert older.merged(newer) == newer


def test_totals_of_copies_that_went_apart_are_the_larger_of_both():
    older = paid(NOW)
    left, right = older.spend(TERMS, AMPLE, NOW), older.spend(task("other").terms, AMPLE, NOW + timedelta(days=1))
    merged = left.merged(right)
    assert merged == right.merged(left)
    for part in (left, right):
        assert merged.account("nobody").life_micro >= part.account("nobody").life_micro
        assert all(merged.use(use.terms).life_reports >= use.life_reports for use in part.uses)


def test_a_budget_out_of_range_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="2\\*\\*62"):
        Budget(-1, 0, 0)


SEVERAL = (
    TERMS,
    task("other", price_micro=700_000, reports_per_day=3, reports_for_life=9).terms,
    task("third", price_micro=1_300_000, reports_per_day=1, reports_for_life=4, trust="shuffler").terms,
)
HOURS = st.one_of(st.integers(-50, 50), st.integers(-20_000, 20_000))


@given(st.lists(st.tuples(HOURS, st.sampled_from(SEVERAL), st.integers(1, 3)), max_size=40))
def test_no_limit_is_ever_exceeded_under_any_clock(operations):
    ledger, clock, made = BudgetLedger(), NOW, []
    for hours, terms, reports in operations:
        clock = max(clock + timedelta(hours=hours), datetime(1980, 1, 1, tzinfo=UTC))
        before = ledger
        try:
            ledger = ledger.spend(terms, BUDGET, clock, reports=reports)
        except BudgetExhausted:
            assert ledger is before
            continue
        made.append((ledger.mark // DAY, terms, reports))
    days = [day for day, _, _ in made]
    assert days == sorted(days)
    for trust in ("nobody", "shuffler", "sum"):
        charges = [(day, terms.price_micro * n) for day, terms, n in made if trust in ("nobody", terms.trust)]
        assert sum(micro for _, micro in charges) == ledger.account(trust).life_micro <= BUDGET.for_life_micro
        for end in set(days):
            assert sum(micro for day, micro in charges if day == end) <= BUDGET.per_day_micro
            assert sum(micro for day, micro in charges if end - YEAR_DAYS < day <= end) <= BUDGET.per_year_micro
    for terms in SEVERAL:
        own = [(day, n) for day, one, n in made if one is terms]
        assert sum(n for _, n in own) <= terms.reports_for_life
        assert all(sum(n for day, n in own if day == end) <= terms.reports_per_day for end in days)


@given(st.lists(st.tuples(HOURS, st.sampled_from(SEVERAL)), max_size=25), st.integers(0, 25))
def test_putting_an_older_copy_back_never_refunds(operations, cut):
    ledger, clock, copies = BudgetLedger(), NOW, [BudgetLedger()]
    for hours, terms in operations:
        clock = max(clock + timedelta(hours=hours), datetime(1980, 1, 1, tzinfo=UTC))
        try:
            ledger = ledger.spend(terms, AMPLE, clock)
        except BudgetExhausted:
            continue
        copies.append(ledger)
    restored = copies[min(cut, len(copies) - 1)]
    assert restored.merged(ledger) == ledger.merged(ledger)
    assert restored.is_behind(ledger) == (restored != ledger)


def test_an_empty_account_has_spent_nothing():
    assert Account("nobody", 0, {}).year_to(20_000) == 0
