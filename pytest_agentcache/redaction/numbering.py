"""Interactions with numbered secrets: those of one shape, in the order of the cassette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..http.messages import Headers, Interaction, Request


def renumbered(interaction: Interaction, renumber: Callable[[bytes], bytes]) -> Interaction:
    """Return a redacted interaction with other numbers.

    Args:
        interaction: The interaction.
        renumber: Returns a text with its new numbers.
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
        # Only where a number gets a second digit: the last chunk takes the difference.
        sizes = (*sizes[:-1], sizes[-1] + len(body) - len(response.body))
    answer = replace(response, headers=headers(response.headers), body=body, chunks=sizes)
    return Interaction(asked, answer)


def sent(request: Request) -> bytes:
    """Return every text of a request that can hold numbers."""
    values = [request.url, *(value for _, value in request.headers.pairs), ""]
    return "\n".join(values).encode("utf-8", "surrogatepass") + request.body


def whole(interaction: Interaction) -> bytes:
    """Return every text of an interaction that can hold numbers."""
    values = "\n".join(value for _, value in interaction.response.headers.pairs)
    answered = values.encode("utf-8", "surrogatepass") + b"\n" + interaction.response.body
    return sent(interaction.request) + b"\n" + answered
