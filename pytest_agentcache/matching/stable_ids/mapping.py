"""The ids of one test: in requests, in replayed responses, and on the cassette."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ...http.messages import Interaction, Request, Response
from ..matcher import Ids
from .bindings import Bindings
from .finder import FoundId, IdFinder
from .rewriting import Rewriter
from .shown import ShownIds
from .times import Times, without_fixed


class StableIds:
    """A mapping between the ids of this run and those of the cassette; false if it is off.

    Args:
        wanted: Kinds of ids, and lines `NAME => regular expression` for other ids. Without any,
            nothing is mapped.

    Attributes:
        bindings: The ids of this run and of the cassette that belong together.
        shown: The ids that the client gets while recording.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        kinds = list(wanted)
        self._times = Times() if "timestamp" in kinds else None
        self._finder = IdFinder(kind for kind in kinds if kind != "timestamp")
        self._is_on = bool(self._finder) or self._times is not None
        self._rewriter = Rewriter(self._finder.find)
        self._looks: dict[bytes, str] = {}
        self._sent: set[bytes] = set()
        self.bindings = Bindings()
        self.shown = ShownIds(self._finder, self._rewriter)

    def __bool__(self) -> bool:
        return self._is_on

    def pattern(self, text: bytes) -> tuple[bytes, Ids]:
        """Return `text` with each id replaced by its look and order, and the ids in that order."""
        if self._times is not None:
            text = without_fixed(text)
        places: dict[bytes, int] = {}
        done, end = [], 0
        for each in self._finder.find(text):
            self._looks[each.text] = each.look
            if each.stable:
                self.bindings.fixed.add(each.text)
            place = places.setdefault(each.text, len(places))
            done += [text[end : each.start], b"\0%s\0%d\0" % (each.look.encode(), place)]
            end = each.stop
        return b"".join([*done, text[end:]]), tuple(places)

    def reserve(self, recorded: Iterable[Interaction]) -> None:
        """Keep the ids of a cassette from being used for others while recording."""
        if self:
            for each in recorded:
                self.shown.reserve(self._rewriter.ids(each))

    def note_sent(self, ids: Ids, request: Request) -> None:
        """Note the ids of a request to upstream that upstream did not create."""
        self._sent.update(each for each in ids if each not in self.bindings.fresh)
        if self:
            self.shown.note_request(request)

    def note_received(self, response: Response) -> None:
        """Note the ids that upstream created. No cassette holds them."""

        def note(each: FoundId) -> bytes:
            if each.text not in self._sent and self.bindings.recorded(each.text) is None:
                self.bindings.fresh.add(each.text)
            return each.text

        if self:
            self._rewriter.response(response, note)

    def replay(self, response: Response) -> Response:
        """Return a recorded response with the ids of this run, and bind those that are new."""
        replayed = self.preview(response)

        def bind(each: FoundId) -> bytes:
            if self.bindings.agree((each.text,), (each.text,)):
                self.bindings.bind((each.text,), (each.text,))
            return each.text

        if self:
            self._rewriter.response(replayed, bind)
        return replayed

    def preview(self, response: Response) -> Response:
        """Return a recorded response with the ids of this run, without binding any."""
        if not self:
            return response
        return self._rewriter.response(response, lambda each: self.bindings.live(each.text))

    def in_terms_of(self, recorded: Ids, sent: Ids, request: Request) -> Request:
        """Return a request with recorded ids in place of its own, to compare it with that one.

        Args:
            recorded: The ids of the recorded request.
            sent: The ids of `request`.
            request: A request of this run.
        """
        bindings = self.bindings
        names = {each: known for each in sent if (known := bindings.recorded(each)) is not None}
        free = [each for each in recorded if bindings.is_free(each) and each not in sent]
        for each in sent:
            settled = each in bindings.fixed or each in bindings.fresh
            if settled or each in names or each in recorded:
                continue
            look = self._looks[each]
            if (same := next((one for one in free if self._looks[one] == look), None)) is not None:
                free.remove(same)
                names[each] = same
        return self._rewriter.request(request, lambda each: names.get(each.text, each.text))

    def written(
        self,
        interactions: Sequence[Interaction],
        new: Sequence[bool],
        beside: Iterable[Interaction] = (),
    ) -> tuple[Interaction, ...]:
        """Return interactions as the cassette holds them: the new ones with stable ids.

        Interactions that the cassette holds already keep their ids. Free numbers are used in the
        order of the file.

        Args:
            interactions: All interactions, in the order of the file.
            new: For each interaction, whether the cassette does not hold it yet.
            beside: Other interactions that the cassette will hold.
        """
        if not self:
            return tuple(interactions)
        others = list(beside)
        if self._times is not None:
            interactions = self._times.written(interactions, new, len(others))
        everything = [*zip(interactions, new, strict=True), *((each, False) for each in others)]
        taken = {
            found.text
            for each, fresh in everything
            for found in self._rewriter.ids(each)
            if (found.stable and found.text not in self.shown) or not fresh
        }
        numbers: dict[str, int] = defaultdict(int)
        names: dict[bytes, bytes] = {}

        def stable(each: FoundId) -> bytes:
            # An id that was split over events reached the client as upstream made it.
            text = self.shown.shown(each.text)
            known = names.get(text) or self.bindings.recorded(text)
            # Numbers in the order of the file do not depend on which response came first.
            if known is None and each.stable and text not in self.shown:
                known = text
            while known is None:
                numbers[each.look] += 1
                known = self._finder.stable_id(each.look, each.text, numbers[each.look])
                known = None if known in taken and known != text else known
            names[text] = known
            return known

        return tuple(
            self._rewriter.interaction(each, stable) if fresh else each
            for each, fresh in zip(interactions, new, strict=True)
        )
