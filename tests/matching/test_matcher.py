import json

import pytest
from hypothesis import given

from pytest_agentcache.http.messages import Headers, Request
from pytest_agentcache.matching.differences import differences
from pytest_agentcache.matching.matcher import Matcher
from pytest_agentcache.settings.json_path import PathError, json_path
from pytest_agentcache.settings.settings import Settings

from ..values import COLLECTIONS

FORM = "application/x-www-form-urlencoded"


def request(url="https://h/p", body=b"", content_type="", method="POST", **headers):
    """A request."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    if content_type:
        pairs = (*pairs, ("content-type", content_type))
    return Request(method, url, Headers(pairs), body)


def matches(left, right, **settings):
    """Return true if two requests have the same key; check that they differ exactly if not."""
    matcher = Matcher(Settings(**settings))
    equal = matcher.key(left) == matcher.key(right)
    assert (differences(matcher, left, right) == []) == equal
    return equal


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("https://h/p?a=1&b=2", "https://h/p?b=2&a=1", True),
        ("https://h/p?a=2&a=1", "https://h/p?a=1&a=2", False),
        ("https://h/p?a=1&b=0&a=2", "https://h/p?b=0&a=1&a=2", True),
        ("https://h/p?a=1", "https://h/p?a=1&a=1", False),
        ("https://h/p?a=", "https://h/p", False),
        ("https://h/p?a=1&b=", "https://h/p?a=1", False),
        ("https://h:443/p", "https://h/p", True),
        ("http://h:80/p", "http://h/p", True),
        ("http://h:443/p", "https://h/p", False),
        ("https://h:8443/p", "https://h/p", False),
        ("https://H/p", "https://h/p", True),
        ("HTTPS://h/p", "https://h/p", True),
        ("https://h", "https://h/", True),
        ("https://h/p", "https://h/p/", False),
        ("https://h/P", "https://h/p", False),
        ("https://h/%7Ea", "https://h/~a", True),
        ("https://h/a%2fb", "https://h/a%2Fb", True),
        ("https://h/a%2Fb", "https://h/a/b", False),
        ("https://h/?q=a%20b", "https://h/?q=a+b", True),
        ("https://h/?q=%C3%A9", "https://h/?q=é", True),
        ("https://h/?q=%ff", "https://h/?q=%fe", False),
        ("https://h/%ff", "https://h/%fe", False),
        ("https://h/?a%26b=1", "https://h/?a&b=1", False),
        ("https://h/p#x", "https://h/p", True),
    ],
)
def test_addresses(left, right, equal):
    """Order of names and ways of writing do not matter; values, repeats and their order do."""
    assert matches(request(left), request(right)) is equal


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ('{"a":1,"b":2}', '{ "b": 2,\n "a": 1 }', True),
        ("[11,22]", "[22,11]", False),
        ("[true]", "[1]", False),
        ("[false]", "[0]", False),
        ("[1]", "[1.0]", False),
        ("[1.0]", "[1.00]", True),
        ("[100.0]", "[1e2]", True),
        ('["1"]', "[1]", False),
        ("[null]", "[]", False),
        ('{"a":null}', "{}", False),
        ('{"a":"é"}', '{"a":"\\u00e9"}', True),
        ('{"a":{"b":[{"c":1}]}}', '{"a":{"b":[{"c":2}]}}', False),
        ("[123456789012345678901]", "[123456789012345678902]", False),
        ('{"a":1,"a":2}', '{"a":2}', False),
    ],
)
def test_json_is_compared_as_json(left, right, equal):
    """Order of keys and white space do not matter; types and the order of lists do."""
    for content_type in ("application/json", "text/plain"):
        pair = [request(body=text.encode(), content_type=content_type) for text in (left, right)]
        assert matches(*pair) is equal


@given(COLLECTIONS)
def test_style_of_json_does_not_matter(value):
    """Any value matches itself in any style."""
    styles = [{}, {"indent": 2}, {"separators": (",", ":"), "sort_keys": True}]
    bodies = [json.dumps(value, **style).encode() for style in styles]

    assert "-0" in bodies[0].decode() or all(
        matches(request(body=bodies[0]), request(body=other)) for other in bodies
    )


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (b"a=1&b=2", b"b=2&a=1", True),
        (b"a=1&a=2", b"a=2&a=1", False),
        (b"a=x+y", b"a=x%20y", True),
        (b"a=%2f&b=1", b"b=1&a=%2F", True),
        (b"a=1", b"a=1&b=", False),
        (b"a=%ff", b"a=%fe", False),
        (b"", b"a=", False),
    ],
)
def test_forms_are_compared_as_forms(left, right, equal):
    """Fields may come in any order, those of one name in theirs."""
    assert (
        matches(request(body=left, content_type=FORM), request(body=right, content_type=FORM))
        is equal
    )


def multipart(boundary, *parts):
    """A multipart request."""
    body = "".join(f"--{boundary}\r\n{head}\r\n\r\n{content}\r\n" for head, content in parts)
    kind = f"multipart/form-data; boundary={boundary}"
    return request(body=f"{body}--{boundary}--\r\n".encode(), content_type=kind)


A = 'Content-Disposition: form-data; name="a"'
B = 'Content-Disposition: form-data; name="b"\r\nContent-Type: application/json'


def test_multipart_is_compared_without_its_boundary():
    """The boundary means nothing, the parts and their headers do; JSON in a part is JSON."""
    one = multipart("x", (A, "1"), (B, '{"p": 1, "q": 2}'))

    assert matches(
        one, multipart("y", (A.lower().replace("name", "name"), "1"), (B, '{"q":2,"p":1}'))
    )
    assert not matches(one, multipart("y", (A, "2"), (B, '{"p": 1, "q": 2}')))
    assert not matches(one, multipart("x", (B, '{"p": 1, "q": 2}'), (A, "1")))
    assert not matches(one, multipart("x", (A, "1")))


def test_multipart_inside_multipart_is_compared_alike():
    """Nested boundaries are new each time as well."""

    def nested(inner):
        content = f"--{inner}\r\nA: b\r\n\r\nx\r\n--{inner}--\r\n"
        return multipart("o", (f"Content-Type: multipart/mixed; boundary={inner}", content))

    assert matches(nested("i"), nested("j"))


def test_irregular_multipart_is_compared_by_its_bytes():
    """A body that cannot be taken apart has its boundary taken out all the same."""
    kind = "multipart/mixed; boundary="
    left, right = (
        request(body=f"preamble\r\n--{edge}\r\nx".encode(), content_type=kind + edge)
        for edge in ("one", "two")
    )

    assert matches(left, right)


def test_line_ends_of_a_stream_do_not_matter():
    """An event stream ends its lines one way or the other."""
    kind = "text/event-stream"

    assert matches(
        request(body=b"data: a\r\n\r\n", content_type=kind),
        request(body=b"data: a\n\n", content_type=kind),
    )


@pytest.mark.parametrize("depth", [50, 300, 900, 980, 2_000, 10_000, 100_000])
def test_deep_json_can_be_matched(depth):
    """However deep it is nested, a body has a key, and differs from another."""
    left, right = (b"[" * depth + inner + b"]" * depth for inner in (b"1", b"2"))

    assert matches(request(body=left), request(body=left))
    matcher = Matcher(Settings())
    assert matcher.key(request(body=left)) != matcher.key(request(body=right))
    assert differences(matcher, request(body=left), request(body=right))


def test_methods_and_empty_bodies():
    """The method counts in any case; no body is not an empty document."""
    assert matches(request(method="get"), request(method="GET"))
    assert not matches(request(method="GET"), request(method="POST"))
    assert not matches(request(body=b""), request(body=b"{}"))
    assert not matches(request(body=b"null", content_type="application/json"), request())


def test_match_can_be_widened():
    """A part that `match` does not include is not compared, and not reported as a difference."""
    left, right = request("https://h/a", b"1", method="PUT"), request("https://h/b", b"2")

    assert matches(left, right, match=("header:x-id",))
    assert not matches(left, right, match=("url",))
    assert not matches(left, right, match=("method",))
    assert not matches(left, right, match=("body",))


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("scheme", "https://h:1/p?a=1"),
        ("host", "http://g:1/p?a=1"),
        ("port", "http://h:2/p?a=1"),
        ("path", "http://h:1/q?a=1"),
        ("query", "http://h:1/p?a=2"),
    ],
)
def test_parts_of_a_url_are_compared_on_demand(part, other):
    """Each part counts only if it is named."""
    left, right = request("http://h:1/p?a=1"), request(other)
    others = tuple({"scheme", "host", "port", "path", "query"} - {part})

    assert not matches(left, right, match=("method", part))
    assert matches(left, right, match=("method", *others))


def test_requests_can_be_compared_by_a_function():
    """The function decides in addition to the settings, and groups requests."""
    matcher = Matcher(
        Settings(match=("method",)), alike=lambda left, right: left.body[:1] == right.body[:1]
    )
    first, second, third = (matcher.key(request(body=body)) for body in (b"ab", b"ba", b"ac"))

    assert first == third
    assert first != second
    assert first != matcher.key(request(body=b"ab", method="PUT"))


def test_null_is_absent_on_demand():
    """Only members of objects are left out: an item of a list that is null counts."""
    left, right = request(body=b'{"a": 1, "b": {"c": null}}'), request(body=b'{"a": 1, "b": {}}')
    longer = request(body=b'{"a": 1, "b": {}, "d": [null]}')

    assert not matches(left, right)
    assert matches(left, right, ignore_null=True)
    assert not matches(right, longer, ignore_null=True)


def test_headers_are_compared_on_demand():
    """All that the cassette keeps, or one by name."""
    left, right = request(x_a="1", x_b="1"), request(x_a="1", x_b="2")

    assert matches(left, right)
    assert matches(left, right, match=("header:X-A",))
    assert not matches(left, right, match=("headers",))
    assert not matches(left, right, match=("header:x-b",))
    assert matches(left, right, match=("headers",), drop_headers=("x-b",))


@pytest.mark.parametrize(
    ("path", "left", "right", "equal"),
    [
        ("id", {"id": 1, "a": 1}, {"id": 2, "a": 1}, True),
        ("id", {"id": 1}, {}, True),
        ("id", {"b": {"id": 1}}, {"b": {"id": 2}}, False),
        ("$.b.id", {"b": {"id": 1}}, {"b": {"id": 2}}, True),
        ("json.b.id", {"b": {"id": 1}}, {"b": {"id": 2}}, True),
        ("m[0].id", {"m": [{"id": 1}]}, {"m": [{"id": 2}]}, True),
        ("m[1].id", {"m": [{"id": 1}]}, {"m": [{"id": 2}]}, False),
        ("m[*].id", {"m": [{"id": 1}, {"id": 2}]}, {"m": [{"id": 3}, {}]}, True),
        ("m.*.id", {"m": {"x": {"id": 1}}}, {"m": {"x": {"id": 2}}}, True),
        ("m[*].id", {"m": [{"id": 1, "a": 1}]}, {"m": [{"id": 1, "a": 2}]}, False),
        ("**.id", {"id": 1, "m": [{"x": {"id": 1}}]}, {"id": 2, "m": [{"x": {"id": 3}}]}, True),
        ("m.**.id", {"id": 1, "m": [{"id": 1}]}, {"id": 1, "m": [{"id": 2}]}, True),
        ("m.**.id", {"id": 1, "m": []}, {"id": 2, "m": []}, False),
        ("m[*]", {"m": [1, 2]}, {"m": [3]}, True),
        ("m.*", {"m": {"a": 1}}, {"m": {"b": 2}}, True),
        ("m.**", {"m": {"a": [1]}}, {"m": {"b": 2}}, True),
        ("m[0]", {"m": [1, 2]}, {"m": [3, 2]}, True),
        ("m[0]", {"m": [1, 2]}, {"m": [1, 3]}, False),
        ("[0].id", [{"id": 1}], [{"id": 2}], True),
        ("m[9].id", {"m": []}, {"m": []}, True),
        ("m.id.x", {"m": 3}, {"m": 3}, True),
        ("$..id", {"id": 1, "m": [{"id": 1}]}, {"id": 2, "m": [{"id": 3}]}, True),
        ("m[-1].c", {"m": [1, {"c": 1}]}, {"m": [1, {"c": 2}]}, True),
        ("m[-1]", {"m": [1, 2]}, {"m": [3, 2]}, False),
        ("['a.b'].c", {"a.b": {"c": 1}}, {"a.b": {"c": 2}}, True),
        ('m["a]"]', {"m": {"a]": 1}}, {"m": {"a]": 2}}, True),
    ],
)
def test_json_paths_are_ignored(path, left, right, equal):
    """Names, indices, `*` for one level and `**` for any; JSONPath where it means the same."""
    pair = [request(body=json.dumps(value).encode()) for value in (left, right)]

    assert matches(*pair, ignore_json=(path,)) is equal


def test_ignored_places_of_a_list_do_not_shift():
    """Several indices are counted in the list as it is."""
    pair = [request(body=body) for body in (b"[1,2,3]", b"[4,5,3]")]

    assert matches(*pair, ignore_json=("[0]", "[1]"))
    assert not matches(*pair, ignore_json=("[0]", "[2]"))


@pytest.mark.parametrize("path", ["", "$", "a.", "a[", "a['b]", "a[x]", "/a/0", "[]", "a]"])
def test_what_is_no_path_is_refused(path):
    """A path that would never match anything is an error."""
    with pytest.raises(PathError):
        json_path(path)


def test_query_and_form_names_are_ignored():
    """By name or glob, in query, form and multipart alike."""
    left, right = request("https://h/?a=1&ts=1&ids[0]=1"), request("https://h/?a=1&ts=2&ids[0]=2")
    assert matches(left, right, ignore_query=("t*", "ids[0]"))
    assert not matches(left, right, ignore_query=("ts",))

    forms = [request(body=body, content_type=FORM) for body in (b"a=1&ts=1", b"a=1&ts=2")]
    assert matches(*forms, ignore_form=("ts",))
    assert not matches(*forms)

    parts = [multipart("x", (A, value), (B, "1")) for value in ("1", "2")]
    assert matches(*parts, ignore_form=("a",))
    assert not matches(*parts, ignore_form=("b",))


def reported(left, right, **settings):
    """Places and values of all differences."""
    found = differences(Matcher(Settings(**settings)), left, right)
    return [(each.place, each.recorded, each.asked) for each in found]


def test_differences_name_their_place():
    """In the order method, URL, headers, body, down to the path in JSON."""
    was = request("https://h/a?x=1&y=1", b'{"m":[{"c":"Paris","n":1}],"t":true}', x_a="1")
    now = request(
        "http://i/b?x=2&z=1", b'{"m":[{"c":"London","n":1},5],"t":1}', x_a="2", method="PUT"
    )

    assert reported(was, now, match=("method", "url", "headers", "body")) == [
        ("method", "POST", "PUT"),
        ("host", "https://h:443", "http://i:80"),
        ("path", "/a", "/b"),
        ("query.x", "'1'", "'2'"),
        ("query.y", "'1'", "(absent)"),
        ("query.z", "(absent)", "'1'"),
        ("headers.x-a", "'1'", "'2'"),
        ("json.m[0].c", "'Paris'", "'London'"),
        ("json.m[1]", "(absent)", "5"),
        ("json.t", "true", "1"),
    ]


def test_differences_of_long_text_begin_where_it_differs():
    """For two long texts, the part that differs is shown."""
    was, now = ("x" * 500 + tail + "y" * 500 for tail in ("old", "new"))
    [(place, left, right)] = reported(request(body=was.encode()), request(body=now.encode()))

    assert place == "body"
    assert "old" in left
    assert "new" in right
    assert len(left) < 70


def test_differences_of_forms_and_parts():
    """Fields by name, parts by number."""
    forms = [request(body=body, content_type=FORM) for body in (b"a=1&b=1", b"a=2&b=1&b=2")]
    assert reported(*forms) == [("form.a", "'1'", "'2'"), ("form.b", "'1'", '["1", "2"]')]

    parts = [multipart("x", (B, '{"p":1}')), multipart("x", (B + "; v=1", '{"p":2}'), (A, "1"))]
    assert reported(*parts) == [
        ("multipart[0].headers.content-type", "'application/json'", "'application/json; v=1'"),
        ("multipart[0].json.p", "1", "2"),
        ("multipart[1]", "(absent)", "(a part)"),
    ]


def test_differences_of_kind():
    """A document against none, or against text, is one difference."""
    assert reported(request(body=b'{"a":1}'), request()) == [("body", '[{"a": 1}]', "null")]
    assert [each[0] for each in reported(request(body=b'{"a":1}'), request(body=b"x"))] == ["body"]
