"""What the responder decides, and the edges carry out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..faults import Fault
from ..http.messages import Headers, Request, Response
from ..settings.settings import Settings
from .response_recorder import ResponseRecorder


@dataclass(frozen=True, slots=True)
class Forward:
    """The decision to ask the network; `record` takes what it answers.

    Attributes:
        request: What to ask for, as the cassette holds it.
        order: Its number among all requests.
        settings: What holds for the test.
        keep: Told of the answer when it begins to arrive.
        drop: Told of it if it breaks off.
        ended: Told of the number when the answer is there.
    """

    request: Request
    order: int
    settings: Settings
    keep: Callable[[int, ResponseRecorder], None]
    drop: Callable[[ResponseRecorder], None]
    ended: Callable[[int], None]

    def record(
        self, status: int, reason: str, headers: Headers, *, framed: bool, decoded: bool = False
    ) -> ResponseRecorder:
        """Starts to keep what upstream answers.

        Args:
            status: Status code.
            reason: Reason phrase.
            headers: All headers as they came.
            framed: Whether the pieces that follow are the chunks that upstream sent, and not
                whatever the socket happened to give.
            decoded: Whether the client has undone the content coding of those pieces.
        """
        recording = ResponseRecorder(
            self.settings,
            self.request,
            status,
            reason,
            headers,
            framed=framed,
            decoded=decoded,
            drop=self.drop,
            ended=lambda: self.ended(self.order),
        )
        self.keep(self.order, recording)
        return recording


Decision = Response | Fault | Forward | None
"""What becomes of a request: an answer, what goes wrong, asking upstream, or passing it on."""
