"""Pages of the cookbook as test modules: the Python blocks of a page are its source."""

from __future__ import annotations

import ast
import sys
import types
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import rewrite_asserts
from markdown_it import MarkdownIt


def source_of(page: Path) -> str:
    """Return the Python blocks of a page, each at its line numbers in the page."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * len(text.splitlines())
    for token in MarkdownIt().parse(text):
        if token.type == "fence" and token.info.strip() == "python":
            first = token.map[0] + 1
            block = token.content.splitlines()
            lines[first : first + len(block)] = block
    return "\n".join(lines).strip(" ")


class Page(pytest.Module):
    """A page whose Python blocks form one module."""

    def _getobj(self) -> types.ModuleType:
        source = source_of(self.path)
        tree = ast.parse(source, str(self.path))
        rewrite_asserts(tree, source.encode(), str(self.path), self.config)
        module = types.ModuleType(f"cookbook_{self.path.stem}")
        module.__file__ = str(self.path)
        # Dataclasses and pickle look up their classes here.
        sys.modules[module.__name__] = module
        exec(compile(tree, str(self.path), "exec", dont_inherit=True), module.__dict__)
        return module
