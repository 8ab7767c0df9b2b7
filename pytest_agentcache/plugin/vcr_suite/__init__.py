"""A suite of pytest-recording or pytest-vcr, run as it is under `agentcache_vcr = true`.

Only then is this imported.
"""

from .options import add_options
from .suite import VcrSuite, register
from .test import VcrTest

__all__ = ["VcrSuite", "VcrTest", "add_options", "register"]
