"""The client requests-cache: its sessions use only the cassette, its caches are isolated."""

from __future__ import annotations

import functools
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ..cache.prepared import from_prepared
from ..replay.dispatcher import DISPATCHER, find_caller
from ..replay.refreshes import Refresh
from ..replay.responder import Responder
from ..state import CACHE_ISOLATION
from . import cache_servers

MODULES = ("requests_cache",)


def install(module: Any) -> None:
    """Patch `requests_cache` for the rest of the process."""
    _hold(module.session)
    _queue_refreshes(module.session)
    _isolate(module)
    cache_servers.install(module.backends)


def _comes_down(original: Any, session: Any, request: Any) -> bool:
    """Return true if `request`, once it leaves the cache, reaches a client module and no mock.

    requests-mock mounts adapters of its own or puts another `send` into requests' sessions,
    `responses` puts one into its adapters; what they know needs no cassette. `original` is the
    class of requests that a `CachedSession` derives from.
    """
    from requests.adapters import HTTPAdapter
    from requests.exceptions import InvalidSchema

    try:
        adapter = session.get_adapter(url=request.url)
    except InvalidSchema:
        return False
    return isinstance(adapter, HTTPAdapter) and all(
        cls.send.__module__ == cls.__module__ for cls in (HTTPAdapter, original)
    )


@dataclass(slots=True)
class _Sending:
    """A request on its way through a session.

    Attributes:
        session: The session.
        allowed: Whether it may be held: the caller did not set `only_if_cached` itself.
        line: Left when the session has returned its response.
        held_by: The responder that cannot answer it, if it is held.
    """

    session: Any
    allowed: bool
    line: ExitStack
    held_by: Responder | None = None


def _hold(session: Any) -> None:
    """Send every request that the cassette could not answer with `only_if_cached`.

    In the client below it would be too late: a 504 from there looks like a failure of upstream,
    although a request with a stale response in the cache must get that.

    Equal requests of several threads wait for each other, so that it is not chance how many of them
    find the response in the cache.
    """
    mixin, actions, get_504 = session.CacheMixin, session.CacheActions, session.get_504_response
    send, from_request = mixin.send, actions.from_request
    thread = threading.local()

    def send_held(
        self: Any,
        request: Any,
        expire_after: Any = None,
        only_if_cached: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        asked_for = (
            only_if_cached
            or self.settings.only_if_cached
            or "only-if-cached" in str(request.headers.get("Cache-Control", ""))
        )
        before = getattr(thread, "sending", None)
        with ExitStack() as line:
            thread.sending = _Sending(self, not asked_for, line)
            try:
                return send(self, request, expire_after, only_if_cached, *args, **kwargs)
            finally:
                thread.sending = before

    # Called when the key is known, and before the cache is read.
    def from_request_held(cache_key: str, request: Any, settings: Any = None, **kwargs: Any) -> Any:
        made = from_request(cache_key, request, settings, **kwargs)
        sending: _Sending | None = getattr(thread, "sending", None)
        responder = _in_charge()
        if sending is None or responder is None or settings is None:
            return made
        if not settings.disabled and request.method in settings.allowable_methods:
            sending.line.enter_context(responder.in_line(cache_key, sending.session))
        else:
            responder.refreshes.run(sending.session)
        if (
            sending.allowed
            and not responder.can_answer(from_prepared(request))
            and _comes_down(session.OriginalSession, sending.session, request)
        ):
            sending.held_by = responder
            # As an argument, it would become a header and part of the key.
            made._only_if_cached = True
        return made

    def get_504_told(request: Any) -> Any:
        sending: _Sending | None = getattr(thread, "sending", None)
        responder = sending.held_by if sending is not None else None
        if responder is None:
            return get_504(request)
        asked = from_prepared(request)
        kind = responder.kind_of_miss(asked)
        answer = responder.miss(responder.normalized(asked), kind, find_caller())
        response = get_504(request)
        response._content = answer.body
        response.headers.update(dict(answer.headers))
        response.raw.reset(answer.body)
        return response

    mixin.send, actions.from_request = send_held, staticmethod(from_request_held)
    session.get_504_response = get_504_told


def _queue_refreshes(session: Any) -> None:
    """Queue the refreshes of stale-while-revalidate.

    In threads of their own, they would outlive the test and run at a different time in each run.
    """
    mixin = session.CacheMixin
    resend_async = mixin._resend_async

    def resend_later(self: Any, request: Any, actions: Any, cached: Any, **kwargs: Any) -> None:
        responder, caller = _in_charge(), find_caller()
        if responder is None:
            resend_async(self, request, actions, cached, **kwargs)
            return
        # A revalidation would change the stale response that the caller has.
        mine = session.CachedResponse.from_response(cached, headers=cached.headers.copy())
        later = request.copy()

        def run() -> None:
            with DISPATCHER.acting_for(lambda: caller):
                answer = self._send_and_cache(later, actions, mine, **kwargs)
            # A response that is not stored leaves the stale one; a miss is reported as a miss.
            stored = answer.status_code in self.settings.allowable_codes
            if not stored and answer.reason != "Not Cached":
                answer.raise_for_status()

        asked = responder.normalized(from_prepared(later))
        responder.refreshes.pending.append(Refresh(asked, caller, self, run))

    mixin._resend_async = resend_later


def _in_charge() -> Responder | None:
    responder = DISPATCHER.owner()
    return responder if responder is not None and not responder.closed else None


def _isolate(module: Any) -> None:
    """Give each test its own caches, in the test's folder, with any way of opening them."""
    backends = module.backends

    def redirected(get_cache_path: Any) -> Any:
        def get_own_path(db_path: Any, *args: Any, **kwargs: Any) -> Any:
            caches = DISPATCHER.caches
            if caches is None:
                return get_cache_path(db_path, *args, **kwargs)
            return get_cache_path(caches.path(db_path))

        return get_own_path

    for backend in (backends.sqlite, backends.filesystem):
        backend.get_cache_path = redirected(backend.get_cache_path)

    get_sqlite_path = backends.sqlite._get_sqlite_cache_path

    def get_own_sqlite_path(*args: Any, **kwargs: Any) -> Any:
        path, caches = get_sqlite_path(*args, **kwargs), DISPATCHER.caches
        # By default, all sessions of a process share this in-memory database.
        return caches.memory() if caches and path == backends.sqlite.MEMORY_URI else path

    backends.sqlite._get_sqlite_cache_path = get_own_sqlite_path

    def stamped(init: Any) -> Any:
        @functools.wraps(init)
        def init_stamped(self: Any, *args: Any, **kwargs: Any) -> None:
            CACHE_ISOLATION.set(self, DISPATCHER.caches)
            init(self, *args, **kwargs)

        return init_stamped

    backends.BaseCache.__init__ = stamped(backends.BaseCache.__init__)

    def cache(self: Any) -> Any:
        if "cache" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'cache' yet")
        caches, own = DISPATCHER.caches, self.__dict__["cache"]
        return own if caches is None else caches.own(own)

    def set_cache(self: Any, value: Any) -> None:
        self.__dict__["cache"] = value

    module.session.CacheMixin.cache = property(cache, set_cache)
