"""The value of the fixture `vcr`: the cassette of the test, as users of VCR.py know it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...replay.session import Harness
from .messages import VcrRequest, vcr_request, vcr_response


class PlayedCassette:
    """The cassette of a test, with the attributes of `vcr.cassette.Cassette` that are for reading.

    Args:
        harness: The harness of the test.
        record_mode: VCR.py's record mode.
    """

    def __init__(self, harness: Harness, record_mode: str) -> None:
        self._harness, self.record_mode = harness, record_mode

    @property
    def path(self) -> str:
        """The path of the file."""
        return str(self._harness.path)

    _path = path

    @property
    def requests(self) -> list[VcrRequest]:
        """The requests on the cassette, new ones included."""
        return [vcr_request(each.request) for each in self._harness.cassette.interactions]

    @property
    def responses(self) -> list[dict[str, Any]]:
        """The responses on the cassette, as VCR.py has them."""
        return [vcr_response(each.response) for each in self._harness.cassette.interactions]

    @property
    def data(self) -> list[tuple[VcrRequest, dict[str, Any]]]:
        """The pairs of requests and responses."""
        return list(zip(self.requests, self.responses, strict=True))

    @property
    def play_count(self) -> int:
        """The number of requests that were replayed."""
        return self._harness.responder.counts.replayed

    @property
    def play_counts(self) -> Counter[int]:
        """The interactions that were replayed, by their index: 1 for each of them."""
        unused = set(self._harness.responder.unused)
        return Counter(at for at in range(len(self)) if at + 1 not in unused)

    @property
    def write_protected(self) -> bool:
        """True if new interactions are not recorded."""
        return not self._harness.settings.records

    @property
    def all_played(self) -> bool:
        """True if every recorded interaction was replayed."""
        return not self._harness.responder.unused

    @property
    def dirty(self) -> bool:
        """True if there are new interactions."""
        return bool(self._harness.responder.added())

    def __len__(self) -> int:
        return len(self._harness.cassette.interactions)

    def __bool__(self) -> bool:
        return True
