"""Interactions whose secrets of one shape are numbered as they appear on the cassette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..http.messages import Headers, Interaction, Request


def renumbered(interaction: Interaction, renumber: Callable[[bytes], bytes]) -> Interaction:
    """A redacted interaction with other numbers.

    Args:
        interaction: The interaction.
        renumber: Gives a text with the numbers that it shall have.
    """

    def text(value: str) -> str:
        return renumber(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def headers(of: Headers) -> Headers:
        return Headers(tuple((name, text(value)) for name, value in of.pairs))

    request, response = interaction.request, interaction.response
    asked = replace(
        request,
        url=text(request.url),
        headers=headers(request.headers),
        body=renumber(request.body),
    )
    body, sizes = renumber(response.body), response.chunks
    if len(body) != len(response.body) and sizes:
        # Only where a tenth of one name comes: the last chunk makes up for it.
        sizes = (*sizes[:-1], sizes[-1] + len(body) - len(response.body))
    answer = replace(response, headers=headers(response.headers), body=body, chunks=sizes)
    return Interaction(asked, answer)


def sent(request: Request) -> bytes:
    """All of a request in which numbers can stand."""
    values = [request.url, *(value for _, value in request.headers.pairs), ""]
    return "\n".join(values).encode("utf-8", "surrogatepass") + request.body


def whole(interaction: Interaction) -> bytes:
    """All of an interaction in which numbers can stand."""
    values = "\n".join(value for _, value in interaction.response.headers.pairs)
    answered = values.encode("utf-8", "surrogatepass") + b"\n" + interaction.response.body
    return sent(interaction.request) + b"\n" + answered
