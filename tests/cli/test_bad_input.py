"""Whatever is given: a message, the right code, no traceback, nothing written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_agentcache import cassette
from pytest_agentcache.cassette import foreign as vcr

from .conftest import chat, environment, get, make_huge, snapshot, without_reader, write

FULL = Path("/dev/full")
READERS = [
    ("list",),
    ("show",),
    ("diff", "{}"),
    ("check",),
    ("check", "--fix"),
    ("redact",),
    ("export", "--to", "vcr", "--out", "out.yaml"),
    ("import",),
]


def make_empty(path):
    path.write_bytes(b"")


def make_binary(path):
    path.write_bytes(bytes(range(256)) * 20)


def make_nul(path):
    path.write_bytes(b"agentcache: 1\nrecorded_at: '\0'\n")


def make_half(path):
    write(path, chat(("user", "Hi\nthere")), get())
    text = path.read_text()
    path.write_text(text[: text.index("  response:")])


def make_other_yaml(path):
    path.write_text("name: CI\non: [push]\n")


def make_future(path):
    path.write_text("agentcache: 99\n")


def make_list(path):
    path.write_text("- 1\n- 2\n")


def make_deep(path):
    path.write_text("agentcache: 1\nrecorded_at: " + "[" * 5000 + "\n")


def make_pipe(path):
    os.mkfifo(path)


def make_folder(path):
    path.mkdir()


def make_loop(path):
    path.symlink_to(path)


def make_dangling(path):
    path.symlink_to("nowhere")


KINDS = [
    make_empty,
    make_binary,
    make_nul,
    make_half,
    make_huge,
    make_other_yaml,
    make_future,
    make_list,
    make_deep,
    make_pipe,
    make_loop,
    make_dangling,
]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_file_that_is_no_cassette(folder, run, make, words):
    """Each command names the file and leaves everything as it was."""
    make(folder / "x.yaml")
    size = (folder / "x.yaml").lstat().st_size
    before = sorted(path.name for path in folder.iterdir())

    command, *rest = words
    rest = [word.replace("{}", "x.yaml") for word in rest]
    done = run(command, "x.yaml", *rest)

    # For `check` a file that is none is what it looks for.
    assert done.code == (1 if command == "check" else 2)
    told = done.out + done.err
    assert "x.yaml" in told
    assert "Traceback" not in told
    assert sorted(path.name for path in folder.iterdir()) == before
    assert (folder / "x.yaml").lstat().st_size == size


def test_two_gigabytes_are_not_read(folder, run):
    """Its size is enough to refuse a file."""
    make_huge(folder / "x.yaml")

    assert "too large for a cassette: 2,048 MiB" in run("show", "x.yaml").err


@pytest.mark.skipif(os.name == "nt", reason="rights are others there")
def test_unreadable_file(folder):
    """A file that this user may not read is named, with why."""
    write(folder / "x.yaml", get())
    (folder / "x.yaml").chmod(0)
    (folder / "cassettes/closed").mkdir(parents=True)
    (folder / "cassettes/closed").chmod(0)
    program = f"""\
import os
from pytest_agentcache.cli import main
os.chdir({str(folder)!r})
os.getuid() or os.seteuid(65534)
print(main(["show", "x.yaml"]), main(["check", "cassettes"]))
"""
    folder.chmod(0o755)

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        check=False,
    )

    assert "x.yaml: cannot be read: Permission denied" in done.stderr
    # Or `check` would find nothing in a folder that it never saw.
    assert "cassettes/closed: cannot be read: Permission denied" in done.stderr
    assert done.stdout == "2 2\n"
    assert "Traceback" not in done.stderr


def test_no_such_file(folder, run):
    """What is not there is said not to be there."""
    for words in (("show", "x"), ("list", "x"), ("diff", "x", "y"), ("export", "x", "--to", "har")):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert "there is no such file" in done.err


def test_folder_without_cassettes(folder, run):
    """A command that has nothing to do says so."""
    for command in ("list", "redact"):
        done = run(command)
        assert "there is no cassette in this folder" in done.err
        assert done.code == 2


def test_number_that_is_none(folder, run):
    """An interaction that is not there is told by how many there are."""
    write(folder / "x.yaml", get(), get())

    for number in (0, 3, -1):
        done = run("show", "x.yaml", "--", number)
        assert done.code == 2
        assert "has no interaction" in done.err
        assert "1 to 2" in done.err


def test_path_with_nul(folder, run):
    """A path that no system takes is refused as such."""
    done = run("show", "a\0b")

    assert done.code == 2
    assert "Traceback" not in done.err


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize(
    "words",
    [("show", "x.yaml"), ("list",), ("show", "x.yaml", "--json"), ("show", "x.yaml", "--body")],
)
def test_reader_that_goes_away(folder, words):
    """`| head` ends it as it ends cat: by SIGPIPE, and without a word."""
    write(folder / "x.yaml", *(chat(("user", f"{n} " * 3000)) for n in range(60)))
    ended = without_reader(sys.executable, "-m", "pytest_agentcache", *words)

    assert ended == ("", -signal.SIGPIPE)


@pytest.mark.skipif(not FULL.exists(), reason="there is no full device")
def test_full_disk(folder):
    """Output that cannot be written is an error, not silence."""
    write(folder / "x.yaml", get())
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_agentcache", "show", "x.yaml"],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(),
            check=False,
        )

    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="there are no such limits")
def test_disk_that_is_full_loses_nothing(folder):
    """What cannot be written whole is not written at all, and what was there stays."""
    long = chat(("user", f"sk-proj-{'a1B2' * 12} " + "word " * 4000))
    path = write(folder / "cassettes/t/a.yaml", long)
    path.write_text(path.read_text().replace("status: 200", "status:  200"))
    vcr.write_vcr(cassette.read(path), folder / "cassettes/v.yaml")
    before = snapshot(folder)
    program = """\
