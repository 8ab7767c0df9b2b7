"""Find and replace ids everywhere in a message: in its URL, its headers and any kind of body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ...http.body import Part, kind_of, replaced_texts, text_over_events
from ...http.body.spans import Span, chunks, merged, replaced
from ...http.body.split_stream import split_over_events
from ...http.messages import Headers, Interaction, Request, Response
from .finder import FoundId

FindIds = Callable[[bytes], Iterable[FoundId]]
ReplaceId = Callable[[FoundId], bytes]


class Rewriter:
    """Replaces ids in requests and responses.

    Args:
        find: Finds the ids of a text.
    """

    def __init__(self, find: FindIds) -> None:
        self._find = find

    def interaction(self, interaction: Interaction, replace_id: ReplaceId) -> Interaction:
        """Return `interaction` with what `replace_id` returns for each id."""
        return Interaction(
            self.request(interaction.request, replace_id),
            self.response(interaction.response, replace_id),
        )

    def request(self, request: Request, replace_id: ReplaceId) -> Request:
        """Return `request` with what `replace_id` returns for each id."""
        return replace(
            request,
            url=self.text(request.url, replace_id),
            headers=self.headers(request.headers, replace_id),
            body=self.body(request.body, request.content_type, replace_id),
        )

    def response(self, response: Response, replace_id: ReplaceId) -> Response:
        """Return `response` with what `replace_id` returns for each id."""
        headers = self.headers(response.headers, replace_id)
        body, sizes = self.content(
            response.body, response.content_type, replace_id, response.chunks
        )
        return replace(response, headers=headers, body=body, chunks=sizes)

    def content(
        self, raw: bytes, media: str, replace_id: ReplaceId, sizes: tuple[int, ...] = ()
    ) -> tuple[bytes, tuple[int, ...]]:
        """Return the body of a response, or events of it, and the sizes of its chunks."""
        if kind_of(raw, media).is_rebuilt:
            body = self.body(raw, media, replace_id)
            return body, sizes if body == raw else ()
        # Binary data must not change.
        spans = [] if b"\0" in raw else self.spans(raw, media, replace_id)
        return replaced(raw, spans), chunks(sizes, spans)

    def ids(self, interaction: Interaction) -> list[FoundId]:
        """Return the ids of an interaction in order, with repetitions."""
        found: list[FoundId] = []

        def note(each: FoundId) -> bytes:
            found.append(each)
            return each.text

        self.interaction(interaction, note)
        return found

    def headers(self, headers: Headers, replace_id: ReplaceId) -> Headers:
        """Return header fields with what `replace_id` returns for each id."""
        pairs = (
            (name, value if name == "content-type" else self.text(value, replace_id))
            for name, value in headers
        )
        return replace(headers, pairs=tuple(pairs))

    def text(self, text: str, replace_id: ReplaceId) -> str:
        """Return `text` with what `replace_id` returns for each id."""
        raw = text.encode("utf-8", "surrogatepass")
        spans = self.spans(raw, "", replace_id)
        return replaced(raw, spans).decode("utf-8", "surrogatepass") if spans else text

    def body(self, raw: bytes, media: str, replace_id: ReplaceId) -> bytes:
        """Return a body with what `replace_id` returns for each id."""
        return replaced_texts(raw, media, _Editor(self, replace_id))

    def spans(self, raw: bytes, media: str, replace_id: ReplaceId) -> list[Span]:
        """Return the ids of a body that is text, each with its replacement."""

        def found(text: bytes) -> list[Span]:
            return [Span(each.start, each.stop, replace_id(each)) for each in self._find(text)]

        stream = text_over_events(raw, media)
        spans = list(split_over_events(raw, stream, found)) if stream else []
        # The beginning of a split id can look like an id itself.
        begun = {span.start for span in spans}
        whole = (each for each in self._find(raw) if each.start not in begun)
        return merged([*spans, *(Span(each.start, each.stop, replace_id(each)) for each in whole)])


@dataclass(frozen=True, slots=True)
class _Editor:
    """Replaces ids in the texts of a body."""

    rewriter: Rewriter
    replace_id: ReplaceId

    def text(self, raw: bytes, content_type: str) -> bytes:
        # Binary data must not change.
        if b"\0" in raw:
            return raw
        return replaced(raw, self.rewriter.spans(raw, content_type, self.replace_id))

    def packed(self, raw: bytes) -> bytes:
        return self.rewriter.body(raw, "", self.replace_id)

    def part(self, part: Part) -> Part:
        return replace(
            part,
            headers=tuple(
                (name, self.rewriter.text(value, self.replace_id)) for name, value in part.headers
            ),
            content=self.rewriter.body(part.content, part.content_type, self.replace_id),
        )
