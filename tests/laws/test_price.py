"""What is paid: each report its price, however many are made at once."""

from choral.device.ledger import BudgetLedger
from tests.device.setting import AMPLE, NOW, READY, Desk, agreed, task, typed


def test_several_reports_cost_several_times_the_price_of_one():
    terms = task(reports_per_day=5).terms
    for number in range(1, 6):
        paid = BudgetLedger().spend(terms, AMPLE, NOW, reports=number).account("nobody")
        assert paid.life_micro == paid.on(NOW.toordinal() - 719_163) == number * terms.price_micro


def test_a_turn_pays_for_each_report_that_it_makes():
    for events in (0, 1, 3):
        device = agreed(Desk(task(reports_per_day=3)))
        for _ in range(events):
            device.record(typed("hello"), NOW)
        device.tick(NOW, READY)
        reports = device.waiting()
        assert len(reports) == 3
        assert device.ledger().account("nobody").life_micro == sum(one.price_micro for one in reports)
