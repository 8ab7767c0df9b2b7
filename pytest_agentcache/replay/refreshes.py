"""Background refreshes of stale-while-revalidate, queued until the test runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import RefreshError
from ..http.messages import Request
from ..state import fork_safe
from .misses import Sender


@dataclass(frozen=True, slots=True)
class Refresh:
    """A request for a fresh response, after the cache returned a stale one.

    Attributes:
        request: The request to send, redacted and normalized.
        caller: The line of user code that got the stale response, if known.
        session: The session that returned it.
        run: Sends the request and stores the response.
    """

    request: Request
    caller: Sender | None = field(compare=False, repr=False)
    session: Any = field(compare=False, repr=False)
    run: Callable[[], None] = field(compare=False, repr=False)


@dataclass(slots=True)
class Refreshes:
    """The refreshes of one test, in the order in which they were queued.

    Attributes:
        pending: The refreshes that are waiting.
        failed: The refreshes that failed since the last `settle`, each with its error.
        safe: Redacts the text of an error.
    """

    pending: list[Refresh] = field(default_factory=list)
    failed: list[tuple[Refresh, Exception]] = field(default_factory=list)
    safe: Callable[[str], str] = field(default=str, repr=False)
    _runner: int | None = None
    _turn: threading.RLock = field(default_factory=lambda: fork_safe(threading.RLock()), repr=False)

    @property
    def running(self) -> bool:
        """True in the thread that runs refreshes."""
        return self._runner == threading.get_ident()

    def run(self, session: Any = None) -> None:
        """Run the waiting refreshes, of one session or of all. Errors are kept in `failed`."""
        # Another thread that sends a request through the session waits for the refresh.
        with self._turn:
            if self.running:
                # A refresh sends its request through the session too.
                return
            self._runner = threading.get_ident()
            try:
                while (at := self._first(session)) is not None:
                    due = self.pending.pop(at)
                    try:
                        due.run()
                    except Exception as error:  # noqa: BLE001 - reported when the test settles
                        self.failed.append((due, error))
            finally:
                self._runner = None

    def _first(self, session: Any) -> int | None:
        due = (at for at, each in enumerate(self.pending) if session in (None, each.session))
        return next(due, None)

    def settle(self) -> None:
        """Run all waiting refreshes.

        Raises:
            RefreshError: If one of them failed, now or earlier; its cause is the first error.
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
