"""Content codings (RFC 9110, section 8.4.1), decoded piece by piece as a stream arrives."""

from __future__ import annotations

import contextlib
import importlib
import zlib
from collections.abc import Callable
from typing import Protocol


class Decoder(Protocol):
    """A decoder that takes a body piece by piece."""

    def decompress(self, piece: bytes, /) -> bytes:
        """Return the bytes that `piece` adds."""
        ...

    def flush(self) -> bytes:
        """Return the rest at the end."""
        ...


class _Gzip:
    """One gzip member after another; bytes after the last one are dropped, as curl does."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._done_one = False

    def decompress(self, piece: bytes) -> bytes:
        done = b""
        while piece:
            try:
                done += self._member.decompress(piece)
            except zlib.error:
                if self._done_one:
                    return done
                raise
            if not self._member.eof:
                return done
            piece = self._member.unused_data
            self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            self._done_one = True
        return done

    def flush(self) -> bytes:
        return self._member.flush()


class _Deflate:
    """`deflate` is zlib's format by the standard and a bare stream from some servers."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()
        self._undecided: bytes | None = b""

    def decompress(self, piece: bytes) -> bytes:
        if self._undecided is None:
            return self._stream.decompress(piece)
        self._undecided += piece
        try:
            done = self._stream.decompress(piece)
        except zlib.error:
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
            done = self._stream.decompress(self._undecided)
            self._undecided = None
        if done:
            self._undecided = None
        return done

    def flush(self) -> bytes:
        return self._stream.flush()


class _Brotli:
    def __init__(self, module: object) -> None:
        self._stream = module.Decompressor()  # type: ignore[attr-defined]

    def decompress(self, piece: bytes) -> bytes:
        step = getattr(self._stream, "decompress", None) or self._stream.process
        return bytes(step(piece))

    def flush(self) -> bytes:
        return b""


class _Zstandard:
    def __init__(self, module: object) -> None:
        make = getattr(module, "ZstdDecompressor")  # noqa: B009 - absent from the stubs
        self._stream = make() if hasattr(make(), "unused_data") else make().decompressobj()

    def decompress(self, piece: bytes) -> bytes:
        return bytes(self._stream.decompress(piece))

    def flush(self) -> bytes:
        return b""


# The modules that clients use themselves, so a client that accepts a coding has one of them.
_OPTIONAL: dict[str, tuple[Callable[[object], Decoder], tuple[str, ...]]] = {
    "br": (_Brotli, ("brotli", "brotlicffi")),
    "zstd": (_Zstandard, ("compression.zstd", "backports.zstd", "zstandard")),
}


def undone(raw: bytes, coding: str) -> bytes | None:
    """Return a whole body without `coding`, or None if there is no decoder for it.

    Raises:
        ValueError: If `raw` is not in `coding`.
    """
    found = decoder(coding)
    if found is None:
        return None
    try:
        return found.decompress(raw) + found.flush()
    except Exception as error:  # each coding has errors of its own
        raise ValueError(f"not in {coding}") from error


def decoder(coding: str) -> Decoder | None:
    """Return a decoder for `coding`, or None if there is none (for a list of codings, say)."""
    coding = coding.strip().lower()
    if coding in ("gzip", "x-gzip"):
        return _Gzip()
    if coding == "deflate":
        return _Deflate()
    if coding not in _OPTIONAL:
        return None
    make, modules = _OPTIONAL[coding]
    for name in modules:
        with contextlib.suppress(ImportError):
            return make(importlib.import_module(name))
    return None
