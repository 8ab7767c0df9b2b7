"""Tests run pytest inside pytest, as users run it."""

# A client that is first imported by a run inside this process is forgotten after it, and imported
# once more later: two copies of one exception, of which httpx maps only the first.
import httpcore  # noqa: F401
import httpcore2  # noqa: F401

pytest_plugins = ["pytester"]
