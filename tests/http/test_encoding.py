import gzip
import importlib.util
import itertools
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_agentcache.http.body.encoding import decoder

CUTS = st.lists(st.integers(0, 400), max_size=12)


def decoded(coding, raw, cuts):
    """`raw` handed to a decoder in pieces."""
    undo = decoder(coding)
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    pieces = [raw[a:b] for a, b in itertools.pairwise(edges)]
    return b"".join(undo.decompress(piece) for piece in pieces) + undo.flush()


def bare(content):
    """Deflate without zlib's header, as some servers send it."""
    make = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return make.compress(content) + make.flush()


@given(st.binary(max_size=300), CUTS)
@example(b"abc", [1, 2])
def test_content_comes_back_however_it_is_cut(content, cuts):
    """Pieces may end anywhere, for gzip and for both kinds of deflate."""
    assert decoded("gzip", gzip.compress(content, mtime=0), cuts) == content
    assert decoded("deflate", zlib.compress(content), cuts) == content
    assert decoded("deflate", bare(content), cuts) == content


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), CUTS)
def test_gzip_members_follow_each_other(contents, cuts):
    """Several members make one body."""
    raw = b"".join(gzip.compress(content, mtime=0) for content in contents)

    assert decoded("x-gzip", raw, cuts) == b"".join(contents)


@given(st.sampled_from([b"\0" * 8, b"trailing"]), CUTS)
def test_bytes_after_the_last_member_are_dropped(rest, cuts):
    """Padding behind a body is none of it."""
    assert decoded("gzip", gzip.compress(b"content") + rest, cuts) == b"content"


def test_first_byte_gives_what_it_can():
    """A stream is decoded as it arrives, not at its end."""
    make = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    first = make.compress(b"first") + make.flush(zlib.Z_SYNC_FLUSH)

    assert decoder("gzip").decompress(first) == b"first"


@pytest.mark.parametrize(("coding", "raw"), [("gzip", b"no gzip at all"), ("deflate", b"\xff" * 9)])
def test_body_that_is_not_so_coded_is_an_error(coding, raw):
    """A coding that cannot be undone is not reported as undone."""
    with pytest.raises(zlib.error):
        decoder(coding).decompress(raw)


@pytest.mark.parametrize("coding", ["gzip, br", "compress", "identity", "aws-chunked", ""])
def test_unknown_coding_has_no_decoder(coding):
    """A body in an unknown coding is kept as it came."""
    assert decoder(coding) is None


def test_optional_codings_need_their_module():
    """Brotli is undone where a module for it is installed."""
    installed = any(map(importlib.util.find_spec, ("brotli", "brotlicffi")))

    assert (decoder("br") is not None) == installed
