"""Requests that are equal on the cassette, because they differ in redacted values only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from ..http.body.kinds import leaves
from ..http.messages import Request, Response
from ..matching.matcher import Key


def redacted_twins(
    sent: Mapping[int, tuple[Key, Request, Request]],
    find_response: Callable[[int], Response | None],
    find_number: Callable[[int], int | None],
    headers: Callable[[Request], Iterable[tuple[str, str]]],
) -> Iterator[str]:
    """Yield a warning for each request that a replay may give the response of another.

    Args:
        sent: The key of each request, as it was sent and as it is redacted, by its number.
        find_response: Returns the recorded response to the request with a number.
        find_number: Returns the number of its interaction on the cassette, if it has one.
        headers: Returns the headers of a request that are compared.
    """
    first: dict[Key, int] = {}
    warned = set()
    for order, (key, raw, redacted) in sorted(sent.items()):
        before = first.setdefault(key, order)
        if before == order or key in warned or raw == sent[before][1]:
            continue
        one, other = find_response(before), find_response(order)
        if one is None or other is None or one.body == other.body:
            continue
        # A token that upstream has issued before is another each time.
        earlier = filter(None, (find_response(at) for at in sent if at < order))
        issued = b"".join(response.body for response in earlier)
        values, others, placeholders = (
            _values(each, headers) for each in (sent[before][1], raw, redacted)
        )
        names = [
            name
            for name, value in placeholders.items()
            if values.get(name) != others.get(name)
            and "<" in value
            and others.get(name, "").encode() not in issued
        ]
        if names:
            warned.add(key)
            verb = "is" if len(names) == 1 else "are"
            yield (
                f"{redacted.method} {redacted.url} was sent with different values of "
                f"{', '.join(map(repr, names))}, which {verb} redacted, and got different "
                f"responses: interactions {find_number(before)} and {find_number(order)}. On the "
                "cassette these requests are equal and replay in their order. "
                f"If the values are not secret, set agentcache_redact = "
                f"{' '.join(f'!{name}' for name in names)} and record again"
            )


def _values(
    request: Request, headers: Callable[[Request], Iterable[tuple[str, str]]]
) -> dict[str, str]:
    """Return the values of a request that have a name: headers, its query and its body."""
    found = dict(headers(request))
    found |= parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    for leaf in leaves(request.body, request.content_type):
        found[leaf.name] = leaf.text
    return found
