import json

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_agentcache import canonical_yaml as cassette_yaml
from pytest_agentcache.http import body
from pytest_agentcache.http.body import BodyError, from_fields, to_fields

from ..values import JSON

TYPES = st.sampled_from(
    [
        "",
        "application/json",
        "application/json; charset=utf-8",
        "application/problem+json",
        "text/plain",
        "text/plain; charset=latin-1",
        "text/plain; charset=utf-16",
        "text/html; charset=shift_jis",
        "text/plain; charset=raw_unicode_escape",
        "text/plain; charset=unicode_escape",
        "text/plain; charset=hex",
        "text/event-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        'multipart/mixed; boundary="a b"',
        "application/octet-stream",
        "image/png",
    ]
)
LINES = st.lists(
    st.sampled_from(
        [
            b"data: ",
            b"data:",
            b'{"type":"a"}',
            b"event: a",
            b":",
            b"x",
            b"--b",
            b"--b--",
            b"a=b&c",
            b"\n",
            b"\r\n",
            b"\r",
            b"\n\n",
            b"\r\n\r\n",
            b" ",
            b"{",
            b"}",
            b'"',
            b"\xe9",
            b"\x00",
            b"\\ud800",
            b"Content-Type: a/b",
            b"Content-ID: 1",
            b"%20",
            b"+",
            b"&",
            b"=",
        ]
    ),
    max_size=20,
).map(b"".join)


def round_trip(raw, content_type):
    """`raw` by way of its fields and of YAML, as any reader has it."""
    files = {}

    def store(content, media):
        files[media] = content
        return media

    fields = to_fields(raw, content_type, store)
    assert set(fields) <= {*body.KEYS, *body.STYLES}
    text = cassette_yaml.dump({"interactions": [{"request": fields}]})
    for read in (cassette_yaml.load, yaml.safe_load):
        found = read(text)["interactions"][0]["request"]
        if read is cassette_yaml.load:
            assert from_fields(found, files.__getitem__, content_type) == raw
    return fields


@given(st.binary(max_size=200) | LINES, TYPES)
@example(b"\xe9\\ud800", "text/plain; charset=raw_unicode_escape")
def test_any_bytes_of_any_type_come_back(raw, content_type):
    """Every body with every content type is restored byte for byte."""
    round_trip(raw, content_type)


@given(st.binary(max_size=100), st.text(max_size=60))
def test_any_bytes_of_any_content_type_come_back(raw, content_type):
    """The media type may be anything at all."""
    round_trip(raw, content_type)


@given(st.binary(max_size=40), st.text(st.characters(codec="ascii"), max_size=30))
def test_any_boundary_serves(content, boundary):
    """A multipart body comes back with the boundary that its type names."""
    edge = boundary.encode()
    raw = b"--%b\r\nA: b\r\n\r\n%b\r\n--%b--\r\n" % (edge, content, edge)

    round_trip(raw, f'multipart/form-data; boundary="{boundary}"')


