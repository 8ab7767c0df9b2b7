"""Convert requests and responses to the form of the cassette."""

from __future__ import annotations

import re
from dataclasses import replace

from ..http.body import multipart, settled
from ..http.headers import request_headers
from ..http.messages import Headers, Interaction, Request, Response
from ..redaction import Redaction
from ..settings.settings import Settings
from .hooks import Hooks


class Normalization:
    """The conversion of requests and responses to the form of the cassette.

    Args:
        settings: The settings for replacements and headers.
        redaction: Redacts secrets.
        hooks: The hooks of conftest files and plugins.
    """

    def __init__(self, settings: Settings, redaction: Redaction, hooks: Hooks) -> None:
        self._settings, self._redaction, self._hooks = settings, redaction, hooks
        self._replacements = [(re.compile(pattern), stable) for pattern, stable in settings.replace]

    def request(self, request: Request) -> Request:
        """Return `request` as the cassette holds it and as it is matched."""
        # Redact before matching: the committed request never held the token.
        headers = request_headers(
            request.headers, self._settings.drop_headers, self._settings.keep_headers
        )
        kept = self._redaction.request(request, headers)
        url, body = kept.url.partition("#")[0], kept.body
        if body and (boundary := multipart.boundary_of(request.content_type)):
            body = multipart.neutral(body, boundary)
        if self._replacements:
            text = body.decode("utf-8", "surrogateescape")
            for pattern, stable in self._replacements:
                url, text = pattern.sub(stable, url), pattern.sub(stable, text)
            body = text.encode("utf-8", "surrogateescape")
        return self._hooks.normalize(Request(kept.method, url, kept.headers, body))

    def interaction(self, interaction: Interaction) -> Interaction:
        """Return an interaction as it is written."""
        kept = replace(interaction, response=_neutral(interaction.response))
        done = self._redaction.interaction(self._hooks.redact(kept))
        asked = done.request
        return replace(done, request=replace(asked, body=settled(asked.body, asked.content_type)))


def _neutral(response: Response) -> Response:
    """Return `response`, with a fixed boundary if it is multipart."""
    boundary = multipart.boundary_of(response.content_type)
    if not boundary:
        return response
    body = multipart.neutral(response.body, boundary)
    headers = Headers(
        tuple(
            (name, multipart.neutral_type(value) if name == "content-type" else value)
            for name, value in response.headers
        )
    )
    chunks = response.chunks if body == response.body else ()
    return replace(response, headers=headers, body=body, chunks=chunks)
