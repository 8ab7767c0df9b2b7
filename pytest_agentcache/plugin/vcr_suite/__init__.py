"""A suite of pytest-recording or pytest-vcr, run as it is under `agentcache_vcr = true`.

Only then are these modules imported: `options` when pytest reads its command line, `suite` and
those that it needs when pytest is configured.
"""
