"""The cost of a request with one tool and one client, in a process of its own.

python benchmarks/requests_of.py replay TOOL CLIENT COUNT URL    # microseconds of a replayed POST
python benchmarks/requests_of.py open TOOL CLIENT COUNT URL      # milliseconds to open and close
python benchmarks/requests_of.py record TOOL CLIENT COUNT URL    # milliseconds of a recorded POST
python benchmarks/requests_of.py save TOOL CLIENT COUNT URL      # milliseconds to save a response
python benchmarks/requests_of.py play SENT TOOL CLIENT COUNT URL # milliseconds to open and play

CPU time, median. `floor` is the client with a mock transport, `live` the client alone.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from upstream import BODIES

ROUNDS = 30
KEY = {"authorization": "Bearer sk-benchmark-0123456789abcdef"}


def body(number: int) -> dict[str, Any]:
    """Return a chat request of 2 KB that is unique to this number."""
    system = {"role": "system", "content": "You are helpful. " * 20}
    user = {"role": "user", "content": f"Question {number}? " + "word " * 330}
    return {"model": "gpt-4o", "messages": [system, user], "temperature": 0.5}


class Client:
    """One client, its POST and its end. `is_async` says how to call them."""

    def __init__(self, name: str, url: str, *, floor: bool) -> None:
        self.url, self.is_async = url, name in ("aiohttp", "httpx-async", "httpx2-async")
        response = BODIES["/small"][1]
        match name:
            case "requests":
                import requests

                session = requests.Session()
                session.trust_env = False
                if floor:
                    session.mount("http://", _canned_adapter(response))
                self.post = lambda n: session.post(url, json=body(n), headers=KEY).content
                self.close = session.close
            case "urllib3":
                import urllib3

                pool, headers = urllib3.PoolManager(), {**KEY, "content-type": "application/json"}
                self.post = lambda n: (
                    pool.request(
                        "POST", url, body=json.dumps(body(n)).encode(), headers=headers
                    ).data
                )
                self.close = pool.clear
            case "aiohttp":
                self.post, self.close = self._aiohttp, self._close_aiohttp
            case _:
                library = import_module(name.partition("-")[0])
                kind = library.AsyncClient if self.is_async else library.Client
                headers = {"content-type": "application/json"}
                mock = library.MockTransport(
                    lambda request: library.Response(200, headers=headers, content=response)
                )
                client = kind(transport=mock) if floor else kind(trust_env=False)
                self.post = lambda n: client.post(url, json=body(n), headers=KEY)
                self.close = client.aclose if self.is_async else client.close

    async def _aiohttp(self, number: int) -> bytes:
        import aiohttp

        if not hasattr(self, "_session"):
            self._session = aiohttp.ClientSession()
        async with self._session.post(self.url, json=body(number), headers=KEY) as response:
            return await response.read()

    async def _close_aiohttp(self) -> None:
        await self._session.close()


def _canned_adapter(response: bytes) -> Any:
    from requests.adapters import HTTPAdapter
    from urllib3.response import HTTPResponse

    class Adapter(HTTPAdapter):
        def send(self, request: Any, **_: Any) -> Any:
            canned = HTTPResponse(
                body=io.BytesIO(response),
                headers={"content-type": "application/json"},
                status=200,
                preload_content=False,
            )
            return self.build_response(request, canned)

    return Adapter()


def opened(tool: str, path: Path, url: str, count: int, *, record: bool) -> Any:
    """Return the block in which `tool` records or replays."""
    match tool:
        case "agentcache":
            from pytest_agentcache import use_cassette

            return use_cassette(path, mode="rerecord" if record else "replay")
        case "cassetter":
            import cassetter

            return cassetter.use_cassette(str(path), record_mode="all" if record else "none")
        case "vcrpy":
            import vcr

            mode = "all" if record else "none"
            return vcr.use_cassette(str(path), match_on=["method", "uri", "body"], record_mode=mode)
        case "responses":
            import responses

            mock = responses.RequestsMock(assert_all_requests_are_fired=False)
            for number in range(count):
                matcher = responses.matchers.json_params_matcher(body(number))
                mock.add("POST", url, body=BODIES["/small"][1], match=[matcher])
            return mock
        case "respx":
            import httpx
            import respx

            router = respx.mock(assert_all_called=False)
            for number in range(count):
                answer = httpx.Response(200, content=BODIES["/small"][1])
                router.post(url, json=body(number)).mock(return_value=answer)
            return router
        case _:
            return nullcontext()


def run_block(client: Client, block: AbstractContextManager[Any], count: int) -> list[float]:
    """Send `count` requests inside a block, and return the seconds of each; the last is the block.

    Its time is that of opening and closing alone.
    """
    times: list[float] = []

    async def send() -> None:
        for number in range(count):
            start = time.process_time()
            await client.post(number)
            times.append(time.process_time() - start)
        await client.close()

    start = time.process_time()
    with block:
        if client.is_async:
            asyncio.run(send())
        else:
            for number in range(count):
                begin = time.process_time()
                client.post(number)
                times.append(time.process_time() - begin)
            client.close()
    return [*times, time.process_time() - start - sum(times)]


def main(what: str, *arguments: str) -> None:
    """Print the median."""
    *sent, tool, name, number, url = arguments
    path, count = Path(tempfile.mkdtemp(), "cassette.yaml"), int(number)

    def once(*, record: bool, sends: int = count) -> list[float]:
        client = Client(name, url, floor=tool == "floor")
        return run_block(client, opened(tool, path, url, count, record=record), sends)

    if what in ("record", "save"):
        once(record=True)
        times = [once(record=True) for _ in range(ROUNDS // 3)]
        if what == "save":
            print(median(each[-1] / count for each in times) * 1e3)
        else:
            print(median(one for each in times for one in each[:-1]) * 1e3)
        return
    if what == "play":
        once(record=True)
        print(median(sum(once(record=False, sends=int(sent[0]))) for _ in range(5)) * 1e3)
        return
    if tool in ("agentcache", "cassetter", "vcrpy"):
        once(record=True)
    for _ in range(3):
        once(record=False)
    gc.freeze()
    rounds = max(3, ROUNDS * 10 // max(10, count))
    times = [once(record=False) for _ in range(rounds)]
    if what == "open":
        print(median(each[-1] for each in times) * 1e3)
    else:
        print(median(one for each in times for one in each[:-1]) * 1e6)


if __name__ == "__main__":
    os.environ.pop("AGENTCACHE_MODE", None)
    main(*sys.argv[1:])
