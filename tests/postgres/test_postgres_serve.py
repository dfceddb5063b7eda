"""`choral serve --database`: a real server over real HTTP whose database crashes under it, and roles that meet in it alone."""

import shutil
import time
from contextlib import ExitStack

import httpx
import pytest

from choral.numerics import SeededEntropy
from choral.storage.server_postgres import PostgresServerStore
from tests.postgres.cluster import cluster
from tests.server.house import report
from tests.server.processes import port_of, refusal, running, start, stop, wait_until
from tests.server.test_serve import publish
from tests.world.test_kill import Clients, let_live

ANSWER_SECONDS = 2.0  # after the database is there again
RESTARTS, REPORTS = 10, 1_500


@pytest.fixture
def own():
    """A PostgreSQL server that this test alone may crash."""
    with cluster() as one:
        yield one


def answered(port):
    """Whether the server takes reports' tasks from its store."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def survive(own, folder, *, restarts, reports):
    """Clients upload while the database crashes, every fifth time with the server; then the store is held to what they know."""
    process, line = start(folder, "--role", "ingest", "--database", own.url, log=folder / "log")
    task = publish(port_of(line), folder, goal=10**6)
    clients = Clients.of([report(task, number) for number in range(reports)])
    clients.port, lived, slowest = port_of(line), [], 0.0
    lives = SeededEntropy(3).below(restarts, 2 * len(clients.bodies) // restarts).tolist()
    with clients.at_work():
        for number, life in enumerate(lives):
            before = len(clients.acknowledged)
            let_live(clients, life)
            own.stop("immediate")
            if number % 5 == 4:
                process.kill()
                process.communicate()
            own.start()
            if number % 5 == 4:
                process, line = start(folder, "--role", "ingest", "--database", own.url, log=folder / "log")
                clients.port = port_of(line)
            began = time.monotonic()
            wait_until(lambda: answered(clients.port))
            slowest = max(slowest, time.monotonic() - began)
            lived.append(len(clients.acknowledged) > before)
    stop(process)
    store = PostgresServerStore(own.url)
    row = store.batch(task.hash, 0)
    kept = list(store.sealed(row))
    store.close()
    assert clients.refused == []
    assert sum(lived) > restarts // 2, "the crashes came while reports were being acknowledged"
    assert len(kept) == len(set(kept)) == row.reports, "a report is kept twice, or is not counted"
    assert clients.acknowledged <= set(kept), "nothing acknowledged is lost"
    assert set(kept) <= clients.sent, "nothing is kept that nobody sent"
    assert slowest <= ANSWER_SECONDS
    return clients, slowest


def test_ten_crashes_of_the_database_lose_nothing_acknowledged_and_count_nothing_twice(own, tmp_path):
    survive(own, tmp_path, restarts=RESTARTS, reports=REPORTS)


@pytest.mark.acceptance
def test_three_hundred_crashes_of_the_database_lose_nothing_acknowledged_and_count_nothing_twice(own, tmp_path):
    clients, slowest = survive(own, tmp_path, restarts=300, reports=40_000)
    print(f"sent {len(clients.sent)}, acknowledged {len(clients.acknowledged)}, slowest answer after a crash {slowest:.2f} s")


def test_roles_with_folders_of_their_own_meet_in_the_database(own, tmp_path):
    with ExitStack() as work:
        port = work.enter_context(running(tmp_path / "ingest", "--role", "ingest", "--database", own.url))
        task = publish(port, tmp_path / "ingest", goal=20)
        for role in ("shuffle", "release"):
            shutil.copytree(tmp_path / "ingest" / "keys", tmp_path / role / "keys")
            process, line = start(tmp_path / role, "--role", role, "--database", own.url)
            work.callback(process.communicate)
            work.callback(process.kill)
            assert line == f"choral works as {role} on the PostgreSQL database (dbname 'postgres', host '{own.folder}')"
        for number in range(20):
            assert httpx.post(f"http://127.0.0.1:{port}/v1/reports", content=report(task, number)).status_code == 204
        wait_until(lambda: httpx.get(f"http://127.0.0.1:{port}/v1/releases").json())
        (release,) = httpx.get(f"http://127.0.0.1:{port}/v1/releases").json()
        assert release["reports"] == 20
    assert not list(tmp_path.rglob("store.sqlite*"))


def test_a_database_that_cannot_be_reached_ends_the_command_with_a_sentence(tmp_path):
    status, said = refusal(tmp_path, "--database", "postgresql://me:hush-hush@127.0.0.1:1/none")
    assert status == 2
    assert "the PostgreSQL database (dbname 'none', host '127.0.0.1', port '1') cannot be used now" in said
    assert "hush" not in said
    assert "Traceback" not in said
