"""The tokens of one response, counted from the counters of any provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one response; None where the response does not say.

    Attributes:
        input_tokens: All tokens of the prompt, including those read from and written to the
            provider's prompt cache. Anthropic counts these separately; here they are added.
        output_tokens: All tokens of the output, including those of reasoning.
        cache_read_tokens: Tokens of the prompt that came from the provider's prompt cache.
        cache_write_tokens: Tokens of the prompt that were written to it.
        cost: The price that the router charges, in US dollars (Requesty, OpenRouter).
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class UsageFields:
    """The names of a provider's counters.

    Attributes:
        containers: The objects of a response that hold the counters.
        holders: Objects of a response or an event that hold such a container.
        input: The tokens of the whole prompt.
        input_plus: Tokens that `input` does not include.
        input_uncached: The tokens of the prompt without those of the prompt cache. If the counters
            have `details`, they include those of the cache after all.
        output: The tokens of the whole output.
        output_parts: Counters that add up to the whole output.
        total: The tokens of a prompt that was only counted, not sent to a model.
        cache_read: Tokens read from the prompt cache.
        cache_write: Tokens written to the prompt cache.
        details: Objects within the counters that hold `details_read` and `details_write`.
        details_read: The same as `cache_read`.
        details_write: The same as `cache_write`.
        nested: An object within the counters that holds the actual counters.
        cost: The price in US dollars.
    """

    containers: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    input: tuple[str, ...] = ()
    input_plus: tuple[str, ...] = ()
    input_uncached: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    output_parts: tuple[tuple[str, ...], ...] = ()
    total: tuple[str, ...] = ()
    cache_read: tuple[str, ...] = ()
    cache_write: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    details_read: tuple[str, ...] = ()
    details_write: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()

    @classmethod
    def merged(cls, several: Iterable[UsageFields]) -> UsageFields:
        """Return the names of several providers, in their order."""
        names: dict[str, tuple[Any, ...]] = {}
        for fields in several:
            for name in cls.__slots__:
                known = names.get(name, ())
                own = getattr(fields, name)
                names[name] = (*known, *(each for each in own if each not in known))
        return cls(**names)

    @property
    def counters(self) -> tuple[str, ...]:
        """The names that make an object an object of counters."""
        return (*self.input, *self.input_uncached, *self.output, *self.total)

    def find(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the counters of a response or of an event, without those that are null.

        Args:
            document: The response, an event of it, or the counters themselves.
        """
        found = self._find(document)
        return {name: value for name, value in found.items() if value is not None}

    def _find(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        # Every event of a stream comes here. JSON makes dicts, and `Mapping` is slow to check.
        for holder in (document, *[document.get(name) for name in self.holders]):
            if isinstance(holder, dict):
                for name in self.containers:
                    if isinstance(found := holder.get(name), dict):
                        return found
        return document if any(name in document for name in self.counters) else {}

    def count(self, counters: Mapping[str, Any]) -> Usage:
        """Return the usage that the counters of one response add up to."""
        for name in self.nested:
            if isinstance(inner := counters.get(name), Mapping):
                counters = inner
        details: Mapping[str, Any] = next(
            (counters[name] for name in self.details if isinstance(counters.get(name), Mapping)), {}
        )
        read = _first(details, self.details_read)
        write = _first(details, self.details_write)
        cost = next((counters[name] for name in self.cost if name in counters), None)
        return Usage(
            input_tokens=self._input(counters, details),
            output_tokens=self._output(counters),
            cache_read_tokens=_first(counters, self.cache_read) if read is None else read,
            cache_write_tokens=_first(counters, self.cache_write) if write is None else write,
            cost=float(cost) if _is_number(cost) else None,
        )

    def _input(self, counters: Mapping[str, Any], details: Mapping[str, Any]) -> int | None:
        whole = _first(counters, self.input)
        if whole is not None:
            return whole + (_first(counters, self.input_plus) or 0)
        uncached = _first(counters, self.input_uncached)
        if uncached is None and self._output(counters) is None:
            return _first(counters, self.total)
        if uncached is None or details:
            return uncached
        cached = _first(counters, self.cache_read) or 0, _first(counters, self.cache_write) or 0
        return uncached + sum(cached)

    def _output(self, counters: Mapping[str, Any]) -> int | None:
        whole = _first(counters, self.output)
        if whole is not None:
            return whole
        parts = [_first(counters, names) for names in self.output_parts]
        known = [part for part in parts if part is not None]
        return sum(known) if known else None


# More tokens than anybody ever paid for: a larger number is not a count.
_MOST = 10**15


def _is_number(value: Any) -> TypeGuard[int | float]:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and -_MOST < value < _MOST


def _first(counters: Mapping[str, Any], names: Iterable[str]) -> int | None:
    """Return the first counter that is there."""
    for name in names:
        value = counters.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST:
            return value
    return None
