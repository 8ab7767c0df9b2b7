"""`agentcache completion`."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def complete(script: str, *words: str) -> set[str]:
    """What bash offers for the last of `words`."""
    line = " ".join(f"'{word}'" for word in words)
    program = (
        f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _agentcache; "
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "-c", program], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stderr == ""
    return set(done.stdout.splitlines())


def test_bash_completes(folder, run):
    """Commands, options, their values, and files."""
    script = run("completion", "bash").out
    (folder / "a.yaml").touch()

    assert {"list", "show", "git-setup"} <= complete(script, "agentcache", "")
    assert complete(script, "agentcache", "su") == {"summary"}
    assert complete(script, "agentcache", "check", "--max") == {"--max-age", "--max-size"}
    assert complete(script, "agentcache", "list", "--sort", "s") == {"size"}
    assert complete(script, "agentcache", "export", "--to", "") == {"vcr", "har"}
    assert "a.yaml" in complete(script, "agentcache", "show", "a")
    assert "fish" in complete(script, "agentcache", "completion", "f")


def test_names_of_parametrized_tests_are_completed(folder, run):
    """A name with blanks stays one, and brackets are no pattern."""
    script = run("completion", "bash").out
    for name in ("test_a[x y].yaml", "test_a[1].yaml", "test_a1.yaml"):
        (folder / name).touch()

    offered = complete(script, "agentcache", "show", "test_a")

    assert offered == {"test_a[x y].yaml", "test_a[1].yaml", "test_a1.yaml"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_one_of_its_shell(folder, run, shell):
    """Each shell that is here takes its script."""
    script = run("completion", shell).out
    assert "git-setup" in script
    assert "git-textconv" not in script
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")

    done = subprocess.run(
        [shell, "-n"], input=script, capture_output=True, encoding="utf-8", check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
