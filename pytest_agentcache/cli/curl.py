"""The `curl` command that sends a request."""

from __future__ import annotations

import re
import shlex

from ..http.messages import Request

_PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9_]*)>")


def curl(request: Request) -> str:
    """Return the command that sends `request`.

    Redacted values are taken from environment variables of the same name. A binary body is read
    from standard input.
    """
    parts = ["curl"]
    if request.method != ("POST" if request.body else "GET"):
        parts.append(f"-X {shlex.quote(request.method)}")
    parts.append(_quoted(request.url))
    parts += [f"-H {_quoted(f'{name}: {value}')}" for name, value in request.headers]
    if request.body:
        try:
            text = request.body.decode("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            parts.append("--data-binary @-")
        else:
            # With --data, a body that begins with @ would be read as the name of a file.
            parts.append(f"--data-raw {_quoted(text)}")
    short = " ".join(parts)
    return short if len(short) < 80 and "\n" not in short else " \\\n  ".join(parts)


def _quoted(text: str) -> str:
    """Quote `text` for a POSIX shell, with `<API_KEY>` as `"$API_KEY"`."""
    pieces = _PLACEHOLDER.split(text)
    if len(pieces) == 1:
        return shlex.quote(text)
    quoted = [
        f'"${piece}"' if at % 2 else (shlex.quote(piece) if piece else "")
        for at, piece in enumerate(pieces)
    ]
    return "".join(quoted)
