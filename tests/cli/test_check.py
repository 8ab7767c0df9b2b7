"""`agentcache check`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pytest_agentcache.cli.commands import check
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from .conftest import JSON, chat, get, snapshot, write

KEY = "sk-proj-" + "a1B2" * 12


def rules(done) -> list[str]:
    return [finding["rule"] for finding in done.json["findings"]]


def test_good_cassettes_exit_with_0(folder, run):
    """Without findings the exit code is 0."""
    write(folder / "cassettes/t/a.yaml", chat(("user", "Hi")), get())

    done = run("check")

    assert done.out == "1 cassette checked, nothing found\n"
    assert done.code == 0


def test_secret_is_found_and_never_shown(folder, run):
    """A finding shows the file, line, interaction and place of a secret, but not its value."""
    headers = Headers((("authorization", f"Bearer {KEY}"), *JSON))
    write(folder / "cassettes/t/a.yaml", get(), chat(("user", "Hi"), headers=headers))

    done = run("check")

    lines = (folder / "cassettes/t/a.yaml").read_text().splitlines()
    second = [at for at, line in enumerate(lines, 1) if line == "- request:"][-1]
    assert f"cassettes/t/a.yaml:{second}: secret: interaction 2 contains a secret" in done.out
    assert "request headers.authorization" in done.out
    assert KEY not in done.out
    assert done.code == 1


def test_value_of_a_secret_variable_is_found(folder, run, monkeypatch):
    """The value of an environment variable with a secret's name is found everywhere."""
    monkeypatch.setenv("WEATHER_API_KEY", "tangerine-7731-xylo")
    write(folder / "cassettes/t/a.yaml", get("/now", {"note": "use tangerine-7731-xylo"}))

    assert rules(run("check", "--json")) == ["secret"]


def test_secret_in_a_cassette_of_another_tool(folder, run):
    """A secret in a cassette of VCR.py is found, and the remedy is to import it."""
    path = folder / "cassettes/t/a.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        "interactions:\n- request:\n    method: GET\n    uri: https://h.example/\n    body: null\n"
        f"    headers: {{authorization: [Bearer {KEY}]}}\n"
        "  response:\n    status: {code: 200, message: OK}\n"
        "    headers: {}\n    body: {string: x}\n"
        "version: 1\n"
    )

    done = run("check", "--json")

    assert rules(done) == ["secret"]
    assert "agentcache import" in done.json["findings"][0]["remedy"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\nagentcache_redact = x-my-*\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nagentcache_redact = ["x-my-*"]\n'),
    ],
)
def test_settings_of_the_suite_apply(folder, run, name, text):
    """Names of secrets in pytest's configuration are used."""
    (folder / name).write_text(text)
    plain = get()
    headers = Headers((("x-my-thing", "abcdefgh"),))
    write(
        folder / "cassettes/t/a.yaml",
        replace(plain, request=replace(plain.request, headers=headers)),
    )

    assert rules(run("check", "--json")) == ["secret"]


def test_form_is_found_and_fixed(folder, run):
    """`--fix` rewrites an edited file in canonical form with the same content."""
    path = write(folder / "cassettes/t/a.yaml", get("/now", {"sky": "rain"}))
    canonical = path.read_text()
    path.write_text(canonical.replace("{sky: rain}", '{"sky":   "rain"}'))

    found, fixed = run("check"), run("check", "--fix")

    line = next(at for at, text in enumerate(canonical.splitlines(), 1) if "sky" in text)
    assert f"a.yaml:{line}: form: not in canonical form" in found.out
    assert (found.code, fixed.code) == (1, 0)
    assert path.read_text() == canonical
    assert run("check").code == 0


def test_common_remedy_is_written_once(folder, run):
    """The remedy of consecutive findings is below the last, and similar findings are counted."""
    for number in range(30):
        path = write(folder / f"cassettes/t/{number:02}.yaml", get())
        path.write_text(path.read_text().replace("status: 200", "status:  200"))

    *lines, _, total = run("check").out.splitlines()

    assert [line.partition(":")[0][-7:-5] for line in lines[:20]] == [f"{n:02}" for n in range(20)]
    assert lines[20:] == ["… and 10 more like these", "  Rewrite it: agentcache check --fix"]
    assert total == "30 cassettes checked, 30 findings"


def test_line_of_a_secret_after_fix(folder, run):
    """After `--fix`, the line of a secret is its line in the rewritten file."""
    path = write(folder / "cassettes/t/a.yaml", chat(("user", KEY)))
    path.write_text(path.read_text().replace("interactions:", "\n\ninteractions:"))

    done = run("check", "--fix")

    line = next(
        at for at, text in enumerate(path.read_text().splitlines(), 1) if text == "- request:"
    )
    assert f"a.yaml:{line}: secret" in done.out


