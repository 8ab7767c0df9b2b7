"""The prompts of a test in order: where each response came from, and what it cost.

A provider's prompt cache misses if a prompt does not begin like the one before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import AutoCacheError, UsageError
from ..http.body import looks_like_object
from ..http.messages import Request, Response
from . import router_flag
from .providers import PROVIDERS
from .usage import Usage, usage_of


def _cached(attribute: str) -> tuple[str, ...]:
    """Return the fields that providers with a prompt cache name in one attribute."""
    caching = (provider for provider in PROVIDERS if provider.caches_prompts)
    return tuple(dict.fromkeys(name for each in caching for name in getattr(each, attribute)))


# In the order of the prompt that providers cache.
_PARTS = (*_cached("tool_fields"), *_cached("system_fields"), *router_flag.PROMPTS)
_MARKS = _cached("cache_marks")


@dataclass(frozen=True, slots=True)
class PromptCall:
    """One call of a model.

    Attributes:
        url: The URL of the request.
        model: The model as the request names it.
        provider: The prefix of the model, else the maker of its family; empty if unknown.
        auto_cache: The flag `auto_cache` of the request; None if there was none.
        from_cache: Whether the response came from the test's `CachedSession`, not from upstream.
        status: The status of the response; None if there was none.
        usage: The tokens of the response; None if it is not the response of a model.
        moved: The first place, as a path into the JSON (`messages[0].content`), where the prompt
            differs from the previous call's to the same model. Empty for the first call, and if
            the prompt begins with the whole previous one.
    """

    url: str
    model: str
    provider: str
    auto_cache: bool | None
    from_cache: bool
    status: int | None
    usage: Usage | None
    moved: str

    @property
    def kept_prefix(self) -> bool:
        """True if the prompt begins with the whole previous one."""
        return not self.moved


FindResponse = Callable[[], Response | None]


@dataclass(slots=True)
class LoggedRequest:
    """A request, and a function that finds its response once it has arrived."""

    request: Request
    find_response: FindResponse | None = None
    from_cache: bool = False


class PromptLog:
    """The requests of a test, logged while they run. `calls` picks out the prompts.

    Attributes:
        problems: Errors of the flag `auto_cache`, whether or not the program caught them.
    """

    def __init__(self) -> None:
        self._entries: list[LoggedRequest] = []
        self._thread = threading.local()
        self.problems: list[AutoCacheError] = []

    @property
    def inside(self) -> bool:
        """True if this thread sends a request of the test's session."""
        return bool(getattr(self._thread, "entries", ()))

    @contextmanager
    def session(self, request: Request) -> Iterator[None]:
        """Attribute the requests of this thread to one call of the session."""
        if self.inside:
            # A redirect is part of the call.
            yield
            return
        noted = getattr(self._thread, "noted", None)
        with self._for(noted if noted is not None else self.note(request)):
            yield

    @contextmanager
    def noted(self, entry: LoggedRequest | None) -> Iterator[None]:
        """Attribute the next call of this thread to a request that is logged already."""
        self._thread.noted = entry
        try:
            yield
        finally:
            self._thread.noted = None

    @contextmanager
    def refresh(self) -> Iterator[None]:
        """Attribute the requests of this thread to the session, but to no call."""
        with self._for(None):
            yield

    @contextmanager
    def _for(self, entry: LoggedRequest | None) -> Iterator[None]:
        before = getattr(self._thread, "entries", ())
        self._thread.entries = (*before, entry)
        try:
            yield
        finally:
            self._thread.entries = before

    def answered(
        self,
        request: Request,
        find_response: FindResponse,
        *,
        from_cache: bool = False,
        unless_known: bool = False,
    ) -> None:
        """Log how to find the response to a request.

        Args:
            request: The request.
            find_response: Finds the response once it has arrived.
            from_cache: Whether the response comes from the session's cache.
            unless_known: Whether to keep what was logged before.
        """
        entry = self._thread.entries[-1] if self.inside else self.note(request)
        if entry is not None and not (unless_known and entry.find_response):
            entry.find_response, entry.from_cache = find_response, from_cache

    def note(self, request: Request) -> LoggedRequest | None:
        """Log a request and return its entry; None if it cannot be a prompt."""
        if request.method.upper() != "POST" or not looks_like_object(request.body):
            return None
        entry = LoggedRequest(request)
        self._entries.append(entry)
        return entry

    def calls(self) -> tuple[PromptCall, ...]:
        """Return the calls of models so far."""
        last: dict[str, dict[str, Any]] = {}
        return tuple(call for entry in [*self._entries] if (call := _call(entry, last)))


def _call(entry: LoggedRequest, last: dict[str, dict[str, Any]]) -> PromptCall | None:
    request = entry.request
    fields = router_flag.document(request)
    if fields is None or not router_flag.is_prompt(request, fields):
        return None
    model = router_flag.model_of(request, fields)
    before, last[model] = last.get(model), fields
    try:
        flag = router_flag.flag_of(request, fields)
    except AutoCacheError:
        flag = None
    response = entry.find_response() if entry.find_response else None
    return PromptCall(
        url=request.url,
        model=model,
        provider=router_flag.provider_of(model),
        auto_cache=flag,
        from_cache=entry.from_cache,
        status=response.status if response else None,
        usage=_usage(response),
        moved=moved(before, fields) if before is not None else "",
    )


def _usage(response: Response | None) -> Usage | None:
    try:
        return usage_of(response) if response else None
    except UsageError:
        return None


def moved(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Return the first place where a prompt differs from the one before; empty if it continues it.

    Args:
        before: The body of a request to a model.
        now: The body of a later one.
    """
    for name in _PARTS:
        if name in router_flag.PROMPTS:
            # The provider has kept the conversation, so it is not sent again.
            continues = now.get("previous_response_id") and name == "input"
            found = "" if continues else _leaves(name, before.get(name), now.get(name))
        else:
            found = _differs(name, before.get(name), now.get(name))
        if found:
            return found
    return ""


def _leaves(name: str, before: Any, now: Any) -> str:
    """Return the first place where `now` does not begin like `before`."""
    if isinstance(before, str) and isinstance(now, list):
        # OpenAI's responses turn a text into this.
        before = [{"role": "user", "content": before}]
    if isinstance(before, list) and isinstance(now, list):
        return _differs(name, before, now[: len(before)])
    if isinstance(before, str) and isinstance(now, str):
        return "" if now.startswith(before) else name
    return _differs(name, before, now)


def _differs(place: str, before: Any, now: Any) -> str:
    """Return the first place where two values differ; empty if they are equal."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*before, *now]):
            if name not in _MARKS and (
                found := _differs(f"{place}.{name}", before.get(name), now.get(name))
            ):
                return found
        return ""
    before, now = _blocks(before, now), _blocks(now, before)
    if isinstance(before, list) and isinstance(now, list):
        for at, (one, other) in enumerate(zip(before, now, strict=False)):
            if found := _differs(f"{place}[{at}]", one, other):
                return found
        shared = min(len(before), len(now))
        return "" if len(before) == len(now) else f"{place}[{shared}]"
    return "" if before == now else place


def _blocks(value: Any, beside: Any) -> Any:
    """Return a text as a list of blocks, if the other value is one."""
    if isinstance(value, str) and isinstance(beside, list):
        return [{"type": "text", "text": value}]
    # A block may hold nothing but a cache mark.
    if isinstance(value, list):
        return [each for each in value if not _is_mark(each)]
    return value


def _is_mark(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and set(value) <= set(_MARKS)