STYLES = {
    "": {"separators": (",", ":"), "ensure_ascii": False},
    "ascii": {"separators": (",", ":")},
    "spaced": {"ensure_ascii": False},
    "spaced ascii": {},
    "indent=2": {"indent": 2, "ensure_ascii": False},
    "indent=2 ascii": {"indent": 2},
    "indent=4": {"indent": 4, "ensure_ascii": False},
    "indent=tab": {"indent": "\t", "ensure_ascii": False},
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("newline", ["", "\n"])
def test_json_in_the_usual_styles_is_structure(style, newline):
    """The output of common encoders becomes structure, with its style in a few words."""
    value = {"model": "gpt", "é": ["ü", 1, 1.5, None, True, {}, []], "n": {"a": "x/y"}}
    raw = (json.dumps(value, **STYLES[style]) + newline).encode()

    fields = round_trip(raw, "application/json")

    assert fields["json"] == value
    assert fields.get("json_style", "") == f"{style}{' newline' if newline else ''}".strip()


@given(JSON, st.sampled_from(sorted(STYLES)))
def test_json_of_any_shape_comes_back(value, style):
    """Any value in any usual style comes back, and reads as what it is."""
    raw = json.dumps(value, **STYLES[style]).encode()

    fields = round_trip(raw, "application/json")

    assert "json" in fields or "-0" in raw.decode()


@pytest.mark.parametrize(
    ("raw", "style"),
    [
        (b'{"a":"\\u003cb\\u003e \\u0026"}', "html"),
        (b'{"url":"https:\\/\\/h\\/p"}', "escaped-slash"),
        (b'{"url":"h\\/p","e":"\\u00e9"}', "ascii escaped-slash"),
        (b'{"a":"\\u003Cb\\u003E \\u2019"}', "ascii html upper-hex"),
        (b'{"a":"\\u003cb\\u003e \\u2019"}', "ascii html"),
        (b'{"a":"\\u00E9 \\\\u00e9"}', "ascii upper-hex"),
        (b'{"a":"\\u003Cb\\u003E \xc3\xa9"}', "html upper-hex"),
    ],
)
def test_json_escapes_of_other_languages_are_styles(raw, style):
    """Go escapes angle brackets, PHP slashes, and others use upper-case digits."""
    assert round_trip(raw, "application/json")["json_style"] == style


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1e5,"b":1.0,"c":1.50,"d":5e-324,"e":-0.0}',
        b'{"big":' + b"9" * 60 + b"}",
        b'{"z":1,"a":2,"m":{"y":1,"b":2}}',
        b'{"":"","a b":" ","n":"1","date":"2024-01-01","no":"no"}',
        b"null",
        b"3",
        b'"text"',
        b'"two\\nlines"',
        b"[]",
        b"{}",
        b'{"emoji":"\xf0\x9f\x98\x80"}',
        b'{"control":"\\u0000\\u001b"}',
    ],
)
def test_json_of_every_kind_is_structure(raw):
    """Numbers as written, order of keys and odd text all survive as structure."""
    assert "json" in round_trip(raw, "application/json")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"[1E400]",
        b"[-0]",
        b'{"a" : 1}',
        b'{"a":"\\ud800"}',
        b'{"\\ud800":1}',
        b'["\\u00E9\\u00e8"]',
        b"[" * 10_000 + b"]" * 10_000,
        b"[" * 95 + b"]" * 95,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"9" * 5_000,
        b'{"' + b"k" * 2_000 + b'":1}',
        b"\xef\xbb\xbf{}",
        b"{broken",
    ],
)
def test_json_that_structure_would_change_stays_text(raw):
    """Repeated keys, endless nesting, odd spacing: the text itself is kept."""
    assert round_trip(raw, "application/json")["text"].encode() == raw


def test_json_is_known_by_its_looks():
    """A body that is JSON without saying so is structure all the same."""
    assert round_trip(b'{"a":1}', "")["json"] == {"a": 1}
    assert round_trip(b'{"a":1}', "text/plain")["json"] == {"a": 1}


def test_text_reads_as_it_is():
    """Lines are lines, whichever way they end."""
    assert round_trip(b"one\ntwo\n", "text/plain") == {"text": "one\ntwo\n"}
    assert round_trip(b"one\r\ntwo\r\n", "text/plain") == {
        "text": "one\ntwo\n",
        "text_style": "crlf",
    }
    assert round_trip(b"one\r\ntwo\n", "text/plain") == {"text": "one\r\ntwo\n"}


def test_text_in_another_charset_is_legible():
    """The charset that the media type names is used and kept."""
    raw = "naïve café".encode("latin-1")

    fields = round_trip(raw, "text/plain; charset=ISO-8859-1")

    assert fields == {"text": "naïve café", "charset": "iso-8859-1"}
    assert "base64" in round_trip(raw, "text/plain")


def test_regular_stream_is_an_event_a_line():
    """A stream is shown as its data, one event per line."""
    assert round_trip(b'data: {"a":1}\n\ndata: [DONE]\n\n', "text/event-stream") == {
        "sse": '{"a":1}\n[DONE]\n'
    }


