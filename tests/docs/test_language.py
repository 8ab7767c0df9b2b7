"""The language of code and documentation follows the house style."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import guide
import pytest

ROOMS = ("pytest_agentcache", "tests", "docs", "examples", "benchmarks")
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
SUFFIXES = (".py", ".md", ".js", ".css", ".html")
# A docstring starts with a verb or with a noun and its article.
START = re.compile(r"(What|Whether|Which|Where|Who|Whoever|Of)\b")
WORDS = re.compile(
    r"\b(anew|mend(?:s|ed|ing)?|but\s+for|told|tells?\s+of|stands|lies|is\s+due"
    r"|whoever|whatever|be\s+it)\b",
    re.IGNORECASE,
)
# Lines that use one of these words in another sense, by file.
ALLOWED: dict[str, tuple[str, ...]] = {}
COLUMNS = 100


def files() -> list[Path]:
    """Return the source files and pages, except this one."""
    found = [path for room in ROOMS for path in sorted((guide.ROOT / room).rglob("*"))]
    pages = [guide.ROOT / page for page in PAGES]
    ours = [path for path in [*pages, *found] if "node_modules" not in path.parts]
    return [path for path in ours if path.suffix in SUFFIXES and path.is_file()]


FILES = [path for path in files() if path != Path(__file__)]
MODULES = [path for path in FILES if path.suffix == ".py"]
MARKDOWN = [path for path in FILES if path.suffix == ".md"]


def name_of(path: Path) -> str:
    return path.relative_to(guide.ROOT).as_posix()


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each docstring of a module."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and (found := ast.get_docstring(node)):
            yield node.body[0].lineno, found


def words(name: str, text: str) -> list[str]:
    """Return the places of a text that use a word to avoid."""
    found = []
    for match in WORDS.finditer(text):
        line = text[: match.start()].count("\n") + 1
        allowed = ALLOWED.get(name, ())
        if not any(each in text.splitlines()[line - 1] for each in allowed):
            found.append(f"{name}:{line}: {match[0]}")
    return found


def long_lines(text: str) -> list[int]:
    """Return the numbers of the lines of prose that could be wrapped, but are too long."""
    found, is_code = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            is_code = not is_code
        # A table row or a picture is one line, and a link may be longer than a line.
        is_prose = not is_code and not line.startswith(("|", "    ", "![", "[!["))
        breakable = " " in line.strip().removeprefix("- ")
        if is_prose and breakable and len(line) > COLUMNS:
            found.append(number)
    return found


def test_docstrings_start_with_a_verb_or_a_noun():
    """No docstring starts with a question word or "Of"."""
    found = [
        f"{name_of(path)}:{line}: {text.splitlines()[0]}"
        for path in MODULES
        for line, text in docstrings(path.read_text(encoding="utf-8"))
        if START.match(text)
    ]

    assert found == []


def test_words_to_avoid_are_not_used():
    """Odd and old-fashioned words are not used in code, tests or documentation."""
    found = [
        place for path in FILES for place in words(name_of(path), path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_allowed_words_are_used():
    """Every exception is needed: without it the line would be found."""
    for name, lines in ALLOWED.items():
        text = (guide.ROOT / name).read_text(encoding="utf-8").splitlines()
        for allowed in lines:
            assert any(allowed in line and WORDS.search(line) for line in text), (name, allowed)


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_prose_is_wrapped(path):
    """Prose in Markdown wraps at 100 columns."""
    assert long_lines(path.read_text(encoding="utf-8")) == []


def test_findings_are_reported():
    """The checks above find what they look for."""
    long = "word " * 30
    page = f"{long}\n```\n{long}\n```\n| {long}|\n- https://example.org/{'x' * 100}\n"

    assert words("page.md", "Record it anew,\nbut\nfor nothing.") == [
        "page.md:1: anew",
        "page.md:2: but\nfor",
    ]
    assert words("page.md", "It replies and applies; the amendment withstands.") == []
    assert long_lines(page) == [1]
    assert [START.match(text) is not None for text in ("What it is.", "Whatever.", "Office.")] == [
        True,
        False,
        False,
    ]
