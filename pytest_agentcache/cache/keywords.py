"""The check of the keywords for the test's `CachedSession`, which requests-cache lacks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from ..errors import SettingsError
from ..settings.suggestions import did_you_mean

# The packages that pip installs for backends and serialisers with other names.
_EXTRAS = {
    "gridfs": "requests-cache[mongodb]",
    "bson": "requests-cache[mongodb]",
    "orjson": "orjson",
    "ujson": "ujson",
}

# In requests-cache's module of backends: the classes of each backend, and those of its client.
_TAKERS = {
    "dynamodb": ("DynamoDbCache", "DynamoDbDict", "dynamodb.boto3.Session"),
    "filesystem": ("FileCache", "FileDict", "LRUFileDict"),
    "gridfs": ("GridFSCache", "GridFSDict", "gridfs.MongoClient"),
    "memory": (),
    "mongodb": ("MongoCache", "MongoDict", "mongodb.MongoClient"),
    "redis": ("RedisCache", "RedisDict", "redis.Redis"),
    "sqlite": ("SQLiteCache", "SQLiteDict", "sqlite.sqlite_template"),
}


def check(keywords: Mapping[str, Any]) -> None:
    """Refuse keywords that no part of requests-cache uses, which it would silently ignore.

    Raises:
        SettingsError: For an invalid backend or serialiser, for one whose package is not
            installed, or for a keyword that the backend does not use.
    """
    backend = _backend(keywords.get("backend"))
    _check_serializer(keywords.get("serializer"))
    known = {
        parameter.name
        for taker in _takers(backend)
        for parameter in inspect.signature(taker).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    known |= {"include_get_headers", "old_data_on_error"}
    if backend == "dynamodb":
        known.add("endpoint_url")
    if backend is None:
        # The constructor of the backend has set these.
        known -= {"cache_name", "serializer"}
    for name in keywords:
        if name not in known:
            meant = did_you_mean(name, known)
            with_it = " with a backend that is made already" if backend is None else ""
            if isinstance(keywords.get("backend"), str):
                with_it = f" with backend {backend}"
            raise SettingsError(f"session: CachedSession takes no keyword {name!r}{with_it}{meant}")


def _backend(chosen: Any) -> str | None:
    """Return the name of a backend; None for an instance."""
    from requests_cache.backends import BACKEND_CLASSES
    from requests_cache.backends.base import BaseCache

    if isinstance(chosen, BaseCache):
        return None
    name = "filesystem" if chosen is None else chosen
    if not isinstance(name, str) or name.lower() not in BACKEND_CLASSES:
        raise SettingsError(
            f"session: backend is {chosen!r}; allowed are {', '.join(sorted(BACKEND_CLASSES))}, "
            "or an instance of one"
        )
    if not issubclass(BACKEND_CLASSES[name.lower()], BaseCache):
        raise _not_installed("backend", name.lower())
    return name.lower()


def _check_serializer(chosen: Any) -> None:
    from requests_cache.serializers import SERIALIZERS, SerializerPipeline

    if chosen is None:
        return
    if not isinstance(chosen, str):
        if all(callable(getattr(chosen, name, None)) for name in ("dumps", "loads")):
            return
    elif chosen in SERIALIZERS:
        if not isinstance(SERIALIZERS[chosen], SerializerPipeline):
            raise _not_installed("serializer", chosen)
        return
    raise SettingsError(
        f"session: serializer is {chosen!r}; allowed are {', '.join(sorted(SERIALIZERS))}, "
        "or an object with dumps() and loads()"
    )


def _not_installed(what: str, name: str) -> SettingsError:
    package = _EXTRAS.get(name, f"requests-cache[{name}]")
    return SettingsError(
        f"session: the {what} {name} needs a package that is not installed: pip install '{package}'"
    )


def _takers(backend: str | None) -> list[Any]:
    """Return all classes and functions that use the keywords of a session."""
    import requests_cache

    takers: list[Any] = [requests_cache.CacheMixin, requests_cache.CacheSettings]
    if backend is None:
        return takers
    find = attrgetter("BaseCache", "BaseStorage", *_TAKERS[backend])
    return [*takers, *find(requests_cache.backends)]
