"""Ids found and replaced wherever they stand in a message: address, headers, any kind of body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ...http.body import aws_events, multipart
from ...http.body.compression import packing
from ...http.body.spans import Span, chunks, merged, replaced
from ...http.body.split_stream import is_in_pieces, split_over_events
from ...http.messages import Headers, Interaction, Request, Response
from .shapes import Id

Find = Callable[[bytes], Iterable[Id]]
Told = Callable[[Id], bytes]


class Messages:
    """Requests and answers with other ids in them.

    Args:
        find: Finds ids in a text.
    """

    def __init__(self, find: Find) -> None:
        self._find = find

    def interaction(self, interaction: Interaction, told: Told) -> Interaction:
        """`interaction` with what `told` makes of each id."""
        return Interaction(
            self.request(interaction.request, told), self.response(interaction.response, told)
        )

    def request(self, request: Request, told: Told) -> Request:
        """`request` with what `told` makes of each id."""
        return replace(
            request,
            url=self._text(request.url, told),
            headers=self._headers(request.headers, told),
            body=self._body(request.body, request.content_type, told),
        )

    def response(self, response: Response, told: Told) -> Response:
        """`response` with what `told` makes of each id."""
        headers = self._headers(response.headers, told)
        raw, media = response.body, response.content_type
        if _is_plain(raw, media):
            spans = self._spans(raw, media, told)
            body, sizes = replaced(raw, spans), chunks(response.chunks, spans)
        else:
            body = self._body(raw, media, told)
            sizes = response.chunks if body == raw else ()
        return replace(response, headers=headers, body=body, chunks=sizes)

    def ids(self, interaction: Interaction) -> list[Id]:
        """The ids in an interaction, in order, each as often as it stands there."""
        found: list[Id] = []

        def note(each: Id) -> bytes:
            found.append(each)
            return each.text

        self.interaction(interaction, note)
        return found

    def _headers(self, headers: Headers, told: Told) -> Headers:
        return Headers(
            tuple(
                (name, value if name == "content-type" else self._text(value, told))
                for name, value in headers
            )
        )

    def _text(self, text: str, told: Told) -> str:
        raw = text.encode("utf-8", "surrogatepass")
        spans = self._spans(raw, "", told)
        return replaced(raw, spans).decode("utf-8", "surrogatepass") if spans else text

    def _body(self, raw: bytes, media: str, told: Told) -> bytes:
        if boundary := multipart.boundary_of(media):
            return self._multipart(raw, boundary, told)
        if aws_events.is_stream(media) and (lines := aws_events.lines(raw)):
            done = replaced(lines.encode(), self._spans(lines.encode(), media, told))
            return raw if done == lines.encode() else aws_events.text(done.decode())
        if packed := packing(raw):
            inside = self._body(packed.inside, "", told)
            return raw if inside == packed.inside else packed.again(inside)
        # Of what is binary nothing may change.
        return raw if b"\0" in raw else replaced(raw, self._spans(raw, media, told))

    def _multipart(self, raw: bytes, boundary: str, told: Told) -> bytes:
        parts = multipart.split(raw, boundary)
        if parts is None:
            return raw if b"\0" in raw else replaced(raw, self._spans(raw, "", told))
        done = [
            replace(
                part,
                headers=tuple((name, self._text(value, told)) for name, value in part.headers),
                content=self._body(part.content, part.header("content-type"), told),
            )
            for part in parts
        ]
        return multipart.join(done, boundary)

    def _spans(self, raw: bytes, media: str, told: Told) -> list[Span]:
        def found(text: bytes) -> list[Span]:
            return [Span(each.start, each.stop, told(each)) for each in self._find(text)]

        spans = list(split_over_events(raw, found)) if is_in_pieces(media, raw) else []
        # The beginning of an id may look like one itself.
        begun = {span.start for span in spans}
        whole = (each for each in self._find(raw) if each.start not in begun)
        return merged([*spans, *(Span(each.start, each.stop, told(each)) for each in whole)])


def _is_plain(raw: bytes, media: str) -> bool:
    return not (multipart.boundary_of(media) or b"\0" in raw or packing(raw))
