"""Convert requests and responses to the form of the cassette."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
        self._hidden = [(value, name) for name, value in settings.placeholders]

    def request(self, request: Request) -> Request:
        """Return `request` as the cassette holds it and as it is matched."""
        if self._hidden:
            request = Request(
                request.method,
                _replaced_text(request.url, self._hidden),
                _replaced_headers(request.headers, self._hidden),
                _replaced_bytes(request.body, self._hidden),
            )
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

    def interaction(self, interaction: Interaction) -> Interaction | None:
        """Return an interaction as it is written; None if a hook drops it."""
        response: Response | None = interaction.response
        if not interaction.cancelled:
            response = self._hooks.before_response(interaction.response, interaction.request)
        if response is None:
            return None
        kept = replace(interaction, response=_replaced(_neutral(response), self._hidden))
        done = self._redaction.interaction(self._hooks.redact(kept))
        asked = done.request
        return replace(done, request=replace(asked, body=settled(asked.body, asked.content_type)))

    def restored(self, response: Response) -> Response:
        """Return a response with the values of `placeholders` in it, as the client gets it."""
        return _replaced(response, self._settings.placeholders)


Replacements = Iterable[tuple[str, str]]


def _replaced(response: Response, replacements: Replacements) -> Response:
    """Return `response` with the first text of each pair replaced by the second."""
    if not replacements:
        return response
    body = _replaced_bytes(response.body, replacements)
    chunks = response.chunks if body == response.body else ()
    headers = _replaced_headers(response.headers, replacements)
    return replace(response, headers=headers, body=body, chunks=chunks)


def _replaced_headers(headers: Headers, replacements: Replacements) -> Headers:
    pairs = tuple((name, _replaced_text(value, replacements)) for name, value in headers)
    return replace(headers, pairs=pairs)


def _replaced_bytes(raw: bytes, replacements: Replacements) -> bytes:
    for old, new in replacements:
        raw = raw.replace(old.encode(), new.encode())
    return raw


def _replaced_text(text: str, replacements: Replacements) -> str:
    for old, new in replacements:
        text = text.replace(old, new)
    return text


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
