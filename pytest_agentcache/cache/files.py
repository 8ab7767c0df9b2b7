"""requests-cache's filesystem backend, made whole: atomic, exact, nothing beside the YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from requests_cache.backends.base import BaseCache
from requests_cache.backends.filesystem import FileCache, FileDict, LRUFileDict
from requests_cache.models.response import CachedResponse

from ..cassette import replace_file
from ..redaction import Redaction
from .serializer import STRUCTURE, redacted, to_yaml, yaml_serializer


class AtomicFiles(FileDict):
    """A folder as a dict, in which a reader finds a file whole or not at all."""

    def __setitem__(self, key: str, value: Any) -> None:
        # Serialised before any file is touched: a serialiser that raises leaves nothing behind.
        self._write(key, self.serialize(value))

    def _write(self, key: str, content: str | bytes) -> None:
        raw = content.encode("utf-8") if isinstance(content, str) else content
        with self.lock:
            self.cache_dir.mkdir(parents=True, exist_ok=True)
            replace_file(self._key2path(key), raw, durable=False)


class ResponseFiles(AtomicFiles):
    """Responses, a file each. Secrets stay in memory: the file has placeholders in their stead."""

    def __init__(self, *args: Any, redaction: Redaction | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._redaction = redaction or Redaction()
        self._ours = str(self.serializer) == str(yaml_serializer)
        self._unredacted: dict[str, tuple[bytes, bytes]] = {}

    def __setitem__(self, key: str, value: CachedResponse) -> None:
        if not self._ours:
            super().__setitem__(key, value)
            return
        fields = STRUCTURE.dumps(value)
        safe = redacted(fields, self._redaction)
        written = to_yaml(safe)
        if safe == fields:
            self._unredacted.pop(key, None)
        else:
            self._unredacted[key] = written, to_yaml(fields)
        self._write(key, written)

    def deserialize(self, key: str, value: Any) -> Any:
        written, true = self._unredacted.get(key, (None, None))
        # Whoever edits the file means what it says from then on.
        return super().deserialize(key, true if value == written else value)


class LimitedResponseFiles(LRUFileDict, ResponseFiles):
    """Responses under `max_cache_bytes`; the index of their use is requests-cache's own."""


class YamlCache(FileCache):
    """The cache of an isolated session.

    Args:
        cache_name: Its folder.
        serializer: Another serialiser of requests-cache, in place of our YAML.
        redaction: What is kept out of the files.
        kwargs: As for `requests_cache.FileCache`.
    """

    def __init__(
        self,
        cache_name: str | Path,
        serializer: Any = None,
        redaction: Redaction | None = None,
        **kwargs: Any,
    ) -> None:
        # Not FileCache's, which puts an SQLite file for redirects into the folder.
        BaseCache.__init__(self, cache_name=str(cache_name), **kwargs)
        limited = "max_cache_bytes" in kwargs
        files = LimitedResponseFiles if limited else ResponseFiles
        kwargs.pop("decode_content", None)
        self.responses: ResponseFiles = files(
            cache_name,
            serializer=serializer or yaml_serializer,
            redaction=redaction,
            **kwargs,
        )
        self.redirects: Any = AtomicFiles(
            cache_name, serializer=None, extension="redirect", lock=self.responses.lock
        )

    def clear(self) -> None:
        """Empties the folder."""
        with self.lock:
            self.responses.clear()
