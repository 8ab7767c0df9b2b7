"""The mock of the library `responses`, in front of the faults and the cassette."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import responses
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from responses.registries import FirstMatchRegistry

from ..http.messages import Headers, Request
from ..state import HANDED_ON
from .values import Call


class Mock(responses.RequestsMock):
    """A `responses.RequestsMock` that passes other requests on.

    Args:
        note: Is called with each request that the mock responds to.
        normalized: Redacts and normalises a request.
    """

    def __init__(
        self, note: Callable[[Call], int], normalized: Callable[[Request], Request]
    ) -> None:
        pass_on: Any = self._pass_on
        super().__init__(assert_all_requests_are_fired=True, real_adapter_send=pass_on)
        self._calls = _NotedCalls(note, normalized)
        self._below: Any = None
        self._own: Any = None
        self._ended = False

    def start(self) -> None:
        """Put the mock in front of the current adapter. Idempotent."""
        # The library's own patching would undo another patch that was applied in between.
        if self._ended or HTTPAdapter.send is self._own:
            return
        self._below, self._own = HTTPAdapter.send, self.unbound_on_send()
        # Requests that the mock passes on are handled by a client, as those of other mocks are not.
        self._own.__module__ = HTTPAdapter.__module__
        HTTPAdapter.send = self._own  # type: ignore[method-assign]

    def stop(self, allow_assert: bool = True) -> None:
        """Remove the mock, and assert that all responses were requested, as the library does."""
        if self._own is not None and HTTPAdapter.send is self._own:
            HTTPAdapter.send = self._below  # type: ignore[method-assign]
        super().stop(allow_assert)

    def end(self) -> None:
        """Remove the mock for good."""
        self.stop(allow_assert=False)
        self._ended = True

    def set_registry(self, registry: type[FirstMatchRegistry]) -> None:
        """Set how responses are found, before any is added: see `responses.registries`."""
        self._set_registry(registry)

    @property
    def unrequested(self) -> tuple[str, ...]:
        """Method and URL of each response that must be requested and was not."""
        if not self.assert_all_requests_are_fired:
            return ()
        return tuple(
            f"{each.method} {getattr(each.url, 'pattern', each.url)}"
            for each in self.registered()
            if not each.call_count
        )

    def knows_url(self, request: Request) -> bool:
        """Return whether a response has the method and URL of `request`."""
        return any(
            each.method == request.method and each._url_matches(each.url, request.url)
            for each in self.registered()
        )

    def _on_request(
        self, adapter: Any, request: PreparedRequest, *, retries: Any = None, **kwargs: Any
    ) -> Any:
        __tracebackhide__ = True
        if self._ended or not self._knows(request, kwargs):
            return self._below(adapter, request, **kwargs)
        return super()._on_request(adapter, request, retries=retries, **kwargs)

    def _knows(self, request: Any, kwargs: dict[str, Any]) -> bool:
        """Return whether any response matches, without removing one from the registry."""
        request.params = self._parse_request_params(request.path_url)
        request.req_kwargs = kwargs
        request.body = self._read_filelike_body(request.body)
        return any(each.matches(request)[0] for each in self.registered())

    def _pass_on(self, adapter: Any, request: PreparedRequest, **kwargs: Any) -> Any:
        """Send a request that a response of the mock passes through."""
        response = self._below(adapter, request, **kwargs)
        HANDED_ON.set(response, True)
        return response


class _NotedCalls(responses.CallList):
    """The list of calls of `responses`, which also notes each call in the plan."""

    def __init__(
        self, note: Callable[[Call], int], normalized: Callable[[Request], Request]
    ) -> None:
        super().__init__()
        self._note, self._normalized = note, normalized

    def add_call(self, call: responses.Call) -> None:
        super().add_call(call)
        if HANDED_ON.get(call.response):
            # The cassette notes it.
            return
        sent: Any = call.request
        body = sent.body or b""
        raw = body.encode("utf-8") if isinstance(body, str) else body
        content = bytes(raw) if isinstance(raw, (bytes, bytearray)) else b""
        request = Request(sent.method, sent.url, Headers.of(sent.headers.items()), content)
        status = getattr(call.response, "status_code", None)
        self._note(Call(self._normalized(request), "fault", status))
