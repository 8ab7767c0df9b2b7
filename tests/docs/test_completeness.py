"""Every setting, function and error that users can meet is documented."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import tomllib
from dataclasses import fields

import guide
import pytest

import pytest_agentcache
from pytest_agentcache.cli.commands import COMMANDS, load
from pytest_agentcache.http import body
from pytest_agentcache.plugin import fixtures, hookspecs
from pytest_agentcache.settings.settings import ENVIRONMENT, Settings
from pytest_agentcache.settings.telemetry import TELEMETRY
from pytest_agentcache.suite import options

CONFIGURATION = (guide.ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
HOW_IT_WORKS = (guide.ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
COMMAND_LINE = (guide.ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
TROUBLESHOOTING = (guide.ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
API = (guide.ROOT / "docs" / "api.md").read_text(encoding="utf-8")
OTHER_TOOLS = (guide.ROOT / "docs" / "other-tools.md").read_text(encoding="utf-8")
HOOKS = [name for name in vars(hookspecs) if name.startswith("pytest_agentcache_")]
FIXTURES = [
    name
    for name, value in vars(fixtures).items()
    if type(value).__name__ == "FixtureFunctionDefinition"
]
# The modules whose errors users see; those of other modules are wrapped by these.
SPEAKING = (
    "http.body.binary",
    "http.body.kinds",
    "http.body.multipart",
    "http.body.text",
    "cache.keywords",
    "cassette.reader",
    "cassette.writer",
    "clock.__init__",
    "faults.arguments",
    "faults.match",
    "faults.script",
    "faults.upstream",
    "settings.durations",
    "settings.json_path",
    "cassette.paths",
    "suite.options",
    "replay.refreshes",
    "settings.checks",
    "settings.settings",
    "settings.named_patterns",
    "standalone",
    "llm.usage",
    "cassette.foreign.betamax",
    "cassette.foreign.foreign",
    "cassette.foreign.har",
    "cassette.foreign.source",
    "cassette.foreign.vcrpy",
)


def section(title: str) -> str:
    """Return the text below a heading of the configuration page, or an empty string."""
    found = re.search(
        rf"^### {re.escape(title)}\n(.*?)(?=^##)", CONFIGURATION + "\n##", re.DOTALL | re.MULTILINE
    )
    return found[1] if found else ""


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.name)
def test_setting_is_documented(setting):
    """Each setting has its ini key, default, allowed values, and an example."""
    text = section(setting.name)

    assert f"agentcache_{setting.name}" in text
    assert "Default: " in text
    assert "```" in text
    check = setting.metadata["check"]
    assert all(f"`{choice}`" in text for choice in check.choices)
    if setting.metadata["marker"]:
        assert "No argument of the marker" not in text


def test_environment_is_documented():
    """The environment variable is documented with its setting."""
    assert f"`{ENVIRONMENT}`" in section("mode")


@pytest.mark.parametrize("flag", options._FLAGS)
def test_flag_is_documented(flag):
    """Each flag is in the table, with its text from `pytest --help`."""
    assert f"| `--agentcache-{flag}` | {options._FLAGS[flag]} |" in CONFIGURATION


# The commands that git calls are not meant for people.
@pytest.mark.parametrize("name", sorted({*COMMANDS} - {"git-diff", "git-textconv"}))
def test_command_is_documented(name):
    """Each command has a section, all its flags, its exit codes, and an example that is run."""
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", COMMAND_LINE, re.DOTALL | re.MULTILINE)
    text = found[1] if found else ""
    parser = argparse.ArgumentParser(add_help=False)
    load(name).add(parser)
    flags = {flag for action in parser._actions for flag in action.option_strings}
    lines = re.findall(r"^- .*$", text, re.MULTILINE)

    assert f"[`{name}`](#{name})" in COMMAND_LINE
    assert f"\n`agentcache {name}" in text
    assert f"\n$ agentcache {name}" in text
    assert "Ends with " in text
    assert flags == set(re.findall(r"(?<=`)--?\w[\w-]*(?=[ `])", "".join(lines)))


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_is_documented(hook):
    """Each hook has its arguments and an example that uses it."""
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)

    assert f"`({arguments})`" in section(hook)
    assert f"def {hook}(" in section(hook)


@pytest.mark.parametrize("fixture", FIXTURES)
def test_fixture_is_documented(fixture):
    """Each fixture has an example."""
    assert "```python" in section(fixture)


def test_hooks_and_fixtures_are_found():
    """The tests above find hooks and fixtures."""
    assert len(HOOKS) >= 5
    assert {"agentcache", "agentcache_session", "agentcache_config"} <= set(FIXTURES)


@pytest.mark.parametrize("key", [*body.KEYS, *body.STYLES])
def test_body_key_is_documented(key):
    """Each key of a body on a cassette is in the description of the format."""
    assert f"`{key}`" in HOW_IT_WORKS


def messages() -> list[str]:
    """Return the longest constant piece of each error message that users see."""
    root = guide.ROOT / "pytest_agentcache"
    found = []
    for module in SPEAKING:
        tree = ast.parse((root / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            known = r"(Settings|Cassette|Body|Path|Fault|Usage|Clock|Refresh)Error$|^\w+\.error$"
            # Callers of this module pass on its messages.
            known = "Error$" if module == "settings.durations" else known
            if re.search(known, called):
                texts = [piece for each in node.args if (piece := longest_piece(each))]
                # The problem comes before the remedy; a single word is the name of a key.
                found += [text for text in texts if " " in text.strip()][:1]
    return found


def longest_piece(node: ast.expr) -> str:
    """Return the longest constant piece of a string, or an empty string."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [str(each.value) for each in parts if isinstance(each, ast.Constant)]
    return max(texts, key=len, default="")


