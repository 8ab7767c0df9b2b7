"""gRPC, which opens its connections in C: calls are refused where the network is closed.

A channel connects with its first call, so that making one is always allowed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from ..errors import NetworkBlocked
from ..replay.dispatcher import DISPATCHER

LIBRARY = "grpc"
_PORT = 443
_NO_HOST = ("unix:", "unix-abstract:", "vsock:")
_SCHEME = re.compile(r"^(?:dns|ipv4|ipv6|passthrough):(?://[^/]*/)?")


def install(module: Any) -> None:
    """Patch the functions of `module` that make channels, for the rest of the process."""
    for name in ("insecure_channel", "secure_channel"):
        setattr(module, name, _making(module, getattr(module, name)))
        setattr(module.aio, name, _making_async(module.aio, module, getattr(module.aio, name)))


def _making(module: Any, make: Callable[..., Any]) -> Callable[..., Any]:
    unavailable, interceptor = _unavailable(module), _interceptor(module)

    @functools.wraps(make)
    def make_checked(target: str, *arguments: Any, **options: Any) -> Any:
        channel = make(target, *arguments, **options)
        refuse = functools.partial(_check, target, unavailable)
        channel.subscribe = _trying(channel.subscribe, refuse)
        return module.intercept_channel(channel, interceptor(refuse))

    return make_checked


def _making_async(aio: Any, module: Any, make: Callable[..., Any]) -> Callable[..., Any]:
    def error(text: str) -> Exception:
        made: Exception = aio.AioRpcError(
            module.StatusCode.UNAVAILABLE, aio.Metadata(), aio.Metadata(), details=text
        )
        return made

    @functools.wraps(make)
    def make_checked(target: str, *arguments: Any, **options: Any) -> Any:
        refuse = functools.partial(_check, target, error)
        # Last, so that what the user's own interceptors answer is not refused.
        own = options.pop("interceptors", None) or ()
        channel = make(
            target, *arguments, interceptors=[*own, *_async_interceptors(aio, refuse)], **options
        )
        channel.get_state = _trying(channel.get_state, refuse)
        return channel

    return make_checked


def _check(target: str, error: Callable[[str], Exception]) -> None:
    """Raise the error of a library for a channel to a host that is not allowed."""
    guard = DISPATCHER.guard
    if guard is None:
        return
    try:
        for host, port in _hosts(target):
            guard.check_host(host, port)
    except NetworkBlocked as blocked:
        raise error(str(blocked)) from blocked


def _hosts(target: str) -> Iterator[tuple[str, int]]:
    """Yield the hosts and ports of a target, such as `dns:///api.example:50051`."""
    if target.startswith(_NO_HOST):
        return
    for each in _SCHEME.sub("", target).split(","):
        host, found, port = each.rpartition(":")
        if found and port.isdecimal() and (":" not in host or host.endswith("]")):
            yield host.strip("[]"), int(port)
        else:
            yield each.strip("[]"), _PORT


def _trying(method: Callable[..., Any], refuse: Callable[[], None]) -> Callable[..., Any]:
    """Return a method of a channel that connects if `try_to_connect` is true."""

    @functools.wraps(method)
    def method_checked(*arguments: Any, **options: Any) -> Any:
        # The last argument of `subscribe`, and the only one of `get_state`.
        if options.get("try_to_connect") or (arguments and arguments[-1] is True):
            refuse()
        return method(*arguments, **options)

    return method_checked


def _unavailable(module: Any) -> Callable[[str], Exception]:
    class Unavailable(module.RpcError):  # type: ignore[misc]
        def code(self) -> Any:
            return module.StatusCode.UNAVAILABLE

        def details(self) -> str:
            return str(self)

    made: Callable[[str], Exception] = cast("Any", Unavailable)
    return made


def _interceptor(module: Any) -> type:
    class Refusing(
        module.UnaryUnaryClientInterceptor,  # type: ignore[misc]
        module.UnaryStreamClientInterceptor,  # type: ignore[misc]
        module.StreamUnaryClientInterceptor,  # type: ignore[misc]
        module.StreamStreamClientInterceptor,  # type: ignore[misc]
    ):
        def __init__(self, refuse: Callable[[], None]) -> None:
            self._refuse = refuse

        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            self._refuse()
            return continuation(details, request)

        intercept_unary_stream = intercept_unary_unary
        intercept_stream_unary = intercept_unary_unary
        intercept_stream_stream = intercept_unary_unary

    return Refusing


def _async_interceptors(aio: Any, refuse: Callable[[], None]) -> list[Any]:
    """Return an interceptor of each kind: one for all is taken for the first kind only."""

    async def intercept(_self: Any, continuation: Any, details: Any, request: Any) -> Any:
        refuse()
        return await continuation(details, request)

    return [
        type("Refusing", (getattr(aio, f"{kind}ClientInterceptor"),), {_method(kind): intercept})()
        for kind in ("UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream")
    ]


def _method(kind: str) -> str:
    """Return the name of the method of an interceptor: `intercept_unary_unary`."""
    return "intercept" + re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", kind)
