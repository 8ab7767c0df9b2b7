"""A test's calls of models in order: what each sent, where its answer came from, what it cost.

What makes a provider's prompt cache miss is a prompt that does not begin as the one before it did.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import AutoCacheError, UsageError
from ..http.messages import Request, Response
from . import router_flag as auto_cache
from .usage import Usage, usage_of

# In the order in which providers put them together to what they cache.
_PARTS = (
    *("tools", "toolConfig"),
    *("system", "instructions", "systemInstruction", "system_instruction"),
    *auto_cache.PROMPTS,
)
# A mark that moves on with each turn, and no part of the prompt.
_MARKS = ("cache_control", "cachePoint")


@dataclass(frozen=True, slots=True)
class PromptCall:
    """One call of a model.

    Attributes:
        url: Where it was asked.
        model: The model as it was named.
        provider: The prefix of the model, else who made its family; empty if neither is known.
        auto_cache: The flag that was sent; None if there was none.
        from_cache: Whether the test's `CachedSession` answered, and not upstream.
        status: Status of the answer; None if there was none.
        usage: The tokens that the answer tells; None where there is no answer of a model.
        moved: Where the prompt leaves that of the call before it to the same model, as a path into
            its JSON (`messages[0].content`); empty if it begins with all of it, and for the first.
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
        """Whether the prompt begins with all of the one before it."""
        return not self.moved


FindAnswer = Callable[[], Response | None]


@dataclass(slots=True)
class Entry:
    """A call, and how to find its answer once it is there."""

    request: Request
    find_answer: FindAnswer | None = None
    from_cache: bool = False


class PromptLog:
    """Takes note of requests as they are answered; what of it are prompts is told when asked.

    Attributes:
        problems: What was wrong with flags, however their senders took it.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._thread = threading.local()
        self.problems: list[AutoCacheError] = []

    @property
    def inside(self) -> bool:
        """Whether this thread asks on behalf of the test's session."""
        return bool(getattr(self._thread, "entries", ()))

    @contextmanager
    def session(self, request: Request) -> Iterator[None]:
        """Makes what this thread asks the session's, for the one call that `request` is."""
        if self.inside:
            # A redirect is asked for on the way, and part of the call.
            yield
            return
        noted = getattr(self._thread, "noted", None)
        with self._for(noted if noted is not None else self.note(request)):
            yield

    @contextmanager
    def noted(self, entry: Entry | None) -> Iterator[None]:
        """Makes the call that comes next in this thread one that was noted before."""
        self._thread.noted = entry
        try:
            yield
        finally:
            self._thread.noted = None

    @contextmanager
    def refresh(self) -> Iterator[None]:
        """Makes what this thread asks the session's own, for no call at all."""
        with self._for(None):
            yield

    @contextmanager
    def _for(self, entry: Entry | None) -> Iterator[None]:
        before = getattr(self._thread, "entries", ())
        self._thread.entries = (*before, entry)
        try:
            yield
        finally:
            self._thread.entries = before

    def answered(
        self,
        request: Request,
        find_answer: FindAnswer,
        *,
        from_cache: bool = False,
        unless_known: bool = False,
    ) -> None:
        """Notes where the answer to `request` is found, once it is there.

        Args:
            request: What was asked.
            find_answer: Finds the answer.
            from_cache: Whether the session's cache gave it.
            unless_known: Whether what was noted before holds, if anything was.
        """
        entry = self._thread.entries[-1] if self.inside else self.note(request)
        if entry is not None and not (unless_known and entry.find_answer):
            entry.find_answer, entry.from_cache = find_answer, from_cache

    def note(self, request: Request) -> Entry | None:
        """Notes that `request` was asked; None for what is no prompt."""
        if request.method.upper() != "POST" or request.body.lstrip()[:1] != b"{":
            return None
        entry = Entry(request)
        self._entries.append(entry)
        return entry

    def calls(self) -> tuple[PromptCall, ...]:
        """The calls of models until now."""
        last: dict[str, dict[str, Any]] = {}
        return tuple(call for entry in [*self._entries] if (call := _call(entry, last)))


def _call(entry: Entry, last: dict[str, dict[str, Any]]) -> PromptCall | None:
    request = entry.request
    fields = auto_cache.document(request)
    if fields is None or not auto_cache.is_prompt(request, fields):
        return None
    model = auto_cache.model_of(request, fields)
    before, last[model] = last.get(model), fields
    try:
        flag = auto_cache.flag_of(request, fields)
    except AutoCacheError:
        flag = None
    answer = entry.find_answer() if entry.find_answer else None
    return PromptCall(
        url=request.url,
        model=model,
        provider=auto_cache.provider_of(model),
        auto_cache=flag,
        from_cache=entry.from_cache,
        status=answer.status if answer else None,
        usage=_usage(answer),
        moved=moved(before, fields) if before is not None else "",
    )


def _usage(answer: Response | None) -> Usage | None:
    try:
        return usage_of(answer) if answer else None
    except UsageError:
        return None


def moved(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Where the prompt `now` leaves the prompt `before`; empty if it begins with all of it.

    Args:
        before: The body of a request to a model.
        now: The body of a later one.
    """
    for name in _PARTS:
        if name in auto_cache.PROMPTS:
            # What the provider has kept of the conversation is not sent again.
            going_on = now.get("previous_response_id") and name == "input"
            found = "" if going_on else _left(name, before.get(name), now.get(name))
        else:
            found = _differs(name, before.get(name), now.get(name))
        if found:
            return found
    return ""


def _left(name: str, before: Any, now: Any) -> str:
    """Where `now` does not go on as `before` began."""
    if isinstance(before, str) and isinstance(now, list):
        # What OpenAI's responses make of a text.
        before = [{"role": "user", "content": before}]
    if isinstance(before, list) and isinstance(now, list):
        return _differs(name, before, now[: len(before)])
    if isinstance(before, str) and isinstance(now, str):
        return "" if now.startswith(before) else name
    return _differs(name, before, now)


def _differs(place: str, before: Any, now: Any) -> str:
    """The first place where two values differ; empty if there is none."""
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
    """Text as the block of text that it stands for, where the other is written in blocks."""
    if isinstance(value, str) and isinstance(beside, list):
        return [{"type": "text", "text": value}]
    # A block that is but the mark of where to cache.
    if isinstance(value, list):
        return [each for each in value if not _is_mark(each)]
    return value


def _is_mark(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and set(value) <= set(_MARKS)
