"""The pages of the documentation as what a reader would do with them, block by block.

A heading begins a project of its own, a folder; `<!-- same project -->` goes on with the last one.
What becomes of a block follows from its language:

- `python`: a file, named by its first line (`# test_trip.py`). Tests are recorded, replayed and run
  offline, unless a `console` block further on in the project runs them.
- `console`: lines with `$ ` are run, what stands below is compared with what they print.
- `ini`, `toml`: a configuration that pytest is started with.
- `yaml`: a cassette, or items of one.

`<!-- not run: reason -->` above a block leaves it out. Anything else is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = ("python", "console", "ini", "toml", "yaml")
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block: where it stands, its language, its text, and why it is left out, if it is."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str:
        """The file that a block of Python is, by its first line or by where it stands."""
        named = re.match(r"# ([\w/]+\.py)\n", self.text)
        kind = "test" if self.is_test else "script"
        return named[1] if named else f"{kind}_{self.page.stem.replace('-', '_')}_{self.line}.py"

    @property
    def is_test(self) -> bool:
        """Whether a block of Python holds tests."""
        return bool(re.search(r"^\s*(async )?def test_", self.text, re.MULTILINE))


@dataclass
class Project:
    """Blocks that a reader follows in one folder."""

    title: str
    blocks: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.blocks[0]}" if self.blocks else self.title


def read(page: Path) -> list[Project]:
    """The projects of a page that have any blocks.

    Raises:
        ValueError: For a block in a language that nobody knows how to run.
    """
    projects = [Project("")]
    above = ""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        if before.type == "heading_open":
            projects.append(Project(token.content))
        elif token.type == "html_block" and token.content.strip() == "<!-- same project -->":
            while not projects[-1].blocks:
                projects.pop()
        elif token.type in ("fence", "code_block"):
            reason = _NOT_RUN.fullmatch(above)
            not_run = " ".join(reason[1].split()) if reason else ""
            line = token.map[0] + 1
            block = Block(page, line, token.info.strip(), token.content, not_run)
            if block.language not in LANGUAGES and not not_run:
                raise ValueError(f"{block}: no one knows how to run {block.language!r}")
            projects[-1].blocks.append(block)
        above = token.content if token.type == "html_block" else ""
    return [project for project in projects if project.blocks]


def all_projects() -> list[Project]:
    """The projects of all pages."""
    return [project for page in PAGES for project in read(page)]
