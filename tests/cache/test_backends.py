"""Every backend and serializer of requests-cache, each cache kept apart by its name."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
import requests_cache
from itsdangerous import BadSignature
from requests_cache import CachedSession, SerializerPipeline, Stage, safe_pickle_serializer
from requests_cache.backends import (
    BACKEND_CLASSES,
    BaseCache,
    BaseStorage,
    DynamoDbCache,
    GridFSCache,
    MongoCache,
    RedisCache,
)

from pytest_agentcache import SettingsError, use_cassette

from .conftest import files

# What requests-cache calls in newer clients of Redis.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex")

SERVERS = ["redis", "dynamodb", "mongodb", "gridfs"]
BACKENDS = ["filesystem", "sqlite", "memory", *SERVERS]
JSON = (200, {"Content-Type": "application/json"}, b'{"b": "2", "a": ["\xc3\xa9", null, true]}')
START = datetime(2026, 11, 21, 10, tzinfo=UTC)


def serializers():
    """All that there are, new for each test: they are set up by the backend that takes them."""
    return {
        "default": None,
        "pickle": "pickle",
        "json": "json",
        "yaml": "yaml",
        "bson": "bson",
        "safe_pickle": safe_pickle_serializer(secret_key="of the test"),
        "pipeline": SerializerPipeline(
            [
                requests_cache.json_serializer,
                requests_cache.utf8_encoder,
                Stage(dumps=gzip.compress, loads=gzip.decompress),
            ],
            is_binary=True,
        ),
    }


def aware(moment):
    # BSON keeps no zone; requests-cache means UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.mark.parametrize("serializer", serializers())
@pytest.mark.parametrize("backend", BACKENDS)
def test_recorded_and_played_on_any_backend(upstream, tmp_path, keywords_of, backend, serializer):
    """Hit, expiry and what a hit knows of its time, with any serializer, on the frozen clock."""
    upstream.answers["/x"] = JSON
    url = f"{upstream.url}/x"
    seen = []

    for mode in ("record", "offline"):
        session = {**keywords_of(backend), "expire_after": 60}
        if (chosen := serializers()[serializer]) is not None:
            session["serializer"] = chosen
        with use_cassette(
            tmp_path / "c.yaml", mode=mode, freeze=START.isoformat(), session=session
        ) as block:
            first, hit = block.session.get(url), block.session.get(url)
            urls = block.session.cache.urls()
            block.clock.tick(61)
            late = block.session.get(url, only_if_cached=True)
            held = [each.request.url for each in block.cassette.interactions]
        assert json.loads(hit.text) == json.loads(JSON[2])
        assert (aware(hit.created_at), aware(hit.expires)) == (START, START + timedelta(minutes=1))
        seen.append((first.from_cache, hit.from_cache, urls, late.status_code, held))

    assert seen == [(False, True, [url], 504, [url])] * 2
    assert len(upstream.hits) == 1


@pytest.mark.parametrize("backend", SERVERS)
def test_answer_goes_to_the_server(upstream, opened, keywords_of, backend):
    """The test runs on the chosen backend, with no file beside it."""
    upstream.answers["/x"] = JSON
    harness = opened(session=keywords_of(backend))

    harness.session.get(f"{upstream.url}/x")

    assert type(harness.session.cache) is BACKEND_CLASSES[backend]
    assert not [path for path in harness.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("backend", SERVERS)
def test_caches_on_one_server_are_kept_apart(upstream, tmp_path, keywords_of, backend):
    """A test finds what its own sessions have left under a name, and nothing of another test's."""
    upstream.answers["/x"] = JSON
    keywords = {**keywords_of(backend), "cache_name": "shared"}

    def run(name):
        with use_cassette(tmp_path / name, mode="live", session=keywords) as block:
            inside = CachedSession(**keywords)
            sessions = [block.session, inside, CachedSession(**keywords_of(backend))]
            found = [each.get(f"{upstream.url}/x").from_cache for each in sessions]
            with use_cassette(tmp_path / "inner", mode="live", session=keywords) as inner:
                found.append(inner.session.get(f"{upstream.url}/x").from_cache)
            found.append(block.session.get(f"{upstream.url}/x").from_cache)
            return found

    # The second has the name of the first, the third one of its own.
    assert [run("a.yaml"), run("b.yaml")] == [[False, True, False, False, True]] * 2


