"""The comparison of two versions of a cassette, as agentcache diff shows it."""
