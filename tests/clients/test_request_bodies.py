"""Every kind of body reaches upstream complete, and is matched on replay."""

from __future__ import annotations

import asyncio
import http.client
import io

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from .upstream import Answer

BODY = "füll of text, ".encode() * 3


class Pipe(io.RawIOBase):
    """A file that can be read once and does not seek."""

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, room):
        return self._content.readinto(room)


def parts():
    yield BODY[:10]
    yield BODY[10:]


async def parts_async():
    for part in parts():
        yield part


def by_requests(url, body):
    with requests.Session() as session:
        return session.post(url, **body).content


def by_urllib3(url, body):
    with urllib3.PoolManager() as pool:
        return pool.request("POST", url, **body).data


def by_http_client(url, body):
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host)
    connection.request("POST", f"/{path}", **body)
    content = connection.getresponse().read()
    connection.close()
    return content


def by_botocore(url, body):
    session = URLLib3Session()
    content = session.send(AWSRequest("POST", url, **body).prepare()).content
    session.close()
    return content


def by_httpx(module):
    def send(url, body):
        with module.Client() as client:
            return client.post(url, **body).content

    return send


def by_httpx_async(module):
    def send(url, body):
        async def post():
            async with module.AsyncClient() as client:
                return (await client.post(url, **body)).content

        return asyncio.run(post())

    return send


def by_aiohttp(url, body):
    async def post():
        async with aiohttp.ClientSession() as session, session.post(url, **body) as answer:
            return await answer.read()

    return asyncio.run(post())


def _form():
    form = aiohttp.FormData()
    form.add_field("note", "ü")
    form.add_field("file", io.BytesIO(BODY), filename="a.bin")
    return form


FORM = (b"a=1&b=x+y", b"a=1&b=x%20y")
JSON = (b'{"a":1}', b'{"a": 1}')
FILES = "multipart"
WAYS = {
    "requests-bytes": (by_requests, lambda: {"data": BODY}, BODY),
    "requests-str": (by_requests, lambda: {"data": BODY.decode()}, BODY),
    "requests-file": (by_requests, lambda: {"data": io.BytesIO(BODY)}, BODY),
    "requests-generator": (by_requests, lambda: {"data": parts()}, BODY),
    "requests-form": (by_requests, lambda: {"data": {"a": 1, "b": "x y"}}, FORM),
    "requests-json": (by_requests, lambda: {"json": {"a": 1}}, JSON),
    "requests-files": (by_requests, lambda: {"files": {"f": ("a.bin", BODY)}}, FILES),
    "urllib3-bytearray": (by_urllib3, lambda: {"body": bytearray(BODY)}, BODY),
    "urllib3-memoryview": (by_urllib3, lambda: {"body": memoryview(BODY)}, BODY),
    "urllib3-str": (by_urllib3, lambda: {"body": BODY.decode()}, BODY),
    "urllib3-text-file": (by_urllib3, lambda: {"body": io.StringIO(BODY.decode())}, BODY),
    "urllib3-list": (by_urllib3, lambda: {"body": list(parts())}, BODY),
    "urllib3-fields": (by_urllib3, lambda: {"fields": {"f": ("a.bin", BODY)}}, FILES),
    "urllib3-json": (by_urllib3, lambda: {"json": {"a": 1}}, JSON),
    "http.client-bytes": (by_http_client, lambda: {"body": BODY}, BODY),
    "http.client-file": (by_http_client, lambda: {"body": io.BytesIO(BODY)}, BODY),
    "http.client-memoryview": (by_http_client, lambda: {"body": memoryview(BODY)}, BODY),
    "http.client-generator": (by_http_client, lambda: {"body": parts()}, BODY),
    "botocore-bytes": (by_botocore, lambda: {"data": BODY}, BODY),
    "botocore-file": (by_botocore, lambda: {"data": io.BytesIO(BODY)}, BODY),
    "aiohttp-bytes": (by_aiohttp, lambda: {"data": BODY}, BODY),
    "aiohttp-str": (by_aiohttp, lambda: {"data": BODY.decode()}, BODY),
    "aiohttp-large": (by_aiohttp, lambda: {"data": parts_of(BODY * 40_000)}, BODY * 40_000),
    "aiohttp-file": (by_aiohttp, lambda: {"data": io.BytesIO(BODY)}, BODY),
    "aiohttp-pipe": (by_aiohttp, lambda: {"data": io.BufferedReader(Pipe(BODY))}, BODY),
    "aiohttp-generator": (by_aiohttp, lambda: {"data": parts_async()}, BODY),
    "aiohttp-form": (by_aiohttp, lambda: {"data": {"a": 1, "b": "x y"}}, FORM),
    "aiohttp-json": (by_aiohttp, lambda: {"json": {"a": 1}}, JSON),
    "aiohttp-multipart": (by_aiohttp, lambda: {"data": _form()}, FILES),
}
for _module in (httpx, httpx2):
    for _name, _send in (("", by_httpx(_module)), ("-async", by_httpx_async(_module))):
        _client = f"{_module.__name__}{_name}"
        _generator = parts_async if _name else parts
        WAYS |= {
            f"{_client}-bytes": (_send, lambda: {"content": BODY}, BODY),
            f"{_client}-str": (_send, lambda: {"content": BODY.decode()}, BODY),
            f"{_client}-generator": (_send, lambda made=_generator: {"content": made()}, BODY),
            f"{_client}-form": (_send, lambda: {"data": {"a": 1, "b": "x y"}}, FORM),
            f"{_client}-json": (_send, lambda: {"json": {"a": 1}}, JSON),
            f"{_client}-files": (
                _send,
                lambda: {"files": {"f": ("a.bin", io.BytesIO(BODY))}, "data": {"note": "ü"}},
                FILES,
            ),
        }


async def parts_of(content):
    yield content[: len(content) // 2]
    yield content[len(content) // 2 :]


@pytest.mark.parametrize("way", WAYS)
def test_body_is_sent_whole_and_matched(upstream, journey, way):
    """The body is read once, sent as it is, and the same body finds its answer."""
    send, body, expected = WAYS[way]
    url = upstream.serve("/it", Answer(b"fine"))
    answers = journey(lambda: send(url, body()))

    assert answers == (b"fine", b"fine")
    [asked] = upstream.asked
    if expected is FILES:
        assert BODY in asked.body
        assert asked.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    elif isinstance(expected, tuple):
        assert asked.body in expected
    else:
        assert asked.body == expected
