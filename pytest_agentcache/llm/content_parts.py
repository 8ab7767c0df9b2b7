"""The parts that answers are made of, in the words of every provider: text, calls, images."""

from __future__ import annotations

from typing import Any

from .assembled import Said

# What a server did by itself, and the field that tells with what.
_OWN_TOOLS = {
    "web_search_call": ("web_search", "action"),
    "file_search_call": ("file_search", "queries"),
    "code_interpreter_call": ("code_interpreter", "code"),
    "computer_call": ("computer", "action"),
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
    "tool_search_call": ("tool_search", "arguments"),
}


def say_content(said: Said, content: Any, key: Any = 0) -> None:
    """Adds the content of a message: a text, or a list of parts."""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        said.say(content, key)
        return
    for part in content:
        if isinstance(part, str):
            said.say(part, key)
        elif isinstance(part, dict):
            say_part(said, part, key)


def say_part(said: Said, part: dict[str, Any], key: Any = 0) -> None:
    """Adds one part of a message of OpenAI, Anthropic, Gemini, Bedrock, Mistral or Cohere."""
    kind = part.get("type") or ""
    if kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        said.call(("part", part.get("id", len(said.calls))), part.get("name"), part.get("input"))
    elif call := part.get("functionCall") or part.get("toolUse"):
        said.call(len(said.calls), call.get("name"), call.get("args") or call.get("input") or {})
    elif kind == "refusal":
        said.refuse(part.get("refusal"))
    elif kind in ("thinking", "reasoning", "reasoning_text", "summary_text") or part.get("thought"):
        think(said, part.get("thinking") or part.get("text"))
    elif "reasoningContent" in part:
        reasoning = part["reasoningContent"]
        said.think((reasoning.get("reasoningText") or reasoning).get("text"))
    elif data := part.get("inlineData") or part.get("inline_data"):
        name_data(said, data.get("mimeType") or data.get("mime_type") or "data", data.get("data"))
    elif url := part.get("image_url"):
        name_url(said, url.get("url") if isinstance(url, dict) else url)
    elif code := part.get("executableCode"):
        said.call(len(said.calls), "code", {"code": code.get("code")})
    elif not kind.endswith("_result"):
        text = part.get("text")
        # OpenAI's assistants have their text one level further in.
        said.say(text.get("value") if isinstance(text, dict) else text, key)


def think(said: Said, content: Any) -> None:
    """Adds thoughts: a text, or the list of parts that Mistral makes of it."""
    if isinstance(content, list):
        for part in content:
            said.think(part.get("text"))
    else:
        said.think(content)


def say_message(said: Said, message: dict[str, Any], key: Any = 0) -> None:
    """Adds a message of OpenAI's chat and those like it, whole or a piece of a stream."""
    say_content(said, message.get("content"), key)
    said.refuse(message.get("refusal"))
    think(said, message.get("reasoning_content") or message.get("reasoning"))
    think(said, message.get("thinking"))
    calls = message.get("tool_calls") or []
    for at, call in enumerate(calls if isinstance(calls, list) else [calls]):
        function = call.get("function") or {}
        index = call.get("index", len(said.calls) if call.get("id") else at)
        said.call(("call", key, index), function.get("name"), function.get("arguments"))
    if call := message.get("function_call"):
        said.call(("call", key, 0), call.get("name"), call.get("arguments"))
    if audio := message.get("audio"):
        said.say(audio.get("transcript"), key)
        said.name("audio")
    for image in message.get("images") or []:
        say_part(said, image)


def say_item(said: Said, item: dict[str, Any], key: Any) -> None:
    """Adds an item of the output of OpenAI's responses."""
    kind = item.get("type") or ""
    if kind in ("function_call", "custom_tool_call", "mcp_call"):
        said.calls_whole(key, item.get("name"), item.get("arguments") or item.get("input") or "{}")
    elif kind in _OWN_TOOLS:
        name, told = _OWN_TOOLS[kind]
        value = item.get(told)
        said.calls_whole(key, name, value if isinstance(value, dict) else {told: value})
    elif kind == "image_generation_call":
        name_data(said, f"image/{item.get('output_format') or 'png'}", item.get("result"))
    elif kind == "reasoning":
        for part in [*(item.get("summary") or []), *(item.get("content") or [])]:
            said.think(part.get("text"))
    else:
        say_content(said, item.get("content"), key)


def name_data(said: Said, media: str, data: Any) -> None:
    """Names what stands in an answer as base64."""
    size = len(data) * 3 // 4 if isinstance(data, str) else 0
    said.name(f"{media.partition(';')[0]} {size_of(size)}" if size else media)


def name_url(said: Said, url: Any) -> None:
    """Names an image by its address, which may be all of it."""
    if isinstance(url, str) and url.startswith("data:"):
        media, _, data = url[5:].partition(",")
        name_data(said, media, data)
    else:
        said.name("image")


def size_of(count: int) -> str:
    """`700 B`, `24 kB`, `1.5 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 999_500:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"
