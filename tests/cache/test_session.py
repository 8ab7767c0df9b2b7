import base64
import json
import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests_cache
import yaml
from requests_cache import CachedSession

from pytest_agentcache.cache.files import YamlCache
from pytest_agentcache.cache.serializer import from_yaml, to_yaml

from .conftest import files


def twice(harness, url, **options):
    """The live answer and the one from the cache."""
    first = harness.session.get(url, **options)
    second = harness.session.get(url, **options)
    assert not first.from_cache
    assert second.from_cache
    return first, second


JSON = {"Content-Type": "application/json"}
ANSWERS = {
    "odd spacing": (JSON, b'{ "b":1,\n  "a" : [1.50, 1e5, 10000000000000000000001] }\n'),
    "order of keys": (JSON, b'{"z":1,"a":2,"m":{"y":1,"b":2}}'),
    "repeated keys": (JSON, b'{"a":1,"a":2}'),
    "half a pair": (JSON, b'{"a":"\\ud800"}'),
    "stream": (
        {"Content-Type": "text/event-stream"},
        'data: {"t":"é😀"}\n\ndata: [DONE]\n\n'.encode(),
    ),
    "odd stream": ({"Content-Type": "text/event-stream"}, "id: 1\r\ndata: é\r\n\r\n".encode()),
    "binary": ({"Content-Type": "application/octet-stream"}, bytes(range(256)) * 20),
    "image": ({"Content-Type": "image/png"}, b"\x89PNG\r\n\x1a\n" + b"\x00" * 3000),
    "empty": ({"Content-Type": "text/plain"}, b""),
    "latin-1": ({"Content-Type": "text/plain; charset=latin-1"}, "café".encode("latin-1")),
    "mislabelled": ({"Content-Type": "text/plain; charset=utf-8"}, b"caf\xe9"),
    "no type": ({}, b"\xff\xfe"),
    "line ends": ({"Content-Type": "text/plain"}, b"a\r\nb\rc\n\n"),
    "multipart": (
        {"Content-Type": "multipart/mixed; boundary=mine"},
        b"--mine\r\nA: b\r\n\r\nc\r\n--mine--\r\n",
    ),
    "big text": ({"Content-Type": "text/plain"}, b"word " * 200_000),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_hit_gives_the_exact_bytes(upstream, opened, name):
    """A response from the cache equals the one from upstream in every respect."""
    headers, body = ANSWERS[name]
    upstream.answers["/x"] = (200, headers, body)
    harness = opened()

    first, second = twice(harness, f"{upstream.url}/x")

    assert first.content == second.content == body
    assert second.encoding == first.encoding
    assert second.headers == first.headers
    assert (second.status_code, second.reason, second.url) == (200, "OK", first.url)
    assert b"".join(harness.session.get(f"{upstream.url}/x", stream=True).iter_content(7)) == body
    assert len(upstream.hits) == 1


def test_files_are_yaml_in_the_folder_of_the_test(upstream, opened):
    """A file a response, readable by any YAML reader, and nothing else."""
    upstream.answers["/x"] = (200, JSON, b'{"city":"Paris"}')
    harness = opened()
    twice(harness, f"{upstream.url}/x")

    [path] = files(harness)
    found = yaml.safe_load(path.read_bytes())

    assert path.suffix == ".yaml"
    assert found["status_code"] == 200
    assert found["json"] == {"city": "Paris"}
    assert found["request"]["url"] == f"{upstream.url}/x"
    assert isinstance(harness.session.cache, requests_cache.FileCache)


def test_stream_is_legible_in_its_file(upstream, opened):
    """Events stand one a line, letters as letters, though no charset was named."""
    upstream.answers["/x"] = (200, *ANSWERS["stream"])
    harness = opened()
    twice(harness, f"{upstream.url}/x")

    text = files(harness)[0].read_text("utf-8")

    assert 'sse: |\n  {"t":"é😀"}\n  [DONE]\n' in text


def test_request_bodies_are_legible(upstream, opened):
    """The request is not base64."""
    upstream.answers["/x"] = (200, {}, b"ok")
    harness = opened(session={"allowable_methods": ["POST"]})

    for _ in range(2):
        harness.session.post(f"{upstream.url}/x", json={"model": "m", "messages": []})

    assert yaml.safe_load(files(harness)[0].read_bytes())["request"]["json"] == {
        "model": "m",
        "messages": [],
    }
    assert len(upstream.hits) == 1


def test_redirects_and_history(upstream, opened):
    """A hit has the history of the live answer, and each step of it is a hit too."""
    upstream.answers["/a"] = (302, {"Location": "/b"}, b"")
    upstream.answers["/b"] = (301, {"Location": "/c"}, b"moved")
    upstream.answers["/c"] = (200, {}, b"there")
    harness = opened()

    first, second = twice(harness, f"{upstream.url}/a")

    assert [each.status_code for each in second.history] == [302, 301]
    assert [each.url for each in second.history] == [each.url for each in first.history]
    assert second.url == f"{upstream.url}/c"
    assert second.content == b"there"
    assert harness.session.get(f"{upstream.url}/c").from_cache
    assert {path.suffix for path in files(harness)} == {".yaml", ".redirect"}
    assert len(upstream.hits) == 3


def test_cookies_come_back(upstream, opened):
    """Cookies of a hit are those of the live answer."""
    upstream.answers["/x"] = (200, {"Set-Cookie": ["a=1; Path=/", "b=2; Path=/"]}, b"")
    harness = opened()

    first, second = twice(harness, f"{upstream.url}/x")

    assert dict(second.cookies) == dict(first.cookies) == {"a": "1", "b": "2"}
    assert second.headers["Set-Cookie"] == first.headers["Set-Cookie"]


def test_expired_answer_is_revalidated(upstream, opened):
    """With an ETag a stale answer is asked for again, and a 304 renews it."""

    def answer(request):
        if request.headers.get("If-None-Match") == '"1"':
            return 304, {"ETag": '"1"', "Cache-Control": "max-age=100"}, b""
        return 200, {"ETag": '"1"', "Cache-Control": "max-age=0", **JSON}, b'{"v":1}'

    upstream.answers["/x"] = answer
    harness = opened(session={"cache_control": True})
    first = harness.session.get(f"{upstream.url}/x")

    second = harness.session.get(f"{upstream.url}/x")
    third = harness.session.get(f"{upstream.url}/x")

    assert second.content == third.content == first.content == b'{"v":1}'
    assert second.revalidated
    assert third.from_cache
    assert [hit[2].get("If-None-Match") for hit in upstream.hits] == [None, '"1"']


def test_expired_answer_is_asked_for_anew(upstream, opened):
    """Past its lifetime an answer is replaced, file and all."""
    bodies = iter([b"old", b"new"])
    upstream.answers["/x"] = lambda _: (200, {}, next(bodies))
    harness = opened()
    harness.session.get(f"{upstream.url}/x")
    assert harness.session.get(f"{upstream.url}/x").content == b"old"

    harness.session.cache.reset_expiration(datetime(2000, 1, 1, tzinfo=UTC))

    assert harness.session.get(f"{upstream.url}/x").content == b"new"
    assert len(files(harness)) == 1
    assert b"text: new" in files(harness)[0].read_bytes()


@pytest.mark.parametrize("backend", ["filesystem", "memory"])
@pytest.mark.parametrize("ignored", [True, False])
def test_vary_tells_answers_apart(upstream, opened, backend, ignored):
    """Even a header that is a secret, and so not in the file, tells one answer from another.

    By default requests-cache ignores this one itself, and then never has a hit; so does ours.
    """
    upstream.answers["/x"] = lambda request: (
        200,
        {"Vary": "Authorization"},
        request.headers["Authorization"].encode(),
    )
    keywords = {} if ignored else {"ignored_parameters": ()}
    harness = opened(session={"backend": backend, **keywords})

    def asked(key):
        return harness.session.get(f"{upstream.url}/x", headers={"Authorization": f"Bearer {key}"})

    answers = [asked(key) for key in ("one", "two", "one", "two")]

    assert [each.text for each in answers] == ["Bearer one", "Bearer two"] * 2
    assert [each.from_cache for each in answers] == [False, False, not ignored, not ignored]


SECRET = "s3cr3t-Value"
OTHER = "0th3r-Value"


def test_secrets_are_in_no_file(upstream, opened):
    """Requests and responses keep their secrets in memory, in every field."""
    body = json.dumps({"access_token": OTHER, "a": [{"api_key": OTHER}], "text": "kept"}).encode()
    upstream.answers["/x"] = (
        200,
        {
            **JSON,
            "Set-Cookie": [f"sid={OTHER}; Path=/", f"t={OTHER}; HttpOnly"],
            "X-Session-Token": OTHER,
        },
        body,
    )
    upstream.answers["/r"] = (
        302,
        {"Location": f"/x?key={SECRET}", "Set-Cookie": f"r={OTHER}"},
        b"",
    )
    # Of requests-cache's own accord some would be out, of files and hits alike.
    harness = opened(session={"allowable_methods": ["GET", "POST"], "ignored_parameters": ()})
    names = [
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
    ]
    headers = dict.fromkeys(names, f"a={SECRET}") | {"X-Key": b"bytes", "x-token": SECRET.encode()}
    url = f"http://user:{SECRET}@{upstream.host}"

    def ask():
        get, post = harness.session.get, harness.session.post
        return [
            get(f"{url}/x?key={SECRET}", headers=headers),
            get(f"{url}/r", headers=headers),
            post(f"{url}/x", json={"nested": [{"password": SECRET}]}),
            post(f"{url}/x", data={"client_secret": SECRET, "a": "1"}),
            post(f"{url}/x", files={"token": (None, SECRET)}),
        ]

    live, hits = ask(), ask()

    assert [each.from_cache for each in hits] == [True] * 5
    for before, after in zip(live, hits, strict=True):
        assert after.content == before.content == body
        assert after.headers == before.headers
        assert after.url == before.url
        assert dict(after.cookies) == dict(before.cookies)
    assert hits[0].request.headers["x-api-key"] == f"a={SECRET}"
    folder = Path(harness.session.cache.cache_dir).parent
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert len([path for path in found if path.suffix == ".yaml"]) >= 4
    basic = base64.b64encode(f"user:{SECRET}".encode())
    for path in found:
        raw = path.read_bytes()
        for secret in (SECRET.encode(), OTHER.encode(), basic):
            assert secret not in raw, path
        assert b"kept" in raw or path.suffix == ".redirect"


def test_edited_file_means_what_it_says(upstream, opened):
    """An edited file is used as edited, with secrets in memory or without."""
    upstream.answers["/x"] = (200, JSON, b'{"token":"s3cr3t","a":1}')
    harness = opened()
    twice(harness, f"{upstream.url}/x")
    [path] = files(harness)

    path.write_bytes(path.read_bytes().replace(b"a: 1", b"a: 2"))

    assert harness.session.get(f"{upstream.url}/x").json() == {"token": "<TOKEN>", "a": 2}


@pytest.mark.parametrize("content", ["", "{}", "a: [", "- 1", "json: 1\ntext: a", "\x00"])
def test_broken_file_is_a_miss(upstream, opened, content, caplog):
    """A file in another format is not used; the response is requested again."""
    upstream.answers["/x"] = (200, {}, b"live")
    harness = opened()
    twice(harness, f"{upstream.url}/x")

    files(harness)[0].write_text(content)

    with caplog.at_level(logging.CRITICAL):
        again = harness.session.get(f"{upstream.url}/x")
    assert again.content == b"live"


@pytest.mark.parametrize("name", ANSWERS)
def test_file_alone_gives_the_exact_bytes(upstream, opened, name):
    """A session that did not write the file reads the same from it."""
    headers, body = ANSWERS[name]
    upstream.answers["/x"] = (200, headers, body)
    harness = opened()
    live = harness.session.get(f"{upstream.url}/x")

    stranger = CachedSession(backend=YamlCache(harness.session.cache.cache_dir))
    read = stranger.get(f"{upstream.url}/x")

    assert read.from_cache
    assert read.content == body
    assert (read.headers, read.encoding, read.reason) == (live.headers, live.encoding, live.reason)
    assert read.request.url == live.request.url
    assert dict(read.request.headers) == dict(live.request.headers)
    assert len(upstream.hits) == 1


def test_hits_do_not_share_what_can_be_changed(upstream, opened):
    """Changing one response changes no other."""
    upstream.answers["/x"] = (200, {"X": "1"}, b"x")
    harness = opened()
    _, first = twice(harness, f"{upstream.url}/x")

    first.headers["X"] = "2"
    first.cookies["a"] = "b"
    first.request.headers["Y"] = "z"

    again = harness.session.get(f"{upstream.url}/x")
    assert again.headers["X"] == "1"
    assert not again.cookies
    assert "Y" not in again.request.headers


def test_sessions_on_one_folder_share_secrets(upstream, opened):
    """A second session of the test gets the true values as well."""
    upstream.answers["/x"] = (200, {}, b'{"token":"true"}')
    harness = opened()
    twice(harness, f"{upstream.url}/x")

    second = harness._isolation.session({})

    assert second.get(f"{upstream.url}/x").content == b'{"token":"true"}'
    assert len(upstream.hits) == 1


def test_reader_beside_a_writer_never_misses(tmp_path):
    """A file is replaced in one step: a reader finds the old or the new one, complete."""
    writing, reading = YamlCache(tmp_path / "c"), YamlCache(tmp_path / "c")
    response = requests_cache.CachedResponse(status_code=200, url="http://h/", reason="OK")
    response._content = b"x" * 20_000
    writing.responses["key"] = response
    stop = threading.Event()
    found = {"hits": 0, "misses": 0}

    def read():
        while not stop.is_set():
            answer = reading.get_response("key")
            whole = answer is not None and len(answer.content) == 20_000
            found["hits" if whole else "misses"] += 1

    reader = threading.Thread(target=read)
    reader.start()
    while found["hits"] < 100 and not found["misses"]:
        writing.responses["key"] = response
    stop.set()
    reader.join()

    assert found["misses"] == 0
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["key.yaml"]


def test_raising_serializer_leaves_no_file(upstream, opened):
    """Neither a file nor half of one, and an older one stays."""

    class Raising:
        def dumps(self, value):
            raise RuntimeError("cannot")

        def loads(self, value):
            raise AssertionError("never read")

    upstream.answers["/x"] = (200, {}, b"x")
    harness = opened(session={"serializer": Raising()})

    with pytest.raises(RuntimeError, match="cannot"):
        harness.session.get(f"{upstream.url}/x")
    assert files(harness) == []


def test_full_disk_leaves_the_older_answer(upstream, opened, monkeypatch):
    """A file that cannot be written is not started."""
    bodies = iter([b"old", b"new"])
    upstream.answers["/x"] = lambda _: (200, {}, next(bodies))
    harness = opened()
    harness.session.get(f"{upstream.url}/x")
    before = files(harness)[0].read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        harness.session.get(f"{upstream.url}/x", force_refresh=True)
    monkeypatch.undo()

    assert [path.read_bytes() for path in files(harness)] == [before]


@pytest.mark.parametrize(
    ("backend", "kind"),
    [
        ("sqlite", requests_cache.SQLiteCache),
        ("memory", requests_cache.backends.BaseCache),
        ("filesystem", YamlCache),
    ],
)
def test_backend_can_be_chosen(upstream, opened, backend, kind):
    """Any backend works, in the folder of the test."""
    upstream.answers["/x"] = (200, {}, b"x")
    harness = opened(session={"backend": backend})

    twice(harness, f"{upstream.url}/x")

    assert type(harness.session.cache) is kind
    if backend == "sqlite":
        assert Path(harness.session.cache.db_path).is_relative_to(harness.folder)


@pytest.mark.parametrize("serializer", ["json", "pickle", "yaml", requests_cache.json_serializer])
def test_serializer_can_be_chosen(upstream, opened, serializer):
    """requests-cache's own serialisers write their own files, atomically; YAML is always ours."""
    upstream.answers["/x"] = (200, JSON, b'{"b":1,"a":2}')
    harness = opened(session={"serializer": serializer})

    _, second = twice(harness, f"{upstream.url}/x")

    assert second.json() == {"a": 2, "b": 1}
    [path] = files(harness)
    ending = {"pickle": ".pkl", "yaml": ".yaml"}.get(str(serializer), ".json")
    assert path.suffix == ending
    if ending == ".yaml":
        assert second.content == b'{"b":1,"a":2}'
        assert path.read_bytes().startswith(b"status_code: 200\n")


def test_keywords_of_the_session_are_passed_on(upstream, opened):
    """Every keyword of CachedSession can be set."""
    upstream.answers["/x"] = (200, {}, b"x")
    upstream.answers["/gone"] = (410, {}, b"gone")
    harness = opened(
        session={
            "cache_name": "mine",
            "expire_after": 60,
            "allowable_codes": [200, 410],
            "allowable_methods": ["GET", "PUT"],
            "ignored_parameters": ["ts"],
            "match_headers": ["Accept"],
            "stale_if_error": True,
            "urls_expire_after": {"*/gone": 5},
            "key_fn": None,
        }
    )
    session = harness.session

    assert Path(session.cache.cache_dir) == harness.folder / "caches" / "mine"
    assert session.settings.expire_after == 60
    assert session.settings.stale_if_error is True
    session.get(f"{upstream.url}/x?ts=1")
    assert session.get(f"{upstream.url}/x?ts=2").from_cache
    assert not session.get(f"{upstream.url}/x?ts=2", headers={"Accept": "a/b"}).from_cache
    assert not session.put(f"{upstream.url}/x").from_cache
    assert session.put(f"{upstream.url}/x").from_cache
    session.get(f"{upstream.url}/gone")
    gone = session.get(f"{upstream.url}/gone")
    assert gone.from_cache
    assert (gone.expires - gone.created_at).total_seconds() < 10


def test_size_of_the_cache_can_be_limited(upstream, opened):
    """The least recently used answers make room, with no index on disk."""
    for name in "abcd":
        upstream.answers[f"/{name}"] = (200, {}, name.encode() * 2000)
    upstream.answers["/big"] = (200, {}, b"x" * 20_000)
    harness = opened(session={"max_cache_bytes": 9_000, "max_file_bytes": 5_000})

    def hit(name):
        return harness.session.get(f"{upstream.url}/{name}").from_cache

    assert [hit(name) for name in "abc"] == [False] * 3
    assert hit("a")
    assert not hit("d")
    assert [hit(name) for name in "ad"] == [True] * 2
    assert not hit("b")
    assert [hit("big"), hit("big")] == [False, False]
    assert harness.session.cache.responses.size() <= 9_000
    assert {path.suffix for path in files(harness)} == {".yaml"}
    again = YamlCache(harness.session.cache.cache_dir, max_cache_bytes=9_000)
    assert again.responses.size() == harness.session.cache.responses.size()
    with pytest.raises(ValueError, match="max_file_bytes"):
        YamlCache(harness.folder / "x", max_cache_bytes=10, max_file_bytes=20)
    harness.session.cache.clear()
    assert (files(harness), harness.session.cache.responses.size()) == ([], 0)


def test_cache_can_be_emptied_and_answers_deleted(upstream, opened):
    """Every method of a cache of requests-cache works on ours."""
    upstream.answers["/a"] = (302, {"Location": "/x"}, b"")
    upstream.answers["/x"] = (200, {}, b"x")
    harness = opened()
    cache = harness.session.cache
    harness.session.get(f"{upstream.url}/a")

    assert cache.contains(url=f"{upstream.url}/x")
    assert cache.contains(url=f"{upstream.url}/a")
    assert cache.urls() == [f"{upstream.url}/x"]
    assert {each.content for each in cache.filter()} == {b"x"}
    cache.delete(urls=[f"{upstream.url}/a", f"{upstream.url}/x"])
    assert files(harness) == []
    harness.session.get(f"{upstream.url}/a")
    cache.clear()
    assert files(harness) == []
    assert not harness.session.get(f"{upstream.url}/x").from_cache


def test_keys_are_those_of_requests_cache(upstream, opened):
    """The user's agent has these keys, so a test of it has them too."""
    upstream.answers["/x"] = (200, {}, b"x")
    harness = opened()
    plain = CachedSession("plain", backend="filesystem", serializer="yaml")

    for session in (harness.session, plain):
        session.get(f"{upstream.url}/x?b=1&a=2", headers={"Accept": "a/b"})

    assert [path.stem for path in files(harness)] == list(plain.cache.responses)


def test_file_is_read_back_as_it_was_written():
    """Our YAML is its own inverse, and canonical."""
    fields = {
        "status_code": 200,
        "url": "http://h/",
        "headers": {"Content-Type": "application/json", "X": "1"},
        "_content": b'{"a": 1}',
        "request": {"method": "POST", "url": "http://h/", "body": b"x", "headers": {}},
        "created_at": "2026-11-21T18:29:15+00:00",
    }
    raw = to_yaml(fields)

    found = from_yaml(raw)

    assert to_yaml(found) == raw
    assert found["_content"] == b'{"a": 1}'
    assert found["request"]["body"] == b"x"
