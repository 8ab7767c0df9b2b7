"""What aiohttp raises for what goes wrong."""

from __future__ import annotations

import math
from typing import Any

from ..faults import Fault, native


def native_error(request: Any, limits: Any, fault: Fault) -> tuple[float, Exception]:
    """After how many seconds a fault shows, and what the client raises then.

    Args:
        request: The request as aiohttp has it.
        limits: The `ClientTimeout` that it is sent with.
        fault: What goes wrong.
    """
    import aiohttp

    key, cause = request.connection_key, fault.cause()
    match fault.kind:
        case "refuse":
            # As event loops put it.
            cause.strerror = f"Connect call failed {(key.host, key.port)}"
            return 0.0, native(aiohttp.ClientConnectorError(key, cause), fault, cause)
        case "dns":
            return 0.0, native(aiohttp.ClientConnectorDNSError(key, cause), fault, cause)
        case "tls":
            return 0.0, native(aiohttp.ClientConnectorCertificateError(key, cause), fault, cause)
        case "reset":
            return 0.0, native(aiohttp.ClientOSError(*cause.args), fault, cause)
    total = limits.total or math.inf
    if fault.kind == "connect-timeout":
        own = min(limits.connect or math.inf, limits.sock_connect or math.inf)
        error: Exception = aiohttp.ConnectionTimeoutError(
            f"Connection timeout to host {request.url}"
        )
        error.__cause__ = TimeoutError()
    else:
        own = limits.sock_read or math.inf
        error = aiohttp.SocketTimeoutError("Timeout on reading data from socket")
    if total < own:
        # The time for the whole of it ends with an error of its own.
        error = TimeoutError()
    allowed = min(total, own)
    return fault.lasts(None if allowed == math.inf else allowed), native(error, fault)


def incomplete(fault: Fault, size: int | None) -> Exception:
    """What the client raises where a body breaks off that was to have `size` bytes, if it told."""
    from aiohttp import ClientPayloadError, http_exceptions

    if size is None:
        cause: Exception = http_exceptions.TransferEncodingError(
            "Not enough data to satisfy transfer length header."
        )
    else:
        cause = http_exceptions.ContentLengthError(
            "Not enough data to satisfy content length header "
            f"(received {fault.after} of {size} bytes)."
        )
    text = f"Response payload is not completed: {cause!r}"
    return native(ClientPayloadError(text), fault, cause)
