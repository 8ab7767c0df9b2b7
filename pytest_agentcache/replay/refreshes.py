"""Background refreshes of stale-while-revalidate, which wait for their turn in the test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import RefreshError
from ..http.messages import Request
from .misses import Caller


@dataclass(frozen=True, slots=True)
class Refresh:
    """A stale answer was given, and upstream is to be asked for a fresh one.

    Attributes:
        request: What will be asked, redacted and normalised.
        caller: The line of user code that got the stale answer, where one is known.
        session: The session that gave it.
        run: Asks, and stores what comes back.
    """

    request: Request
    caller: Caller | None = field(compare=False, repr=False)
    session: Any = field(compare=False, repr=False)
    run: Callable[[], None] = field(compare=False, repr=False)


@dataclass(slots=True)
class Refreshes:
    """The refreshes of one test, in the order in which they came up.

    Attributes:
        pending: Those that wait.
        failed: Those that went wrong since this was last asked, each with its error.
        safe: Takes the secrets out of what an error says.
    """

    pending: list[Refresh] = field(default_factory=list)
    failed: list[tuple[Refresh, Exception]] = field(default_factory=list)
    safe: Callable[[str], str] = field(default=str, repr=False)
    _running: bool = False
    _turn: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def run(self, session: Any = None) -> None:
        """Runs what waits: all of it, or that of one session. Errors are kept in `failed`."""
        # Another thread that asks through that session waits until it is fresh.
        with self._turn:
            if self._running:
                # A refresh asks through its session too.
                return
            self._running = True
            try:
                while (at := self._first(session)) is not None:
                    due = self.pending.pop(at)
                    try:
                        due.run()
                    except Exception as error:  # noqa: BLE001 - reported when the test settles
                        self.failed.append((due, error))
            finally:
                self._running = False

    def _first(self, session: Any) -> int | None:
        due = (at for at, each in enumerate(self.pending) if session in (None, each.session))
        return next(due, None)

    def settle(self) -> None:
        """Runs all that waits.

        Raises:
            RefreshError: If one of them went wrong, now or earlier; its cause is the first error.
        """
        self.run()
        failed, self.failed = self.failed, []
        if failed:
            errors = [
                f"{refresh.request.method} {refresh.request.url}"
                + (f", stale at {refresh.caller}" if refresh.caller else "")
                + f": {type(error).__name__}: {self.safe(str(error))}"
                for refresh, error in failed
            ]
            raise RefreshError(
                "a background refresh of stale-while-revalidate failed, and the stale answer "
                "stays:\n  " + "\n  ".join(errors)
            ) from failed[0][1]
