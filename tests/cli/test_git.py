"""`agentcache diff --git`, and git itself with `agentcache git-setup`."""

from __future__ import annotations

import gzip
import json
import os
import sys
import time

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from .conftest import JSON, chat, get, without_reader, write

PICTURE = Headers((("content-type", "image/png"),))


def picture(byte: int) -> Interaction:
    """An interaction with a response body in a sidecar file."""
    body = b"\x89PNG\r\n" + bytes([byte]) * 2000
    return Interaction(Request("GET", "https://h.example/p.png"), Response(200, PICTURE, body))


def test_work_tree_is_compared_with_the_last_commit(folder, repository, run):
    """Changed, new and removed cassettes are listed; other YAML files are not."""
    write(folder / "cassettes/t/changed.yaml", chat(("user", "Paris?")))
    write(folder / "cassettes/t/gone.yaml", get())
    write(folder / "cassettes/t/same.yaml", get())
    repository.commit()
    write(folder / "cassettes/t/changed.yaml", chat(("user", "London?")))
    (folder / "cassettes/t/gone.yaml").unlink()
    write(folder / "cassettes/t/new.yaml", get("/new"))
    (folder / "other.yaml").write_text("a: 1\n")

    done = run("diff", "--git")

    assert "cassettes/t/changed.yaml · 1 of 1 interaction changed" in done.out
    assert "messages[0].content 'Paris' → 'London'" in done.out
    assert "cassettes/t/gone.yaml · removed, 1 interaction" in done.out
    assert "cassettes/t/new.yaml · new, 1 interaction" in done.out
    assert "same.yaml" not in done.out
    assert "other.yaml" not in done.out
    assert (done.code, done.err) == (1, "")


def test_revisions_and_ranges(folder, repository, run):
    """`A`, `A..B` and `A...B` mean the same as for git."""
    path = folder / "cassettes/t/a.yaml"
    write(path, get("/1"))
    repository.commit()
    repository.git("branch", "feature")
    write(path, get("/1"), get("/2"))
    repository.commit()
    repository.git("checkout", "-q", "feature")
    write(path, get("/0"), get("/1"))
    repository.commit()

    def changed(*words):
        found = run("diff", "--json", *words).json["cassettes"]
        return [
            each["url"].rpartition("/")[2] + each["kind"][:1]
            for c in found
            for each in c["interactions"]
        ]

    assert changed("--git", "HEAD~1") == ["0a"]
    assert changed("--git", "main..feature") == ["0a", "2r"]
    assert changed("--git", "main...feature") == ["0a"]
    assert changed("--git", "main") == ["0a", "2r"]


def test_folder_after_git_option(folder, repository, run):
    """`--git tests` means the folder, as for git."""
    write(folder / "tests/cassettes/t/a.yaml", get("/1"))
    write(folder / "more/cassettes/t/b.yaml", get("/1"))
    repository.commit()
    write(folder / "tests/cassettes/t/a.yaml", get("/2"))
    write(folder / "more/cassettes/t/b.yaml", get("/2"))

    found = run("diff", "--git", "tests", "--json").json["cassettes"]

    assert [each["path"] for each in found] == ["tests/cassettes/t/a.yaml"]


def test_works_from_a_folder_below(folder, repository, run, monkeypatch):
    """Paths are relative to the working directory, even below the root of the repository."""
    write(folder / "tests/cassettes/t/a.yaml", get("/1"))
    repository.commit()
    write(folder / "tests/cassettes/t/a.yaml", get("/2"))
    monkeypatch.chdir(folder / "tests")

    found = run("diff", "--git", "HEAD", "cassettes", "--json").json["cassettes"]

    assert [each["path"] for each in found] == ["cassettes/t/a.yaml"]


def test_sidecar_files_are_read_at_the_revision(folder, repository, run):
    """A changed image is a changed interaction, even though its old file was deleted."""
    write(folder / "cassettes/t/a.yaml", picture(1))
    repository.commit()
    write(folder / "cassettes/t/a.yaml", picture(2))

    done = run("diff", "--git", "--json")

    (pair,) = done.json["cassettes"][0]["interactions"]
    assert pair["kind"] == "changed"
    assert done.err == ""


def test_compressed_sidecar_file_is_read_at_the_revision(folder, repository, run):
    """A sidecar file with two suffixes is read at the revision as well."""
    write(folder / "cassettes/t/a.yaml", packed(1))
    repository.commit()
    write(folder / "cassettes/t/a.yaml", packed(2))

    done = run("diff", "--git", "--json")

    (pair,) = done.json["cassettes"][0]["interactions"]
    assert pair["kind"] == "changed"
    assert done.err == ""


def packed(number):
    """An interaction with a gzipped JSON response that lacks a content-encoding."""
    content = gzip.compress(json.dumps(list(range(number, 500))).encode(), mtime=0)
    return Interaction(Request("GET", "https://h.example/p"), Response(200, JSON, content))


