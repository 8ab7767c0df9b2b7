"""All process-wide state is listed in `state`, and `reset` leaves nothing of it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
import subprocess
import sys
import threading
from contextvars import ContextVar
from pathlib import Path
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

import pytest

import pytest_agentcache
from pytest_agentcache import state

ROOT = Path(pytest_agentcache.__file__).parent
CONTAINERS = (dict, list, set, bytearray, WeakKeyDictionary, WeakSet, WeakValueDictionary)
CHANGING = {"add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"}
MODULES = [
    each.name.removeprefix("pytest_agentcache.")
    for each in pkgutil.walk_packages([str(ROOT)], "pytest_agentcache.")
    if not each.name.endswith("__main__")
]


def changed_in(tree: ast.Module) -> set[str]:
    """Return the names, or `Class.attribute`s, that the functions of a module change."""
    found = set()
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for node in (each for function in functions for each in ast.walk(function)):
        match node:
            case ast.Global(names=names):
                found.update(names)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                if method in CHANGING:
                    found.add(name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attr, ctx=ast.Store()):
                found.update({name, f"{name}.{attr}"})
    return found


def states_of(module: str) -> set[str]:
    """Return the mutable states at the level of a module, by its own names."""
    loaded = importlib.import_module(f"pytest_agentcache.{module}")
    tree = ast.parse(Path(loaded.__file__ or "").read_text(encoding="utf-8"))
    changed, found = changed_in(tree), set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            known = {n for each in node.body for n in names_of(each)}
            found |= {f"{node.name}.{name}" for name in known} & changed
        for name in names_of(node):
            value = getattr(loaded, name, None)
            empty = isinstance(value, CONTAINERS) and not value and not name.isupper()
            if (
                empty
                or isinstance(value, (ContextVar, threading.local))
                or (name in changed and (isinstance(value, CONTAINERS) or is_ours(value)))
                or (is_ours(value) and keeps_something(value))
            ):
                found.add(name)
    return found


def names_of(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [each.id for each in targets if isinstance(each, ast.Name)]


def is_ours(value: object) -> bool:
    return type(value).__module__.startswith("pytest_agentcache.")


def keeps_something(value: object) -> bool:
    """Return whether methods of an object change it after it was made."""
    kind = type(value)
    if isinstance(value, (tuple, state.Attribute)):
        return False
    if dataclasses.is_dataclass(kind):
        return not kind.__dataclass_params__.frozen
    source = Path(importlib.import_module(kind.__module__).__file__ or "")
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            methods = [m for m in node.body if getattr(m, "name", "__init__") != "__init__"]
            stored = [each for m in methods for each in ast.walk(m)]
            return any(
                isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load)
                for each in stored
            )
    return False


def test_every_state_is_listed():
    """A module-level value that changes at run time is named in `state.STATES`."""
    for module in MODULES:
        pattern = re.compile(rf"{re.escape(module)}\.(_?[A-Z_]+|_?\w+\.\w+)")
        listed = {
            name.removeprefix(f"{module}.") for name in state.STATES if pattern.fullmatch(name)
        }
        loaded = importlib.import_module(f"pytest_agentcache.{module}")

        # A function that changes nothing of its own may still change the listed value of another.
        assert states_of(module) - {"_resets", "_LOCKS"} <= listed, module
        assert all(hasattr(loaded, name.split(".")[0]) for name in listed), module


def test_every_state_can_be_reset():
    """Each listed state registers how it is reset."""
    for module in MODULES:
        importlib.import_module(f"pytest_agentcache.{module}")

    assert state.registered() == set(state.STATES)


def test_attributes_of_foreign_objects_are_listed():
    """Attributes on objects of other libraries are set only through `state`."""
    # `state` is the list itself.
    found = {
        (path.relative_to(ROOT).as_posix(), node.attr)
        for path in ROOT.rglob("*.py")
        if path != ROOT / "state.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr.lstrip("_").startswith("agentcache_")
    }

    assert found == set()


LEFT_BEHIND = """
import asyncio, contextvars, threading as python_threading
from pytest_agentcache import state, use_cassette
from pytest_agentcache.clock import engines, frozen_time, runs, threads
from pytest_agentcache.replay.dispatcher import DISPATCHER
from pytest_agentcache.replay.misses import Miss
from pytest_agentcache.replay.ordering import lanes
from pytest_agentcache.replay.run_state import SURROUNDINGS, Run
from pytest_agentcache.settings.settings import Settings
from pytest_agentcache.http.messages import Request
from pytest_agentcache import standalone

block = use_cassette("a.yaml", mode="replay", freeze=True)
harness = block.__enter__()
leave = python_threading.Event()
thread = python_threading.Thread(target=leave.wait, args=(30,))
thread.start()
DISPATCHER.late_misses.append(Miss(Request("GET", "https://api.example/"), "late", None))
SURROUNDINGS.settings, SURROUNDINGS.run = Settings(), Run("x")
lanes.enter(lanes.current().fork())
upstream, loop = runs.awaiting_upstream(), asyncio.new_event_loop()
upstream.__enter__()
loop.time()
work = threads.handing_over(print)

def left():
    return [
        DISPATCHER.current, DISPATCHER.caches, DISPATCHER.guard, DISPATCHER.late_misses,
        SURROUNDINGS.settings, SURROUNDINGS.hooks, SURROUNDINGS.run, lanes._LANE.get(),
        standalone._RUN.opened, standalone._RUN.asked,
        frozen_time.TIME.stopped, engines._Installed.engine, runs.CLIENT.get(),
        [*runs.CLOCKS], runs._UNDER_WAY, threads._Test.number, [*threads._QUEUED],
        [each.name for each in state.ATTRIBUTES if each.get(thread) is not None],
    ]

print(sum(map(bool, left())))
state.reset()
print(sum(map(bool, left())))
leave.set()
thread.join()
loop.close()
block.__exit__(None, None, None)
"""


def test_reset_leaves_nothing(tmp_path):
    """In the middle of a block, with a thread of its own, every state is as it was at import."""
    command = [sys.executable, "-c", LEFT_BEHIND]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    before, after = map(int, done.stdout.split())
    assert before >= 14
    assert after == 0


def test_an_unlisted_name_is_refused():
    """A reset is registered for a listed state only."""
    with pytest.raises(KeyError):
        state.on_reset("replay.dispatcher.NOTHING")
