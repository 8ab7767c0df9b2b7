"""Bad input gives an error message and the right exit code, and nothing is written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_agentcache import cassette
from pytest_agentcache.cassette import foreign

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


# `import` detects the format of a file; the other commands read a cassette as `show` does.
BY_KIND = [(make, words) for make in KINDS for words in (("show",), ("import",))]
BY_COMMAND = [(make, words) for words in READERS for make in (make_half, make_loop)]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(make, words, id=f"{make.__name__}-{' '.join(words)}")
        for make, words in dict.fromkeys([*BY_KIND, *BY_COMMAND])
    ],
)
def test_invalid_cassette(folder, run, make, words):
    """Each command names the invalid file and changes nothing."""
    make(folder / "x.yaml")
    size = (folder / "x.yaml").lstat().st_size
    before = sorted(path.name for path in folder.iterdir())

    command, *rest = words
    rest = [word.replace("{}", "x.yaml") for word in rest]
    done = run(command, "x.yaml", *rest)

    # For `check` an invalid file is a finding.
    assert done.code == (1 if command == "check" else 2)
    output = done.out + done.err
    assert "x.yaml" in output
    assert "Traceback" not in output
    assert sorted(path.name for path in folder.iterdir()) == before
    assert (folder / "x.yaml").lstat().st_size == size


def test_two_gigabytes_are_not_read(folder, run):
    """A file is refused by its size, without being read."""
    make_huge(folder / "x.yaml")

    assert "too large for a cassette: 2,048 MiB" in run("show", "x.yaml").err


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_unreadable_file(folder):
    """A file without read permission is named with the reason."""
    write(folder / "x.yaml", get())
    (folder / "x.yaml").chmod(0)
    (folder / "cassettes/closed").mkdir(parents=True)
    (folder / "cassettes/closed").chmod(0)
    program = f"""\
import os
from pytest_agentcache.cli import main
os.chdir({str(folder)!r})
# Import everything first: the other user may not be able to read this interpreter's modules.
main(["show", "y"]), main(["check", "y"])
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
    # Without this error, `check` would pass for a folder that it cannot read.
    assert "cassettes/closed: cannot be read: Permission denied" in done.stderr
    assert done.stdout == "2 2\n"
    assert "Traceback" not in done.stderr


def test_no_such_file(folder, run):
    """A missing file is an error."""
    for words in (("show", "x"), ("list", "x"), ("diff", "x", "y"), ("export", "x", "--to", "har")):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert "there is no such file" in done.err


def test_folder_without_cassettes(folder, run):
    """A folder without cassettes is an error."""
    for command in ("list", "redact"):
        done = run(command)
        assert "there is no cassette in this folder" in done.err
        assert done.code == 2


def test_number_out_of_range(folder, run):
    """The error for a missing interaction gives the range of numbers."""
    write(folder / "x.yaml", get(), get())

    for number in (0, 3, -1):
        done = run("show", "x.yaml", "--", number)
        assert done.code == 2
        assert "has no interaction" in done.err
        assert "1 to 2" in done.err


def test_path_with_nul(folder, run):
    """A path with a NUL character is an error."""
    done = run("show", "a\0b")

    assert done.code == 2
    assert "Traceback" not in done.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(
    "words",
    [("show", "x.yaml"), ("show", "x.yaml", "--body")],
)
def test_reader_that_goes_away(folder, words):
    """`| head` ends a command silently by SIGPIPE, as it ends cat."""
    write(folder / "x.yaml", *(chat(("user", f"{n} " * 3000)) for n in range(60)))
    ended = without_reader(sys.executable, "-m", "pytest_agentcache", *words)

    assert ended == ("", -signal.SIGPIPE)


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_full_disk(folder):
    """Output that cannot be written is an error."""
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


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_disk_that_is_full_loses_nothing(folder):
    """A file that cannot be written completely is not written, and the old one stays."""
    long = chat(("user", f"sk-proj-{'a1B2' * 12} " + "word " * 4000))
    path = write(folder / "cassettes/t/a.yaml", long)
    path.write_text(path.read_text().replace("status: 200", "status:  200"))
    foreign.write_vcr(cassette.read(path), folder / "cassettes/v.yaml")
    before = snapshot(folder)
    # Python would cut the compiled modules, too, and import them so from then on.
    program = """\
import resource, sys
from pytest_agentcache.cli import main
sys.dont_write_bytecode = True
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


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_closed_streams(folder):
    """A command works without standard input, output or error."""
    write(folder / "cassettes/t/a.yaml", get())
    program = f"{sys.executable} -m pytest_agentcache"
    script = f"{program} list >&- && {program} prune --no-suite <&-; {program} list x 2>&-; echo $?"

    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, encoding="utf-8", env=environment(), check=False
    )

    assert done.stderr == ""
    assert "its test module was deleted" in done.stdout
    assert done.stdout.endswith("\n2\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows allows fewer names")
def test_names_of_files_do_not_command_the_terminal(folder, run):
    """Control characters in the name of a file are escaped, and the name stays on its line."""
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
def test_json_has_the_error(folder, run, words):
    """With `--json`, an error is one JSON document as well."""
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
def test_json_has_the_unreadable_files(folder, run, words):
    """With `--json`, unreadable files are in the document."""
    for name in ("a", "b"):
        (folder / f"{name}/cassettes").mkdir(parents=True)
    (folder / "a/cassettes/x.yaml").write_text("agentcache: 1\n")

    done = run(*words, "--json")

    (left_out,) = done.json["unreadable"]
    assert left_out["path"] == "a/cassettes/x.yaml"
    assert left_out["problem"] in done.err
    assert done.code == 2


def test_ascii_terminal(folder, spawn):
    """On a terminal with ASCII only, other characters are replaced."""
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
    """The exit code for wrong usage is 2."""
    assert run(*words).code == 2


def test_reading_commands_write_nothing(folder, run, repository):
    """Commands that only read change no file, and no modification time."""
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
