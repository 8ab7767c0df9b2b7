"""Every client in one shape: send requests over one session, or stream one answer."""

from __future__ import annotations

import asyncio
import http.client
import http.cookiejar
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import httpx2
import requests
import urllib3
from botocore.awsrequest import AWSRequest
from botocore.exceptions import EndpointConnectionError, HTTPClientError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

TIMEOUT = 20  # Seconds; only a broken client waits that long.


@dataclass(frozen=True)
class Call:
    """One request to send."""

    url: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    follow: bool = True


@dataclass(frozen=True)
class Got:
    """A response as a client sees it; header names in lower case, sorted."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    history: list[int] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]

    def json(self) -> Any:
        return json.loads(self.body)


Take = Callable[[bytes], Any]
"""Is given each chunk as it comes; anything true that it returns closes the answer."""


class Client:
    """A client; what it cannot do says so, and tests leave it out."""

    name = ""
    follows = True
    has_jar = True
    # Whether it undoes the content coding of a body.
    decodes = True
    # What the client raises for: no connection, no answer in time, an answer that breaks off.
    refused: type[BaseException] | tuple[type[BaseException], ...] = OSError
    timed_out: type[BaseException] | tuple[type[BaseException], ...] = OSError
    broken: type[BaseException] | tuple[type[BaseException], ...] = OSError

    def __init__(self) -> None:
        self.timeout: float = TIMEOUT

    def send(self, *calls: Call) -> list[Got]:
        """Sends `calls` one after another over one session."""
        with self.session() as session:
            return [self.exchange(session, call) for call in calls]

    def stream(self, *urls: str, take: Take = lambda _: False) -> list[list[bytes]]:
        """The chunks of each answer as the client gives them, over one session."""
        with self.session() as session:
            return [list(self.taken(session, url, take)) for url in urls]

    def taken(self, session: Any, url: str, take: Take) -> Iterator[bytes]:
        with self.streaming(session, url) as chunks:
            for chunk in chunks:
                yield chunk
                if take(chunk):
                    return

    def session(self) -> Any:
        raise NotImplementedError

    def exchange(self, session: Any, call: Call) -> Got:
        raise NotImplementedError

    def streaming(self, session: Any, url: str) -> Any:
        """A context of the chunks."""
        raise NotImplementedError


class AsyncClient(Client):
    """The same over an asynchronous client."""

    def send(self, *calls: Call) -> list[Got]:
        async def send() -> list[Got]:
            async with self.session() as session:
                return [await self.exchange(session, call) for call in calls]

        return asyncio.run(send())

    def stream(self, *urls: str, take: Take = lambda _: False) -> list[list[bytes]]:
        async def stream() -> list[list[bytes]]:
            async with self.session() as session:
                return [await self.taken(session, url, take) for url in urls]

        return asyncio.run(stream())

    async def taken(self, session: Any, url: str, take: Take) -> list[bytes]:
        found = []
        async with self.streaming(session, url) as chunks:
            async for chunk in chunks:
                found.append(chunk)
                if take(chunk):
                    break
        return found


def lowered(pairs: Any) -> list[tuple[str, str]]:
    # `date` is the time of the clock, which goes on between recording and replay.
    named = ((name.lower(), value) for name, value in pairs)
    return sorted(pair for pair in named if pair[0] != "date")


class Requests(Client):
    name = "requests"
    refused = requests.ConnectionError
    timed_out = requests.ReadTimeout
    broken = (requests.exceptions.ChunkedEncodingError, requests.ConnectionError)

    def session(self):
        session = requests.Session()
        session.trust_env = False
        return session

    def exchange(self, session, call):
        answer = session.request(
            call.method,
            call.url,
            headers=call.headers,
            data=call.body,
            allow_redirects=call.follow,
            timeout=self.timeout,
        )
        return Got(
            answer.status_code,
            answer.reason,
            lowered(answer.raw.headers.items()),
            answer.content,
            [each.status_code for each in answer.history],
            session.cookies.get_dict(),
        )

    @contextmanager
    def streaming(self, session, url):
        with session.get(url, stream=True, timeout=self.timeout) as answer:
            yield answer.iter_content(None)


class Urllib3(Client):
    name = "urllib3"
    has_jar = False
    refused = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.MaxRetryError)
    timed_out = urllib3.exceptions.ReadTimeoutError
    broken = urllib3.exceptions.ProtocolError

    def session(self):
        return urllib3.PoolManager()

    def exchange(self, session, call):
        retries = urllib3.Retry(total=5, connect=0, read=False, redirect=5)
        answer = session.request(
            call.method,
            call.url,
            headers=call.headers,
            body=call.body,
            redirect=call.follow,
            retries=retries if call.follow and call.method != "HEAD" else False,
            timeout=self.timeout,
        )
        history = answer.retries.history if call.follow and answer.retries else ()
        return Got(
            answer.status,
            answer.reason,
            lowered(answer.headers.items()),
            answer.data,
            [each.status for each in history],
        )

    @contextmanager
    def streaming(self, session, url):
        answer = session.request(
            "GET", url, preload_content=False, retries=False, timeout=self.timeout
        )
        try:
            yield answer.stream()
        finally:
            answer.close()
            answer.release_conn()


class HttpClient(Client):
    name = "http.client"
    decodes = False
    follows = has_jar = False
    refused = ConnectionRefusedError
    timed_out = TimeoutError
    broken = http.client.IncompleteRead

    @contextmanager
    def session(self):
        connections: dict[str, http.client.HTTPConnection] = {}

        def connection(url: str) -> http.client.HTTPConnection:
            place = urlsplit(url).netloc
            if place not in connections:
                connections[place] = http.client.HTTPConnection(place, timeout=self.timeout)
            return connections[place]

        try:
            yield connection
        finally:
            for each in connections.values():
                each.close()

    def exchange(self, session, call):
        connection = session(call.url)
        connection.request(call.method, _target(call.url), call.body, call.headers)
        with connection.getresponse() as answer:
            return Got(answer.status, answer.reason, lowered(answer.getheaders()), answer.read())

    @contextmanager
    def streaming(self, session, url):
        connection = session(url)
        connection.request("GET", _target(url))
        with connection.getresponse() as answer:
            yield iter(lambda: answer.read1(2**16), b"")
            if not answer.isclosed():
                # What is left unread would be taken for the next answer.
                connection.close()


def _target(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


class Unredirected(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class UrllibRequest(Client):
    name = "urllib.request"
    decodes = False
    follows = False  # It follows, and tells nothing of the way.
    refused = urllib.error.URLError
    timed_out = TimeoutError
    broken = http.client.IncompleteRead

    @contextmanager
    def session(self):
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(jar),
            Unredirected(),
        )
        opener.jar = jar
        yield opener

    def exchange(self, session, call):
        request = urllib.request.Request(
            call.url, call.body, headers=call.headers, method=call.method
        )
        try:
            answer = session.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Got(
                answer.status,
                answer.reason,
                # It asks for the connection to be closed, and upstream agrees.
                [pair for pair in lowered(answer.headers.items()) if pair[0] != "connection"],
                answer.read(),
                cookies={cookie.name: cookie.value for cookie in session.jar},
            )

    @contextmanager
    def streaming(self, session, url):
        with session.open(url, timeout=self.timeout) as answer:
            yield iter(lambda: answer.read1(2**16), b"")


class Botocore(Client):
    name = "botocore"
    decodes = False
    follows = has_jar = False
    refused, timed_out = EndpointConnectionError, ReadTimeoutError
    broken = (HTTPClientError, urllib3.exceptions.ProtocolError)

    @contextmanager
    def session(self):
        session = URLLib3Session(timeout=self.timeout)
        try:
            yield session
        finally:
            session.close()

    def exchange(self, session, call):
        request = AWSRequest(call.method, call.url, call.headers, call.body)
        answer = session.send(request.prepare())
        return Got(
            answer.status_code,
            answer.raw.reason,
            lowered(answer.raw.headers.items()),
            answer.content,
        )

    @contextmanager
    def streaming(self, session, url):
        answer = session.send(AWSRequest("GET", url, stream_output=True).prepare())
        try:
            yield answer.raw.stream()
        finally:
            answer.raw.close()
            answer.raw.release_conn()


# A client of httpx that makes its own spends more time on that than on its requests.
_TLS = ssl.create_default_context()


def _got_httpx(answer: Any, session: Any) -> Got:
    return Got(
        answer.status_code,
        answer.reason_phrase,
        lowered(answer.headers.multi_items()),
        answer.content,
        [each.status_code for each in answer.history],
        dict(session.cookies.items()),
    )


class Httpx(Client):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module, self.name = module, module.__name__
        self.refused, self.timed_out = module.ConnectError, module.ReadTimeout
        self.broken = module.RemoteProtocolError

    def session(self):
        return self.module.Client(trust_env=False, timeout=self.timeout, verify=_TLS)

    def exchange(self, session, call):
        answer = session.request(
            call.method,
            call.url,
            headers=call.headers,
            content=call.body,
            follow_redirects=call.follow,
        )
        return _got_httpx(answer, session)

    @contextmanager
    def streaming(self, session, url):
        with session.stream("GET", url) as answer:
            yield answer.iter_raw()


class HttpxAsync(AsyncClient):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module, self.name = module, f"{module.__name__}-async"
        self.refused, self.timed_out = module.ConnectError, module.ReadTimeout
        self.broken = module.RemoteProtocolError

    def session(self):
        return self.module.AsyncClient(trust_env=False, timeout=self.timeout, verify=_TLS)

    async def exchange(self, session, call):
        answer = await session.request(
            call.method,
            call.url,
            headers=call.headers,
            content=call.body,
            follow_redirects=call.follow,
        )
        return _got_httpx(answer, session)

    @asynccontextmanager
    async def streaming(self, session, url):
        async with session.stream("GET", url) as answer:
            yield answer.aiter_raw()


class Aiohttp(AsyncClient):
    name = "aiohttp"
    refused = aiohttp.ClientConnectorError
    timed_out = aiohttp.ServerTimeoutError
    broken = (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError)

    def session(self):
        return aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(sock_connect=self.timeout, sock_read=self.timeout),
        )

    async def exchange(self, session, call):
        async with session.request(
            call.method,
            call.url,
            headers=call.headers,
            data=call.body,
            allow_redirects=call.follow,
        ) as answer:
            return Got(
                answer.status,
                answer.reason,
                lowered(answer.headers.items()),
                await answer.read(),
                [each.status for each in answer.history],
                {cookie.key: cookie.value for cookie in session.cookie_jar},
            )

    @asynccontextmanager
    async def streaming(self, session, url):
        async with session.get(url) as answer:
            yield _data(answer.content.iter_chunks())


async def _data(chunks: Any) -> AsyncIterator[bytes]:
    async for data, _ in chunks:
        if data:
            yield data


CLIENTS: dict[str, Callable[[], Client]] = {
    "requests": Requests,
    "urllib3": Urllib3,
    "http.client": HttpClient,
    "urllib.request": UrllibRequest,
    "botocore": Botocore,
    "httpx": lambda: Httpx(httpx),
    "httpx-async": lambda: HttpxAsync(httpx),
    "httpx2": lambda: Httpx(httpx2),
    "httpx2-async": lambda: HttpxAsync(httpx2),
    "aiohttp": Aiohttp,
}
