"""The page put together: template, style, script and data in one file that asks nobody."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from ...errors import AgentCacheError
from ...files import replace_file
from ...llm.history import History
from .call import Room, brief, whole
from .entry import PageEntry, RunFacts

# In the order in which they build on each other.
_SCRIPTS = (
    *("elements.js", "json.js", "diff.js", "model.js"),
    *("calls.js", "tests.js", "overview.js", "page.js"),
)


# Characters of the contents of all calls: more would take a browser a second to load and search.
_LARGEST = 12_000_000


class PageError(AgentCacheError):
    """A page that cannot be written.

    Args:
        path: Where it should have gone.
        problem: Why it did not.
    """

    def __init__(self, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: the report cannot be written: {problem}")


def render(
    entries: Iterable[PageEntry],
    *,
    title: str = "Cassettes",
    run: RunFacts | None = None,
    now: datetime | None = None,
    size: int = 0,
) -> Iterator[str]:
    """Yield the page as HTML: complete, for any browser, from a file as well as from a server.

    Contents of cassettes are in it as JSON, never as HTML, and a policy (W3C, Content
    Security Policy Level 3) forbids every script but its own and every request.

    Args:
        entries: The tests and cassettes in order. Each is read when the page gets to it, and only
            what the list needs is kept.
        title: The title of the page.
        run: The facts about the run, if it shows one.
        now: The time when the page was made, aware; ages count from it. The present by default.
        size: The size of all cassettes, in bytes. If it is too large for a page that opens at
            once, the page has the beginnings of their texts.
    """
    made = (now or datetime.now(UTC)).astimezone(UTC)
    index: dict[str, Any] = {"title": title, "made": _text(made)}
    if run:
        index["run"] = {"mode": run.mode, "late": list(run.late)}
    before, after = _frame(title)
    yield before
    tests = []
    for at, entry in enumerate(entries):
        tests.append(_json(_brief(entry)))
        if lines := _calls(entry, _share(entry, size)):
            yield _block(f"calls-{at}", "\n".join(lines)) + "\n"
    # At the end, when all entries are known. They are JSON already.
    yield _block("index", f'{_json(index)[:-1]},"tests":[{",".join(tests)}]}}') + after


def _share(entry: PageEntry, size: int) -> int | None:
    """Return the room of each call of a cassette, in characters; None without a limit."""
    if size <= _LARGEST or entry.cassette is None:
        return None
    return entry.size * _LARGEST // size // max(1, len(entry.cassette.interactions))


def write(path: Path, page: Iterable[str]) -> int:
    """Replace the content of `path` by the pieces of `page`, in one step.

    Returns:
        The number of bytes.

    Raises:
        PageError: If it cannot be written; then nothing changes.
    """
    check_place(path)
    size = 0

    def encoded() -> Iterator[bytes]:
        nonlocal size
        for piece in page:
            yield (raw := piece.encode("utf-8"))
            size += len(raw)

    try:
        if path.exists() and not path.is_file():
            # A pipe or /dev/stdout.
            with path.open("wb") as file:
                file.writelines(encoded())
        else:
            replace_file(path, encoded(), durable=False)
    except BrokenPipeError:
        # The reader of the output has gone, which is not an error of the page.
        raise
    except OSError as error:
        raise PageError(path, error.strerror or str(error)) from None
    except ValueError as error:
        # A null byte in its name.
        raise PageError(path, str(error)) from None
    return size


def check_place(path: Path) -> None:
    """Refuses a place where no page can be, before one is made.

    Raises:
        PageError: If there is a folder in its place, or none around it.
    """
    try:
        if path.is_dir():
            raise PageError(path, "this is a folder; name a file")
        if not path.parent.is_dir():
            raise PageError(path, f"there is no folder {path.parent}; make it first")
    except OSError as error:
        raise PageError(path, error.strerror or str(error)) from None


def _brief(entry: PageEntry) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "path": entry.path,
        "test": entry.test,
        "size": entry.size,
        "foreign": entry.foreign,
        "outcome": entry.outcome,
        "unused": list(entry.unused),
        "misses": list(entry.misses),
        "replayed": entry.replayed,
        "recorded": entry.recorded,
    }
    if entry.error:
        facts["error"] = {
            "line": entry.error.line,
            "problem": entry.error.problem,
            "remedy": entry.error.remedy,
        }
    if entry.cassette:
        recorded = entry.cassette.recorded_at
        facts["recorded_at"] = _text(recorded) if recorded else ""
        found = entry.cassette.interactions
        facts["calls"] = [brief(number, each) for number, each in enumerate(found, 1)]
    return {name: value for name, value in facts.items() if value}


def _calls(entry: PageEntry, room: int | None) -> list[str]:
    """Return a line of JSON for each call, which the page reads when it is opened or searched."""
    if entry.cassette is None:
        return []
    history = History()
    return [_json(whole(each, history, Room(room))) for each in entry.cassette.interactions]


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: Any) -> str:
    """Return JSON for a `script` element: nothing in it ends the element or starts another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # U+2028 and U+2029 end lines for some readers.
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return _writable(text)


def _writable(text: str) -> str:
    """`text` without halves of characters, which are no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _block(name: str, text: str) -> str:
    return f'<script type="application/json" id="{name}">{text}</script>'


def _frame(title: str) -> tuple[str, str]:
    """Return the page before and after its data."""
    style = _file("page.css")
    script = '"use strict";\n{\n' + "\n".join(_file(name) for name in _SCRIPTS) + "}\n"
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {_digest(style)}",
            f"script-src {_digest(script)}",
            *("img-src data:", "media-src data:", "base-uri 'none'", "form-action 'none'"),
        ]
    )
    page = _file("page.html")
    before, _, after = page.partition("<!--data-->")
    for place, text in (
        ("policy", html.escape(policy, quote=False)),
        ("style", style),
        # Last, for it may hold what looks like a place to fill.
        ("title", _writable(html.escape(title))),
    ):
        head, _, rest = before.partition(f"<!--{place}-->")
        before = head + text + rest
    return before, after.replace("<!--script-->", script)


def _digest(text: str) -> str:
    found = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{found}'"


def _file(name: str) -> str:
    found = resources.files(__name__.rpartition(".")[0]).joinpath(name).read_text(encoding="utf-8")
    return found.replace("\r\n", "\n")
