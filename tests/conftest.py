"""What all tests share: nothing is faked, every seed is written down."""

from hypothesis import HealthCheck, settings

settings.register_profile("choral", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("choral")
