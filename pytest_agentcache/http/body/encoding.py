"""Content codings (RFC 9110, section 8.4.1), decoded and encoded piece by piece, as streams are."""

from __future__ import annotations

import contextlib
import importlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol


class Decoder(Protocol):
    """A decoder that takes a body piece by piece."""

    def decompress(self, piece: bytes, /) -> bytes:
        """Return the bytes that `piece` adds."""
        ...

    def flush(self) -> bytes:
        """Return the rest at the end."""
        ...

    @property
    def is_plain(self) -> bool:
        """True at the end if an encoder of this coding would say the same.

        It would not if the body is cut off, if anything follows it, or if it has several parts.
        """
        ...


class _Gzip:
    """One gzip member after another; bytes after the last one are dropped, as curl does."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._done_one = False
        self.is_plain = False

    def decompress(self, piece: bytes) -> bytes:
        done = b""
        while piece:
            self.is_plain = False
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
            self.is_plain, self._done_one = not self._done_one, True
        return done

    def flush(self) -> bytes:
        return self._member.flush()


class _Deflate:
    """`deflate` is zlib's format by the standard and a bare stream from some servers."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()
        self._undecided: bytes | None = b""
        self._bare = False

    def decompress(self, piece: bytes) -> bytes:
        if self._undecided is None:
            return self._stream.decompress(piece)
        self._undecided += piece
        try:
            done = self._stream.decompress(piece)
        except zlib.error:
            self._stream, self._bare = zlib.decompressobj(-zlib.MAX_WBITS), True
            done = self._stream.decompress(self._undecided)
            self._undecided = None
        if done:
            self._undecided = None
        return done

    def flush(self) -> bytes:
        return self._stream.flush()

    @property
    def is_plain(self) -> bool:
        return self._stream.eof and not self._stream.unused_data and not self._bare


class _Brotli:
    def __init__(self, module: Any) -> None:
        self._stream = module.Decompressor()

    def decompress(self, piece: bytes) -> bytes:
        step = getattr(self._stream, "decompress", None) or self._stream.process
        return bytes(step(piece))

    def flush(self) -> bytes:
        return b""

    @property
    def is_plain(self) -> bool:
        return bool(self._stream.is_finished())


class _Zstandard:
    def __init__(self, module: Any) -> None:
        make = module.ZstdDecompressor
        self._stream = make() if hasattr(make(), "unused_data") else make().decompressobj()

    def decompress(self, piece: bytes) -> bytes:
        return bytes(self._stream.decompress(piece))

    def flush(self) -> bytes:
        return b""

    @property
    def is_plain(self) -> bool:
        return self._stream.eof and not self._stream.unused_data


class Encoder(Protocol):
    """Encodes a body piece by piece; each piece can be decoded as soon as it arrives."""

    def compress(self, piece: bytes, /) -> bytes:
        """Return `piece`, encoded."""
        ...

    def finish(self) -> bytes:
        """Return what ends the body."""
        ...


class _Zlib:
    def __init__(self, bits: int) -> None:
        # Gzip without the time and the name of a file: equal bodies give equal bytes.
        self._stream = zlib.compressobj(wbits=bits)

    def compress(self, piece: bytes) -> bytes:
        return self._stream.compress(piece) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush()


class _BrotliEncoder:
    def __init__(self, module: Any) -> None:
        self._stream = module.Compressor(quality=4)

    def compress(self, piece: bytes) -> bytes:
        step = getattr(self._stream, "compress", None) or self._stream.process
        return bytes(step(piece)) + bytes(self._stream.flush())

    def finish(self) -> bytes:
        return bytes(self._stream.finish())


class _ZstandardEncoder:
    def __init__(self, module: Any) -> None:
        compressor = module.ZstdCompressor()
        own = hasattr(compressor, "compressobj")
        self._stream = compressor.compressobj() if own else compressor
        self._block = module.COMPRESSOBJ_FLUSH_BLOCK if own else compressor.FLUSH_BLOCK

    def compress(self, piece: bytes) -> bytes:
        return bytes(self._stream.compress(piece)) + bytes(self._stream.flush(self._block))

    def finish(self) -> bytes:
        return bytes(self._stream.flush())


class _Chain:
    """Several codings, one after the other."""

    def __init__(self, steps: list[Any]) -> None:
        self._steps = steps

    def decompress(self, piece: bytes) -> bytes:
        for step in self._steps:
            piece = step.decompress(piece)
        return piece

    def flush(self) -> bytes:
        rest = b""
        for step in self._steps:
            rest = (step.decompress(rest) if rest else b"") + step.flush()
        return rest

    @property
    def is_plain(self) -> bool:
        return all(step.is_plain for step in self._steps)

    def compress(self, piece: bytes) -> bytes:
        for step in self._steps:
            piece = step.compress(piece)
        return piece

    def finish(self) -> bytes:
        rest = b""
        for step in self._steps:
            rest = (step.compress(rest) if rest else b"") + step.finish()
        return rest


@dataclass(frozen=True, slots=True)
class _Coding:
    """A content coding.

    Attributes:
        decoder: Makes a decoder, from the module if one is needed.
        encoder: Makes an encoder, likewise.
        modules: The modules that clients themselves use, one of which must be installed; empty
            for codings of the standard library.
    """

    decoder: Callable[[Any], Decoder]
    encoder: Callable[[Any], Encoder]
    modules: tuple[str, ...] = ()


_GZIP = _Coding(lambda _: _Gzip(), lambda _: _Zlib(16 + zlib.MAX_WBITS))
_CODINGS = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": _Coding(lambda _: _Deflate(), lambda _: _Zlib(zlib.MAX_WBITS)),
    "br": _Coding(_Brotli, _BrotliEncoder, ("brotli", "brotlicffi")),
    "zstd": _Coding(
        _Zstandard, _ZstandardEncoder, ("compression.zstd", "backports.zstd", "zstandard")
    ),
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


def decoder(*codings: str) -> Decoder | None:
    """Return a decoder for codings in the order in which they were applied.

    Returns:
        None if one of them is unknown, or needs a library that is not installed.
    """
    made: Decoder | None = _chained(
        [_made(each, lambda coding: coding.decoder) for each in reversed(codings)]
    )
    return made


def encoder(*codings: str) -> Encoder | None:
    """Return an encoder that applies codings in this order.

    Returns:
        None if one of them is unknown, or needs a library that is not installed.
    """
    made: Encoder | None = _chained(
        [_made(each, lambda coding: coding.encoder) for each in codings]
    )
    return made


@lru_cache(maxsize=8)
def encoded(body: bytes, codings: tuple[str, ...]) -> bytes:
    """Return a whole body in its content codings; as it is if it cannot be encoded here."""
    made = encoder(*codings)
    return made.compress(body) + made.finish() if made else body


def _chained(steps: list[Any]) -> Any:
    if not steps or None in steps:
        return None
    return steps[0] if len(steps) == 1 else _Chain(steps)


def _made(name: str, side: Callable[[_Coding], Callable[[Any], Any]]) -> Any:
    """Return a decoder or encoder for one coding; None if there is none here."""
    coding = _CODINGS.get(name.strip().lower())
    if coding is None or not coding.modules:
        return coding and side(coding)(None)
    for module in coding.modules:
        with contextlib.suppress(ImportError):
            return side(coding)(importlib.import_module(module))
    return None
