"""The errors that aiohttp raises for failures."""

from __future__ import annotations

import math
from typing import Any

from ..replay.decisions import Fail, Truncate
from ..replay.native_errors import caused_by


def native_error(request: Any, limits: Any, failure: Fail) -> tuple[float | None, Exception]:
    """Return the client's own timeout for a failure in seconds, and the error that it raises.

    Args:
        request: The request of aiohttp.
        limits: Its `ClientTimeout`.
        failure: The failed connection.
    """
    import aiohttp

    key, cause = request.connection_key, failure.cause()
    match failure.kind:
        case "refuse":
            # In the words of event loops.
            cause.strerror = f"Connect call failed {(key.host, key.port)}"
            return None, caused_by(failure, aiohttp.ClientConnectorError(key, cause), cause)
        case "dns":
            return None, caused_by(failure, aiohttp.ClientConnectorDNSError(key, cause), cause)
        case "tls":
            return None, caused_by(
                failure, aiohttp.ClientConnectorCertificateError(key, cause), cause
            )
        case "reset":
            return None, caused_by(failure, aiohttp.ClientOSError(*cause.args), cause)
    total = limits.total or math.inf
    if failure.kind == "connect-timeout":
        own = min(limits.connect or math.inf, limits.sock_connect or math.inf)
        error: Exception = aiohttp.ConnectionTimeoutError(
            f"Connection timeout to host {request.url}"
        )
        error.__cause__ = TimeoutError()
    else:
        own = limits.sock_read or math.inf
        error = aiohttp.SocketTimeoutError("Timeout on reading data from socket")
    if total < own:
        # The total timeout has an error of its own.
        error = TimeoutError()
    allowed = min(total, own)
    return None if allowed == math.inf else allowed, caused_by(failure, error)


def incomplete(decision: Truncate, size: int | None) -> Exception:
    """Return the client's error for a truncated body of `size` bytes, if the size is known."""
    from aiohttp import ClientPayloadError, http_exceptions

    if size is None:
        cause: Exception = http_exceptions.TransferEncodingError(
            "Not enough data to satisfy transfer length header."
        )
    else:
        cause = http_exceptions.ContentLengthError(
            "Not enough data to satisfy content length header "
            f"(received {decision.after} of {size} bytes)."
        )
    text = f"Response payload is not completed: {cause!r}"
    return caused_by(decision, ClientPayloadError(text), cause)
