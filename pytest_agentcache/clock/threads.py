"""The threads of a test, and if one of them is at work.

Threads that the test starts wait on its clock; those of servers, pools and libraries that were
there before it wait in real time.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ..state import THREAD_TEST, on_reset

# The threads of pools outlive the work they were started for, so only their work is a test's:
# modules of their classes, and what they run.
_POOL_CLASSES = ("anyio._backends", "concurrent.futures", "multiprocessing.pool")
_POOL_TARGETS = {
    ("concurrent.futures.thread", "_worker"),
    ("multiprocessing.pool", "worker"),
    ("trio._core._thread_cache", "_work"),
}
# Functions in which a thread waits until someone else has something for it.
_IDLE = {
    ("_thread_cache.py", "_work"),
    ("pool.py", "worker"),
    ("socket.py", "accept"),
    ("thread.py", "_worker"),
    ("threading.py", "acquire"),
    ("threading.py", "join"),
    ("threading.py", "wait"),
    ("threading.py", "_wait_for_tstate_lock"),
}
# Where it waits for many sockets at once, as event loops do.
_ON_SOCKETS = {("selectors.py", "select"), ("windows_events.py", "_poll")}
# Where a server waits in such a way for others to connect.
_SERVES = ("socketserver.py", "serve_forever")
# What a pool of `multiprocessing` starts besides those that do its work.
_SERVANTS = {"_handle_results", "_handle_tasks", "_handle_workers"}
# Where such a wait is one for others, although it may give up.
_FOR_OTHERS = {
    ("_base.py", "as_completed"),
    ("_base.py", "exception"),
    ("_base.py", "result"),
    ("_base.py", "wait"),
    ("queue.py", "get"),
    ("queue.py", "put"),
    ("threading.py", "join"),
}
_LIBRARIES = (
    *{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")},
    str(Path(__file__).with_name("waits.py")),
)

# Work given to a pool that no thread of it has begun; what is dropped leaves by itself.
_QUEUED: weakref.WeakSet[Callable[..., Any]] = weakref.WeakSet()


class _Test:
    """The number of the running test. Threads of earlier tests have other numbers."""

    number = 0


def begin() -> None:
    """Begin another test. Only the main thread belongs to it so far."""
    _Test.number += 1
    _QUEUED.clear()


@on_reset("clock.threads._QUEUED")
@on_reset("clock.threads._Test.number")
def _reset() -> None:
    _QUEUED.clear()
    _Test.number = 0


def belongs() -> bool:
    """Return true if the calling thread is the test's: the main one, or one that it started."""
    # Not `current_thread`, which makes a thread known that was started outside Python.
    thread = vars(threading)["_active"].get(threading.get_ident())
    return thread is threading.main_thread() or _of_test(thread)


def adopt(thread: threading.Thread) -> None:
    """Mark a thread that is about to start as the test's, if the calling thread is."""
    # Work for a `ThreadPool` cannot be followed, so its threads belong to the test that starts it.
    works = getattr(getattr(thread, "_target", None), "__name__", "") == "worker"
    if belongs() and (works or not of_pool(thread)):
        THREAD_TEST.set(thread, _Test.number)


def _of_test(thread: threading.Thread | None) -> bool:
    return bool(THREAD_TEST.get(thread) == _Test.number)


def of_pool(thread: threading.Thread) -> bool:
    """Return true if a thread is kept by a pool for future work."""
    target = getattr(thread, "_target", None)
    runs = (getattr(target, "__module__", None), getattr(target, "__name__", None))
    return runs in _POOL_TARGETS or type(thread).__module__.startswith(_POOL_CLASSES)


def handing_over(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for a thread of a pool, which belongs to the test while it runs it."""
    if not belongs():
        return function
    number = _Test.number

    def run(*args: Any, **kwargs: Any) -> Any:
        with _adopted(number):
            _QUEUED.discard(run)
            return function(*args, **kwargs)

    _QUEUED.add(run)
    return run


@contextmanager
def _adopted(number: int) -> Iterator[None]:
    thread = threading.current_thread()
    before = THREAD_TEST.get(thread)
    THREAD_TEST.set(thread, number)
    try:
        yield
    finally:
        THREAD_TEST.set(thread, before)


def at_work(awake: Callable[[FrameType], bool]) -> bool:
    """Return true if another thread of the test may be about to hand something over.

    Args:
        awake: Returns true for a thread that waits for sockets, by its innermost frame, if it will
            go on before anyone wakes it.
    """
    if _QUEUED:
        return True
    frames, own = sys._current_frames(), threading.get_ident()
    for thread in threading.enumerate():
        # What the main thread does comes before what runs in the background for ever.
        mine = thread is threading.main_thread() or _of_test(thread)
        if thread.ident == own or not (mine or of_pool(thread)):
            continue
        if (given := getattr(thread, "pending_work_items", None)) is not None:
            # It waits for the processes of a pool.
            if given:
                return True
            continue
        if getattr(getattr(thread, "_target", None), "__name__", "") in _SERVANTS:
            continue
        frame = frames.get(thread.ident or 0)
        if frame is None:
            continue
        if _place(frame) in _ON_SOCKETS:
            serves = _calls(frame, lambda caller: _place(caller) == _SERVES)
            if mine and not serves and awake(frame):
                return True
        elif not _idle(frame, thread):
            return True
    return False


def _idle(frame: FrameType, thread: threading.Thread) -> bool:
    """Return true if a thread waits for others, not for the network, a process or its time."""
    code = _place(frame)
    if code not in _IDLE:
        return False
    if code[0] != "threading.py":
        return True
    if _notified(frame):
        return False
    # An event loop that closes has its pool joined by a thread.
    if _calls(frame, lambda caller: caller.f_code.co_name == "_do_shutdown"):
        return False
    # A wait that ends by itself: a timer of the test's, or a pause in what it does. Libraries
    # pause in the background for ever.
    if frame.f_locals.get("timeout") in (None, -1):
        return True
    if _calls(frame, lambda caller: _place(caller) in _FOR_OTHERS):
        return True
    return not (isinstance(thread, threading.Timer) or _calls(frame, _of_user))


def _notified(frame: FrameType) -> bool:
    """Return true if a thread that waits on a condition was notified, and only needs its turn."""
    waiter, condition = frame.f_locals.get("waiter"), frame.f_locals.get("self")
    return waiter is not None and waiter not in getattr(condition, "_waiters", (waiter,))


def _place(frame: FrameType) -> tuple[str, str]:
    code = frame.f_code
    return code.co_filename.replace("\\", "/").rpartition("/")[2], code.co_name


def _calls(frame: FrameType | None, wanted: Callable[[FrameType], bool]) -> bool:
    while frame is not None:
        if wanted(frame):
            return True
        frame = frame.f_back
    return False


def _of_user(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    # What runs here was handed over by the test.
    library = file.startswith((*_LIBRARIES, "<frozen")) or "site-packages" in file
    return file == __file__ or not library
