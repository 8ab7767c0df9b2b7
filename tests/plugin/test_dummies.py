"""Tests run without the keys that they were recorded with."""

from __future__ import annotations

import os

import pytest

KEY = "sk-4f9c2d7ab1e05c83"
CLIENT = """
    import os
    import requests

    def send(key):
        address = URL + "/bot" + key + "/now"
        headers = {"authorization": "Bearer " + key, "x-note": "my " + key}
        return requests.post(address, params={"note": key}, json={"note": key}, headers=headers)
"""
MODES = ((), ("--agentcache-offline",))


@pytest.fixture
def acme(suite, monkeypatch):
    """A suite whose client needs ACME_API_KEY, recorded with it; the variable is gone."""
    suite.write(
        "[pytest]\nagentcache_match = method url body header:authorization header:x-note",
        "pytest.ini",
    )
    suite.write(CLIENT, "client.py")
    suite.write("""
        import os
        from client import send

        def test_key(agentcache):
            assert send(os.environ["ACME_API_KEY"]).ok
    """)
    monkeypatch.setenv("ACME_API_KEY", KEY)
    suite.record()
    monkeypatch.delenv("ACME_API_KEY")
    suite.upstream.stop()
    return suite


@pytest.mark.parametrize("mode", MODES)
def test_variable_of_a_placeholder_is_set(acme, mode):
    """A variable that the cassette names is set for the test, and matches everywhere."""
    acme.run(*mode).assert_outcomes(passed=1)

    assert "ACME_API_KEY" not in os.environ


def test_variable_that_is_set_keeps_its_value(acme, monkeypatch):
    """A key of another machine is used as it is."""
    monkeypatch.setenv("ACME_API_KEY", "sk-77aa66bb55cc44dd")
    acme.write("""
        import os
        from client import send

        def test_key(agentcache):
            assert os.environ["ACME_API_KEY"] == "sk-77aa66bb55cc44dd"
            assert send(os.environ["ACME_API_KEY"]).ok
    """)

    acme.run("--agentcache-offline").assert_outcomes(passed=1)


def test_dummy_value_ends_with_its_test(acme):
    """A test without a cassette finds the variable as it is."""
    acme.write(
        """
        import os
        from test_suite import test_key

        def test_other():
            assert "ACME_API_KEY" not in os.environ
        """,
        "test_z.py",
    )

    acme.run("--agentcache-offline", "test_suite.py", "test_z.py::test_other").assert_outcomes(
        passed=2
    )


def test_recording_needs_the_key(acme):
    """While recording, a missing variable stays missing: upstream would refuse a dummy."""
    outcome = acme.run("--agentcache-rerecord")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*KeyError: 'ACME_API_KEY'"])


def test_other_placeholders_are_no_variables(suite, monkeypatch):
    """A placeholder of a person is not a variable of a secret."""
    monkeypatch.delenv("USER", raising=False)
    suite.write("""
        import os
        import requests

        def test_user(agentcache):
            assert requests.get(URL.replace("//", "//ann:s3cret-4f9c2d@")).ok
            assert "USER" not in os.environ
    """)
    suite.record()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_aws_keys_come_in_pairs(suite, monkeypatch):
    """botocore refuses an access key without its secret, which is never sent."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAQWERTZ1234567890")
    suite.write("""
        import os
        import requests

        def test_key(agentcache):
            assert requests.get(URL, params={"by": os.environ["AWS_ACCESS_KEY_ID"]}).ok
            assert agentcache.mode == "record" or os.environ["AWS_SECRET_ACCESS_KEY"]
    """)
    suite.record()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_blocks_that_overlap_share_a_variable(suite, monkeypatch):
    """The variable stays until the last `use_cassette` that needs it ends."""
    monkeypatch.setenv("ACME_API_KEY", KEY)
    suite.write("""
        import asyncio, os
        import httpx
        from pytest_agentcache import use_cassette

        async def one(name, mine, other):
            async with use_cassette(f"{name}.yaml"):
                await asyncio.wait_for(mine.wait(), 60)
                other.set()
                async with httpx.AsyncClient() as client:
                    response = await client.get(URL + "/" + os.environ["ACME_API_KEY"])
                    assert response.status_code == 200

        def test_both():
            async def both():
                first, second = asyncio.Event(), asyncio.Event()
                first.set()
                await asyncio.gather(one("a", first, second), one("b", second, first))
            asyncio.run(both())
    """)
    suite.record()
    monkeypatch.delenv("ACME_API_KEY")
    suite.upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)
    assert "ACME_API_KEY" not in os.environ


AT_IMPORT = """
    import os
    from client import send

    KEY = os.environ["ACME_API_KEY"]

    def test_key(agentcache):
        assert send(KEY).ok
        assert send("a no-key-1-needed").ok
"""


@pytest.mark.parametrize("value", ["no-key-1-needed", "<ACME_API_KEY>"])
@pytest.mark.parametrize("arguments", [(), ("--agentcache-offline",), ("-n1",)])
def test_ini_sets_variables_for_the_whole_run(suite, monkeypatch, arguments, value):
    """agentcache_env is there when conftest files and modules are imported, and matches."""
    suite.write(f"[pytest]\nagentcache_env =\n    ACME_API_KEY = {value}\n", "pytest.ini")
    suite.write("import os\nassert os.environ['ACME_API_KEY']", "conftest.py")
    suite.write(CLIENT, "client.py")
    suite.write(AT_IMPORT)
    monkeypatch.setenv("ACME_API_KEY", KEY)
    suite.record()
    monkeypatch.delenv("ACME_API_KEY")
    suite.upstream.stop()

    outcome = suite.spawn(*arguments) if arguments == ("-n1",) else suite.run(*arguments)
    outcome.assert_outcomes(passed=1)
    assert "ACME_API_KEY" not in os.environ


@pytest.mark.parametrize("name", ["--agentcache-record", "--agentcache-live"])
def test_ini_sets_nothing_for_upstream(suite, monkeypatch, name):
    """Upstream would refuse a dummy: a missing key has to look missing."""
    monkeypatch.delenv("ACME_API_KEY", raising=False)
    suite.write("[pytest]\nagentcache_env = ACME_API_KEY = no-key\n", "pytest.ini")
    suite.write("import os\ndef test_key(): assert 'ACME_API_KEY' not in os.environ")

    suite.run(name).assert_outcomes(passed=1)


def test_ini_line_needs_a_name(suite):
    """A line without a name is an error that shows the form."""
    suite.write("[pytest]\nagentcache_env =\n    = no-key\n", "pytest.ini")
    suite.write("def test_key(): pass")

    suite.run().stderr.fnmatch_lines(["*env has a line without a name; write NAME = VALUE"])
