"""The test's `CachedSession`: that of requests-cache, under the router's `auto_cache`."""

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
from .prepared import asked


class IsolatedSession(CachedSession):
    """A `CachedSession` in which `requesty.auto_cache` overrides what it may cache.

    Args:
        agentcache: What holds for the test.
        prompts: Takes note of what is asked.
        options: As for `CachedSession`.
    """

    def __init__(self, agentcache: Settings, prompts: PromptLog, **options: Any) -> None:
        self._agentcache, self._prompts = agentcache, prompts
        # What holds for the request that a thread sends, and for no other.
        self._sending = threading.local()
        super().__init__(**options)
        self.cache.create_key = partial(  # type: ignore[method-assign]
            self._create_key, self.cache.create_key
        )

    @property
    def settings(self) -> CacheSettings:
        """The settings of the cache, as they are for the request that this thread sends."""
        return getattr(self._sending, "settings", None) or self.cache._settings

    @settings.setter
    def settings(self, value: CacheSettings) -> None:
        self.cache._settings = value

    @property
    def cookies(self) -> RequestsCookieJar:
        """The session's cookies; a client's own while the session answers for it."""
        jar: RequestsCookieJar | None = getattr(self._sending, "cookies", None)
        own: RequestsCookieJar = self.__dict__["cookies"]
        return own if jar is None else jar

    @cookies.setter
    def cookies(self, jar: RequestsCookieJar) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.__dict__["cookies"] = jar

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """As `CachedSession.send`, with the settings that the request asks for."""
        __tracebackhide__ = True
        wanted = asked(request)
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
            # Agents catch whatever is raised.
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
            # What went straight through. What is not read yet is not to be read here.
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
        """The key under which the cache finds what was asked with another flag, trace or user.

        A `key_fn` of the user's sees all of the request: its keys are its own.
        """
        if self.cache._settings.key_fn is None:
            request = _without_flag(request)
        try:
            return create(request, *args, **kw)
        except UnicodeDecodeError:
            if not self._answers:
                raise
            # requests-cache reads a form as text; a client may send what is none.
            request = request.copy()
            request.body = request.body.hex()
            return create(request, *args, **kw)

    @property
    def _answers(self) -> bool:
        """Whether this thread answers for another client."""
        return getattr(self._sending, "cookies", None) is not None

    def answer(
        self, request: PreparedRequest, timeout: tuple[float | None, float | None] | None = None
    ) -> Any:
        """Answers in place of upstream: the client itself has cookies, and follows redirects.

        Args:
            request: What the client asks for.
            timeout: How long it waits for a connection and for an answer, in seconds.
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
        """Where a redirect leads; a client for which the session answers finds that out itself."""
        return None if self._answers else super().get_redirect_target(resp)


def answer_of(response: Any) -> Answer:
    """A response of requests as the value that edges play, its body read to the end."""
    fields: Any = response.raw.headers if response.raw is not None else response.headers
    if isinstance(response, CachedResponse):
        fields = response.headers
    framing = ("content-encoding", "transfer-encoding", "connection", "keep-alive")
    headers = Headers.of(fields.items()).without(*framing)
    if response.request.method != "HEAD":
        headers = headers.without("content-length")
    content = response.content or b""
    return Answer(response.status_code, headers, content, response.reason or "")


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
