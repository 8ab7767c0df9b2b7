"""The edge for requests-cache: sessions held to the cassette, caches kept inside their test."""

from __future__ import annotations

import sys
import threading
from typing import Any

from ..interaction import Headers, Request
from ..responder import Responder
from .switchboard import SWITCHBOARD, find_caller

MODULE = "requests_cache"


def install(module: Any) -> None:
    """Patches `requests_cache` for the rest of the process."""
    _hold(module.session)
    _refresh_in_order(module.session)
    _isolate(module)


def _asked(request: Any) -> Request:
    body: Any = request.body or b""
    if not isinstance(body, (str, bytes)):
        # What can be read but once is read here, and sent from what was read.
        body = request.body = _whole(body)
        # Nothing is left to be wound back for a redirect.
        request._body_position = None
    raw = body.encode("utf-8") if isinstance(body, str) else body
    return Request(request.method, request.url, Headers.of(request.headers.items()), raw)


def _whole(body: Any) -> bytes:
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body)
    parts = [body.read()] if hasattr(body, "read") else body
    return b"".join(
        part.encode("utf-8") if isinstance(part, str) else bytes(part) for part in parts
    )


def _hold(session: Any) -> None:
    """Forces `only_if_cached` wherever the cassette could not answer.

    At the edge below it would be too late: a 504 from there looks like a failure of upstream, and
    the same request with a stale answer at hand must get that.
    """
    mixin, get_504 = session.CacheMixin, session.get_504_response
    send = mixin.send
    held = threading.local()

    def send_held(
        self: Any,
        request: Any,
        expire_after: Any = None,
        only_if_cached: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        responder = SWITCHBOARD.owner()
        asked_for = (
            only_if_cached
            or self.settings.only_if_cached
            or "only-if-cached" in str(request.headers.get("Cache-Control", ""))
        )
        if responder is None or responder.closed or asked_for:
            return send(self, request, expire_after, only_if_cached, *args, **kwargs)
        if responder.can_answer(_asked(request)):
            return send(self, request, expire_after, False, *args, **kwargs)
        before, held.by = getattr(held, "by", None), responder
        try:
            return send(self, request, expire_after, True, *args, **kwargs)
        finally:
            held.by = before

    def get_504_told(request: Any) -> Any:
        responder: Responder | None = getattr(held, "by", None)
        if responder is None:
            return get_504(request)
        asked = _asked(request)
        kind = responder.kind_of_miss(asked)
        answer = responder.miss(responder.normalized(asked), kind, find_caller())
        response = get_504(request)
        response._content = answer.body
        response.headers.update(dict(answer.headers))
        response.raw.reset(answer.body)
        return response

    mixin.send = send_held
    session.get_504_response = get_504_told


def _refresh_in_order(session: Any) -> None:
    """Runs the refresh of stale-while-revalidate at once.

    In its own thread it would outlive the test, and come at a different point each time.
    """
    mixin = session.CacheMixin
    resend_async = mixin._resend_async

    def resend_in_order(self: Any, request: Any, actions: Any, cached: Any, **kwargs: Any) -> None:
        responder = SWITCHBOARD.owner()
        if responder is None:
            resend_async(self, request, actions, cached, **kwargs)
        elif responder.can_answer(_asked(request)):
            # The caller gets the stale answer, which a revalidation would change under its hands.
            mine = session.CachedResponse.from_response(cached, headers=cached.headers.copy())
            try:
                self._send_and_cache(request, actions, mine, **kwargs)
            except Exception:  # noqa: BLE001 - reported as the thread would have done
                kind, error, trace = sys.exc_info()
                threading.excepthook(threading.ExceptHookArgs((kind, error, trace, None)))

    mixin._resend_async = resend_in_order


def _isolate(module: Any) -> None:
    """Gives each test caches of its own, whoever opens them, wherever they want to lie."""
    backends = module.backends

    def redirected(get_cache_path: Any) -> Any:
        def get_own_path(db_path: Any, *args: Any, **kwargs: Any) -> Any:
            caches = SWITCHBOARD.caches
            if caches is None:
                return get_cache_path(db_path, *args, **kwargs)
            return get_cache_path(caches.path(db_path))

        return get_own_path

    for backend in (backends.sqlite, backends.filesystem):
        backend.get_cache_path = redirected(backend.get_cache_path)

    get_sqlite_path = backends.sqlite._get_sqlite_cache_path

    def get_own_sqlite_path(*args: Any, **kwargs: Any) -> Any:
        path, caches = get_sqlite_path(*args, **kwargs), SWITCHBOARD.caches
        # The one database in memory that all sessions of a process share by default.
        return caches.memory() if caches and path == backends.sqlite.MEMORY_URI else path

    backends.sqlite._get_sqlite_cache_path = get_own_sqlite_path

    def stamped(init: Any) -> Any:
        def init_stamped(self: Any, *args: Any, **kwargs: Any) -> None:
            self.agentcache_isolation = SWITCHBOARD.caches
            init(self, *args, **kwargs)

        return init_stamped

    backends.BaseCache.__init__ = stamped(backends.BaseCache.__init__)

    def prefixed(init: Any) -> Any:
        def init_prefixed(self: Any, name: str = "http_cache", *args: Any, **kwargs: Any) -> None:
            caches = SWITCHBOARD.caches
            init(self, name if caches is None else caches.namespace(name), *args, **kwargs)

        return init_prefixed

    for server in ("redis", "mongodb", "gridfs", "dynamodb"):
        cls = backends.BACKEND_CLASSES[server]
        if issubclass(cls, backends.BaseCache):
            cls.__init__ = prefixed(cls.__init__)

    def cache(self: Any) -> Any:
        if "cache" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'cache' yet")
        caches, own = SWITCHBOARD.caches, self.__dict__["cache"]
        return own if caches is None else caches.own(own)

    def set_cache(self: Any, value: Any) -> None:
        self.__dict__["cache"] = value

    module.session.CacheMixin.cache = property(cache, set_cache)
