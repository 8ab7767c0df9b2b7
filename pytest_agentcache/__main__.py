"""`python -m pytest_agentcache`, the same as `agentcache`."""

from .cli import entry

if __name__ == "__main__":
    entry()
