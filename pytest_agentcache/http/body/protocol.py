"""The protocol of a body kind, and the values that pass through it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

Fields = dict[str, Any]
Store = Callable[[bytes, str], str]
Load = Callable[[str], bytes]
Place = tuple[int, int]


class BodyError(ValueError):
    """Fields of a cassette that do not make a body.

    Attributes:
        key: The key at fault.
        problem: The cause, in one sentence.
        row: The line at fault in the text under the key, from 0; None if unknown.
    """

    def __init__(self, key: str, problem: str, row: int | None = None) -> None:
        self.key, self.problem, self.row = key, problem, row
        super().__init__(problem)


class LineError(ValueError):
    """A line of a body that cannot be read.

    Attributes:
        row: Its number, from 0.
    """

    def __init__(self, problem: str, row: int) -> None:
        self.row = row
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body that holds other bodies.

    Attributes:
        headers: Its header lines, with names in the case in which they came.
        content: Its bytes.
        name: The form field that it is, or the empty string.
    """

    headers: tuple[tuple[str, str], ...]
    content: bytes
    name: str = ""

    @property
    def content_type(self) -> str:
        """Media type with its parameters, or the empty string."""
        return next((value for name, value in self.headers if name.lower() == "content-type"), "")


@dataclass(frozen=True, slots=True)
class Writing:
    """How a body is written on a cassette.

    Attributes:
        exact: Whether JSON must come back to the byte. Otherwise its whitespace and escapes may
            change, because a comparison as JSON does not see them.
        room: Levels of nesting that may be used.
        store: Keeps bytes under a file name made from their media type, and returns that name;
            None to write everything in place.
        nested: Returns the fields of a body inside this one, given its bytes, its content type and
            the levels that it may use.
    """

    exact: bool
    room: int
    store: Store | None
    nested: Callable[[bytes, str, int], Fields]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a body is read from a cassette.

    Attributes:
        content_type: Its media type, which names the boundary of a multipart body.
        load: Returns the bytes of a file by its name; None where there are no files.
        nested: Returns the bytes of a body inside this one, given its fields and content type.
    """

    content_type: str
    load: Load | None
    nested: Callable[[Mapping[str, Any], str], bytes]


@dataclass(frozen=True, slots=True)
class Plain:
    """A body as plain values, for comparison and for display.

    Attributes:
        kind: The name of its kind: `json`, `form`, `multipart` or `text`.
        value: Its content: the value of JSON, the values of a form by name, the parts of a
            multipart body (mappings with `name`, `headers` and `content`, which is a `Plain` or
            None), or text. Bytes that are not UTF-8 are surrogates.
    """

    kind: str
    value: Any

    @property
    def is_readable(self) -> bool:
        """True unless the value is binary data."""
        if self.kind != "text":
            return True
        try:
            self.value.encode()
        except UnicodeEncodeError:
            return False
        return "\0" not in self.value


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text in a body and the name that holds it.

    Attributes:
        place: Where it is, `json.messages[0].content`.
        name: The name next to it, `content`.
        text: The text.
    """

    place: str
    name: str
    text: str


class Editor(Protocol):
    """Edits a body kind by kind: redaction is one, replacing ids is another."""

    def text(self, raw: bytes, content_type: str) -> bytes:
        """Return a text, edited."""
        ...

    def packed(self, raw: bytes) -> bytes:
        """Return the content of a compressed body, edited."""
        ...

    def part(self, part: Part) -> Part:
        """Return a part with its headers and its content edited."""
        ...


class BodyKind(ABC):
    """One kind of body: how it is recognised, written, compared, edited and shown.

    Methods that return None leave the body to the next kind that recognises it.

    Attributes:
        name: A short name, `json`.
        media: Media types that say it.
        keys: Keys under which it is written on a cassette.
        styles: Keys beside those that say how the bytes differ from the plain form.
        is_rebuilt: Whether an edited body is put together again, so that the sizes of its chunks
            are lost.
        is_opaque: Whether a response of this kind cannot be edited.
        ends: Byte sequences that end an event, for a stream that arrives in events.
        is_stream: Whether it is a sequence of events, which can spread one text over several.
    """

    name: str
    media: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    is_rebuilt = False
    is_opaque = False
    is_stream = False
    ends: tuple[bytes, ...] = ()

    def has_type(self, content_type: str) -> bool:
        """Return whether a content type says that a body is of this kind."""
        return media_type(content_type) in self.media

    @abstractmethod
    def detect(self, raw: bytes, content_type: str) -> bool:
        """Return whether a body is of this kind."""

    def write(self, raw: bytes, content_type: str, writing: Writing) -> Fields | None:
        """Return the fields of a cassette for a body, or None where another kind writes it."""
        return None

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        """Return the body that is written under `key`.

        Raises:
            BodyError: If a style is unknown, or a value has the wrong type.
            ValueError, TypeError, LookupError, AttributeError: Likewise.
        """
        raise NotImplementedError(self.name)

    def plain(
        self, raw: bytes, content_type: str, nested: Callable[[Part], Plain | None]
    ) -> Plain | None:
        """Return a body as plain values, or None to leave that to another kind.

        Args:
            raw: The decoded body.
            content_type: Its media type.
            nested: Returns the content of a part as plain values; None for an empty one.
        """
        return None

    def leaves(
        self, raw: bytes, content_type: str, nested: Callable[[Part, str], Iterator[Leaf]]
    ) -> Iterator[Leaf]:
        """Yield the texts of a body with the names that hold them.

        Args:
            raw: The decoded body.
            content_type: Its media type.
            nested: Yields the leaves of a part, given the place of that part.
        """
        yield from ()

    def replace(self, raw: bytes, content_type: str, editor: Editor) -> bytes:
        """Return a body with its texts edited and everything else as it was."""
        return editor.text(raw, content_type)

    def escape(self, text: bytes) -> bytes:
        """Return a placeholder as it is written inside a body of this kind."""
        return text

    @abstractmethod
    def render(self, raw: bytes, content_type: str) -> str:
        """Return a body as text for people; empty if it cannot be read."""

    def split(self, raw: bytes) -> list[bytes]:
        """Return the events of a stream, to the byte; a rest without an end comes last."""
        return [raw]

    def events(self, raw: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield the name (if there is one) and the data of each event of a stream."""
        yield from ()

    def payloads(self, raw: bytes) -> Iterable[Place]:
        """Yield where the data of each event of a stream starts and stops in its text."""
        return ()


@lru_cache(maxsize=1024)
def media_type(content_type: str) -> str:
    """Return the media type of a content type in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()
