"""The ids of one test: in what is matched, in what is played, and on the cassette."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ...http.messages import Interaction, Request, Response
from ..matcher import Ids
from .bindings import Bindings
from .messages import Messages
from .shapes import Id, Shapes
from .times import Times, without_fixed


class StableIds:
    """Maps ids of this run to those of the cassette and back.

    Args:
        wanted: Kinds of ids, and `NAME => regular expression` for others; none for no mapping.

    Attributes:
        bindings: Which id of this run is which on the cassette.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        kinds = list(wanted)
        self._times = Times() if "timestamp" in kinds else None
        self._shapes = Shapes(kind for kind in kinds if kind != "timestamp")
        self._messages = Messages(self._shapes.find)
        self._looks: dict[bytes, str] = {}
        self._asked: set[bytes] = set()
        self.bindings = Bindings()

    def __bool__(self) -> bool:
        return bool(self._shapes) or self._times is not None

    def pattern(self, text: bytes) -> tuple[bytes, Ids]:
        """`text` with ids told apart by look and place alone, and those ids as they come."""
        if self._times is not None:
            text = without_fixed(text)
        places: dict[bytes, int] = {}
        done, end = [], 0
        for each in self._shapes.find(text):
            self._looks[each.text] = each.look
            if each.stable:
                self.bindings.fixed.add(each.text)
            place = places.setdefault(each.text, len(places))
            done += [text[end : each.start], b"\0%s\0%d\0" % (each.look.encode(), place)]
            end = each.stop
        return b"".join([*done, text[end:]]), tuple(places)

    def asked(self, ids: Ids) -> None:
        """Takes note of ids that upstream is asked with: those it did not hand out."""
        self._asked.update(each for each in ids if each not in self.bindings.fresh)

    def arrived(self, response: Response) -> None:
        """Takes note of the ids that upstream hands out, which no cassette can know."""

        def note(each: Id) -> bytes:
            if each.text not in self._asked and self.bindings.recorded(each.text) is None:
                self.bindings.fresh.add(each.text)
            return each.text

        if self:
            self._messages.response(response, note)

    def played(self, response: Response) -> Response:
        """An answer of the cassette as it is given: with the ids that the client knows."""
        shown = self.shown(response)

        def tie(each: Id) -> bytes:
            if self.bindings.agree((each.text,), (each.text,)):
                self.bindings.bind((each.text,), (each.text,))
            return each.text

        if self:
            self._messages.response(shown, tie)
        return shown

    def shown(self, response: Response) -> Response:
        """An answer of the cassette as it would be given now."""
        if not self:
            return response
        return self._messages.response(response, lambda each: self.bindings.live(each.text))

    def in_terms_of(self, recorded: Ids, asked: Ids, request: Request) -> Request:
        """A request with the ids that the cassette has for its own, to be compared with one there.

        Args:
            recorded: The ids of what it is compared with.
            asked: Its own ids.
            request: What was asked.
        """
        bindings = self.bindings
        names = {each: known for each in asked if (known := bindings.recorded(each)) is not None}
        free = [each for each in recorded if bindings.is_free(each) and each not in asked]
        for each in asked:
            settled = each in bindings.fixed or each in bindings.fresh
            if settled or each in names or each in recorded:
                continue
            look = self._looks[each]
            if (same := next((one for one in free if self._looks[one] == look), None)) is not None:
                free.remove(same)
                names[each] = same
        return self._messages.request(request, lambda each: names.get(each.text, each.text))

    def written(
        self,
        interactions: Sequence[Interaction],
        new: Sequence[bool],
        beside: Iterable[Interaction] = (),
    ) -> tuple[Interaction, ...]:
        """What the cassette shall hold: new interactions with stable ids, numbered as they come.

        What was there keeps its ids, and the numbers that nobody has are given first.

        Args:
            interactions: All of them, in the order of the file.
            new: Of each, whether it is not on the cassette yet.
            beside: What else is going to be on it.
        """
        if not self:
            return tuple(interactions)
        others = list(beside)
        if self._times is not None:
            interactions = self._times.written(interactions, new, len(others))
        all_of_it = [*zip(interactions, new, strict=True), *((each, False) for each in others)]
        taken = {
            found.text
            for each, fresh in all_of_it
            for found in self._messages.ids(each)
            if found.stable or not fresh
        }
        numbers: dict[str, int] = defaultdict(int)
        names: dict[bytes, bytes] = {}

        def told(each: Id) -> bytes:
            known = names.get(each.text) or self.bindings.recorded(each.text)
            if known is None and each.stable:
                known = each.text
            while known is None:
                numbers[each.look] += 1
                known = self._shapes.stable(each.look, each.text, numbers[each.look])
                known = None if known in taken and known != each.text else known
            names[each.text] = known
            return known

        return tuple(
            self._messages.interaction(each, told) if fresh else each
            for each, fresh in zip(interactions, new, strict=True)
        )
