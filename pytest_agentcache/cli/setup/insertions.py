"""Additions to configuration files that may exist already; nothing that is there changes."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_HOOK = """\
- repo: local
  hooks:
  - id: agentcache-check
    name: check the cassettes
    entry: agentcache check
    language: system
    files: (^|/)cassettes/.*\\.ya?ml$
"""
_REPO = re.compile(r"^( *)- +repo *:", re.MULTILINE)


def with_settings(name: str, text: str, settings: dict[str, str]) -> str:
    """Return a configuration file of pytest with settings at the end of pytest's section.

    Args:
        name: The name of the file, which decides its format.
        text: Its content, empty if there is none.
        settings: The lines to add: values by keys, without quotes.
    """
    section = {"setup.cfg": "tool:pytest", "pyproject.toml": "tool.pytest.ini_options"}.get(name)
    # From version 9 on, pytest reads values of TOML in these sections: a list, not words.
    is_native = name.endswith("pytest.toml")
    if name == "pyproject.toml" and re.search(r"^\[tool\.pytest\]", text, re.MULTILINE):
        section, is_native = "tool.pytest", True
    section = section or "pytest"
    is_toml = PurePosixPath(name).suffix == ".toml"
    lines = [
        f"{key} = {_toml(value, is_native=is_native) if is_toml else value}\n"
        for key, value in settings.items()
    ]
    head = re.search(rf"^\[{re.escape(section)}\][^\n]*(?:\n|\Z)", text, re.MULTILINE)
    if head is None:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return f"{text}{gap}[{section}]\n{''.join(lines)}"
    start = head[0] if head[0].endswith("\n") else f"{head[0]}\n"
    return text[: head.start()] + start + "".join(lines) + text[head.end() :]


def _toml(value: str, *, is_native: bool) -> str:
    if value in ("true", "false"):
        return value
    words = value.split()
    listed = ", ".join(f'"{word}"' for word in words)
    return f"[{listed}]" if is_native and len(words) > 1 else f'"{value}"'


def with_hook(text: str) -> str:
    """Return a configuration of pre-commit with the check of cassettes after its other hooks."""
    found = list(_REPO.finditer(text))
    if not found:
        gap = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{gap}repos:\n{_HOOK}"
    indent = found[-1][1]
    # The list ends where a line is not inside it.
    after = re.compile(rf"^(?!{indent}[ -]|\s*(?:#.*)?$)", re.MULTILINE)
    end = after.search(text, found[-1].end())
    at = end.start() if end else len(text)
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    hook = "".join(f"{indent}{line}\n" for line in _HOOK.splitlines())
    return before + hook + text[at:]
