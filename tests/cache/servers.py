"""Servers on loopback that caches lie on: real clients speak to them over real sockets.

MongoDB is the exception: no server can be run in a test, so its client keeps everything in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

Keywords = dict[str, Any]


@pytest.fixture(scope="session")
def redis_keywords() -> Iterator[Keywords]:
    """Return the keyword arguments for a session on Redis."""
    import fakeredis

    server = fakeredis.TcpFakeServer(("127.0.0.1", 0))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield {"host": "127.0.0.1", "port": server.server_address[1]}
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def dynamodb_keywords() -> Iterator[Keywords]:
    """Return the keyword arguments for a session on DynamoDB."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "endpoint_url": f"http://{host}:{port}",
        "region_name": "eu-central-1",
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
    }
    server.stop()


@pytest.fixture(scope="session")
def mongodb_keywords() -> Keywords:
    """Return the keyword arguments for a session on MongoDB."""
    import mongomock

    return {"connection": mongomock.MongoClient()}


@pytest.fixture(scope="session")
def gridfs_keywords(mongodb_keywords: Keywords) -> Keywords:
    """Return the keyword arguments for a session on GridFS of the same MongoDB."""
    from gridfs.synchronous import grid_file
    from mongomock.gridfs import enable_gridfs_integration

    enable_gridfs_integration()
    made = grid_file.GridOutCursor

    def with_filter(collection: Any, wanted: Any = None, *args: Any, **keywords: Any) -> Any:
        # A find() without a filter is one for everything; mongomock takes it for an error.
        return made(collection, wanted or {}, *args, **keywords)

    grid_file.GridOutCursor = with_filter
    return mongodb_keywords


@pytest.fixture
def keywords_of(request: pytest.FixtureRequest) -> Any:
    """The keywords with which a session has its cache on a backend, by its name."""

    def find(backend: str) -> Keywords:
        if backend in ("filesystem", "sqlite", "memory"):
            return {"backend": backend}
        return {"backend": backend, **request.getfixturevalue(f"{backend}_keywords")}

    return find
