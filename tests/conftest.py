"""Properties are checked on the same examples everywhere."""

from hypothesis import HealthCheck, settings

# However slow the machine.
settings.register_profile(
    "agentcache",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("agentcache")
