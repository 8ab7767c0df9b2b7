"""The protocol that each provider's module implements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..counters import UsageFields
from ..output import ModelOutput
from ..parts import Part, ReadParts, Turn


class Provider:
    """The JSON of one provider, or of one protocol that several providers share.

    Routers translate and mix formats, so no host and no header decides which provider a message is
    from. Each provider reads the fields that it knows, and leaves everything else alone. A method
    that returns None leaves its argument to the other providers of the table.

    Attributes:
        name: The name of the provider or protocol.
        system_fields: Fields of a request with instructions.
        message_fields: Fields of a request with a list of messages, or with one text.
        text_fields: Fields of a request with the text of the user alone.
        tool_fields: Fields of a request with the tools that it offers.
        caches_prompts: Whether the provider has a prompt cache, which the router's `auto_cache` and
            the prompt log are about.
        cache_marks: Fields or parts that say where to cache, and are not part of the prompt.
        roles: Names of roles and the roles they stand for: `system`, `user`, `assistant` or `tool`.
        model_families: The first words of the names of its models.
        vendors: The prefixes by which routers name the provider.
        response_fields: Fields that only a response of a model has.
        event_types: Prefixes of the `type` of a stream's events.
        response_objects: Values of the field `object` of a response.
        usual_ends: Reasons to end that captions leave out.
        usage: The names of its counters of tokens.
    """

    name: str
    system_fields: tuple[str, ...] = ()
    message_fields: tuple[str, ...] = ()
    text_fields: tuple[str, ...] = ()
    tool_fields: tuple[str, ...] = ()
    caches_prompts: bool = True
    cache_marks: tuple[str, ...] = ()
    roles: Mapping[str, str] = {}
    model_families: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    response_fields: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()
    response_objects: tuple[str, ...] = ()
    usual_ends: tuple[str, ...] = ()
    usage: UsageFields = UsageFields()

    def is_conversation(self, document: Mapping[str, Any]) -> bool:
        """Return False for a request to a service that is not a conversation."""
        return True

    def read_message(self, message: dict[str, Any], read_parts: ReadParts) -> Turn | None:
        """Return a message of a request."""
        return None

    def read_part(self, part: dict[str, Any], read_parts: ReadParts) -> list[Part] | None:
        """Return the parts that one part of a message holds, in a request or a response."""
        return None

    def tool_names(self, tool: dict[str, Any]) -> list[str] | None:
        """Return the names of the tools that one item of a list of tools declares."""
        return None

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add what a whole response holds, or a chunk of a stream that is built like one."""

    def read_list(self, output: ModelOutput, documents: list[dict[str, Any]]) -> None:
        """Add what a response holds that is a list, besides the documents in it."""

    def read_event(self, output: ModelOutput, event: dict[str, Any]) -> None:
        """Add what an event of a stream holds whose `type` begins with one of `event_types`."""
