"""Every code block of README.md and docs/ works as the page says."""

from __future__ import annotations

import guide
import pytest
from reader import Reader, first_missing

from pytest_agentcache import CassetteError

PROJECTS = guide.all_projects()


@pytest.mark.parametrize("project", PROJECTS, ids=str)
def test_page_is_correct(project, tmp_path, upstream):
    """Followed block by block, every statement of a page is correct."""
    followed = Reader(tmp_path, upstream.url).follow(project)

    assert followed == sum(not block.not_run for block in project.blocks)


def test_few_blocks_are_not_run():
    """Only a drawing, files for other programs, and setting up a machine, which CI does."""
    blocks = [block for project in PROJECTS for block in project.blocks if block.not_run]
    not_run = [(block.page.name, block.not_run) for block in blocks]

    machine = "it sets up a machine; CI runs it in a fresh clone"
    assert not_run == [
        ("README.md", machine),
        ("README.md", machine),
        ("command-line.md", "it needs a kernel that allows it"),
        ("how-it-works.md", "a drawing"),
        ("other-processes.md", "JavaScript; a test runs the same with the openai package"),
        ("report-page.md", "a job of GitHub Actions"),
        ("reviewing-cassettes.md", "a configuration of pre-commit"),
        ("stability.md", "settings of an editor"),
    ]


def test_every_page_is_found():
    """All pages and the README have blocks."""
    pages = {block.page.name for project in PROJECTS for block in project.blocks}

    assert pages == {
        "README.md",
        "auto-cache.md",
        "clock.md",
        "command-line.md",
        "configuration.md",
        "faults.md",
        "how-it-works.md",
        "index.md",
        "moving-from-vcr.md",
        "other-processes.md",
        "other-tools.md",
        "quickstart.md",
        "report-page.md",
        "reviewing-cassettes.md",
        "secrets.md",
        "stability.md",
        "troubleshooting.md",
    }


@pytest.mark.parametrize("fence", ["```\ntext\n```", "```ruby\nputs 1\n```", "    indented\n"])
def test_unknown_language_is_an_error(fence, tmp_path, monkeypatch):
    """A block in an unknown language is an error instead of being skipped."""
    monkeypatch.setattr(guide, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{fence}", encoding="utf-8")

    with pytest.raises(ValueError, match=r"page\.md:3: unknown language"):
        guide.read(page)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "def test_it(agentcache):\n    assert False\n"),
        ("python", "raise SystemExit(1)\n"),
        ("console", "$ pytest --version\nno such line\n"),
        ("console", "$ reboot\n"),
        ("ini", "[pytest]\nagentcache_modus = replay\n"),
        ("toml", '[tool.pytest.ini_options]\nagentcache_mode = "never"\n'),
        ("yaml", "- request: {method: GET}\n  response: {status: 200}\n"),
        ("yaml", "- request: {url: 'http://a/', method: GET}\n  response: {status: 200}\n"),
    ],
)
def test_wrong_block_is_detected(language, text, tmp_path, upstream):
    """A page with a wrong statement fails, in every language."""
    block = guide.Block(guide.PAGES[0], 1, language, text)

    with pytest.raises((AssertionError, CassetteError)):
        Reader(tmp_path, upstream.url).follow(guide.Project("", [block]))


@pytest.mark.parametrize(
    ("expected", "missing"),
    [
        ("one\ntwo", ""),
        ("two", ""),
        ("one\nthree", "three"),
        ("one\n…\nthree", ""),
        ("t…o", ""),
        ("three\none", "one"),
        ("in 9.87s", ""),
        ("four", "four"),
    ],
)
def test_output_is_compared_line_by_line(expected, missing):
    """Lines must be adjacent unless there is a `…` between them."""
    assert first_missing(expected, "one\ntwo\n\nthree\nin  1.23s\n") == missing
