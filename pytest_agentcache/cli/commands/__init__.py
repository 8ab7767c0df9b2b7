"""The subcommands of agentcache: one module each."""
