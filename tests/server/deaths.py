"""What is told of a duty that dies and is finished by another worker, whatever the store."""

from tests.server.house import DAY, garbage, make_task, report

TASK = make_task(goal=6, minimum=3)
BODIES = [report(TASK, number, category=number) for number in range(5)] + [garbage(TASK, 9)]


def prepare(house, duty):
    """Let the next piece of the house's work be `duty`."""
    house.publish(TASK)
    house.ingest(BODIES[:2] if duty in ("close", "ingest") else BODIES)
    if duty == "release":
        house.shuffle()
    if duty == "close":
        house.second = 2 * DAY


def outcome(house):
    """Everything that anyone can see once all duties are done; the store is closed."""
    house.second += 3_600
    while house.shuffle() or house.release() or house.close():
        pass
    (row,) = house.store.batches(TASK.hash)
    left = len(list(house.store.sealed(row))) + len(list(house.store.parts(row)))
    releases = [(release.round, release.reports) for release in house.store.releases()]
    estimates = [house.store.release(release.hash)[-200:-64] for release in house.store.releases()]
    house.store.close()
    return row.state, row.reports, row.legal, row.dropped, row.why, left, releases, estimates
