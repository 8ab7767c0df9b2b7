"""Find and replace ids everywhere in a message: in its URL, its headers and any kind of body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ...http.body import aws_events, multipart
from ...http.body.compression import packing
from ...http.body.spans import Span, chunks, merged, replaced
from ...http.body.split_stream import is_in_pieces, split_over_events
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
            url=self._text(request.url, replace_id),
            headers=self._headers(request.headers, replace_id),
            body=self._body(request.body, request.content_type, replace_id),
        )

    def response(self, response: Response, replace_id: ReplaceId) -> Response:
        """Return `response` with what `replace_id` returns for each id."""
        headers = self._headers(response.headers, replace_id)
        raw, media = response.body, response.content_type
        if _is_plain(raw, media):
            spans = self._spans(raw, media, replace_id)
            body, sizes = replaced(raw, spans), chunks(response.chunks, spans)
        else:
            body = self._body(raw, media, replace_id)
            sizes = response.chunks if body == raw else ()
        return replace(response, headers=headers, body=body, chunks=sizes)

    def ids(self, interaction: Interaction) -> list[FoundId]:
        """Return the ids of an interaction in order, with repetitions."""
        found: list[FoundId] = []

        def note(each: FoundId) -> bytes:
            found.append(each)
            return each.text

        self.interaction(interaction, note)
        return found

    def _headers(self, headers: Headers, replace_id: ReplaceId) -> Headers:
        return Headers(
            tuple(
                (name, value if name == "content-type" else self._text(value, replace_id))
                for name, value in headers
            )
        )

    def _text(self, text: str, replace_id: ReplaceId) -> str:
        raw = text.encode("utf-8", "surrogatepass")
        spans = self._spans(raw, "", replace_id)
        return replaced(raw, spans).decode("utf-8", "surrogatepass") if spans else text

    def _body(self, raw: bytes, media: str, replace_id: ReplaceId) -> bytes:
        if boundary := multipart.boundary_of(media):
            return self._multipart(raw, boundary, replace_id)
        if aws_events.is_stream(media) and (lines := aws_events.lines(raw)):
            done = replaced(lines.encode(), self._spans(lines.encode(), media, replace_id))
            return raw if done == lines.encode() else aws_events.text(done.decode())
        if packed := packing(raw):
            inside = self._body(packed.inside, "", replace_id)
            return raw if inside == packed.inside else packed.again(inside)
        # Binary data must not change.
        return raw if b"\0" in raw else replaced(raw, self._spans(raw, media, replace_id))

    def _multipart(self, raw: bytes, boundary: str, replace_id: ReplaceId) -> bytes:
        parts = multipart.split(raw, boundary)
        if parts is None:
            return raw if b"\0" in raw else replaced(raw, self._spans(raw, "", replace_id))
        done = [
            replace(
                part,
                headers=tuple(
                    (name, self._text(value, replace_id)) for name, value in part.headers
                ),
                content=self._body(part.content, part.header("content-type"), replace_id),
            )
            for part in parts
        ]
        return multipart.join(done, boundary)

    def _spans(self, raw: bytes, media: str, replace_id: ReplaceId) -> list[Span]:
        def found(text: bytes) -> list[Span]:
            return [Span(each.start, each.stop, replace_id(each)) for each in self._find(text)]

        spans = list(split_over_events(raw, found)) if is_in_pieces(media, raw) else []
        # The beginning of a split id can look like an id itself.
        begun = {span.start for span in spans}
        whole = (each for each in self._find(raw) if each.start not in begun)
        return merged([*spans, *(Span(each.start, each.stop, replace_id(each)) for each in whole)])


def _is_plain(raw: bytes, media: str) -> bool:
    return not (multipart.boundary_of(media) or b"\0" in raw or packing(raw))