def test_rename_is_recognized(folder, repository, run):
    """A cassette that moved with its test is renamed, not new."""
    write(folder / "cassettes/t/a.yaml", get(), get("/b"))
    repository.commit()
    (folder / "cassettes/t/a.yaml").rename(folder / "cassettes/t/b.yaml")

    unknown_to_git = run("diff", "--git").out
    repository.git("add", "-A")
    known = run("diff", "--git").out

    assert unknown_to_git == known
    assert known == "cassettes/t/a.yaml → cassettes/t/b.yaml · renamed\n"


def test_broken_file_does_not_hide_the_others(folder, repository, run):
    """An unreadable file is reported with its line, and the exit code is 2."""
    write(folder / "cassettes/t/a.yaml", get("/1"))
    write(folder / "cassettes/t/b.yaml", get("/1"))
    repository.commit()
    write(folder / "cassettes/t/a.yaml", get("/2"))
    path = folder / "cassettes/t/b.yaml"
    path.write_text(path.read_text() + "- {\n")

    done = run("diff", "--git")

    assert "cassettes/t/a.yaml · 1 added, 1 removed" in done.out
    assert "cassettes/t/b.yaml:" in done.err
    assert done.code == 2


def test_no_revision_no_repository_no_git(folder, run, spawn, repository, tmp_path_factory):
    """Each of these has its error message, and the exit code is 2."""
    write(folder / "cassettes/t/a.yaml", get())
    repository.commit()
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    unknown = run("diff", "--git", "nowhere")
    outside = spawn(
        "diff", "--git", cwd=elsewhere, env={"GIT_CEILING_DIRECTORIES": str(elsewhere.parent)}
    )
    without = spawn("diff", "--git", env={"PATH": str(elsewhere)})

    assert "there is no revision 'nowhere'" in unknown.err
    assert "is not in a git repository" in outside.err
    assert "git is not installed" in without.err
    assert [each.code for each in (unknown, outside, without)] == [2, 2, 2]
    assert "Traceback" not in outside.err + without.err


def test_missing_revision_or_file_is_an_error(folder, run, repository):
    """A comparison with a missing revision or file is an error, not an empty difference."""
    first = run("diff", "--git")
    path = write(folder / "cassettes/t/a.yaml", get())
    repository.commit()
    repository.git("branch", "old")
    repository.git("checkout", "-q", "--orphan", "new")
    write(path, get("/new"))
    repository.commit()
    path.unlink()

    assert "this repository has no commit to compare with yet" in first.err
    for words, problem in (
        (("--git", "HEAD", "cassettes/t/b.yaml"), "b.yaml: there is no such file or folder at"),
        (("--git", ""), "there is no revision ''"),
        (("--git", "old...new"), "old and new have no commit in common"),
    ):
        done = run("diff", *words)
        assert (done.code, done.out) == (2, "")
        assert problem in done.err
    assert "removed" in run("diff", "--git", "HEAD", "cassettes/t/a.yaml").out


def test_revision_is_not_passed_as_an_option(folder, repository, run):
    """A revision that starts with a dash does not become an option of git."""
    write(folder / "cassettes/t/a.yaml", get())
    repository.commit()

    done = run("diff", "--git=--output=written")

    assert done.code == 2
    assert not (folder / "written").exists()


def test_git_shows_cassettes_in_words(folder, repository, run, spawn):
    """After git-setup, `git diff` shows words and `git log -p` the lines of the conversation."""
    write(folder / "cassettes/t/a.yaml", chat(("user", "Rain in Paris?")))
    repository.commit()
    run("git-setup")
    write(folder / "cassettes/t/a.yaml", chat(("user", "Rain in London?")))

    diff = repository.git("diff")
    repository.commit()
    log = repository.git("log", "-p", "-1", "--", "cassettes")

    assert "~ 1 · POST api.openai.example/v1/chat/completions" in diff
    assert "Rain in [-Paris-]{+London+}?" in diff
    assert "-  user       Rain in Paris?" in log
    assert "+  user       Rain in London?" in log


def test_git_diff_has_one_process_for_all_cassettes(folder, repository, run, tmp_path):
    """The first process writes every cassette and ends with git; unsafe folders have no server."""
    paths = [folder / f"cassettes/t/{name}.yaml" for name in "abcd"]
    for path in paths:
        write(path, chat(("user", "Rain in Paris?")))
    repository.commit()
    run("git-setup")
    for path in paths[:3]:
        write(path, chat(("user", f"Rain in {path.stem}, or Zürich?")))
    paths[3].write_text("<<<<<<< ours\n")
    started = tmp_path / "started"
    (tmp_path / "sitecustomize.py").write_text(f"open({str(started)!r}, 'a').write('x')\n")
    sockets = tmp_path / f"agentcache-{os.getuid()}"

    def diff():
        started.write_text("")
        path = os.pathsep.join([str(tmp_path), *sys.path])
        out = repository.git("diff", PYTHONPATH=path, TMPDIR=str(tmp_path))
        return out, len(started.read_text())

    one, processes = diff()
    while sockets.exists():
        time.sleep(0.01)
    sockets.mkdir(mode=0o777)
    sockets.chmod(0o777)

    assert processes == 1
    assert [f"cassettes/t/{name}.yaml" in one for name in "abcd"] == [True] * 4
    assert "{+c, or Zürich+}" in one
    assert "+<<<<<<< ours" in one
    assert diff() == (one, 4)


