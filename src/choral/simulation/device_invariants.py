"""The promises of one person's device, checked from outside: by its ledger, what waits on it and what left it."""

from collections import Counter

from choral.device import journal
from choral.device.consent import has_agreed
from choral.device.ledger import DAY
from choral.device.records import is_empty
from choral.protocol import report_id
from choral.simulation.memory import require
from choral.simulation.world import Device, World


def check_device(world: World, number: int, device: Device) -> None:
    """Returns if every promise of this device holds; Broken otherwise."""
    _the_ledger_is_never_exceeded_and_never_refunded(world, number, device)
    _each_report_is_paid_once(world, number, device)
    _withdrawing_empties_the_device(world, device)


def _the_ledger_is_never_exceeded_and_never_refunded(world: World, number: int, device: Device) -> None:
    ledger, budget = device.agent.ledger(), device.agent.budget
    account = ledger.account("nobody")
    require(account.life_micro <= budget.for_life_micro, "a lifetime budget is exceeded")
    require(all(spent <= budget.per_day_micro for spent in account.days.values()), "a day's budget is exceeded")
    require(account.life_micro >= world.memory.paid.get(number, 0), "the ledger gave something back")
    world.memory.paid[number] = account.life_micro
    if not account.life_micro:
        device.first_day = min(device.first_day, int(device.clock(world.now).timestamp()) // DAY)
    days = int(device.latest.timestamp()) // DAY - device.first_day + 1
    for one in world.asked:
        terms, made = one.task.terms, ledger.use(world.terms[one.hash]).life_reports
        require(made <= terms.reports_for_life, "more reports for life than the Terms allow")
        require(made <= days * terms.reports_per_day, "more reports than the days that this device has seen allow")


def _each_report_is_paid_once(world: World, number: int, device: Device) -> None:
    """What was ever seen on the device or on its wire was paid, and nothing else was; also what was deleted since."""
    made = world.memory.made.setdefault(number, {})
    made |= {report_id(one.report): one.task for one in device.agent.waiting()}
    made |= {name: world.wire.places[name][0] for name, sender in world.wire.sender.items() if sender == number}
    ledger, counts = device.agent.ledger(), Counter(made.values())
    for one in world.asked:
        paid = ledger.use(world.terms[one.hash]).life_reports
        require(counts[one.hash] <= paid, "there are more reports than were paid for")
        require(counts[one.hash] >= paid, "more was paid than there are reports")
    price = sum(counts[one.hash] * one.task.terms.price_micro for one in world.asked)
    require(price == ledger.account("nobody").life_micro, "the account says another price than its reports had")


def _withdrawing_empties_the_device(world: World, device: Device) -> None:
    waiting = {one.terms for one in device.agent.waiting()}
    with device.store.inner.transaction() as tx:
        for one in world.asked:
            if has_agreed(tx, world.terms[one.hash]):
                continue
            require(is_empty(tx, one.hash), "private records are kept on a device that has withdrawn")
            require(not journal.read(tx, one.task.terms.signal), "a journal outlives its consent")
            require(world.terms[one.hash] not in waiting, "reports wait on a device that has withdrawn")
