"""Services besides conversations, which are much the same at all providers.

Embeddings, images, transcripts, moderation, reranking and lists of models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..output import ModelOutput
from ..parts import count_text, linked_media_part, media_part
from .protocol import Provider

_SERVICE_MODELS = ("embed", "moderation", "tts")


class Services(Provider):
    """Responses that are counted or named rather than quoted."""

    name = "services"
    event_types = ("transcript.text.",)

    def is_conversation(self, document: Mapping[str, Any]) -> bool:
        """Return False if `input` is a text to embed, to speak or to moderate."""
        model = str(document.get("model", ""))
        is_service = "voice" in document or any(word in model for word in _SERVICE_MODELS)
        return not (is_service and isinstance(document.get("input"), str))

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add a transcript, and name everything else."""
        output.add_text(document.get("transcript"))
        if "choices" not in document and "output" not in document:
            output.add_text(document.get("text"))
        _name_results(output, document)
        _name_embeddings(output, document)
        _name_data(output, document)
        models = document.get("models")
        if isinstance(models, list):
            output.add_item(count_text(len(models), "model"))

    def read_list(self, output: ModelOutput, documents: list[dict[str, Any]]) -> None:
        """Count models."""
        if documents and all("model_id" in each or "modelId" in each for each in documents):
            output.add_item(count_text(len(documents), "model"))

    def read_event(self, output: ModelOutput, event: dict[str, Any]) -> None:
        """Add a piece of a transcript."""
        output.add_text(event.get("delta"))


def _name_results(output: ModelOutput, document: dict[str, Any]) -> None:
    """Add the verdicts of a moderation, or count other results."""
    results = document.get("results")
    if not isinstance(results, list):
        return
    for each in results:
        if isinstance(each, dict) and "flagged" in each:
            output.add_item("flagged" if each["flagged"] else "not flagged")
    if not output.texts and not output.items:
        output.add_item(count_text(len(results), "result"))


def _name_embeddings(output: ModelOutput, document: dict[str, Any]) -> None:
    found = document.get("embeddings", document.get("embedding"))
    if isinstance(found, dict) and "values" not in found:
        # Cohere groups them by type.
        found = next((each for each in found.values() if isinstance(each, list) and each), [])
    if found is None or isinstance(found, str):
        return
    vectors = found if isinstance(found, list) and not _is_vector(found) else [found]
    sizes = {len(each["values"] if isinstance(each, dict) else each) for each in vectors}
    _name_vectors(output, len(vectors), sizes)


def _name_vectors(output: ModelOutput, count: int, sizes: set[int]) -> None:
    size = f" of {sizes.pop()}" if len(sizes) == 1 else ""
    output.add_item(count_text(count, "embedding") + size)


def _is_vector(value: list[Any]) -> bool:
    return bool(value) and not isinstance(value[0], (list, dict, str))


def _name_data(output: ModelOutput, document: dict[str, Any]) -> None:
    """Name OpenAI's `data` (embeddings, images, models and others) or Google's `predictions`."""
    data = document.get("data")
    if not isinstance(data, list):
        for each in document.get("predictions") or []:
            media = each.get("mimeType") or "image"
            output.add_part(media_part(media, each.get("bytesBase64Encoded")))
        return
    first = data[0] if data and isinstance(data[0], dict) else {}
    if first.get("object") == "embedding":
        # A vector in base64 has four bytes a number.
        sizes = {
            len(each["embedding"]) * 3 // 16
            if isinstance(each["embedding"], str)
            else len(each["embedding"])
            for each in data
        }
        _name_vectors(output, len(data), sizes)
    elif "b64_json" in first or ("url" in first and "created" in document):
        for each in data:
            if each.get("b64_json"):
                output.add_part(media_part("image/png", each["b64_json"]))
            else:
                output.add_part(linked_media_part(each.get("url")))
    elif document.get("object") == "list" or "id" in first:
        output.add_item(count_text(len(data), first.get("object") or "item"))
