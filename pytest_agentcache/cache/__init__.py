"""The cache under test: an isolated `CachedSession`, its files in YAML that people read.

Nothing here is imported before a test opens a cache, so tests without one do not load requests.
"""
