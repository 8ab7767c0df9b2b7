"""Cassettes of every released format, read for ever."""

import shutil
from pathlib import Path

import pytest
import yaml

from pytest_agentcache.cassette import read, write
from pytest_agentcache.http import body
from pytest_agentcache.redaction import Redaction

FORMATS = Path(__file__).parents[2] / "fixtures" / "formats"
SAMPLES = sorted(FORMATS.glob("*/*.yaml"))


def copied(sample, folder):
    """A sample and its files, to be written over."""
    shutil.copytree(sample.parent, folder, dirs_exist_ok=True)
    return folder / sample.name


def contents(folder):
    """All files below a folder, by name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_streams_in_full_are_read():
    """The same streams, each event in full, are the same recordings."""
    full = read(FORMATS.parent / "streams_in_full.yaml").interactions
    short = read(FORMATS / "1" / "every_kind.yaml").interactions

    assert len(full) == 5
    assert all(each in short for each in full)


def test_there_is_a_sample():
    """The samples are found where they are kept."""
    assert [sample.relative_to(FORMATS).as_posix() for sample in SAMPLES] == ["1/every_kind.yaml"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_sample_is_rewritten_byte_for_byte(sample, tmp_path):
    """A cassette of an older version is read, and written the same again, with its files."""
    path = copied(sample, tmp_path)
    before = contents(tmp_path)
    found = read(path)

    assert write(found) is False
    for name in before:
        (tmp_path / name).unlink()
    assert write(found) is True
    assert contents(tmp_path) == before


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_sample_holds_every_kind_of_body(sample):
    """No kind and no style of body is left out of the promise."""
    document = yaml.safe_load(sample.read_bytes())
    parts = [item[side] for item in document["interactions"] for side in ("request", "response")]
    parts += [part for each in parts for part in each.get("multipart", ())]

    assert {key for part in parts for key in part} >= {
        *body.KEYS,
        *body.STYLES,
        "chunks",
        "reason",
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_sample_needs_no_redaction(sample):
    """Placeholders of an older version are still redacted values, so requests match."""
    for interaction in read(sample).interactions:
        assert Redaction().interaction(interaction) == interaction


def test_bodies_of_format_1():
    """The bytes behind some of the sample's bodies."""
    found = [each.response.body for each in read(FORMATS / "1" / "every_kind.yaml").interactions]

    assert found[1] == b'{"temperature": 1.50, "wind": 1e1, "id": 123456789012345678901234567890}'
    assert found[5] == b"data:1\r\n\r\ndata:2\r\n\r\n"
    assert found[6] == b"id: 7\ndata: a\ndata: b\n\n: comment\n\n"
    assert found[8] == b'{"a":"\\u003cb\\u003e"}'
    assert found[9] == b'{"a":1,"a":2}'
    assert found[11] == b"one\r\ntwo\r\n"
    assert found[12] == "naïve café\n".encode("latin-1")
    assert found[15].startswith(b"--mine\r\nContent-ID: 1\r\n")
    assert found[16] == bytes(range(100))
    assert found[17].startswith(b"\x89PNG\r\n\x1a\n")
    assert found[18] == bytes(range(256)) * 6