@pytest.mark.slow
def test_same_folder_in_the_next_run_starts_empty(pytester, upstream, redis_keywords, monkeypatch):
    """Data of an earlier run on a server is not used, even if the folder has the same name."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("UPSTREAM", upstream.url)
    upstream.answers["/x"] = JSON
    pytester.makepyfile(f"""
        import os
        import pytest

        @pytest.mark.agentcache(session={{"backend": "redis", **{redis_keywords!r}}})
        def test_one(agentcache_session):
            found = [agentcache_session.get(os.environ["UPSTREAM"] + "/x") for _ in range(2)]
            assert [each.from_cache for each in found] == [False, True]
    """)

    for mode in ("record", "offline"):
        result = pytester.runpytest_subprocess(
            "-p", "agentcache", f"--agentcache-{mode}", "--basetemp=fixed"
        )
        result.assert_outcomes(passed=1)
    assert len(upstream.hits) == 1


LONG = "a-name-that-is-longer-than-a-database-of-mongodb-may-be-called"


@pytest.mark.parametrize(
    ("backend", "make"),
    {
        "redis": lambda **keywords: RedisCache(namespace=LONG, **keywords),
        "dynamodb": lambda **keywords: DynamoDbCache(table_name=LONG, **keywords),
        "mongodb": lambda **keywords: MongoCache(db_name=LONG, **keywords),
        "gridfs": lambda **keywords: GridFSCache(db_name=LONG, **keywords),
    }.items(),
    ids=SERVERS,
)
def test_cache_that_code_opens_by_keyword_is_kept_apart(
    upstream, tmp_path, keywords_of, backend, make
):
    """However its name is given, and however long it is; outside of tests it is what it is."""
    upstream.answers["/x"] = JSON
    keywords = keywords_of(backend)
    del keywords["backend"]

    def run():
        with use_cassette(tmp_path / "c.yaml", mode="live"):
            session = CachedSession(backend=make(**keywords))
            name = session.cache.cache_name
            return name, [session.get(f"{upstream.url}/x").from_cache for _ in range(2)]

    runs = [run(), run()]

    assert [found for _, found in runs] == [[False, True]] * 2
    names = {name for name, _ in runs}
    assert len(names) == 2
    assert all(name.startswith("agentcache-") and len(name) <= 63 for name in names)
    assert make(**keywords).cache_name == LONG


class HttpStorage(BaseStorage):
    """A backend of the user's, on a server that is spoken to by HTTP."""

    def __init__(self, url, **keywords):
        super().__init__(serializer="pickle", **keywords)
        self.url, self.client = url, requests_cache.session.OriginalSession()

    def __getitem__(self, key):
        answer = self.client.get(f"{self.url}/kept", params={"key": key})
        if answer.status_code == 404:
            raise KeyError(key)
        return self.deserialize(key, answer.content)

    def __setitem__(self, key, value):
        self.client.put(f"{self.url}/kept", params={"key": key}, data=self.serialize(value))

    def __delitem__(self, key):
        raise NotImplementedError

    def __iter__(self):
        for key in self.client.get(f"{self.url}/keys").text.split():  # noqa: UP028 - step by step
            yield key

    def __len__(self):
        return len(list(self))


class HttpCache(BaseCache):
    def __init__(self, url, **keywords):
        super().__init__(**keywords)
        self.responses = HttpStorage(url)


