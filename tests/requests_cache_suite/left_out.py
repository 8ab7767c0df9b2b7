"""The tests of requests-cache that cannot hold for the isolated session, each with its reason.

They run all the same and have to fail: one that passes, or is no longer there, is an error. A name
may have the last parameter behind it.
"""

_PRIVATE = "looks at private parts, of an SQLite index that the isolated session does without"
_PLACE = "needs a cache elsewhere; in a test on a cassette, caches are in the test's folder"
_SIZES = "counts the bytes that a bare string takes in JSON"
_PAUSE = "wants time to pass between two requests"

LEFT_OUT = {
    "unit/test_session.py::test_init_cache_path_expansion": _PLACE,
    "unit/test_session.py::test_response_defaults": (
        "states a whole cache key, which holds the name of the serializer (ours is YAML) and moves "
        "with url-normalize; it fails without the plugin as well"
    ),
    "unit/test_session.py::test_stale_while_revalidate": (
        "wants the refresh in a thread of its own while the test sleeps; here it waits in a queue "
        "for the next request or for agentcache.settle()"
    ),
    "unit/test_base_cache.py::test_urls__error": (
        "replaces a method of the SQLite backend to make a response unreadable"
    ),
    "integration/test_filesystem.py::TestFileDict::test_use_cache_dir": _PLACE,
    "integration/test_filesystem.py::TestFileDict::test_use_temp": _PLACE,
    "integration/test_filesystem.py::TestLRUFileDict::test_use_cache_dir": _PLACE,
    "integration/test_filesystem.py::TestLRUFileDict::test_use_temp": _PLACE,
    "integration/test_filesystem.py::TestFileDict::test_size": _SIZES,
    "integration/test_filesystem.py::TestLRUFileDict::test_clear_with_unaligned_blocks": _SIZES,
    "integration/test_filesystem.py::TestFileCache::test_drop_oldest_files": _SIZES,
    "integration/test_filesystem.py::TestLRUFileDict::test_evict__already_deleted": _PRIVATE,
    "integration/test_filesystem.py::TestLRUFileDict::test_sync_index": _PRIVATE,
    "integration/test_filesystem.py::TestLRUFileDict::test_get_size_on_disk": _PRIVATE,
    "integration/test_filesystem.py::TestLRUFileDict::test_block_alignment": _PRIVATE,
    "integration/test_filesystem.py::TestFileCache::test_paths": (
        "wants redirects in SQLite beside the answers; here they are files as well"
    ),
    "integration/test_filesystem.py::TestFileCache::test_concurrency[ProcessPoolExecutor]": (
        "sends requests from forked child processes, which cannot record"
    ),
}

# On a frozen clock besides.
LEFT_OUT_FROZEN = {
    "unit/test_session.py::test_always_revalidate": _PAUSE,
    "unit/test_session.py::test_request_refresh": _PAUSE,
    "unit/test_session.py::test_request_refresh__prepared_request": _PAUSE,
    "integration/test_filesystem.py::TestLRUDict::test_get_lru": _PAUSE,
}

# Not even run where answers are played.
LEFT_OUT_PLAYED = {
    "integration/test_filesystem.py::TestFileCache::test_concurrency": (
        "asks for something else each time, at random"
    ),
}
