"""The one table of volatile values: what differs in every recording and means nothing to a reader.

`stable_ids` replaces the ids of this table, and `agentcache diff` does not report a change from one
of its values to another. A new format of ids needs one entry here and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

UUID = rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
# What a stable id has in place of its random part: a number with two leading zeros.
NUMBERED = rb"00\d{6}"
# Letters and digits, or both cases if there is no digit: English words are neither.
_RANDOM = (
    rb"(?:" + UUID + rb"|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{8,128}"
    rb"|(?=[a-z]*[A-Z])(?=[A-Z]*[a-z])[A-Za-z]{20,128}|" + NUMBERED + rb")"
)
# The cloud that serves a model.
_CLOUD = rb"(?:bdrk_|vrtx_)?"


@dataclass(frozen=True, slots=True)
class IdFormat:
    """A format of ids: a name, a separator, and a random part.

    Attributes:
        kind: The value of the setting `stable_ids` that turns it on.
        names: The words that such ids begin with.
        separator: The character behind the name.
        infix: A pattern of what may follow the separator and is not random.
        random: A pattern of the random part.
    """

    kind: str
    names: tuple[str, ...]
    separator: str = "_"
    infix: bytes = b""
    random: bytes = _RANDOM

    @property
    def prefix(self) -> bytes:
        """A pattern of what stays in a stable id."""
        return rb"(?:%s)%s%s" % ("|".join(self.names).encode(), self.separator.encode(), self.infix)


ID_FORMATS = (
    IdFormat("call", ("chatcmpl-tool",), "-"),
    # Some routers add the index of the call.
    IdFormat(
        "call",
        ("call", "toolu", "srvtoolu", "mcptoolu"),
        infix=rb"(?:bdrk_|vrtx_|\d{1,2}_)?",
    ),
    # OpenAI's output items: calls of functions, of its own tools and of MCP servers.
    IdFormat("call", ("fc", "fco", "ctc", "ctco", "ci", "cu", "cuo", "fs", "ig", "ws")),
    IdFormat("call", ("mcp", "mcpl", "mcpr", "lsh", "sh", "shc")),
    IdFormat("call", ("tooluse",), random=rb"(?:[\w-]{20,24}|" + NUMBERED + rb")"),
    IdFormat("call", ("function-call",), "-", random=rb"\d{8,20}"),
    IdFormat("answer", ("gen",), "-", random=rb"\d{10}-[A-Za-z0-9]{8,64}"),
    IdFormat("answer", ("chatcmpl", "cmpl", "embd", "modr", "gen"), "-"),
    IdFormat("answer", ("resp", "msg", "rs", "cmp", "compact"), infix=_CLOUD),
    IdFormat("request", ("req",), infix=_CLOUD),
    IdFormat("object", ("file", "ftjob", "ftevent", "ftckpt", "snip"), "-"),
    IdFormat("object", ("batch", "batch_req", "msgbatch", "file", "cfile", "part", "upload")),
    IdFormat("object", ("vs", "vsf", "vsfb", "cntr", "container", "asst", "conv", "thread")),
    IdFormat("object", ("eval", "evalrun", "event", "item", "run", "sess", "skill", "step")),
)
# Ids without a prefix are found by their field; by kind the pattern and the prefix they are given.
NAMED_IDS = {
    # Gemini.
    "answer": (rb'responseId\\{0,7}"\s{0,64}:\s{0,64}\\{0,7}"(?P<id>[\w-]{16,64})', "response-"),
}
INSTANT = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?"
# Fields with the time of a past event. Programs act on a time in the future, such as an expiry.
TIME_FIELD = (
    rb"(?:timestamp|(?:creat|updat|complet|start|finish|fail|cancell?)ed"
    rb"|create|update|cancelling|in_progress|finalizing)(?:_?[Aa]t|_?[Tt]ime)?"
)

# Two values are compared here, so the name says enough: the random part needs no proof.
_VOLATILE_TEXT = re.compile(
    rf"(?:{'|'.join(name for each in ID_FORMATS for name in each.names)})[-_][\w-]{{6,}}"
    rf"|{UUID.decode()}|[0-9a-f]{{24,}}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
)
_VOLATILE_FIELD = re.compile(
    r"(?:^|[._\]])(?:id|\w+_id|created|created_at|completed_at|system_fingerprint|createTime"
    r"|responseId|timestamp|etag|expires|last-modified|obfuscation|\w*_duration|\w*_time"
    r"|encrypted_content|signature|thoughtSignature)$"
)
_TIME_FIELD = re.compile(rf"(?:^|[.\]]){TIME_FIELD.decode()}$")
_FIRST_SECOND = 1_000_000_000


def is_volatile_change(path: str, was: Any, now: Any) -> bool:
    """Return whether a change says nothing: both values are volatile, or their field is.

    Args:
        path: The path of both values in their JSON, such as `json.choices[0].id`.
        was: The value in one recording.
        now: The value in another.
    """
    if _VOLATILE_FIELD.search(path):
        return True
    both = (was, now)
    if _TIME_FIELD.search(path) and all(map(_is_time, both)):
        return True
    return all(isinstance(each, str) and _VOLATILE_TEXT.fullmatch(each) for each in both)


def _is_time(value: Any) -> bool:
    if isinstance(value, str):
        return value.isdecimal() and len(value) in (10, 13)
    return isinstance(value, (int, float)) and value >= _FIRST_SECOND
