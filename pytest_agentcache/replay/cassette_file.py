"""The cassette file of one test: read at its start, written at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import cassette
from ..cassette import Cassette
from ..cassette import foreign as vcr
from ..clock import Clock
from ..errors import CassetteError, SecretError
from ..files import locked
from ..http.messages import Interaction
from ..settings.durations import age_text
from ..settings.settings import Settings
from .responder import Responder
from .run_state import Run


class CassetteFile:
    """The cassette of one test: the interactions it finds, and those it leaves there.

    Args:
        path: The cassette; None for a test without one.
        settings: The settings of the test.
        run: The run it belongs to.
        test: The name of the test, if the cassette is to hold it (see `Cassette.test`).
        more: More cassettes, whose interactions follow those of `path`; never written.

    Attributes:
        opened_at: The start of the test, which a new cassette gives as its time of recording.
        written: Whether the file was written.
    """

    def __init__(
        self,
        path: Path | None,
        settings: Settings,
        run: Run,
        test: str = "",
        more: tuple[Path, ...] = (),
    ) -> None:
        self.path, self._settings, self._run, self._test = path, settings, run, test
        self._more = more
        self.opened_at = self._began()
        self.written = False
        self._found: Cassette | None = None
        self._foreign = False

    def _began(self) -> datetime:
        # Also while the clock of a test around this block is frozen.
        now = Clock().real_now.replace(microsecond=0)
        recording = self.path is not None and self._settings.records and self.shared
        return self._run.began(self.path, now) if recording and self.path else now

    def load(self) -> tuple[Interaction, ...]:
        """The interactions that the test may replay.

        Raises:
            CassetteError: If there is a cassette that cannot be read.
        """
        mode, path = self._settings.mode, self.path
        if path is None or mode == "live":
            return ()
        self._run.opened.add(path.absolute())
        self._foreign = vcr.is_foreign(path)
        if mode == "verify":
            # For comparison; nothing is replayed from it.
            self._found = self._with_more(self._read(path, is_foreign=self._foreign))
            return ()
        if mode != "rerecord":
            self._found = self._with_more(self._read(path, is_foreign=self._foreign))
            return self._found.interactions
        if self._foreign:
            raise vcr.unplayable(path)
        if not self.shared:
            return ()
        self._found = self._read(path, is_foreign=self._foreign)
        # On a shared cassette, a test replays what others of this run have recorded again.
        renewed = self._run.renewed(path)
        return tuple(each for each in self._found.interactions if digest(each) in renewed)

    def _with_more(self, found: Cassette) -> Cassette:
        """Return a cassette with the interactions of the others that a test names."""
        parts = [found, *map(self._read_other, filter(Path.is_file, self._more))]
        self._run.opened.update(self._more)
        return replace(
            found,
            recorded_at=min((p.recorded_at for p in parts if p.recorded_at), default=None),
            interactions=tuple(each for part in parts for each in part.interactions),
        )

    def _read_other(self, path: Path) -> Cassette:
        return self._read(path, is_foreign=vcr.is_foreign(path))

    def _read(self, path: Path, *, is_foreign: bool) -> Cassette:
        try:
            return vcr.read_foreign(path) if is_foreign else cassette.read(path)
        except CassetteError:
            # Recording again is the remedy for a cassette that cannot be read.
            if self._settings.mode == "rerecord" and path.is_file():
                return Cassette(path)
            raise

    @property
    def shared(self) -> bool:
        """True if other tests may use the same cassette, because it was given a name."""
        return bool(self._settings.cassette)

    @property
    def recorded_at(self) -> datetime | None:
        """The time at which the existing cassette was recorded."""
        return self._found.recorded_at if self._found else None

    @property
    def found(self) -> bool:
        """True if there was a cassette when the test started."""
        return self.recorded_at is not None

    @property
    def aged(self) -> str:
        """The age of the cassette as text, if it exceeds `max_age`; else empty."""
        limit, recorded = self._settings.max_age, self.recorded_at
        if limit is None or recorded is None or self._settings.sends_all:
            return ""
        # Not by the clock of the test, which is frozen at the recording.
        age = Clock().real_now - recorded
        too_old = f"recorded {age_text(age)} ago, {age_text(limit)} at most"
        return too_old if age > limit else ""

    def now(self, responder: Responder, *, stopped: bool = False) -> Cassette:
        """Return the cassette; while recording, as it would be written now.

        Args:
            responder: The requests of the test.
            stopped: Whether the test stopped early, and so keeps what it has not used.
        """
        path = self.path or Path()
        if self._settings.records:
            kept = responder.interactions(keep_unused=self.shared or stopped)
            return Cassette(path, self.recorded_at or self.opened_at, kept, self._test)
        return Cassette(path, self.recorded_at, responder.recorded)

    def drift(self, responder: Responder) -> dict[str, Any]:
        """Return the shapes of recorded and of new responses to compare, as plain values.

        Empty in every mode but `verify`, and for a test without a cassette.
        """
        if self._settings.mode != "verify" or self._found is None:
            return {}
        # Only this mode needs its expressions, which take time to compile.
        from ..matching.shapes import Shapes

        recorded, fresh = Shapes(), Shapes()
        for shapes, interactions in (
            (recorded, self._found.interactions),
            (fresh, responder.added()),
        ):
            for interaction in interactions:
                shapes.add(interaction)
        return {"recorded": recorded.plain(), "fresh": fresh.plain()}

    def note_used(self, responder: Responder) -> None:
        """Note the interactions that were used, because other tests may use the same cassette."""
        if self.path is not None and self.found and not self._settings.records:
            unused, count = responder.unused, len(responder.recorded)
            asked = {number for number in range(1, count + 1) if number not in unused}
            self._run.asked.setdefault(self.path.absolute(), set()).update(asked)

    def save(self, responder: Responder, *, stopped: bool = False) -> None:
        """Write the cassette, if the mode records and something is new.

        Args:
            responder: The requests of the test.
            stopped: Whether the test was skipped or failed as expected, perhaps early.

        Raises:
            CassetteError: If it cannot be written; the old file stays.
        """
        if self.path is None or not self._settings.records:
            return
        unanswered = responder.log.unanswered
        if stopped and (unanswered or not responder.added()):
            # A test may skip because upstream is down.
            return
        if unanswered and self._settings.on_miss != "respond":
            first = unanswered[0]
            raise CassetteError(
                self.path,
                f"was not written, for upstream gave no answer to {first.method} {first.url}"
                + (f" and {len(unanswered) - 1} more" if len(unanswered) > 1 else ""),
                "Record again when it answers; a test of the failure itself says on_miss='respond'",
            )
        if self._settings.mode == "verify":
            return
        if self._foreign:
            # Replayed in its place, and left as it is.
            if added := responder.added():
                raise vcr.nothing_new(self.path, added)
            return
        with locked(self.path):
            kept = (
                self._merged(self.path, responder)
                if self.shared
                else self.now(responder, stopped=stopped)
            )
            if kept.interactions:
                changed = kept.interactions != (self._found.interactions if self._found else ())
                if changed and (doubts := responder.redaction.doubts(kept.interactions)):
                    raise SecretError(self.path, doubts)
                self.written = changed and cassette.write(kept)
                self._renew(self.path, responder)
            elif not self.shared:
                # A test that sends no request has no cassette.
                cassette.remove(self.path)

    def _merged(self, path: Path, responder: Responder) -> Cassette:
        """Return a shared cassette: the interactions of other tests, then the new ones."""
        now = self._read(path, is_foreign=False)
        kept, recorded_at = now.interactions, now.recorded_at
        if self._settings.mode == "rerecord":
            renewed = self._run.renewed(path)
            asked = {responder.key(each) for each in responder.added()}
            kept = tuple(
                each for each in kept if digest(each) in renewed or responder.key(each) not in asked
            )
            recorded_at = recorded_at if renewed else None
        added = responder.added(kept)
        return Cassette(path, recorded_at or self.opened_at, (*kept, *added))

    def _renew(self, path: Path, responder: Responder) -> None:
        """Let other tests of this run replay what this one has recorded again."""
        if self.shared and self._settings.mode == "rerecord" and (count := len(responder.added())):
            # Read from the file, which is how the others see it.
            written = cassette.read(path).interactions[-count:]
            self._run.renews(path, map(digest, written))


def drop_stale(run: Run, folders: Iterable[Path]) -> None:
    """Drop from shared cassettes the interactions that no test of a run has recorded again.

    Args:
        run: A run that recorded everything again, in which all tests passed.
        folders: Folders of which every test ran; other cassettes are left as they are.

    Raises:
        CassetteError: If a cassette cannot be written.
    """
    for path, renewed in run.all_renewed().items():
        if not any(path.is_relative_to(folder) for folder in folders):
            continue
        with locked(path):
            now = cassette.read(path)
            kept = tuple(each for each in now.interactions if digest(each) in renewed)
            cassette.write(replace(now, interactions=kept))


def digest(interaction: Interaction) -> str:
    """Return a digest that identifies an interaction in all processes of a run."""
    return hashlib.sha256(repr(interaction).encode("utf-8", "surrogatepass")).hexdigest()
