"""Keeps every cache that code under test opens inside the folder of its test."""

from __future__ import annotations

import copy
import difflib
import hashlib
import inspect
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError
from ..redaction import Redaction

if TYPE_CHECKING:
    from requests_cache import CachedSession
    from requests_cache.backends.base import BaseCache

    from .files import Vault


class Isolation:
    """The caches of one test.

    Args:
        folder: The test's own folder, where every cache of its lies.
        redaction: What is kept out of the files.
    """

    def __init__(self, folder: Path, redaction: Redaction) -> None:
        self._folder, self._redaction = folder, redaction
        self._own: dict[int, tuple[BaseCache, BaseCache]] = {}
        self._vaults: defaultdict[Path, Vault] = defaultdict(dict)

    def session(self, keywords: dict[str, Any]) -> CachedSession:
        """The test's `CachedSession`: filesystem backend and YAML, unless `keywords` differ.

        Raises:
            SettingsError: For a keyword that requests-cache would silently ignore.
        """
        from requests_cache import CachedSession

        from .files import YamlCache

        _check(keywords)
        options = {"cache_name": "agentcache", **keywords}
        if options.get("backend", "filesystem") == "filesystem":
            options.pop("backend", None)
            place = self.path(options.pop("cache_name"))
            options["backend"] = YamlCache(
                place,
                serializer=options.pop("serializer", None),
                redaction=self._redaction,
                vault=self._vaults[place],
                **options,
            )
        return CachedSession(**options)

    def path(self, wanted: str | Path) -> Path:
        """Where a cache that wants to lie at `wanted` lies instead."""
        place = Path(wanted).expanduser()
        if place.is_absolute() and place.is_relative_to(self._folder):
            return place
        name = re.sub(r"[^\w.-]+", "_", place.name) or "cache"
        if len(place.parts) > 1:
            # Two caches of one name in two folders stay two.
            name = f"{hashlib.sha256(str(place).encode()).hexdigest()[:8]}-{name}"
        return self._folder / "caches" / name

    def namespace(self, wanted: str) -> str:
        """The name under which a cache on a server keeps apart from those of other tests."""
        return f"agentcache-{hashlib.sha256(str(self._folder).encode()).hexdigest()[:12]}-{wanted}"

    def own(self, cache: BaseCache) -> BaseCache:
        """This test's own cache in place of one that was opened before it, with its settings."""
        if getattr(cache, "agentcache_isolation", None) is self:
            return cache
        # The foreign one is held on to, so that no other gets its id while this test runs.
        if id(cache) not in self._own:
            self._own[id(cache)] = cache, self._empty_copy(cache)
        return self._own[id(cache)][1]

    def memory(self) -> str:
        """Address of the SQLite database in memory that the sessions of this test share."""
        return f"file:{self.namespace('memory')}?mode=memory&cache=shared"

    def close(self) -> None:
        """Closes the caches that stood in for others."""
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
            # What lies on a server is not to be touched; memory does the same for one test.
            own = BaseCache(cache.cache_name)
        own._settings = copy.copy(cache._settings)
        own.agentcache_isolation = self  # type: ignore[attr-defined]
        return own


def _check(keywords: dict[str, Any]) -> None:
    """Refuses what no part of requests-cache takes: it ignores such keywords in silence."""
    from requests_cache import session
    from requests_cache.backends import filesystem, sqlite
    from requests_cache.backends.base import BaseCache
    from requests_cache.policy.settings import CacheSettings

    backend = keywords.get("backend", "filesystem")
    if backend not in ("filesystem", "sqlite", "memory"):
        # What a database's client takes is its own business.
        return
    takers: list[Any] = [session.CacheMixin, CacheSettings, BaseCache, sqlite.sqlite_template]
    takers += [filesystem.FileCache, filesystem.FileDict, filesystem.LRUFileDict]
    takers += [sqlite.SQLiteCache, sqlite.SQLiteDict]
    known = {name for taker in takers for name in inspect.signature(taker).parameters}
    for name in keywords:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise SettingsError(f"session: CachedSession takes no keyword {name!r}{meant}")
