"""`agentcache import` and `agentcache export`."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_agentcache import cassette

from .conftest import chat, get, snapshot, write

FOREIGN = Path(__file__).parents[2] / "fixtures" / "foreign"


@pytest.mark.parametrize(
    "name", ["vcrpy-9-httpx.yaml", "vcrpy-9-json-requests.json", "betamax.json", "mitmproxy.har"]
)
def test_import_reads_each_format(folder, run, name):
    """A cassette of each supported tool becomes a canonical cassette."""
    done = run("import", FOREIGN / name, "--out", "a.yaml")

    assert done.code == 0, done.err
    assert cassette.read(folder / "a.yaml").interactions
    assert [
        f for f in run("check", "a.yaml", "--json").json["findings"] if f["rule"] != "secret"
    ] == []


@pytest.mark.parametrize(("kind", "suffix"), [("vcr", "yaml"), ("har", "har")])
def test_export_and_import_round_trip(folder, run, kind, suffix):
    """An exported cassette is imported with the same requests and responses."""
    path = write(folder / "a.yaml", chat(("user", "Hi ☂")), get("/now?a=1&a=2", {"x": 1}))

    out = run("export", "a.yaml", "--to", kind, "--out", f"b.{suffix}")
    back = run("import", f"b.{suffix}", "--out", "c.yaml")

    assert (out.code, back.code) == (0, 0)
    was, now = cassette.read(path).interactions, cassette.read(folder / "c.yaml").interactions
    assert [(e.request.url, e.request.body, e.response.body) for e in now] == [
        (e.request.url, e.request.body, e.response.body) for e in was
    ]


def test_export_to_standard_output(folder, run):
    """Without `--out`, the result is written to standard output."""
    write(folder / "a.yaml", get())

    assert json.loads(run("export", "a.yaml", "--to", "har").out)["log"]["version"] == "1.2"


def test_import_in_place_and_whole_folders(folder, run):
    """All cassettes of VCR.py in a folder are converted; our own stay unchanged."""
    for name in ("a", "b"):
        (folder / f"cassettes/t/{name}.yaml").parent.mkdir(parents=True, exist_ok=True)
        (folder / f"cassettes/t/{name}.yaml").write_bytes(
            (FOREIGN / "vcrpy-9-requests.yaml").read_bytes()
        )
    own = write(folder / "cassettes/t/c.yaml", get()).read_bytes()

    done = run("import", "cassettes")

    assert done.code == 0
    assert run("list", "--json").json["unreadable"] == []
    assert [row["foreign"] for row in run("list", "--json").json["cassettes"]] == [False] * 3
    assert (folder / "cassettes/t/c.yaml").read_bytes() == own


def test_second_import_is_no_error(folder, run):
    """It says how many were converted before, beside them or in their place."""
    (folder / "c").mkdir()
    for name in ("vcrpy-9-requests.yaml", "vcrpy-9-json-requests.json"):
        (folder / "c" / name).write_bytes((FOREIGN / name).read_bytes())
    first, before = run("import", "c"), snapshot(folder)
    second = run("import", "c")

    assert first.code == second.code == 0
    assert "2 cassettes imported\n" in first.out
    assert "0 cassettes imported, 3 already converted" in second.out
    assert run("import", "c", "--json").json["already"] == [
        "c/vcrpy-9-json-requests.json",
        "c/vcrpy-9-json-requests.yaml",
        "c/vcrpy-9-requests.yaml",
    ]
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    "item", ["{prompt: a, tokens: 1}", "{request: {service: chat.Chat}, response: {text: a}}"]
)
def test_recordings_of_other_protocols_are_skipped(folder, run, item):
    """They are counted, and stay unchanged."""
    (folder / "c").mkdir()
    (folder / "c/grpc.yaml").write_text(f"interactions:\n- {item}\nversion: 1\n")
    (folder / "c/a.yaml").write_bytes((FOREIGN / "vcrpy-9-requests.yaml").read_bytes())
    done = run("import", "c")

    assert done.code == 0
    assert "1 cassette imported, 1 skipped: not HTTP\n" in done.out
    assert done.err == ""
    assert run("import", "c", "--json").json["skipped"] == ["c/grpc.yaml"]


def test_undated_recording_has_the_date_of_its_commit(folder, run):
    """Without a date in the file, its last commit says when it was recorded, not the checkout."""
    path = folder / "a.yaml"
    item = "{request: {method: GET, uri: 'http://h/'}, response: {status: {code: 200}, body: {}}}"
    path.write_text(f"interactions:\n- {item}\n")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    dates = {
        "GIT_AUTHOR_DATE": "2020-01-02T03:04:05Z",
        "GIT_COMMITTER_DATE": "2020-01-02T03:04:05Z",
    }
    for arguments in (["init", "-q"], ["add", "a.yaml"], ["commit", "-qm", "a"]):
        subprocess.run([*git, *arguments], cwd=folder, env={**os.environ, **dates}, check=True)

    assert run("import", "a.yaml").code == 0
    assert cassette.read(path).recorded_at == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_existing_files_are_not_replaced(folder, run):
    """An existing file is replaced only with `--force`."""
    write(folder / "a.yaml", get())
    (folder / "b.yaml").write_text("mine")
    (folder / "v.json").write_bytes((FOREIGN / "vcrpy-9-json-requests.json").read_bytes())
    before = snapshot(folder)

    assert run("export", "a.yaml", "--to", "vcr", "--out", "b.yaml").code == 2
    assert run("import", "v.json", "--out", "b.yaml").code == 2
    assert snapshot(folder) == before
    assert run("export", "a.yaml", "--to", "vcr", "--out", "b.yaml", "--force").code == 0
    assert "interactions:" in (folder / "b.yaml").read_text()


def test_file_of_unknown_format(folder, run):
    """A file of an unknown format is an error, and the other files are converted."""
    (folder / "x.json").write_text("{}")
    (folder / "v.json").write_bytes((FOREIGN / "vcrpy-9-json-requests.json").read_bytes())

    done = run("import", "x.json", "v.json")

    assert "x.json" in done.err
    assert done.code == 2
    assert not (folder / "x.yaml").exists()
    assert (folder / "v.yaml").exists()
