"""What all tests share: nothing is faked, every seed is written down."""

import pytest
from hypothesis import HealthCheck, settings

from tests.mutants.summary import pytest_terminal_summary as pytest_terminal_summary
from tests.postgres.cluster import cluster

settings.register_profile("choral", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("choral")


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of this run's own."""
    with cluster() as one:
        yield one
