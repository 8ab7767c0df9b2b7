"""A live upstream that answers as a test says, and the cache of a block on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_agentcache import Harness, use_cassette

from .servers import (  # noqa: F401 - fixtures
    dynamodb_keywords,
    gridfs_keywords,
    keywords_of,
    mongodb_keywords,
    redis_keywords,
)

Answer = tuple[int, dict[str, Any], bytes]


class Upstream:
    """An origin on loopback.

    Attributes:
        answers: By path, what it answers: status, headers, body; or a function of the request
            that gives them. A header may have a list of values.
        hits: The requests that reached it: method, path with query, headers.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[Any], Answer]] = {}
        self.hits: list[tuple[str, str, dict[str, str]]] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                if self.headers.get("transfer-encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        self.rfile.read(size + 2)
                    self.rfile.readline()
                self.sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                upstream.hits.append((self.command, self.path, dict(self.headers.items())))
                found = upstream.answers.get(self.path.partition("?")[0], (404, {}, b"nothing"))
                status, headers, body = found(self) if callable(found) else found
                self.send_response(status)
                for name, value in headers.items():
                    for each in value if isinstance(value, list) else [value]:
                        self.send_header(name, each)
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status not in (204, 304) and self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """An origin that knows no path yet."""
    server = Upstream()
    yield server
    server.stop()


Opened = Callable[..., Harness]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens a block without a cassette: its requests go to the network, its caches are isolated."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            use_cassette(tmp_path / "c.yaml", mode="live", **settings)
        )


def files(harness: Harness) -> list[Path]:
    """All files in the folder of a block's own cache."""
    folder = Path(harness.session.cache.cache_dir)
    return sorted(path for path in folder.rglob("*") if path.is_file())
