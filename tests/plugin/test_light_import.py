"""A suite that does not use the plugin does not pay for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"requests", "requests_cache", "yaml", "vcr", "freezegun", "httpx", "httpx2", "aiohttp",
         "urllib3", "wrapt", "time_machine"}  # fmt: skip


def test_importing_the_plugin_loads_nothing_heavy():
    """`import pytest_agentcache.plugin` loads no client, no YAML and no cache."""
    command = [sys.executable, "-X", "importtime", "-c", "import pytest_agentcache.plugin"]
    imports = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in imports.splitlines()}

    assert "pytest_agentcache" in loaded
    assert loaded & HEAVY == set()


def test_importing_the_package_loads_nothing_heavy():
    """`import pytest_agentcache` alone is light, its names are loaded when they are used."""
    code = "import pytest_agentcache, sys; print(*sys.modules); pytest_agentcache.use_cassette"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert {name.partition(".")[0] for name in done.stdout.split()} & HEAVY == set()


def test_every_public_name_is_there():
    """Every name in `__all__` can be imported; any other is an AttributeError."""
    import pytest_agentcache

    for name in pytest_agentcache.__all__:
        assert getattr(pytest_agentcache, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pytest_agentcache.nothing


@pytest.mark.parametrize("auto", ["", "agentcache_redact = x-mine"])
def test_a_suite_that_does_not_use_it_loads_nothing_heavy(suite, auto):
    """In replay, plain tests of every kind run without a client, YAML or a patch."""
    suite.write(f"[pytest]\n{auto}\n", "pytest.ini")
    suite.write(f"""
        import sys, unittest
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_plain(number, tmp_path):
            pass

        class TestCase(unittest.TestCase):
            def test_case(self):
                pass

        def test_last():
            loaded = {{name.partition(".")[0] for name in sys.modules}}
            assert loaded & {HEAVY!r} == set()
            assert "pytest_agentcache.clients" not in sys.modules
            assert "pytest_agentcache.replay.responder" not in sys.modules
    """)

    # Other plugins that are installed here import what this test looks for.
    others = [
        word
        for name in ("anyio", "requests_mock", "time_machine", "freezer")
        for word in ("-p", f"no:{name}")
    ]
    suite.spawn_fresh(*others).assert_outcomes(passed=5)


def test_options_of_another_plugin_load_nothing_heavy(suite):
    """Under `agentcache_vcr`, plugins that are loaded later find nothing imported."""
    suite.write("[pytest]\nagentcache_vcr = true\n", "pytest.ini")
    suite.write(
        f"""
        import sys

        loaded = {{name.partition(".")[0] for name in sys.modules}}
        assert loaded & {HEAVY!r} == set()
        assert "pytest_agentcache.clients" not in sys.modules
        """,
        "loaded_later.py",
    )
    suite.write("def test_one(): pass")
    suite._pytester.syspathinsert()

    suite.spawn_fresh("-p", "loaded_later").assert_outcomes(passed=1)
