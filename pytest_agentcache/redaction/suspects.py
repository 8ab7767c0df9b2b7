"""Values that may be secrets and were not redacted: then the file is not written."""

from __future__ import annotations

import contextlib
import json
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from math import log2
from urllib.parse import parse_qsl, urlsplit

from ..http.body import leaves
from ..http.body.compression import members
from ..http.body.kinds import AWS_EVENTS, EVENT_STREAM
from ..http.body.split_stream import joined_texts
from ..http.messages import Interaction, Request, Response
from .bodies import Bodies
from .names import PLACEHOLDER, Names
from .values import Values

_HINTS = frozenset(
    re.findall(
        r"\S+",
        """
        secret secrets credential credentials password passwords passwd passphrase passcode pwd
        apikey apikeys token bearer authorization auth privatekey accesskey secretkey key jwt pin
        otp hmac pat
        """,
    )
)
# Names that contain one of the words above and hold no secret.
_OTHERS = frozenset(
    re.findall(
        r"\S+",
        """
        page next prev previous continuation sync resume cursor max min count total eos bos pad stop
        logprob logprobs thought thinking signature cache cached public idempotency dedupe id ids
        type url uri endpoint name names scope scopes limit price usage partition sort primary
        foreign hash fingerprint algorithm encrypted reasoning feature features language key_id
        format
        """,
    )
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VALUE = re.compile(r"[\w.~+/=:@!#$%^&*-]{16,4096}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_CUT_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|\s)*([A-Za-z0-9+/]{16,})"
)
_BITS = 3.2


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that may be a secret.

    Attributes:
        interaction: Its number, from 1.
        place: Its place: `request json.settings.secret`.
        why: What it looks like.
        fingerprint: The first twelve hexadecimal digits of its SHA-256.
    """

    interaction: int
    place: str
    why: str
    fingerprint: str

    def __str__(self) -> str:
        return f"interaction {self.interaction}, {self.place}: {self.why} ({self.fingerprint})"


def doubts(
    number: int, interaction: Interaction, names: Names, values: Values, bodies: Bodies
) -> Iterator[Doubt]:
    """Yield the values of a redacted interaction that may still be secrets.

    Args:
        number: Its number, from 1.
        interaction: The interaction.
        names: Decides which names are harmless.
        values: Known secrets.
        bodies: Finds texts that look like secrets.
    """
    for side, message in (("request", interaction.request), ("response", interaction.response)):
        for place, why, value in _message(message, names, values, bodies):
            yield Doubt(number, f"{side} {place}", why, fingerprint(value))


def fingerprint(value: bytes) -> str:
    """Return the first digits of the SHA-256 of a value, which identify it and do not reveal it."""
    return sha256(value).hexdigest()[:12]


_Found = Iterator[tuple[str, str, bytes]]


def _message(message: Request | Response, names: Names, values: Values, bodies: Bodies) -> _Found:
    found: list[tuple[str, str, str]] = []
    if isinstance(message, Request):
        query = urlsplit(message.url).query
        found += [(f"url, parameter {name}", name, value) for name, value in parse_qsl(query)]
    found += [(f"header {name}", name, value) for name, value in message.headers]
    found += [(e.place, e.name, e.text) for e in leaves(message.body, message.content_type)]
    for place, name, value in found:
        if _hints(name, names) and (why := _peculiar(value)):
            yield place, why, value.encode("utf-8", "surrogatepass")
    for match in _CUT_KEY.finditer(message.body):
        line = message.body.count(b"\n", 0, match.start()) + 1
        yield f"body, line {line}", "the beginning of a private key", match[1]
    # Secrets that cannot be replaced in their place: in a picture, or as hexadecimal digits.
    head = _head(message)
    whole = head + message.body
    found_marks = {span.text for span in values.spans(whole)} | set(values.hexadecimal(whole))
    for text in sorted(found_marks):
        yield "body", f"the value of {text.decode()}", message.body
    for place, content in (("head", head), ("body", message.body), *_hidden(message)):
        spans = [*values.spans(content), *bodies.shaped(content)]
        for secret, text in dict.fromkeys((content[s.start : s.stop], s.text) for s in spans):
            if text not in found_marks:
                yield place, f"what looks like {text.decode()}", secret


def _head(message: Request | Response) -> bytes:
    first = message.url if isinstance(message, Request) else message.reason
    lines = [first, *(f"{name}: {value}" for name, value in message.headers), ""]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _hidden(message: Request | Response) -> Iterator[tuple[str, bytes]]:
    """Yield the place and bytes of content that cannot be replaced in a body."""
    raw = message.body
    if AWS_EVENTS.has_type(message.content_type):
        # The events of a model, each in base64 inside an event of AWS.
        inner = []
        for _, payload in AWS_EVENTS.events(raw):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                inner.append(b64decode(json.loads(payload)["bytes"]))
        whole = b"".join(b"data: " + each + b"\n" for each in inner)
        yield "body, put together", b"\n".join(joined_texts(whole, EVENT_STREAM))
    elif b"\0" in raw:
        # Letters of two or four bytes.
        yield "body, in another charset", raw.replace(b"\0", b"")
        yield from members(raw)


def _hints(name: str, names: Names) -> bool:
    return _sounds_secret(name) and not names.is_harmless(name)


# The same names come in each event of a stream.
@lru_cache(maxsize=4096)
def _sounds_secret(name: str) -> bool:
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & _HINTS) and not words & _OTHERS


def _peculiar(value: str) -> str:
    """Return why a value looks like a secret; empty if it does not."""
    text = PLACEHOLDER.sub("", value)
    if not _VALUE.fullmatch(text) or _UUID.fullmatch(text) or "://" in text:
        return ""
    if not (any(each.isdecimal() for each in text) and any(each.isalpha() for each in text)):
        return ""
    counts = Counter(text).values()
    bits = -sum(count / len(text) * log2(count / len(text)) for count in counts)
    return f"{len(text)} characters that look random" if bits >= _BITS else ""
