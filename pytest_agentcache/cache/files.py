"""A filesystem backend for requests-cache that is atomic and exact, and writes only YAML files."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from requests_cache.backends.base import BaseCache
from requests_cache.backends.filesystem import FileCache, FileDict
from requests_cache.models.response import CachedResponse

from ..files import replace_file
from ..redaction import Redaction
from .serializer import STRUCTURE, redacted, to_yaml, yaml_serializer

# requests-cache's keys are lower-case hexadecimal; a user's `key_fn` may return any text.
_SPECIAL = re.compile(r"[^a-z0-9_-]")
# Names of files have at most 255 bytes, including suffixes.
_LONGEST = 200

# For each key: the bytes of the file, and the response with its secrets.
Vault = dict[str, tuple[bytes, dict[str, Any]]]


class AtomicFiles(FileDict):
    """A folder as a dict, whose files are replaced atomically.

    A key may be any text. Special characters and upper case are percent-encoded, so that no two
    keys share a file on any file system. A key that is too long for a name is in a second file.
    """

    def _key2path(self, key: str) -> Path:
        name = _SPECIAL.sub(_percent, key)
        if len(name) > _LONGEST:
            digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
            name = f"{name[:100]}~{digest}"
        return Path(self.cache_dir, name + self.extension)

    def key_of(self, path: Path) -> str:
        """Return the key of the value in the file at `path`."""
        if "~" in path.name:
            with self._try_io(path.name):
                return _beside(path).read_bytes().decode("utf-8", "surrogatepass")
        return unquote(path.name[: -len(self.extension)], errors="surrogatepass")

    def keys(self) -> list[str]:  # type: ignore[override]
        """Return the keys of all values."""
        found = []
        for path in self.paths():
            # Between finding a file and reading its key, another thread may delete both.
            with contextlib.suppress(KeyError):
                found.append(self.key_of(path))
        return found

    def __getitem__(self, key: str) -> Any:
        with self._try_io(key):
            raw = self._key2path(key).read_bytes()
        if self.is_binary:
            return self.deserialize(key, raw)
        try:
            # Text mode would use the encoding of the machine.
            return self.deserialize(key, raw.decode("utf-8"))
        except UnicodeDecodeError:
            # Let the serialiser decide about bytes that are not text.
            return self.deserialize(key, raw)

    def __setitem__(self, key: str, value: Any) -> None:
        # Serialised before any file is written: a serialiser that raises leaves nothing behind.
        content = self.serialize(value)
        # A user's pipeline may return bytes without declaring it.
        self.is_binary = isinstance(content, bytes)
        self._write(key, content)

    def _write(self, key: str, content: str | bytes) -> None:
        raw = content.encode("utf-8") if isinstance(content, str) else content
        path = self._key2path(key)
        with self.lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            if "~" in path.name:
                replace_file(_beside(path), key.encode("utf-8", "surrogatepass"), durable=False)
            replace_file(path, raw, durable=False)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)  # type: ignore[no-untyped-call]
        _beside(self._key2path(key)).unlink(missing_ok=True)


class ResponseFiles(AtomicFiles):
    """Responses, one file each. The files have placeholders, and the secrets stay in memory.

    Written responses are remembered, so a hit on an unchanged file does not parse YAML again.

    Args:
        ours: Whether the serialiser is our YAML; files of other serialisers are not redacted.
        redaction: The redaction of the files.
        vault: The written responses with their secrets; sessions on one folder share it.
    """

    def __init__(
        self,
        *args: Any,
        ours: bool = True,
        redaction: Redaction | None = None,
        vault: Vault | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.ours = ours
        self._redaction = redaction or Redaction()
        self._vault: Vault = {} if vault is None else vault

    def __setitem__(self, key: str, value: Any) -> None:
        if not (self.ours and isinstance(value, CachedResponse)):
            super().__setitem__(key, value)
            return
        fields = STRUCTURE.dumps(value)
        written = to_yaml(redacted(fields, self._redaction))
        self._vault[key] = written, fields
        self._write(key, written)

    def deserialize(self, key: str, value: Any) -> Any:
        written, fields = self._vault.get(key, (None, None))
        # An edited file replaces the remembered response.
        return super().deserialize(key, fields if value == written else value)


class LimitedResponseFiles(ResponseFiles):
    """Responses with a limited total size; the least recently used are removed.

    Args:
        max_cache_bytes: The maximum size of all files; by default 100 MiB, as for requests-cache.
        max_file_bytes: The maximum size of one file, above which a response is not stored; by
            default the same.
        block_bytes: The multiple to which the size of a file is rounded up.
        sync_index: Accepted for compatibility; existing files are always counted.
    """

    def __init__(
        self,
        *args: Any,
        max_cache_bytes: int = 100 * 1024 * 1024,
        max_file_bytes: int | None = None,
        block_bytes: int = 1,
        sync_index: bool = False,  # noqa: ARG002 - a keyword of requests-cache's
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.max_cache_bytes, self.block_bytes = max_cache_bytes, block_bytes
        self.max_file_bytes = max_file_bytes or max_cache_bytes
        if not 1 <= block_bytes <= self.max_file_bytes <= max_cache_bytes:
            raise ValueError(
                "max_cache_bytes, max_file_bytes and block_bytes must fall in this order"
            )
        files = sorted(self.paths(), key=lambda path: path.stat().st_mtime_ns)
        # requests-cache keeps this in an SQLite file next to the responses.
        self._sizes = OrderedDict(
            (self.key_of(path), self._rounded(path.stat().st_size)) for path in files
        )

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        with self.lock:
            if key in self._sizes:
                self._sizes.move_to_end(key)
        return value

    def __delitem__(self, key: str) -> None:
        self._sizes.pop(key, None)
        super().__delitem__(key)

    def _write(self, key: str, content: str | bytes) -> None:
        raw = content.encode("utf-8") if isinstance(content, str) else content
        size = self._rounded(len(raw))
        if size > self.max_file_bytes:
            return
        with self.lock:
            self._sizes.pop(key, None)
            while self._sizes and self.size() + size > self.max_cache_bytes:
                with contextlib.suppress(KeyError):
                    del self[next(iter(self._sizes))]
            super()._write(key, raw)
            self._sizes[key] = size

    def _rounded(self, size: int) -> int:
        return -(-size // self.block_bytes) * self.block_bytes

    def clear(self) -> None:
        """Remove all files."""
        super().clear()
        self._sizes.clear()

    def size(self) -> int:
        """Return the size of all files in bytes."""
        return sum(self._sizes.values())


class YamlCache(FileCache):
    """The cache of an isolated session.

    Args:
        cache_name: The folder.
        serializer: Another serialiser of requests-cache, instead of our YAML.
        redaction: The redaction of the files.
        vault: The written responses with their secrets; sessions on one folder share it.
        kwargs: The other arguments of `requests_cache.FileCache`.
    """

    def __init__(
        self,
        cache_name: str | Path,
        serializer: Any = None,
        redaction: Redaction | None = None,
        vault: Vault | None = None,
        **kwargs: Any,
    ) -> None:
        # FileCache's own constructor creates an SQLite file for redirects in the folder.
        BaseCache.__init__(self, cache_name=str(cache_name), **kwargs)
        files = LimitedResponseFiles if "max_cache_bytes" in kwargs else ResponseFiles
        # Our YAML replaces that of requests-cache.
        ours = serializer is None or serializer in ("yaml", yaml_serializer)
        decoded = kwargs.pop("decode_content", True)
        self.responses: ResponseFiles = files(  # pyright: ignore[reportIncompatibleVariableOverride]
            cache_name,
            serializer=yaml_serializer if ours else serializer,
            ours=ours,
            decode_content=decoded and not ours,
            redaction=redaction,
            vault=vault,
            **kwargs,
        )
        self.redirects: Any = AtomicFiles(
            self.cache_dir, serializer=None, extension="redirect", lock=self.responses.lock
        )

    def clear(self) -> None:
        """Remove all files."""
        with self.lock:
            self.responses.clear()


def _percent(character: re.Match[str]) -> str:
    return "".join(f"%{byte:02x}" for byte in character[0].encode("utf-8", "surrogatepass"))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.key")
