"""The facts that the processes and threads of one run share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from pytest_agentcache.replay.run_state import Run

START = datetime(2026, 11, 21, tzinfo=UTC)


def test_threads_that_begin_together_agree_on_the_time(tmp_path):
    """Threads that start to record one cassette at the same time all get the time of the first."""
    run, together = Run("test"), threading.Barrier(8)

    def begin(number: int) -> datetime:
        together.wait()
        return run.began(tmp_path / "shared.yaml", START + timedelta(seconds=number))

    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(20):
                assert len(set(pool.map(begin, range(8)))) == 1
                run.forget()
    finally:
        run.forget()
