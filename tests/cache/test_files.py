"""The files of the isolated session accept everything that requests-cache's backends accept."""

import pickle
from unittest.mock import patch

import pytest
from requests_cache import CachedRequest, CachedResponse
from requests_cache.backends import BaseCache

from pytest_agentcache.cache.files import LimitedResponseFiles, YamlCache
from pytest_agentcache.cache.serializer import yaml_serializer

from .conftest import files

KEYS = {
    "address": "http://h/a?b=1&c=2",
    "empty": "",
    "dots": "../../up.yaml",
    "percent": "a%2fb",
    "not ASCII": "café ⟨ключ⟩ \udcff",
    "upper case": "GET",
    "lower case": "get",
    "long": "prompt " * 5_000,
    "long as well": "prompt " * 5_000 + ".",
}


def answer(body: bytes, **fields) -> CachedResponse:
    response = CachedResponse(status_code=200, url="http://h/", reason="OK", **fields)
    response._content = body
    return response


@pytest.mark.parametrize("place", ["responses", "redirects"])
def test_key_may_be_any_text(tmp_path, place):
    """No two keys share a file, and each is found again, by another session too."""
    cache = YamlCache(tmp_path / "c")
    kept = getattr(cache, place)
    for name, key in KEYS.items():
        kept[key] = answer(name.encode()) if place == "responses" else name

    again = getattr(YamlCache(tmp_path / "c"), place)
    found = {key: again[key] for key in again}
    if place == "responses":
        found = {key: value.content.decode() for key, value in found.items()}
    assert found == {key: name for name, key in KEYS.items()}
    assert all(key in again for key in KEYS.values())
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path / "c"}
    # No file system takes names that differ by case alone for two everywhere.
    names = [path.name.lower() for path in (tmp_path / "c").iterdir()]
    assert len(set(names)) == len(names)

    for key in KEYS.values():
        del again[key]
    assert list((tmp_path / "c").iterdir()) == []


def test_keys_of_the_user_are_found_again(upstream, opened):
    """`key_fn` may give what it likes, `recreate_keys()` moves what is there to it."""
    upstream.answers["/x"] = (200, {}, b"x")
    harness = opened()
    harness.session.get(f"{upstream.url}/x")
    harness.session.settings.key_fn = lambda request, **_: f"{request.method} {request.url}"

    harness.session.cache.recreate_keys()

    assert harness.session.get(f"{upstream.url}/x").from_cache
    assert list(harness.session.cache.responses) == [f"GET {upstream.url}/x"]
    assert len(files(harness)) == 1


def test_answer_without_an_address_is_kept(tmp_path):
    """Someone may put an answer together; what it does not say it need not."""
    cache = YamlCache(tmp_path / "c")
    request = CachedRequest(method="GET", url="http://h/")

    cache.save_response(CachedResponse(request=request))

    assert [each.request.url for each in cache.responses.values()] == ["http://h/"]


@pytest.mark.parametrize("value", ["text", 7, ["a", {"b": None}], True])
def test_anything_can_be_kept(tmp_path, value):
    """A cache is a dictionary, and can be copied into another with any content."""
    source = BaseCache()
    source.responses["key"] = value
    cache = YamlCache(tmp_path / "c")

    cache.update(source)

    assert cache.responses["key"] == value
    assert YamlCache(tmp_path / "c").responses["key"] == value


def test_redirects_lie_beside_the_answers(tmp_path, monkeypatch):
    """Wherever the answers are asked to lie, nothing is left elsewhere."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    monkeypatch.chdir(tmp_path)
    cache = YamlCache("c", use_temp=True)

    cache.responses["a"] = answer(b"x")
    cache.redirects["b"] = "a"

    lie = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(lie) == ["temp/c/a.yaml", "temp/c/b.redirect"]
    cache.clear()
    assert (len(cache.responses), len(cache.redirects)) == (0, 0)


@pytest.mark.parametrize("error", [ValueError, TypeError, AttributeError, pickle.PickleError])
def test_answer_that_cannot_be_read_is_asked_for_again(upstream, opened, error):
    """An error of the serializer is a miss of the cache, in memory as on disk."""
    upstream.answers["/x"] = (200, {}, b"x")
    harness = opened()
    harness.session.get(f"{upstream.url}/x")

    with patch.object(harness.session.cache.responses.serializer, "loads", side_effect=error):
        assert not harness.session.get(f"{upstream.url}/x").from_cache
    assert harness.session.get(f"{upstream.url}/x").from_cache


def test_limit_goes_on_where_a_file_is_gone(tmp_path):
    """Deleting a file by hand makes room."""
    kept = LimitedResponseFiles(tmp_path, serializer=yaml_serializer, max_cache_bytes=1_000)
    for key in "ab":
        kept[key] = answer(key.encode() * 300)
    (tmp_path / "a.yaml").unlink()

    for key in "cd":
        kept[key] = answer(key.encode() * 300)

    assert sorted(kept) == ["c", "d"]
    assert kept.size() <= kept.max_cache_bytes


def test_limited_files_know_long_keys(tmp_path):
    """Making room also deletes the files beside a response."""
    kept = LimitedResponseFiles(tmp_path, serializer=yaml_serializer, max_cache_bytes=700)
    for key in (KEYS["long"], KEYS["long as well"]):
        kept[key] = answer(b"x" * 300)

    assert list(kept) == [KEYS["long as well"]]
    assert len(list(tmp_path.iterdir())) == 2
    again = LimitedResponseFiles(tmp_path, serializer=yaml_serializer, max_cache_bytes=700)
    assert again.size() == kept.size()
    again["k"] = answer(b"x" * 300)
    assert list(again) == ["k"]
