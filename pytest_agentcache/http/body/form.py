"""`application/x-www-form-urlencoded` (WHATWG URL, section 5) as fields and as the same bytes."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, quote_plus, urlencode

Fields = dict[str, str] | list[list[str]]


def is_form(content_type: str) -> bool:
    """Whether a media type is that of an HTML form."""
    return content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


def pairs(raw: bytes) -> list[tuple[str, str]]:
    """Names and values in order, whatever the escapes are like."""
    text = raw.decode("utf-8", "backslashreplace")
    return parse_qsl(text, keep_blank_values=True, errors="backslashreplace")


def fields(raw: bytes) -> tuple[Fields, str] | None:
    """The fields of a form and the style that gives its bytes back, or None if none does.

    A mapping where no name repeats, else a list of pairs. The style is empty for `+` as a blank,
    `percent` for `%20`.
    """
    try:
        found = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return None
    names = dict(found)
    read: Fields = names if len(names) == len(found) else [list(pair) for pair in found]
    for style in ("", "percent"):
        if text(read, style) == raw:
            return read, style
    return None


def text(found: Fields, style: str) -> bytes:
    """The bytes of a form.

    Raises:
        ValueError: If `style` is neither empty nor `percent`.
    """
    if style not in ("", "percent"):
        raise ValueError(f"unknown form style {style!r}; known is percent")
    items = (
        list(found.items()) if isinstance(found, dict) else [(name, value) for name, value in found]
    )
    return urlencode(items, quote_via=quote if style else quote_plus).encode("ascii")
