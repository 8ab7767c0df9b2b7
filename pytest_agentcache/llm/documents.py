"""Answers that come whole, and chunks of a stream that are built like them."""

from __future__ import annotations

from typing import Any

from .assembled import Said
from .content_parts import name_data, name_url, say_content, say_item, say_message


def say_document(said: Said, value: Any) -> None:
    """Adds an answer of any provider, or of one of their other services."""
    if isinstance(value, list):
        _say_list(said, value)
    elif isinstance(value, dict):
        _say_chat(said, value)
        _say_other(said, value)
        said.used(value)


def _say_list(said: Said, value: list[Any]) -> None:
    parts = [each for each in value if isinstance(each, dict)]
    if parts and all("model_id" in each or "modelId" in each for each in parts):
        said.name(_counted(len(parts), "model"))
        return
    for each in parts:
        # Gemini streams as one list; Hugging Face has the answers to each prompt in one.
        said.say(each.get("generated_text"))
        say_document(said, each)


def _say_chat(said: Said, value: dict[str, Any]) -> None:
    if error := value.get("error"):
        said.fails(error)
    for choice in value.get("choices") or []:
        key = choice.get("index", 0)
        say_message(said, choice.get("delta") or choice.get("message") or {}, key)
        said.say(choice.get("text"), key)
        said.ends(choice.get("finish_reason"))
        said.fails(choice.get("error"))
    for candidate in value.get("candidates") or []:
        say_content(said, (candidate.get("content") or {}).get("parts"), candidate.get("index", 0))
        said.ends(candidate.get("finishReason"))
    if reason := (value.get("promptFeedback") or {}).get("blockReason"):
        said.ends(f"blocked: {reason}")
    output = value.get("output")
    for at, item in enumerate(output if isinstance(output, list) else []):
        say_item(said, item, ("item", at))
    if isinstance(output, dict):
        say_content(said, (output.get("message") or {}).get("content"))
    message = value.get("message")
    if isinstance(message, dict):
        # Cohere and Ollama.
        say_message(said, message)
    if value.get("role") == "assistant" or value.get("type") == "message":
        say_content(said, value.get("content"))
    if value.get("status") == "incomplete":
        said.ends((value.get("incomplete_details") or {}).get("reason"))
    for name in ("stop_reason", "stopReason", "finish_reason", "done_reason", "completionReason"):
        said.ends(value.get(name))


def _say_other(said: Said, value: dict[str, Any]) -> None:
    """What is no chat: completions of old, embeddings, images, transcripts, lists."""
    for name in ("response", "generation", "outputText", "completion", "transcript"):
        said.say(value.get(name) if isinstance(value.get(name), str) else None)
    if "choices" not in value and "output" not in value:
        said.say(value.get("text") if isinstance(value.get("text"), str) else None)
    for name in ("generations", "outputs", "results"):
        for each in value.get(name) or []:
            if isinstance(each, dict) and name != "results":
                said.say(each.get("text"))
            elif isinstance(each, dict):
                said.say(each.get("outputText"))
                said.used(each)
                if "flagged" in each:
                    said.name("flagged" if each["flagged"] else "not flagged")
    results = value.get("results")
    if isinstance(results, list) and not said.words and not said.named:
        said.name(_counted(len(results), "result"))
    _name_embeddings(said, value)
    _name_data(said, value)
    models = value.get("models")
    if isinstance(models, list):
        said.name(_counted(len(models), "model"))


def _name_embeddings(said: Said, value: dict[str, Any]) -> None:
    found = value.get("embeddings", value.get("embedding"))
    if isinstance(found, dict) and "values" not in found:
        # By type, as Cohere has them.
        found = next((each for each in found.values() if isinstance(each, list) and each), [])
    if found is None or isinstance(found, str):
        return
    vectors = found if isinstance(found, list) and not _is_vector(found) else [found]
    sizes = {len(each["values"] if isinstance(each, dict) else each) for each in vectors}
    _name_vectors(said, len(vectors), sizes)


def _name_vectors(said: Said, count: int, sizes: set[int]) -> None:
    of = f" of {sizes.pop()}" if len(sizes) == 1 else ""
    said.name(_counted(count, "embedding") + of)


def _is_vector(value: list[Any]) -> bool:
    return bool(value) and not isinstance(value[0], (list, dict, str))


def _name_data(said: Said, value: dict[str, Any]) -> None:
    """The list that OpenAI has in `data`: of embeddings, images, models or anything else."""
    data = value.get("data")
    if not isinstance(data, list):
        for each in value.get("predictions") or []:
            name_data(said, each.get("mimeType") or "image", each.get("bytesBase64Encoded"))
        return
    first = data[0] if data and isinstance(data[0], dict) else {}
    if first.get("object") == "embedding":
        # As base64 a vector has four bytes a number.
        sizes = {
            len(each["embedding"]) * 3 // 16
            if isinstance(each["embedding"], str)
            else len(each["embedding"])
            for each in data
        }
        _name_vectors(said, len(data), sizes)
    elif "b64_json" in first or ("url" in first and "created" in value):
        for each in data:
            if each.get("b64_json"):
                name_data(said, "image/png", each["b64_json"])
            else:
                name_url(said, each.get("url"))
    elif value.get("object") == "list" or "id" in first:
        said.name(_counted(len(data), first.get("object") or "item"))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