@pytest.fixture
def store(upstream):
    """A second origin, that keeps what it is given."""
    from .conftest import Upstream

    server = Upstream()
    kept = server.kept = {}

    def keep(handler):
        key = handler.path.partition("key=")[2]
        if handler.command == "PUT":
            kept[key] = handler.sent
            return 201, {}, b""
        return (200, {}, kept[key]) if key in kept else (404, {}, b"")

    server.answers["/kept"] = keep
    server.answers["/keys"] = lambda _: (200, {}, "\n".join(kept).encode())
    yield server
    server.stop()


def test_what_a_cache_keeps_by_http_is_not_upstreams(upstream, store, tmp_path):
    """It is neither recorded nor missed, nor reached by a fault; what is asked beside it is."""
    upstream.answers["/x"] = upstream.answers["/y"] = JSON

    for mode in ("record", "offline"):
        with use_cassette(tmp_path / "c.yaml", mode=mode) as block:
            session = CachedSession(backend=HttpCache(store.url))
            found = [session.get(f"{upstream.url}/x").from_cache for _ in range(2)]
            # Each step goes to the store, and what is asked in between goes to the cassette.
            between = [session.get(f"{upstream.url}/y").from_cache for _ in session.cache.responses]
            with block.upstream.down():
                assert session.get(f"{upstream.url}/x").from_cache
            held = [each.request.url for each in block.cassette.interactions]
        assert (found, between) == ([False, True], [False])
        assert held == [f"{upstream.url}/x", f"{upstream.url}/y"]
        store.kept.clear()

    assert len(upstream.hits) == 2
    assert {path for _, path, _ in store.hits} > {"/keys"}


def test_session_on_dynamodb_is_made_past_the_cassette(upstream, tmp_path, dynamodb_keywords):
    """Making its table, and deleting from it, asks upstream for nothing either."""
    upstream.answers["/x"] = JSON
    keywords = {"backend": "dynamodb", **dynamodb_keywords}

    with use_cassette(tmp_path / "c.yaml", mode="offline", session=keywords) as block:
        block.session.cache.delete(expired=True)
        block.session.cache.clear()
        assert list(block.session.cache.responses) == []
        assert block.misses == []


def test_dynamodb_that_is_no_cache_is_upstream(tmp_path, dynamodb_keywords):
    """Other requests of the code under test to the same server are on the cassette."""
    import boto3

    keywords = {"backend": "dynamodb", **dynamodb_keywords}

    def run(mode):
        with use_cassette(tmp_path / "c.yaml", mode=mode, session=keywords) as block:
            assert block.session.cache.responses.table_name.startswith("agentcache-")
            client = boto3.client("dynamodb", **dynamodb_keywords)
            return client.list_tables(Limit=1)["TableNames"], len(block.cassette.interactions)

    assert run("record") == run("offline")
    assert run("offline")[1] == 1


def test_tampered_answer_is_found(upstream, opened):
    """With a key, what somebody changed on disk is not unpickled."""
    upstream.answers["/x"] = JSON
    harness = opened(session={"serializer": safe_pickle_serializer(secret_key="of the test")})
    harness.session.get(f"{upstream.url}/x")
    [path] = files(harness)
    path.write_bytes(path.read_bytes().replace(b"OK", b"KO"))

    with pytest.raises(BadSignature):
        harness.session.get(f"{upstream.url}/x")


@pytest.mark.parametrize("backend", [each for each in BACKENDS if each != "memory"])
def test_answer_signed_with_another_key_is_found(upstream, opened, keywords_of, backend):
    """This holds wherever the file is."""
    upstream.answers["/x"] = JSON
    keywords = {**keywords_of(backend), "cache_name": "signed"}
    harness = opened(session={**keywords, "serializer": safe_pickle_serializer(secret_key="one")})
    harness.session.get(f"{upstream.url}/x")

    other = harness._isolation.session(
        {**keywords, "serializer": safe_pickle_serializer(secret_key="another")}
    )
    with pytest.raises(BadSignature):
        other.get(f"{upstream.url}/x")