@pytest.mark.parametrize(
    ("raw", "style"),
    [
        (b'event: ping\ndata: {"type": "ping"}\n\n', "typed"),
        (b'event: a\ndata: {"type":"a"}\n\ndata: x\n\n', "typed"),
        (b"data: 1\r\n\r\ndata: 2\r\n\r\n", "crlf"),
        (b"data:1\n\ndata:2\n\n", "unspaced"),
        (b"data: 1\n\ndata: 2", "unterminated"),
        (b": comment\n\ndata: 1\n\n", ""),
        (b'event: a\r\ndata:{"type":"a"}\r\n\r\n', "typed crlf unspaced"),
    ],
)
def test_stream_has_a_style(raw, style):
    """Other details of a stream's bytes are given in a few words."""
    fields = round_trip(raw, "text/event-stream; charset=utf-8")

    assert fields.get("sse_style", "") == style
    assert "sse" in fields


@pytest.mark.parametrize(
    "raw",
    [
        b"id: 1\ndata: a\n\n",
        b"event: other\ndata: a\n\n",
        b"data: a\ndata: b\n\n",
        b"data: a\r\rdata: b\r\r",
        b"data: a\n\n\ndata: b\n\n",
        b"retry: 10\n\n",
    ],
)
def test_irregular_stream_is_a_block(raw):
    """A stream with more than data in it is kept as it came."""
    assert round_trip(raw, "text/event-stream")["text"].encode() == raw


def test_form_is_fields():
    """A form shows names and values; repeats make it a list of pairs."""
    form = "application/x-www-form-urlencoded"

    assert round_trip(b"a=1&b=x+y&c=", form) == {"form": {"a": "1", "b": "x y", "c": ""}}
    assert round_trip(b"a=1&a=2", form) == {"form": [["a", "1"], ["a", "2"]]}
    assert round_trip(b"a=x%20y", form) == {"form": {"a": "x y"}, "form_style": "percent"}


@pytest.mark.parametrize("raw", [b"a=%2f", b"a", b"a=b;c", b"&a=b", b"a=%ff", b"k" * 2000 + b"=1"])
def test_irregular_form_stays_text(raw):
    """A form that re-encoding would change is kept as it came."""
    fields = round_trip(raw, "application/x-www-form-urlencoded")

    assert "form" not in fields


def multipart(*parts, boundary=b"b"):
    """A multipart body."""
    lines = [b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, head, content) for head, content in parts]
    return b"".join(lines) + b"--%b--\r\n" % boundary


def test_multipart_shows_its_parts():
    """Each part has its headers and a body of its own kind, bodies inside bodies too."""
    inner = multipart((b"Content-Type: text/plain", b"deep"), boundary=b"i")
    raw = multipart(
        (b'Content-Disposition: form-data; name="a"', b"one"),
        (b"Content-Type: application/json", b'{"x":1}'),
        (b"Content-Type: application/octet-stream", b"\x00\x01"),
        (b"Content-Type: multipart/mixed; boundary=i", inner),
        (b"Content-Type: text/plain", b""),
    )

    fields = round_trip(raw, "multipart/form-data; boundary=b")

    parts = fields["multipart"]
    assert parts[0] == {
        "headers": {"content-disposition": 'form-data; name="a"'},
        "text": "one",
    }
    assert parts[1]["json"] == {"x": 1}
    assert parts[2]["base64"] == "AAE="
    assert parts[3]["multipart"][0]["text"] == "deep"
    assert list(parts[4]) == ["headers"]


def test_multipart_keeps_headers_in_an_unusual_case():
    """Names that are not in their usual case are kept as written."""
    raw = multipart((b"Content-ID: 1", b"a"), (b"content-type: text/plain", b"b"))

    fields = round_trip(raw, "multipart/related; boundary=b")

    assert fields["multipart_style"] == "verbatim"
    assert fields["multipart"][0]["headers"] == {"Content-ID": "1"}


