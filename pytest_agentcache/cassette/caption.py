"""The comment above an interaction: its request, its status, and the output of a model."""

from __future__ import annotations

import json
import re
import textwrap

from ..http.messages import Interaction, Response
from ..llm.output import ModelOutput
from ..llm.reading import is_stream, read_output

WIDTH = 120
_LONGEST_WHERE = 54
_LONGEST_ARGUMENT = 24
# Nobody shows half as many characters of an output.
_MOST_SHOWN = 8192
# A stream is hard to read, so its text has more room in the comment.
_STREAM_LINES, _STREAM_WIDTH = 6, 100


def caption(number: int, interaction: Interaction) -> str:
    """Return `# 1 · POST host/path → 200 · calls get_weather(city=Paris) · 71→46 tokens`.

    The line is cut at 120 columns. The text of a stream may take up to six more lines.
    """
    request, response = interaction.request, interaction.response
    stream = is_stream(response)
    kind = " stream" if stream else ""
    line = f"# {number} · {request.method[:20]} {_where(request.url)} → {response.status}{kind}"
    if interaction.cancelled:
        return _printable(f"# {number} · {request.method[:20]} {_where(request.url)} → cancelled")
    output = read_output(response)
    words, tokens = _words(output), _tokens(output)
    end = f" · {tokens}" if tokens else ""
    room = WIDTH - len(line) - len(end) - 3
    text = _printable(" · ".join(words))
    if not text:
        return _printable(line + end)
    if stream and len(text) > room:
        return "\n".join([_printable(line + end), *_wrapped(text)])
    return _printable(line) + " · " + _cut(text, room) + end


def says(response: Response) -> str:
    """Return the output of a model: quoted text, tool calls, or its error; empty if unknown."""
    return in_words(read_output(response))


def in_words(output: ModelOutput) -> str:
    """Return the output of a model in words, as `says` does."""
    return " · ".join(_words(output))


def _where(url: str) -> str:
    """Return host, path and query. A long URL is cut to its host and the end of its path."""
    where = url.partition("#")[0].partition("://")[2] or url
    if len(where) <= _LONGEST_WHERE:
        return where
    host, _, path = where.partition("?")[0].partition("/")
    host = _cut(host, _LONGEST_WHERE // 2)
    room = _LONGEST_WHERE - len(host) - 2
    return f"{host}/{path}" if len(path) < room else f"{host}/…{path[-room:]}"


def _words(output: ModelOutput) -> list[str]:
    """Return the parts of an output, the most important first."""
    if output.error:
        return [f'error "{_one_line(output.error)}"']
    words = [f'"{text}"' for each in output.texts.values() if (text := _one_line(each))]
    if output.refusal:
        words.append(f'refuses "{_one_line(output.refusal)}"')
    words += [f"calls {name}({_arguments(raw)})" for name, raw in output.calls.values() if name]
    words += output.items
    if not words and (thoughts := _one_line(output.thoughts)):
        words.append(f'thinks "{thoughts}"')
    if output.end:
        words.append(f"ends by {_one_line(output.end)}")
    return words


def _tokens(output: ModelOutput) -> str:
    """Return `1.2k→85 tokens`."""
    sent, received = output.usage.input_tokens, output.usage.output_tokens
    if received is not None:
        return f"{_rounded(sent or 0)}→{_rounded(received)} tokens"
    return "" if sent is None else f"{_rounded(sent)} tokens"


def _rounded(count: int) -> str:
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + unit
    return str(count)


def _arguments(raw: str) -> str:
    try:
        found = json.loads(raw or "{}")
    except (ValueError, RecursionError):
        return _cut(_one_line(raw), _LONGEST_ARGUMENT)
    if not isinstance(found, dict):
        return _argument(found)
    return ", ".join(f"{name}={_argument(value)}" for name, value in found.items())


def _argument(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _cut(_one_line(text), _LONGEST_ARGUMENT)


def _wrapped(text: str) -> list[str]:
    """Return the text of a stream on comment lines of its own."""
    return textwrap.wrap(
        text,
        _STREAM_WIDTH,
        initial_indent="#     ",
        subsequent_indent="#     ",
        max_lines=_STREAM_LINES,
        placeholder=" …",
        break_on_hyphens=False,
    )


def _one_line(text: str) -> str:
    """Return the beginning of a text on one line: at least what fits into a caption."""
    size = _MOST_SHOWN
    while len(line := " ".join(text[:size].split())) <= _MOST_SHOWN // 2 and size < len(text):
        size *= 4
    return line


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _printable(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return re.sub(r"\s", " ", "".join(char if char.isprintable() else " " for char in line))
