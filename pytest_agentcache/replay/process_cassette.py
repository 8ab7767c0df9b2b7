"""The cassette of the process: requests that are made once per process, by whichever test is first.

A token behind `functools.lru_cache` is requested by the first test that needs it. On the cassette
of that test it would be unused in every other order, and missing from the cassettes of the others.
"""

from __future__ import annotations

from dataclasses import replace

from .. import cassette
from ..cassette import Cassette
from ..errors import SecretError
from ..files import locked
from ..http.messages import Interaction
from ..settings.settings import Settings
from .cassette_file import CassetteFile, digest
from .responder import Responder
from .run_state import Run

NAME = "cassettes/session.yaml"


class ProcessCassette:
    """The cassette of the process, as one test sees it.

    Args:
        settings: The settings of the test.
        run: The run; its root holds the file.
    """

    def __init__(self, settings: Settings, run: Run) -> None:
        self._settings, self._run, self._path = settings, run, run.root / NAME
        self._file = CassetteFile(self._path, replace(settings, cassette="session"), run)

    def load(self) -> tuple[Interaction, ...]:
        """Return the interactions that every test may replay, any number of times.

        Raises:
            CassetteError: If the file cannot be read.
        """
        return self._file.load() if self._settings.session_cassette else ()

    def save(self, responder: Responder) -> None:
        """Add what a test has recorded.

        Raises:
            CassetteError: If the file cannot be written; the old file stays.
        """
        if not self._settings.records or self._settings.mode == "verify":
            return
        if not (added := responder.added_for_process()):
            return
        if doubts := responder.redaction.doubts(added):
            raise SecretError(self._path, doubts)
        new = {responder.key(each): each for each in added}
        with locked(self._path):
            now = cassette.read(self._path)
            rerecords = self._settings.mode == "rerecord"
            kept = [
                each for each in now.interactions if not rerecords or responder.key(each) not in new
            ]
            known = {responder.key(each) for each in kept}
            fresh = [each for key, each in new.items() if key not in known]
            recorded_at = now.recorded_at or self._file.opened_at
            cassette.write(Cassette(self._path, recorded_at, (*kept, *fresh)))
            if rerecords and fresh:
                written = cassette.read(self._path).interactions[-len(fresh) :]
                self._run.renews(self._path, map(digest, written))