def test_pipeline_need_not_say_that_it_makes_bytes(upstream, opened):
    """Files hold what it makes, and a session that comes later reads them."""
    upstream.answers["/x"] = JSON
    stages = [*serializers()["pipeline"].stages]
    harness = opened(session={"serializer": SerializerPipeline(stages)})
    harness.session.get(f"{upstream.url}/x")
    [path] = files(harness)

    assert gzip.decompress(path.read_bytes()).startswith(b"{")
    again = harness._isolation.session({"serializer": SerializerPipeline(stages)})
    assert again.get(f"{upstream.url}/x").from_cache


WRONG = {
    "backend": ({"backend": "sqlight"}, "backend is 'sqlight'; allowed are dynamodb, filesystem"),
    "class": ({"backend": RedisCache}, "or an instance of one"),
    "serializer": ({"serializer": "xml"}, "serializer is 'xml'; allowed are bson, json, orjson"),
    "safe_pickle": ({"serializer": "safe_pickle"}, "or an object with dumps"),
    "object": ({"serializer": object()}, "or an object with dumps"),
    "keyword": ({"expire_afer": 1}, "takes no keyword 'expire_afer'; did you mean expire_after"),
    "of a server": ({"backend": "redis", "hots": "h"}, "'hots' with backend redis; .*mean host"),
    "of another": ({"backend": "sqlite", "max_cache_bytes": 1}, "'max_cache_bytes' with .*sqlite"),
    "beside one": (
        {"backend": BaseCache(), "serializer": "json"},
        "a backend that is made already",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_keywords_are_refused(opened, name):
    """requests-cache ignores some, and says of others what it is made of."""
    keywords, sentence = WRONG[name]

    with pytest.raises(SettingsError, match=sentence):
        _ = opened(session=keywords).session


@pytest.mark.parametrize(
    ("place", "name", "keyword", "sentence"),
    [
        (BACKEND_CLASSES, "redis", "backend", r"backend redis .* 'requests-cache\[redis\]'"),
        (BACKEND_CLASSES, "gridfs", "backend", r"backend gridfs .* 'requests-cache\[mongodb\]'"),
        (requests_cache.SERIALIZERS, "bson", "serializer", r"'requests-cache\[mongodb\]'"),
        (requests_cache.SERIALIZERS, "yaml", "serializer", r"'requests-cache\[yaml\]'"),
    ],
)
def test_package_that_is_missing_is_named(opened, place, name, keyword, sentence):
    """With what installs it."""
    from requests_cache._utils import get_placeholder_class

    missing = get_placeholder_class()
    with (
        patch.dict(place, {name: missing}),
        pytest.raises(SettingsError, match=sentence),
    ):
        _ = opened(session={keyword: name}).session


@pytest.mark.parametrize(
    "keywords",
    [
        {"backend": None},
        {"backend": "FileSystem", "use_temp": True, "max_cache_bytes": 10_000},
        {"backend": "SQLite", "wal": True, "timeout": 1, "fast_save": True},
        {"backend": "redis", "ttl_offset": 60, "decode_content": True, "socket_timeout": 1},
        {"backend": "mongodb", "tz_aware": True, "connect": False},
        {"backend": "gridfs", "connect": False},
        {"backend": BaseCache("mine"), "expire_after": 5},
        {"include_get_headers": True, "stale_while_revalidate": 5, "only_if_cached": True},
    ],
)
def test_keywords_that_requests_cache_takes_are_taken(opened, keywords):
    """All the way to the client of the server."""
    assert opened(session=keywords).session.cache is not None


def test_backend_made_beforehand_is_the_tests_own(upstream, tmp_path):
    """An instance in the marker serves many tests, and each has an empty one in its place."""
    upstream.answers["/x"] = JSON
    keywords = {"backend": BaseCache("mine"), "expire_after": 5}

    for _ in range(2):
        with use_cassette(tmp_path / "c.yaml", mode="live", session=keywords) as block:
            found = [block.session.get(f"{upstream.url}/x").from_cache for _ in range(2)]
            assert found == [False, True]
            assert block.session.settings.expire_after == 5
