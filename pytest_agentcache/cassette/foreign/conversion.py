"""Turn a recording of another tool into what pytest-agentcache would have recorded."""

from __future__ import annotations

from dataclasses import replace

from ...http.body import multipart
from ...http.header_names import recorded_names
from ...http.headers import request_headers, response_headers
from ...http.messages import Headers, Interaction
from ...settings.settings import Settings
from ..model import Cassette


def converted(cassette: Cassette, settings: Settings | None = None) -> Cassette:
    """Return a cassette with only the usual headers, redacted, with neutral boundaries.

    Args:
        cassette: The result of `read_foreign`.
        settings: The settings, of which those for headers and redaction are used.
    """
    # Loading the redaction rules takes longer than `agentcache list` otherwise does in all.
    from ...redaction import Redaction

    settings = settings or Settings()
    redact = Redaction.of(settings).interaction
    interactions = tuple(redact(_tidy(each, settings)) for each in cassette.interactions)
    return replace(cassette, interactions=interactions)


def _tidy(interaction: Interaction, settings: Settings) -> Interaction:
    request, response = interaction.request, interaction.response
    options = settings.drop_headers, settings.keep_headers
    asked = replace(
        request,
        url=request.url.partition("#")[0],
        headers=request_headers(request.headers, *options),
        body=_neutral(request.body, request.content_type),
    )
    came = response_headers(response.headers, response.status, request.method, *options)
    answer = replace(
        response,
        names=recorded_names((name for name, _ in came), response.headers.unusual),
        headers=Headers(tuple((name, _neutral_type(name, value)) for name, value in came)),
        body=_neutral(response.body, response.content_type),
    )
    return Interaction(asked, answer)


def _neutral(raw: bytes, content_type: str) -> bytes:
    boundary = multipart.boundary_of(content_type)
    return multipart.neutral(raw, boundary) if boundary else raw


def _neutral_type(name: str, value: str) -> str:
    return multipart.neutral_type(value) if name == "content-type" else value