def test_git_shows_lines_where_the_environment_is_gone(folder, repository, run, monkeypatch):
    """Neither `git diff` nor `git log -p` fails without the Python of git-setup."""
    write(folder / "cassettes/t/a.yaml", chat(("user", "Rain in Paris?")))
    write(folder / "cassettes/t/b.yaml", get("/b"))
    repository.commit()
    monkeypatch.setattr("sys.executable", str(folder / "no such venv/bin/python"))
    run("git-setup")
    write(folder / "cassettes/t/a.yaml", chat(("user", "Rain in London?")))
    (folder / "cassettes/t/b.yaml").unlink()

    diff = repository.git("diff")
    repository.commit()
    log = repository.git("log", "-p", "-1", "--", "cassettes")

    for found in (diff, log):
        assert "+++ b/cassettes/t/a.yaml" in found
        assert (
            "-    json: {model: gpt-5-mini, messages: [{role: user, content: 'Rain in Paris?'}]}"
            in found
        )
        assert "-- request: {method: GET, url: 'https://api.weather.example/b'}" in found


def test_lines_of_git_make_a_patch(folder, repository, run):
    """A patch made with the documented options can be applied."""
    path = write(folder / "cassettes/t/a.yaml", chat(("user", "Rain in Paris?")))
    repository.commit()
    run("git-setup")
    before = path.read_bytes()
    after = write(path, chat(("user", "Rain in London?"))).read_bytes()

    (folder / "patch").write_text(repository.git("diff", "--no-ext-diff", "--no-textconv"))
    path.write_bytes(before)
    repository.git("apply", "patch")

    assert path.read_bytes() == after


def test_pager_that_is_left_early(folder, repository, run):
    """If the user leaves the pager early, git writes no error."""
    write(folder / "cassettes/t/a.yaml", chat(("user", "Rain in Paris?")))
    repository.commit()
    run("git-setup")
    write(folder / "cassettes/t/a.yaml", *(chat(("user", f"{n} " * 3000)) for n in range(60)))
    errors, _ = without_reader("git", "--no-pager", "diff")

    assert errors == ""


def test_git_shows_new_removed_and_broken_files(folder, repository, run):
    """`git diff` succeeds with every file, and shows invalid cassettes line by line."""
    write(folder / "cassettes/t/a.yaml", chat(("user", "one\n" * 40)))
    write(folder / "cassettes/t/b.yaml", get("/b"))
    (folder / "cassettes/t/c.yaml").write_text("one: 1\n")
    write(folder / "cassettes/t/d.yaml", get("/d"))
    repository.commit()
    run("git-setup")
    repository.git("mv", "cassettes/t/d.yaml", "cassettes/t/e.yaml")
    write(folder / "cassettes/t/new.yaml", get("/new"))
    repository.git("add", "-N", "cassettes/t/new.yaml")
    (folder / "cassettes/t/a.yaml").unlink()
    (folder / "cassettes/t/b.yaml").write_text("<<<<<<< ours\n")
    (folder / "cassettes/t/c.yaml").write_text("one: 2\n")

    out = repository.git("diff")

    assert "+ 1 · GET api.weather.example/new" in out
    assert "- 1 · POST …/v1/chat/completions" in out
    assert "+<<<<<<< ours" in out
    assert "d.yaml → cassettes/t/e.yaml · renamed" in repository.git("diff", "--cached")
    assert "-one: 1" in out
    assert "+one: 2" in out


def test_setup_is_idempotent_and_can_be_undone(folder, repository, run):
    """Other lines of .gitattributes stay unchanged."""
    attributes = folder / ".gitattributes"
    attributes.write_text("*.png binary")
    run("git-setup")
    once = attributes.read_text()

    assert run("git-setup").out == "nothing to change\n"
    assert attributes.read_text() == once
    assert once.startswith("*.png binary\n")
    attributes_of_body = repository.git("check-attr", "text", "cassettes/test_t/test_x/body.txt")
    assert attributes_of_body.endswith("text: unset\n")

    run("git-setup", "--undo")

    assert attributes.read_text() == "*.png binary\n"
    assert "agentcache" not in repository.git("config", "--list")
    assert run("git-setup", "--undo").out == "nothing to change\n"


def test_undo_removes_a_file_that_setup_made(folder, repository, run):
    """`--undo` removes .gitattributes if it has no other lines."""
    run("git-setup")
    run("git-setup", "--undo")

    assert not os.path.lexists(folder / ".gitattributes")