def test_unknown_key_is_found_and_left_alone(folder, run):
    """`--fix` does not change a file that it cannot read."""
    path = write(folder / "cassettes/t/a.yaml", get())
    path.write_text(path.read_text().replace("    status:", "    colour: blue\n    status:"))
    before = snapshot(folder)

    done = run("check", "--fix", "--json")

    assert rules(done) == ["unreadable"]
    assert "unknown key 'colour'" in done.json["findings"][0]["problem"]
    assert snapshot(folder) == before


def test_unchanged_cassettes_are_not_read_again(folder, run, monkeypatch):
    """Results are kept until the files, the settings or the secrets of the environment change."""
    path = write(folder / "cassettes/t/a.yaml", picture(b"abc"))
    write(folder / "cassettes/t/b.yaml", get(answer={"token": "hunter-2-hunter"}))
    read, load = [], check.load
    monkeypatch.setattr(check, "load", lambda file, **more: read.append(file) or load(file, **more))

    def checked(*words):
        read.clear()
        done = run("check", "--json", *words)
        return [file.name for file in read], rules(done)

    assert checked() == (["a.yaml", "b.yaml"], ["secret"])
    assert checked() == ([], ["secret"])
    assert checked("cassettes/t/a.yaml", "--max-age", "1d") == ([], ["age"])

    path.write_text(path.read_text() + "\n")
    assert checked() == (["a.yaml"], ["form", "secret"])
    (sidecar,) = path.with_suffix("").iterdir()
    sidecar.write_bytes(b"abd")
    assert checked() == (["a.yaml"], ["unreadable", "secret"])
    sidecar.with_name("bin-0123456789.bin").write_bytes(b"")
    sidecar.write_bytes(sidecar.read_bytes().replace(b"d", b"c"))
    assert checked() == (["a.yaml"], ["form", "stray", "secret"])
    assert checked("--max-size", "10B")[0] == ["a.yaml", "b.yaml"]
    monkeypatch.setenv("MY_TOKEN", "weather.example")
    assert checked()[0] == ["a.yaml", "b.yaml"]
    (folder / "pytest.ini").write_text("[pytest]\nagentcache_redact = !token\n")
    assert checked()[0] == ["a.yaml", "b.yaml"]
    assert checked()[0] == []


def picture(body):
    """An interaction whose response body has a file of its own."""
    headers = Headers((("content-type", "image/png"),))
    return Interaction(Request("GET", "https://h.example/p"), Response(200, headers, body))


def test_age(folder, run):
    """`--max-age` finds older cassettes, and shows the command that records them again."""
    now = datetime.now(UTC).replace(microsecond=0)
    write(folder / "cassettes/test_t/test_old.yaml", get(), recorded=now - timedelta(days=91))
    write(folder / "cassettes/test_t/test_new.yaml", get(), recorded=now - timedelta(days=89))
    write(folder / "cassettes/test_t/test_p[$x].yaml", get(), recorded=now - timedelta(days=91))

    done = run("check", "--max-age", "90d", "--json")

    plain, quoted = sorted(done.json["findings"], key=lambda each: each["path"])
    assert (plain["path"], plain["rule"]) == ("cassettes/test_t/test_old.yaml", "age")
    assert plain["remedy"].endswith('pytest --agentcache-rerecord "test_t.py::test_old"')
    # Special characters of the shell are quoted.
    assert quoted["remedy"].endswith("pytest --agentcache-rerecord 'test_t.py::test_p[$x]'")
    assert rules(run("check", "--json")) == []


def test_size(folder, run):
    """`--max-size` includes the sidecar files of a cassette."""
    write(folder / "cassettes/t/a.yaml", get("/", {"a": "x" * 3000}))

    assert rules(run("check", "--max-size", "2kB", "--json")) == ["size"]
    assert rules(run("check", "--max-size", "10kB", "--json")) == []


def test_stray_file(folder, run):
    """A sidecar file that its cassette does not refer to is found."""
    write(folder / "cassettes/t/a.yaml", get())
    stray = folder / "cassettes/t/a/image-0123456789.png"
    stray.parent.mkdir()
    stray.write_bytes(b"x")

    assert rules(run("check", "--json")) == ["stray"]


