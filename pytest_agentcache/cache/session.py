"""The test's `CachedSession`, which obeys the router's `auto_cache`."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from requests import PreparedRequest, Response, Session
from requests import Request as Unprepared
from requests.cookies import RequestsCookieJar
from requests_cache import CachedSession
from requests_cache.models.response import CachedResponse
from requests_cache.policy.settings import CacheSettings

from ..errors import AutoCacheError
from ..http.messages import Headers, Request
from ..http.messages import Response as Answer
from ..llm import router_flag as auto_cache
from ..llm.prompt_log import PromptLog
from ..settings.settings import Settings
from .prepared import from_prepared


class IsolatedSession(CachedSession):
    """A `CachedSession` whose settings `requesty.auto_cache` overrides.

    Args:
        agentcache: The settings of the test.
        prompts: The log of the model calls.
        options: The keywords of `CachedSession`.
    """

    def __init__(self, agentcache: Settings, prompts: PromptLog, **options: Any) -> None:
        self._agentcache, self._prompts = agentcache, prompts
        # The state of the request that each thread sends.
        self._sending = threading.local()
        super().__init__(**options)
        self.cache.create_key = partial(  # type: ignore[method-assign]
            self._create_key, self.cache.create_key
        )

    @property
    def settings(self) -> CacheSettings:
        """The settings of the cache for the request that this thread sends."""
        return getattr(self._sending, "settings", None) or self.cache._settings

    @settings.setter
    def settings(self, value: CacheSettings) -> None:
        self.cache._settings = value

    @property
    def cookies(self) -> RequestsCookieJar:
        """The session's cookies, or those of the client that it serves."""
        jar: RequestsCookieJar | None = getattr(self._sending, "cookies", None)
        own: RequestsCookieJar = self.__dict__["cookies"]
        return own if jar is None else jar

    @cookies.setter
    def cookies(self, jar: RequestsCookieJar) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.__dict__["cookies"] = jar

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send a request, as `CachedSession.send` does, with the settings of its flag."""
        __tracebackhide__ = True
        wanted = from_prepared(request)
        sending = self._sending.__dict__
        before = {name: sending.get(name) for name in ("settings", "request")}
        try:
            sending |= {"settings": None, "request": request}
            with self._prompts.session(wanted):
                sending["settings"] = self._settings_for(wanted)
                response = super().send(request, *args, **kwargs)
                self._tell(wanted, response)
        finally:
            sending |= before
        return response

    def _settings_for(self, request: Request) -> CacheSettings | None:
        try:
            caches = auto_cache.caches(request, self._agentcache)
        except AutoCacheError as error:
            # Agents may catch the exception.
            self._prompts.problems.append(error)
            raise
        if caches is None:
            return None
        settings = copy.copy(self.cache._settings)
        if caches:
            settings.allowable_methods = (*settings.allowable_methods, request.method)
        else:
            settings.disabled = True
        return settings

    def _tell(self, request: Request, response: Any) -> None:
        if isinstance(response, CachedResponse):
            found = response.status_code != 504 or response.reason != "Not Cached"
            answer = answer_of(response)
            self._prompts.answered(request, lambda: answer, from_cache=found)
        else:
            # Passed through. Do not read a body that has not been read yet.
            self._prompts.answered(
                request,
                lambda: answer_of(response) if response._content else None,
                unless_known=True,
            )

    def _send_and_cache(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        if request is self._sending.__dict__.get("request"):
            return super()._send_and_cache(request, *args, **kwargs)
        with self._prompts.refresh():
            return super()._send_and_cache(request, *args, **kwargs)

    def _create_key(self, create: Callable[..., str], request: Any, *args: Any, **kw: Any) -> str:
        """Return a key that does not depend on the flag, the trace or the user of a request.

        A user's own `key_fn` gets the unchanged request.
        """
        if self.cache._settings.key_fn is None:
            request = _without_flag(request)
        try:
            return create(request, *args, **kw)
        except UnicodeDecodeError:
            if not self._answers:
                raise
            # requests-cache decodes a form as text; a client may send other bytes.
            request = request.copy()
            request.body = request.body.hex()
            return create(request, *args, **kw)

    @property
    def _answers(self) -> bool:
        """True if this thread serves another client."""
        return getattr(self._sending, "cookies", None) is not None

    def answer(
        self, request: PreparedRequest, timeout: tuple[float | None, float | None] | None = None
    ) -> Any:
        """Respond to another client, which has its own cookies and follows redirects itself.

        Args:
            request: The request of the client.
            timeout: Its timeouts for the connection and the response, in seconds.
        """
        __tracebackhide__ = True
        way = self.merge_environment_settings(request.url, {}, False, None, None)
        request.hooks = {name: [*hooks] for name, hooks in self.hooks.items()}
        before = self._sending.__dict__.get("cookies")
        self._sending.cookies = RequestsCookieJar()
        try:
            return self.send(request, allow_redirects=False, timeout=timeout, **way)
        finally:
            self._sending.cookies = before

    def get_redirect_target(self, resp: Response) -> str | None:
        """Return the target of a redirect; None while serving another client."""
        return None if self._answers else super().get_redirect_target(resp)


def answer_of(response: Any) -> Answer:
    """Return our `Response` for one of requests, with its body read to the end."""
    fields: Any = response.raw.headers if response.raw is not None else response.headers
    if isinstance(response, CachedResponse):
        fields = response.headers
    # The session has decoded the body; the client gets it encoded again.
    framing = ("transfer-encoding", "connection", "keep-alive")
    headers = Headers.of(fields.items()).without(*framing)
    if response.request.method != "HEAD":
        headers = headers.without("content-length")
    content = response.content or b""
    return Answer(
        response.status_code, headers, content, response.reason or "", names=headers.unusual
    )


def _without_flag(request: Any) -> Any:
    if isinstance(request, Unprepared):
        if request.files or not (request.data or request.json):
            return request
        request = Session().prepare_request(request)
    body = request.body.encode() if isinstance(request.body, str) else request.body
    if not isinstance(body, bytes) or (kept := auto_cache.without_flag(body)) == body:
        return request
    request = request.copy()
    request.body = kept
    if "Content-Length" in request.headers:
        request.headers["Content-Length"] = str(len(kept))
    return request