@pytest.mark.parametrize(
    "raw",
    [
        b"preamble\r\n" + multipart((b"A: b", b"c")),
        multipart((b"A: b", b"c")) + b"epilogue",
        multipart((b"A: b\r\nA: c", b"d")),
        multipart((b"A:b", b"c")),
        multipart((b"A: b", b"c")).replace(b"\r\n", b"\n"),
        b"--b--\r\n",
        b"",
    ],
)
def test_irregular_multipart_keeps_every_byte(raw):
    """Not a part is lost where the body cannot be taken apart and put together again."""
    assert "multipart" not in round_trip(raw, "multipart/mixed; boundary=b")


def test_deep_multipart_can_be_written():
    """Bodies inside bodies stop being structure before YAML would end."""
    raw, kind = b'{"a":' * 80 + b"1" + b"}" * 80, "application/json"
    for level in range(40):
        edge = b"b%d" % level
        raw = multipart((b"Content-Type: " + kind.encode(), raw), boundary=edge)
        kind = f"multipart/mixed; boundary=b{level}"

    round_trip(raw, kind)


def test_binary_stands_in_place_or_beside():
    """Small binary is base64, large binary and media are files."""
    assert round_trip(b"\x00\x01", "application/octet-stream") == {"base64": "AAE="}
    assert "file" in round_trip(b"\x00" * 2000, "application/octet-stream")
    assert "file" in round_trip(b"\x89PNG", "image/png")
    assert "file" in round_trip(b"x" * 600_000, "text/plain")
    assert to_fields(b"\x89PNG", "image/png")["base64"]
    long = to_fields(b"\x00" * 200, "")["base64"]
    assert max(map(len, long.splitlines())) == 76


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"text": "a", "json": 1}, "text"),
        ({"text": 1}, "text"),
        ({"sse": ["a"]}, "sse"),
        ({"base64": "!"}, "base64"),
        ({"base64": "AAA"}, "base64"),
        ({"file": "x"}, "file"),
        ({"form": 3}, "form"),
        ({"form": [["a"]]}, "form"),
        ({"form": {}, "form_style": "x"}, "form"),
        ({"json": 1, "json_style": "curly"}, "json"),
        ({"json": 1, "json_style": "indent=x"}, "json"),
        ({"json": float("nan")}, "json"),
        ({"sse": "a", "sse_style": "x"}, "sse"),
        ({"text": "a", "text_style": "x"}, "text_style"),
        ({"text": "a", "charset": "none"}, "text"),
        ({"text": "é", "charset": "ascii"}, "text"),
        ({"multipart": 1}, "multipart"),
        ({"multipart": ["a"]}, "multipart"),
        ({"multipart": [], "multipart_style": "x"}, "multipart_style"),
        ({"multipart": [{"json": 1, "json_style": "x"}]}, "json"),
    ],
)
def test_fields_that_make_no_body_are_refused(fields, key):
    """Each mistake of a hand edit is an error that names the key at fault."""
    with pytest.raises(BodyError) as caught:
        from_fields(fields)

    assert caught.value.key == key


@pytest.mark.parametrize(
    "raw", [b'{"a": [1, 2.50]}', b'{\n\t"a":[1,2.50]}', b' {"\\u0061" : [ 1 ,2.50 ] }\r\n']
)
def test_json_that_is_only_compared_has_no_style(raw):
    """Blanks and escapes are nothing to a comparison; numbers keep the way they are written."""
    fields = to_fields(raw, "application/json", exact=False)

    assert fields == {"json": {"a": [1, 2.5]}}
    assert from_fields(fields) == b'{"a":[1,2.50]}'
    form = b"--b\r\nContent-Type: application/json\r\n\r\n" + raw + b"\r\n--b--\r\n"
    parts = to_fields(form, "multipart/form-data; boundary=b", exact=False)["multipart"]
    assert parts == [{"headers": {"content-type": "application/json"}, "json": {"a": [1, 2.5]}}]


@pytest.mark.parametrize("raw", [b'{"a":1,"a":2}', b"[1e999]", b"{a", b'["\\ud800"]'])
def test_what_no_comparison_takes_for_json_stays_text(raw):
    """The same JSON is structure here, and JSON in a comparison."""
    assert to_fields(raw, "application/json", exact=False) == {"text": raw.decode()}
