"""Damaged and hostile files: each is read, or refused with an error that names it.

`AGENTCACHE_FUZZ=20000` tries more of them than the fixed ones of a normal run.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_agentcache import cassette
from pytest_agentcache.cassette import foreign
from pytest_agentcache.errors import CassetteError

ROOT = Path(__file__).parents[2]
CASES = int(os.environ.get("AGENTCACHE_FUZZ", "150"))
OURS = sorted(ROOT.glob("fixtures/formats/**/*.yaml")) + sorted(ROOT.glob("examples/**/*.yaml"))
FOREIGN = sorted(each for each in ROOT.glob("fixtures/foreign/*") if each.suffix != ".md")
PIECES = (
    *(
        b"",
        b"\0",
        b"\xff",
        b"\r\n",
        b"\t",
        b"  ",
        b"- ",
        b": ",
        b"? ",
        b"'",
        b'"',
        b"|",
        b">-",
        b"#",
    ),
    *(b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!python/object:os.system ", b"!!binary ", b"<<: "),
    *(
        b"null",
        b"true",
        b"-1",
        b"1e999",
        b".nan",
        b"0x",
        b"99999999999999999999",
        b"\\ud800",
        b"...",
    ),
    *(
        b"---\n",
        b"file: ../../etc/passwd",
        b"file: .",
        b"base64: !",
        b"json:",
        b"events:",
        b"json_style: ",
    ),
    *(
        b"\xe2\x80\xa8",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"interactions:",
        b"status: 99999",
        b"%YAML 9\n",
    ),
)
CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 12),
        st.sampled_from(PIECES) | st.binary(max_size=6),
    ),
    min_size=1,
    max_size=6,
)
many = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def damaged(raw, changes):
    """Return the bytes of a file in which some pieces are replaced by others."""
    for place, removed, piece in changes:
        at = int(place * (len(raw) + 1))
        raw = raw[:at] + piece + raw[at + removed :]
    return raw


def read_damaged(read, path, original, changes):
    """Return the cassette in a damaged copy; None if it was refused, with its name and a remedy."""
    path.write_bytes(damaged(original.read_bytes(), changes))
    refused = None
    try:
        return read(path)
    except foreign.NotHttpError:
        return None
    except CassetteError as error:
        refused = error
    assert path.name in str(refused)
    assert refused.remedy
    return None


@many
@given(st.sampled_from(OURS), CHANGES)
def test_damaged_cassette_is_read_or_refused(tmp_path, original, changes):
    """A cassette that is read can be written, and reads as the same again."""
    path = tmp_path / original.name
    found = read_damaged(cassette.read, path, original, changes)
    if found:
        text = cassette.render(found, {})
        assert cassette.parse(text, path).interactions == found.interactions


@many
@given(st.sampled_from(FOREIGN), CHANGES)
def test_damaged_foreign_cassette_is_read_or_refused(tmp_path, original, changes):
    """The same for cassettes of VCR.py and betamax, and for HAR."""
    found = read_damaged(foreign.read_foreign, tmp_path / original.name, original, changes)
    if found:
        assert all(each.request.method for each in found.interactions)


@pytest.mark.parametrize("word", ["&a [*a]", "[" * 5000, "{a: " * 5000, "- " * 5000])
def test_endless_nesting_is_refused(tmp_path, word):
    """Anchors that contain themselves, and nesting as deep as a stack."""
    path = tmp_path / "a.yaml"
    path.write_text(f"agentcache: 1\ninteractions: {word}\n")

    with pytest.raises(CassetteError):
        cassette.read(path)
