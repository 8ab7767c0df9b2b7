"""The isolation of caches: each test has its own caches in its own folder."""

from __future__ import annotations

import copy
import hashlib
import re
import secrets
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..llm.prompt_log import PromptLog
from ..redaction import Redaction
from ..settings.settings import Settings
from ..state import CACHE_ISOLATION
from .keywords import check

if TYPE_CHECKING:
    from requests_cache.backends.base import BaseCache

    from .files import Vault
    from .session import IsolatedSession

# Names of MongoDB databases have at most 63 bytes, and ours start with 24.
_LONGEST = 39


class Isolation:
    """The caches of one test.

    Args:
        make_folder: Returns the test's own folder, which contains all of its caches.
        redaction: The redaction of the files.
        settings: The settings of the test.
        prompts: The log of the model calls through its session.
    """

    def __init__(
        self,
        make_folder: Callable[[], Path],
        redaction: Redaction,
        settings: Settings,
        prompts: PromptLog,
    ) -> None:
        self._make_folder, self._redaction = make_folder, redaction
        # Not derived from the folder's name, which may be the same in each run: data that an
        # earlier run left on a server must not be found.
        self._token = secrets.token_hex(6)
        self._settings, self._prompts = settings, prompts
        self._own: dict[int, tuple[BaseCache, BaseCache]] = {}
        self._vaults: defaultdict[Path, Vault] = defaultdict(dict)

    @cached_property
    def folder(self) -> Path:
        """The test's own folder, made when a cache is opened: most tests open none."""
        return self._make_folder()

    def session(self, keywords: dict[str, Any]) -> IsolatedSession:
        """Return the test's `CachedSession`, by default with the filesystem backend and YAML.

        Raises:
            SettingsError: For an invalid backend or serialiser, and for a keyword that
                requests-cache would silently ignore.
        """
        from .files import YamlCache
        from .session import IsolatedSession

        check(keywords)
        backend = keywords.get("backend") or "filesystem"
        if not isinstance(backend, str):
            return IsolatedSession(self._settings, self._prompts, **keywords)
        options = {"cache_name": "agentcache", **keywords}
        if backend.lower() == "filesystem":
            options.pop("backend", None)
            place = self.path(options.pop("cache_name"))
            options["backend"] = YamlCache(
                place,
                serializer=options.pop("serializer", None),
                redaction=self._redaction,
                vault=self._vaults[place],
                **options,
            )
        return IsolatedSession(self._settings, self._prompts, **options)

    def path(self, wanted: str | Path) -> Path:
        """Return the path in the test's folder that replaces the path `wanted` of a cache."""
        place = Path(wanted).expanduser()
        if place.is_absolute() and place.is_relative_to(self.folder):
            return place
        name = re.sub(r"[^\w.-]+", "_", place.name) or "cache"
        if len(place.parts) > 1:
            # Caches with one name in two folders stay separate.
            name = f"{hashlib.sha256(str(place).encode()).hexdigest()[:8]}-{name}"
        return self.folder / "caches" / name

    def namespace(self, wanted: str) -> str:
        """Return the name of a cache on a server, which no other test uses."""
        if len(wanted) > _LONGEST:
            digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]
            wanted = f"{wanted[: _LONGEST - 13]}-{digest}"
        return f"agentcache-{self._token}-{wanted}"

    def own(self, cache: BaseCache) -> BaseCache:
        """Return the test's own cache, with the same settings, for a cache that it shares."""
        if CACHE_ISOLATION.get(cache) is self:
            return cache
        # Keep a reference to the other cache, so that its id is not reused while this test runs.
        if id(cache) not in self._own:
            self._own[id(cache)] = cache, self._empty_copy(cache)
        return self._own[id(cache)][1]

    def memory(self) -> str:
        """Return the URI of the in-memory SQLite database that the sessions of this test share."""
        return f"file:{self.namespace('memory')}?mode=memory&cache=shared"

    def close(self) -> None:
        """Close the caches that replaced others."""
        for _, own in self._own.values():
            own.close()  # type: ignore[no-untyped-call]

    def _empty_copy(self, cache: BaseCache) -> BaseCache:
        from requests_cache.backends.base import BaseCache
        from requests_cache.backends.filesystem import FileCache
        from requests_cache.backends.sqlite import SQLiteCache

        from .files import YamlCache

        if isinstance(cache, FileCache):
            files = cache.responses
            place = self.path(cache.cache_dir)
            own: BaseCache = YamlCache(
                place,
                serializer=None if getattr(files, "ours", False) else files.serializer,
                redaction=self._redaction,
                vault=self._vaults[place],
            )
        elif isinstance(cache, SQLiteCache):
            name, serializer = str(cache.responses.db_path), cache.responses.serializer
            in_memory = ":memory:" in name or "mode=memory" in name
            own = SQLiteCache(name, serializer=serializer, use_memory=in_memory)
        else:
            # Data on a server must not be changed; memory is equivalent within one test.
            own = BaseCache(cache.cache_name)
        own._settings = copy.copy(cache._settings)
        CACHE_ISOLATION.set(own, self)
        return own
