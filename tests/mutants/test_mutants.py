"""Every known bug, planted one by one, is caught by the tests of the law that it breaks: `pytest -m mutants`."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.mutants.running import show_honest, why_not_caught
from tests.mutants.table import MUTANTS

AT_ONCE = 1 if "PYTEST_XDIST_WORKER" in os.environ else min(2, os.cpu_count() or 1)


@pytest.fixture(scope="session")
def answers(request):
    """By mutant that is asked for, why it was not caught: several processes at a time."""
    asked = [item.callspec.params["mutant"] for item in request.session.items if "answers" in item.fixturenames]
    honest = show_honest(asked)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {mutant.name: pool.submit(why_not_caught, mutant, honest) for mutant in asked}


@pytest.mark.mutants
@pytest.mark.parametrize("mutant", MUTANTS, ids=[one.name for one in MUTANTS])
def test_a_mutant_is_caught_by_the_tests_of_its_law(mutant, answers, record_property):
    record_property("mutant", mutant.name)
    why_not = answers[mutant.name].result()
    assert not why_not, why_not
