"""A file beside a cassette is replayed only as it was recorded."""

import os

import pytest

from pytest_agentcache import cassette
from pytest_agentcache.cassette.sidecars import digest
from pytest_agentcache.errors import CassetteError

CONTENT = b"first\nsecond\n" * 10


def written(folder, content, recorded=CONTENT):
    """Write a cassette whose one response has its body in a file; return the cassette's path."""
    name = f"plain-{digest(recorded)}.txt"
    path = folder / "it.yaml"
    path.write_text(
        "agentcache: 1\nrecorded_at: '2026-11-21T18:29:15Z'\ninteractions:\n- request:\n"
        "    method: GET\n    url: https://a.example/\n  response:\n    status: 200\n"
        f"    headers: {{content-type: text/plain}}\n    file: {name}\n"
    )
    (folder / "it").mkdir()
    if content is None:
        os.mkfifo(folder / "it" / name)
    else:
        (folder / "it" / name).write_bytes(content)
    return path


def test_file_as_recorded_is_read(tmp_path):
    """Byte for byte."""
    [interaction] = cassette.read(written(tmp_path, CONTENT)).interactions

    assert interaction.response.body == CONTENT


@pytest.mark.parametrize("was", [b"\n", b"\r\n"])
def test_error_names_line_ends(tmp_path, was):
    """In either direction, with the line of .gitattributes that prevents it."""
    now = b"\r\n" if was == b"\n" else b"\n"
    path = written(tmp_path, CONTENT.replace(b"\n", now), CONTENT.replace(b"\n", was))

    with pytest.raises(CassetteError, match="has other line ends than were recorded") as caught:
        cassette.read(path)
    assert "-text" in caught.value.remedy


def test_other_changes_are_an_error(tmp_path):
    """The digest in the name is that of the recorded body."""
    with pytest.raises(CassetteError, match="its digest differs from its name"):
        cassette.read(written(tmp_path, CONTENT + b"x"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_is_not_waited_for(tmp_path):
    """Opening one without a writer would hang."""
    with pytest.raises(CassetteError, match="is not a regular file"):
        cassette.read(written(tmp_path, None))
