"""The files that `agentcache init` writes."""
