"""The code blocks of the documentation, grouped into projects that a reader would follow.

Each heading starts a project in a new folder; `<!-- same project -->` continues the previous one.
The language of a block decides how it is used:

- `python`: a file, named by its first line (`# test_trip.py`). Tests are recorded and run offline,
  unless a later `console` block of the project runs them.
- `console`: lines that start with `$ ` are run, and their output is compared with the lines below.
- `ini`, `toml`: a configuration that pytest is started with.
- `yaml`: a cassette, or interactions of one.

`<!-- not run: reason -->` above a block excludes it. Any other language is an error.
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
    """A code block: its page and line, language and text, and the reason if it is not run."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str:
        """The name of the file for a Python block, from its first line or its position."""
        named = re.match(r"# ([\w/]+\.py)\n", self.text)
        kind = "test" if self.is_test else "script"
        return named[1] if named else f"{kind}_{self.page.stem.replace('-', '_')}_{self.line}.py"

    @property
    def is_test(self) -> bool:
        """True if a Python block contains tests."""
        return bool(re.search(r"^\s*(async )?def test_", self.text, re.MULTILINE))


@dataclass
class Project:
    """The blocks that a reader follows in one folder."""

    title: str
    blocks: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.blocks[0]}" if self.blocks else self.title

    @property
    def is_plain(self) -> bool:
        """True if it consists of tests that need nothing else in their folder."""
        used = [block for block in self.blocks if not block.not_run]
        names = {block.file for block in used}
        plain = all(block.language == "python" and block.is_test for block in used)
        return (
            bool(used)
            and plain
            and len(names) == len(used)
            and not any("/" in name for name in names)
        )


def read(page: Path) -> list[Project]:
    """Return the projects of a page that have blocks.

    Raises:
        ValueError: For a block in an unknown language.
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
                raise ValueError(f"{block}: unknown language {block.language!r}")
            projects[-1].blocks.append(block)
        above = token.content if token.type == "html_block" else ""
    return [project for project in projects if project.blocks]


def all_projects() -> list[Project]:
    """Return the projects of all pages; those of a page that are only tests are one."""
    found = []
    for page in PAGES:
        projects = read(page)
        plain = [project for project in projects if project.is_plain]
        if len(plain) > 1 and len(together := _joined(page, plain)) < len(plain):
            projects = [project for project in projects if project not in plain] + together
        found += projects
    return found


def _joined(page: Path, projects: list[Project]) -> list[Project]:
    """Return few projects with the blocks of all, none of which has two files of one name."""
    joined: list[Project] = []
    for project in projects:
        names = {block.file for block in project.blocks}
        for other in joined:
            if names.isdisjoint(block.file for block in other.blocks):
                other.blocks += project.blocks
                break
        else:
            joined.append(Project(page.name, [*project.blocks]))
    return joined
