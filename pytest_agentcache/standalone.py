"""`use_cassette`: a cassette without pytest, or around a part of a test."""

from __future__ import annotations

import functools
import inspect
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast
from unittest import SkipTest

from .clients import CHILDREN, DISPATCHER, install
from .clients.sockets import guard_for
from .errors import CassetteError, FaultError, SettingsError
from .faults import fault_report
from .replay.hooks import Hooks
from .replay.misses import Miss
from .replay.run_state import SURROUNDINGS, Block, Run
from .replay.session import Harness
from .reports import miss_report
from .settings.settings import ENVIRONMENT, Settings, check_value
from .state import on_reset

P = ParamSpec("P")
T = TypeVar("T")
_RUN = Run(uuid.uuid4().hex)


@on_reset("standalone._RUN")
def _reset() -> None:
    _RUN.forget()
    _RUN.opened.clear()
    _RUN.asked.clear()


class use_cassette:  # noqa: N801 - it is used like a function
    """Put the requests of a block or a function on a cassette.

    It is a context manager, for `with` and `async with`, and a decorator for functions and async
    functions. Tasks and threads that open a block each have a cassette each. Where one block is
    open, it has all requests of the process.

    Inside a test that is on a cassette, this cassette replaces it for that time. Inside a run of
    pytest, the settings of its ini file apply and its hooks are called. A `pytest.skip` inside the
    block counts as its end.

    Args:
        path: The cassette, a YAML file.
        mode: `replay`, `record`, `rerecord`, `offline`, `live` or `verify`; by default that of the
            block or the run of pytest around it, else what the environment variable
            `AGENTCACHE_MODE` says, else `replay`.
        settings: The marker's arguments: `on_miss`, `match`, `ignore_json`, `session`, …, except
            `cassette`, which is `path`.

    Yields:
        The harness: `.session`, `.cassette`, `.misses`, `.mode`.

    Raises:
        AutoCacheError: If a request had an invalid flag of the router, at the end at the latest.
        CassetteError: If the cassette cannot be read or written, or is too old.
        FaultError: At the end of the block, if a planned fault was never used.
        RefreshError: At the end of the block, if a background refresh failed.
        SettingsError: For a name or a value that is not allowed.
        MissError: At the end of the block, if a request was missed, unless `on_miss` is
            `respond`. A block that raises keeps its own error. In a test, the error is a
            `pytest.fail.Exception` too, and a miss that has failed a test already is not raised.
        OverlapError: If a request may belong to several blocks that are open side by side.
    """

    def __init__(
        self, path: str | os.PathLike[str], mode: str | None = None, **settings: Any
    ) -> None:
        self._path, self._mode, self._settings = path, mode, settings
        self._entered: list[AbstractContextManager[Harness]] = []

    def __enter__(self) -> Harness:
        block = self._block()
        harness = block.__enter__()
        self._entered.append(block)
        return harness

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self._entered.pop().__exit__(kind, error, traceback)

    async def __aenter__(self) -> Harness:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return `function` with a block of its own around each call."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self._block():
                    return await function(*args, **kwargs)

            return cast("Callable[P, T]", run_async)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            with self._block():
                return function(*args, **kwargs)

        return run

    def _block(self) -> AbstractContextManager[Harness]:
        return _block(self._path, self._mode, self._settings)


@contextmanager
def _block(
    path: str | os.PathLike[str], mode: str | None, settings: dict[str, Any]
) -> Iterator[Harness]:
    if "cassette" in settings:
        raise SettingsError("use_cassette(): cassette= is its first argument, the path")
    run = replace(SURROUNDINGS.settings or Settings(), cassette="")
    merged = run.with_values(settings, "use_cassette()")
    merged = replace(merged, mode=_mode(mode))
    place, name = Path(path).absolute(), f"use_cassette({os.fspath(path)!r})"
    install()
    if merged.children:
        CHILDREN.patch()
    with ExitStack() as stack:
        hooks = SURROUNDINGS.hooks() if SURROUNDINGS.hooks else Hooks()
        temporary = tempfile.TemporaryDirectory

        def folder() -> Path:
            return Path(stack.enter_context(temporary(prefix="agentcache-")))

        own_run = SURROUNDINGS.run or _RUN
        harness = Harness(merged, place, folder, own_run, hooks, is_block=True).open()
        guard = None
        if merged.mode in ("replay", "offline"):
            # The responder in charge records every refusal; no one else needs to know.
            guard = guard_for(merged)
        DISPATCHER.enter_block(harness.responder, guard)
        block = Block(
            lambda: harness.misses,
            merged.on_miss == "respond",
            lambda misses: _report(name, harness, place, misses),
        )
        SURROUNDINGS.blocks.append(block)
        skip: BaseException | None = None
        try:
            try:
                yield harness
            except BaseException as error:
                if not isinstance(error, (SkipTest, *SURROUNDINGS.skips)):
                    raise
                skip, harness.stopped = error, True
            harness.settle()
            harness.check_flags()
        finally:
            # In place: other threads add blocks of their own. A reset has removed all of them.
            with suppress(ValueError):
                SURROUNDINGS.blocks.remove(block)
            harness.close()
            SURROUNDINGS.missed += block.missed
        faults = fault_report(name, harness.responder.plan)
        if misses := block.unreported():
            report = block.report(misses)
            raise SURROUNDINGS.miss_error(f"{faults}\n\n{report}" if faults else report)
        if faults:
            raise FaultError(faults)
        if merged.aged == "fail" and not merged.records and harness.cassette_file.aged:
            raise CassetteError(
                place, harness.cassette_file.aged, "Record it again with mode='rerecord'"
            )
        harness.save()
        if skip is not None:
            raise skip


def _report(name: str, harness: Harness, path: Path, misses: list[Miss]) -> str:
    return miss_report.misses(
        name,
        misses,
        harness.responder,
        path,
        found_cassette=harness.cassette_file.found,
        root=Path.cwd(),
        command=f'use_cassette(…, mode="record"), or the environment variable {ENVIRONMENT}=record',
    )


def _mode(chosen: str | None) -> str:
    """Return the mode of a block: its own, or that of the block or run around it."""
    if chosen is None and (around := DISPATCHER.around) is not None:
        return around.responder.settings.mode
    if chosen is None and SURROUNDINGS.settings is not None:
        return SURROUNDINGS.settings.mode
    source = "use_cassette()"
    if chosen is None and (from_environment := os.environ.get(ENVIRONMENT)):
        chosen, source = from_environment, f"environment variable {ENVIRONMENT}"
    mode: str = check_value("mode", chosen or "replay", source)
    return mode