@pytest.mark.parametrize("message", sorted(set(messages())))
def test_error_is_documented(message):
    """Each error message is on the troubleshooting page."""
    plain = message.replace("`", "").strip(" :;")

    assert plain in TROUBLESHOOTING.replace("`", "")


@pytest.mark.parametrize("kind", ["missing", "exhausted", "late", "socket"])
def test_kind_of_miss_is_documented(kind):
    """Each kind of miss has a section."""
    headings = {
        "missing": "## Reading a miss",
        "exhausted": "### Sent more often than recorded",
        "late": "### Sent after the end of the test",
        "socket": "### Sent past every client",
    }

    assert headings[kind] in TROUBLESHOOTING


def test_links_have_targets():
    """Every link within the documentation has a target."""
    cookbook = sorted((guide.ROOT / "docs" / "cookbook").glob("*.md"))
    assert cookbook
    others = [guide.ROOT / "CONTRIBUTING.md", guide.ROOT / "SECURITY.md"]
    for page in [*guide.PAGES, *others, *cookbook]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(((?!https?:)[^)]+)\)", text):
            file, _, anchor = target.partition("#")
            other = page.parent / file if file else page
            assert other.is_file(), f"{page.name}: {target}"
            if not anchor:
                continue
            headings = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert anchor in anchors, f"{page.name}: {target}"


def test_readme_links_to_every_page():
    """The README links to every page, and the index of the cookbook to its pages."""
    docs = guide.ROOT / "docs"
    cookbook = docs / "cookbook" / "README.md"
    readme = (guide.ROOT / "README.md").read_text(encoding="utf-8")
    index = cookbook.read_text(encoding="utf-8")

    pages = [page.relative_to(guide.ROOT).as_posix() for page in [*docs.glob("*.md"), cookbook]]
    assert [page for page in pages if f"]({page})" not in readme] == []
    recipes = [page.name for page in cookbook.parent.glob("*.md") if page != cookbook]
    assert [page for page in recipes if f"]({page}#" not in index] == []


def test_site_has_every_page():
    """Every page is in the navigation of the site."""
    docs = guide.ROOT / "docs"
    navigation = (guide.ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    named = re.findall(r"[\w/-]+\.md", navigation)

    assert sorted(named) == sorted(page.relative_to(docs).as_posix() for page in docs.rglob("*.md"))


def test_contributing_names_existing_files():
    """Every path on the page for contributors exists; names in angle brackets are examples."""
    text = (guide.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:pytest_agentcache|tests|docs|fixtures)/[\w./-]+)`", text)

    assert len(paths) > 20
    assert [path for path in paths if not (guide.ROOT / path).exists()] == []


def test_contributing_lists_every_floor():
    """The floors on the page for contributors are those that import-linter checks."""
    settings = tomllib.loads((guide.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    text = (guide.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawing = text.partition("## The seven floors\n")[2].partition("\n\nEach floor")[0]
    floors = re.split(r"^    \d  ", drawing, flags=re.MULTILINE)[1:]
    rooms = [re.findall(r"^ *(\w+)/|\b(\w+)\.py", floor, re.MULTILINE) for floor in floors]

    named = [set(re.findall(r"pytest_agentcache\.(\w+)", layer)) for layer in layers]
    # Those outside the rooms stand above and inside the seventh floor.
    assert named[0] | named[2] == {"__main__", "standalone", "vcr"}
    expected = [named[1], *named[3:]]
    assert [{room or module for room, module in found} for found in rooms] == expected


@pytest.mark.parametrize("name", pytest_agentcache.__all__)
def test_public_name_is_documented(name):
    """Each public name has a docstring, which is on the page of the API."""
    assert getattr(pytest_agentcache, name).__doc__
    assert f"\n::: pytest_agentcache.{name}\n" in API


def test_ci_runs_the_commands_of_the_readme():
    """CI runs the commands of the README; only the order of the tests differs."""
    script = (guide.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (guide.ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv .*$", readme, re.MULTILINE)

    assert len(commands) == 2
    typed = re.sub(" --randomly-seed=.*", "", script)
    assert all(f"\n{command}\n" in typed for command in commands)


@pytest.mark.parametrize("service", TELEMETRY)
def test_telemetry_is_documented(service):
    """Each service that is ignored by default has a row with its hosts."""
    hosts = ", ".join(f"`{glob}`" for glob in TELEMETRY[service])

    assert f"| {service} | {hosts} |\n" in OTHER_TOOLS
