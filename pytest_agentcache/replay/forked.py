"""Children that a test forks: what they miss and replay counts for the test in its process.

A child is a copy of the test at the moment of the fork. It replays from its copy of the cassette,
but nothing that it records would reach the file of its parent.
"""

from __future__ import annotations

import io
import os
import pickle
import tempfile
from dataclasses import dataclass, field

from .misses import Miss


@dataclass(slots=True)
class ForkedChildren:
    """The forked children of one test, seen from its process or from one of them.

    Attributes:
        inside: Whether this process is one of the children.
    """

    inside: bool = False
    _shared: io.FileIO | None = field(default=None, repr=False)
    _read: int = 0

    def prepare(self) -> None:
        """Prepare for a fork: from then on the processes share a file without a name."""
        if self._shared is None:
            self._shared = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open for the whole test

    def report(self, event: Miss | int) -> None:
        """Send the parent a miss, or the place in the cassette of what was replayed."""
        if self.inside and self._shared is not None:
            # One write: all children share one position in the file.
            self._shared.write(pickle.dumps(event))

    def receive(self) -> list[Miss | int]:
        """Return what the children have reported since the last call."""
        if self._shared is None or self.inside:
            return []
        size = os.fstat(self._shared.fileno()).st_size
        # Reading must not move the position at which the children write.
        data = io.BytesIO(os.pread(self._shared.fileno(), size - self._read, self._read))
        self._read = size
        found = []
        while data.tell() < len(data.getvalue()):
            found.append(pickle.load(data))  # noqa: S301 - our own children wrote it
        return found

    def close(self) -> None:
        """Close the file."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None
