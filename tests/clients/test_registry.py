"""Each client module is registered, patches an existing library, is tested and is documented."""

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

from pytest_agentcache import clients

from .clients import CLIENTS as DRIVERS

PAGE = Path(__file__).parents[2] / "docs" / "how-it-works.md"
MODULES = [f"{clients.__name__}.{each.name}" for each in pkgutil.iter_modules(clients.__path__)]
# It intercepts sessions, not requests, so it has tests of its own in tests/cache.
WITHOUT_REQUESTS = ("requests_cache",)


def test_every_client_module_is_registered():
    """A module that names the modules it patches is a client, and is in the registry once."""
    found = [importlib.import_module(name) for name in MODULES]

    assert [each for each in found if hasattr(each, "MODULES")] == list(clients.CLIENTS)


@pytest.mark.parametrize("client", clients.CLIENTS, ids=lambda client: client.__name__)
def test_entry_is_complete(client):
    """A client has a docstring, modules that exist, and an `install` that takes one of them."""
    assert client.__doc__
    assert client.MODULES
    for name in client.MODULES:
        importlib.import_module(name)
    assert list(inspect.signature(client.install).parameters) == ["module"]


@pytest.mark.parametrize(
    "name", sorted({name for client in clients.CLIENTS for name in client.MODULES})
)
def test_library_is_tested_and_documented(name):
    """Each library has a driver for the tests of all clients, and a row on the page of clients."""
    library = name if name.startswith("http.") else name.partition(".")[0]
    drivers = {driver.partition("-")[0] for driver in DRIVERS}
    rows = [row.split("|")[1] for row in PAGE.read_text("utf-8").splitlines() if row[:1] == "|"]

    assert library in drivers or library in WITHOUT_REQUESTS
    assert any(library.replace("_", "-") in row for row in rows)
