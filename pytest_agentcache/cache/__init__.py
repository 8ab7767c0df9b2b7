"""The cache under test: an isolated `CachedSession` with readable YAML files.

Nothing here is imported before a test opens a cache, so tests without one do not load requests.
"""