import resource
from pytest_agentcache.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
for words in (
    ["check", "--fix", "cassettes/t"],
    ["redact", "cassettes/t"],
    ["import", "cassettes/v.yaml"],
    ["export", "cassettes/t/a.yaml", "--to", "har", "--out", "new.har"],
    ["report", "-o", "new.html"],
):
    print("ended with", main(words))
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        check=False,
    )

    codes = [line[-1] for line in done.stdout.splitlines() if line.startswith("ended with")]
    assert codes == ["1", "2", "2", "2", "2"]
    assert (done.stdout + done.stderr).count("File too large") == 5
    assert snapshot(folder) == before


@pytest.mark.skipif(os.name == "nt", reason="there is no such shell")
def test_streams_that_are_closed(folder):
    """A command started without input and output does its work all the same."""
    write(folder / "cassettes/t/a.yaml", get())
    program = f"{sys.executable} -m pytest_agentcache"
    script = f"{program} list >&- && {program} prune --no-suite <&-; {program} list x 2>&-; echo $?"

    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, encoding="utf-8", env=environment(), check=False
    )

    assert done.stderr == ""
    assert "its test module is gone" in done.stdout
    assert done.stdout.endswith("\n2\n")


@pytest.mark.skipif(os.name == "nt", reason="names are poorer there")
def test_names_of_files_do_not_command_the_terminal(folder, run):
    """Whatever a file is called, it is told on its line, and nothing of it is sent as it is."""
    for number, name in enumerate(("a\nb", "c\x1b[31m", "d [e]", "f\u202eg")):
        path = write(folder / f"cassettes/t/{name}.yaml", get(f"/{number}"))
        path.write_text(path.read_text().replace("status: 200", "status:  200"))

    for words in (
        ("list",),
        ("check",),
        ("show", path),
        ("diff", path, folder / "cassettes/t/d [e].yaml"),
    ):
        out = run(*words).out
        assert "a\nb" not in out
        assert "\x1b" not in out
        assert "\u202e" not in out
    assert "  a\\nb.yaml       1 call" in run("list").out
    assert "cassettes/t/c\\x1b[31m.yaml:7: form: not" in run("check").out


@pytest.mark.parametrize(
    "words",
    [
        ("list", "x"),
        ("show", "x"),
        ("diff", "x", "y"),
        ("diff", "--git"),
        ("summary",),
        ("report", "x", "-o", "y.html"),
        ("check", "x"),
        ("redact", "x"),
        ("prune", "--no-suite", "x"),
        ("import", "x"),
        ("export", "x", "--to", "vcr"),
        ("git-setup",),
    ],
    ids=" ".join,
)
def test_machine_is_told_of_errors_too(folder, run, words):
    """With `--json` there is one document, whatever happens."""
    done = run(*words, "--json")

    assert done.json["error"] in done.err
    assert done.code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("diff", "a", "b"),
        ("redact",),
        ("import", "a/cassettes/x.yaml"),
        ("report", "-o", "x.html"),
    ],
)
def test_machine_is_told_what_was_left_out(folder, run, words):
    """A file that cannot be read is in the document as well."""
    for name in ("a", "b"):
        (folder / f"{name}/cassettes").mkdir(parents=True)
    (folder / "a/cassettes/x.yaml").write_text("agentcache: 1\n")

    done = run(*words, "--json")

    (left_out,) = done.json["unreadable"]
    assert left_out["path"] == "a/cassettes/x.yaml"
    assert left_out["problem"] in done.err
    assert done.code == 2


def test_terminal_that_knows_ascii_only(folder, spawn):
    """Other characters are replaced, and nothing fails."""
    write(folder / "x.yaml", chat(("user", "Regen in Köln? ☂")))

    done = spawn(
        "show", "x.yaml", env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    )

    assert done.code == 0
    assert done.err == ""
    assert "Regen in K?ln? ?" in done.out


@pytest.mark.parametrize(
    "words", [(), ("nonsense",), ("show",), ("diff", "a"), ("export", "a"), ("--sort",)]
)
def test_wrong_usage(folder, run, words):
    """What is no command ends with 2."""
    assert run(*words).code == 2


def test_looking_writes_nothing(folder, run, repository):
    """Commands that only look leave every byte, and every time, as it was."""
    write(folder / "cassettes/t/a.yaml", get())
    repository.commit()
    write(folder / "cassettes/t/a.yaml", get("/b"))
    before = snapshot(folder), (folder / "cassettes/t/a.yaml").stat().st_mtime_ns

    for words in (
        ("list",),
        ("show", "cassettes/t/a.yaml"),
        ("diff", "--git"),
        ("check",),
        ("summary",),
    ):
        run(*words)

    assert (snapshot(folder), (folder / "cassettes/t/a.yaml").stat().st_mtime_ns) == before