def test_link_out_of_the_folder_is_not_read(folder, run, tmp_path_factory):
    """A link out of its folder is reported, and its target is not rewritten."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a.yaml"
    write(elsewhere, get("/now", {"sky": "rain"}))
    elsewhere.write_text(elsewhere.read_text().replace("{sky: rain}", "{sky:  rain}"))
    before = elsewhere.read_bytes()
    (folder / "cassettes/t").mkdir(parents=True)
    (folder / "cassettes/t/a.yaml").symlink_to(elsewhere)

    done = run("check", "--fix", "--json")

    assert rules(done) == ["link"]
    assert elsewhere.read_bytes() == before


def test_orphans_of_the_suite(folder, run):
    """`--suite` collects all tests, even deselected ones, and finds cassettes without a test."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -k one\n")
    (folder / "test_trip.py").write_text(
        "import pytest\n"
        "def test_one(): pass\n"
        "class TestA:\n"
        "    @pytest.mark.parametrize('n', [1, 2])\n"
        "    def test_two(self, n): pass\n"
        "@pytest.mark.agentcache(cassette='shared')\n"
        "def test_three(): pass\n"
        "def test_four():\n"
        "    from pytest_agentcache import use_cassette\n"
        "    with use_cassette('cassettes/test_trip/by_hand.yaml'): pass\n"
    )
    for name in ("test_one", "TestA.test_two[1]", "TestA.test_two[3]", "by_hand", "test_gone"):
        write(folder / f"cassettes/test_trip/{name}.yaml", get())
    write(folder / "cassettes/shared.yaml", get())
    write(folder / "cassettes/test_no_such_module/test_x.yaml", get())

    done = run("check", "--suite", "--json")

    assert [(f["rule"], f["path"]) for f in done.json["findings"]] == [
        ("orphan", "cassettes/test_no_such_module/test_x.yaml"),
        ("orphan", "cassettes/test_trip/TestA.test_two[3].yaml"),
        ("orphan", "cassettes/test_trip/test_gone.yaml"),
    ]
    assert done.code == 1


@pytest.mark.slow
def test_suite_that_cannot_be_collected(folder, run):
    """If pytest cannot collect the suite, its error is shown and the exit code is 2."""
    (folder / "test_trip.py").write_text("import no_such_module\n")
    write(folder / "cassettes/test_trip/test_a.yaml", get())

    done = run("check", "--suite")

    assert done.code == 2
    assert "pytest cannot collect the suite" in done.err
    assert "no_such_module" in done.err


def test_uncollected_module_has_no_orphans(folder, run):
    """Cassettes of a module that pytest does not collect are no orphans."""
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    (folder / "tests").mkdir()
    (folder / "tests/test_a.py").write_text("def test_a(): pass\n")
    (folder / "more").mkdir()
    (folder / "more/test_b.py").write_text("def test_b(): pass\n")
    write(folder / "more/cassettes/test_b/test_renamed.yaml", get())

    assert run("check", "--suite").code == 0


def test_line_ends_of_windows_are_named(folder, run):
    """git can make them; the error says what they are and how to keep git from it."""
    path = write(folder / "cassettes/t/a.yaml", chat(("user", "Hi")))
    right = path.read_bytes()
    path.write_bytes(right.replace(b"\n", b"\r\n"))

    out = run("check").out
    assert "form: line ends are CR LF, not LF" in out
    assert "agentcache git-setup" in out
    assert run("check", "--fix").code == 0
    assert path.read_bytes() == right


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        # Both took minutes before.
        (
            "{content-type: application/json}",
            f"{{content-type: application/json, x-a: [{', '.join(map(str, range(50_000)))}]}}",
            "",
        ),
        ("json_style: spaced", "json_style: indent=50000000", "unknown JSON style"),
    ],
    ids=["header-with-many-values", "wide-indentation"],
)
def test_hostile_cassette_takes_neither_time_nor_memory(folder, run, old, new, found):
    """Hand-written values that cost more than their size are limited."""
    path = write(folder / "cassettes/t/a.yaml", get())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    done = run("check")
    assert done.code == 1
    assert found in done.out


@pytest.mark.slow
def test_large_cassettes_are_checked_in_processes(folder, run, monkeypatch):
    """With the same findings, in the same order, as in one process."""
    for number in range(12):
        headers = Headers((*JSON, ("authorization", f"Bearer {KEY}"))) if number % 3 else JSON
        path = folder / f"cassettes/t/{number}.yaml"
        write(path, chat(("user", "weather " * 15_000), headers=headers))
    path.write_text("agentcache: 1\ninteractions: 3\n")
    monkeypatch.setattr(check, "_WORTH_PROCESSES", 10**12)
    alone = run("check")

    words = [sys.executable, "-m", "pytest_agentcache", "check"]
    together = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (together.returncode, together.stdout) == (alone.code, alone.out)
    assert alone.out.count("contains a secret") == 7
    assert "unreadable" in alone.out


def test_before_the_first_recording(folder, run):
    """A folder without cassettes does not pass: it may be the wrong one."""
    done = run("check")
    assert done.code == 2
    assert "there is no cassette in this folder" in done.err
    assert run("check", "no-such-folder").code == 2


def test_invalid_age_and_size(folder, run):
    """An invalid age or size is wrong usage."""
    assert run("check", "--max-age", "soon").code == 2
    assert run("check", "--max-size", "huge").code == 2


@pytest.mark.parametrize("width", [40, 80])
def test_findings_fit_the_terminal(folder, run, monkeypatch, width):
    """A problem that does not fit after the place is written below it."""
    monkeypatch.setenv("COLUMNS", str(width))
    headers = Headers((("authorization", f"Bearer {KEY}"), *JSON))
    write(folder / "cassettes/t/a.yaml", chat(("user", "Hi"), headers=headers))

    lines = run("check").out.splitlines()

    assert max(map(len, lines)) <= width
    assert "contains a secret" in " ".join(lines)
