"""The hooks, each in a conftest file as users write them."""

from __future__ import annotations

import pytest


def test_configure_session_sees_each_session_once(suite):
    """The hook gets the session when it is made, and the test whose session it is."""
    suite.write(
        """
        made = []

        def pytest_agentcache_configure_session(session, item):
            session.headers["X-From"] = item.name
            made.append(item.name)
        """,
        "conftest.py",
    )
    suite.write("""
        from conftest import made

        def test_one(agentcache_session, agentcache):
            assert agentcache_session.headers["X-From"] == "test_one"
            assert agentcache.session.get(URL + "/one").request.headers["X-From"] == "test_one"

        def test_without(agentcache):
            assert made == ["test_one"]
    """)

    suite.record()


def test_before_record_request_changes_what_is_matched(suite, upstream):
    """The hook sees each request before redaction; False leaves it to the network."""
    suite.write(
        """
        from dataclasses import replace

        def pytest_agentcache_before_record_request(request, item):
            if request.url.endswith("/local"):
                return False
            assert b"hush" in request.body
            return replace(request, url=URL + "/changed")
        """,
        "conftest.py",
    )
    (suite.root / "conftest.py").write_text(
        f"URL = {upstream.url!r}\n" + (suite.root / "conftest.py").read_text()
    )
    suite.write("""
        import requests

        def test_one(agentcache):
            said = requests.post(URL + "/sent", json={"password": "hush"}).json()
            assert said["path"] == "/sent"
            assert requests.get(URL + "/local").ok
    """)
    suite.record()
    text = suite.cassette("test_one").read_text()
    hits = len(upstream.hits)

    assert "/changed" in text
    assert "/local" not in text
    suite.run().assert_outcomes(passed=1)
    assert len(upstream.hits) == hits + 1


def test_before_record_response_changes_or_drops(suite):
    """The hook changes what is written; False drops the interaction."""
    suite.write(
        """
        from dataclasses import replace

        def pytest_agentcache_before_record_response(response, request, item):
            if "/dropped" in request.url:
                return False
            return replace(response, body=b"kept")
        """,
        "conftest.py",
    )
    suite.write("""
        import requests

        def test_one(agentcache):
            if agentcache.mode == "record":
                requests.get(URL + "/dropped")
            assert (requests.get(URL + "/kept").text == "kept") == (agentcache.mode == "replay")

        def test_two(agentcache):
            requests.get(URL + "/dropped")
    """)
    suite.record()

    assert [*suite.files()] == ["cassettes/test_suite/test_one.yaml"]
    assert "/dropped" not in suite.cassette("test_one").read_text()
    suite.run("-k", "test_one").assert_outcomes(passed=1)


def test_redact_changes_what_is_written_and_not_what_the_test_gets(suite, upstream):
    """The hook may rewrite an interaction; the caller has the true answer while recording."""
    suite.write(
        """
        from dataclasses import replace

        def pytest_agentcache_redact(interaction, item):
            assert item.name == "test_one"
            assert b"<PASSWORD>" in interaction.request.body
            answer = interaction.response
            body = answer.body.replace(b"Jane Doe", b"A Person")
            return replace(interaction, response=replace(answer, body=body))
        """,
        "conftest.py",
    )
    suite.write("""
        import requests

        def test_one(agentcache):
            body = {"name": "Jane Doe", "password": "hush"}
            said = requests.post(URL, json=body).json()["asked"]
            assert ("Jane" if agentcache.mode == "record" else "A Person") in said
    """)
    suite.record()
    text = suite.cassette("test_one").read_text()
    assert "hush" not in text
    assert "A Person" in text
    upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_a_redact_hook_that_returns_none_changes_nothing(suite):
    """None leaves the interaction to the next hook, and in the end to the built-in redaction."""
    suite.write("def pytest_agentcache_redact(interaction, item): pass", "conftest.py")
    suite.write("""
        import requests

        def test_one(agentcache):
            requests.get(URL + "/one", headers={"Authorization": "Bearer hush"})
    """)
    suite.record()

    assert "authorization: Bearer <AUTHORIZATION>" in suite.cassette("test_one").read_text()


def test_normalize_request_maps_what_is_matched_and_written(suite, upstream):
    """The result of the hook is matched and written instead of the request."""
    suite.write(
        """
        from dataclasses import replace

        def pytest_agentcache_normalize_request(request, item):
            assert "hush" not in request.url
            if "/run/" in request.url:
                return replace(request, url=request.url.partition("/run/")[0] + "/run/N")
        """,
        "conftest.py",
    )
    source = """
        import requests

        def test_one(agentcache):
            requests.get(URL + "/run/WHAT?api_key=hush").json()
            requests.get(URL + "/plain")
    """
    suite.write(source.replace("WHAT", "17"))
    suite.record()
    text = suite.cassette("test_one").read_text()
    assert f"url: '{upstream.url}/run/N'" in text
    assert f"url: '{upstream.url}/plain'" in text
    upstream.stop()
    suite.write(source.replace("WHAT", "18"))

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_cassette_name_names_the_cassette_of_each_test(suite, upstream):
    """The hook names cassettes as the marker would; None leaves the default, the marker wins."""
    suite.write(
        """
        def pytest_agentcache_cassette_name(item):
            return None if item.name == "test_default" else f"by-hook/{item.name}"
        """,
        "conftest.py",
    )
    suite.write("""
        import pytest, requests

        def test_hook(agentcache):
            requests.get(URL + "/hook").raise_for_status()

        def test_default(agentcache):
            requests.get(URL + "/default").raise_for_status()

        @pytest.mark.agentcache(cassette="marked")
        def test_marker(agentcache):
            requests.get(URL + "/marker").raise_for_status()
    """)
    suite.record()
    upstream.stop()
    suite.run("--agentcache-offline").assert_outcomes(passed=3)

    assert list(suite.files()) == [
        "cassettes/by-hook/test_hook.yaml",
        "cassettes/marked.yaml",
        "cassettes/test_suite/test_default.yaml",
    ]


def test_a_cassette_name_that_leads_out_of_the_folder_fails_the_test(suite):
    """A name from the hook is checked like the marker's argument."""
    suite.write("def pytest_agentcache_cassette_name(item): return '../x'", "conftest.py")
    suite.write("def test_one(agentcache): pass")
    outcome = suite.run("--agentcache-record")

    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*the name '../x' leads out of */cassettes*"])


@pytest.mark.parametrize("flag", ["", "--agentcache-offline"])
def test_miss_is_called_each_time_on_the_thread_that_asked(suite, flag):
    """The hook is called for every miss: its request, kind, caller and test."""
    suite.write(
        """
        import threading

        seen = []

        def pytest_agentcache_miss(miss, item):
            seen.append((miss.request.method, miss.kind, miss.count, item.name,
                         threading.current_thread().name))
        """,
        "conftest.py",
    )
    suite.write("""
        import pytest, requests, threading
        from conftest import seen

        @pytest.mark.agentcache(on_miss="respond")
        def test_one():
            def ask():
                for _ in range(2):
                    requests.get(URL + "/one")
            thread = threading.Thread(target=ask, name="worker")
            thread.start()
            thread.join()
            assert seen == [
                ("GET", "missing", 1, "test_one", "worker"),
                ("GET", "missing", 2, "test_one", "worker"),
            ]
    """)

    suite.run(*[flag] if flag else []).assert_outcomes(passed=1)


def test_miss_is_called_for_tests_on_no_cassette_too(suite):
    """Offline, it is called for the misses of every test."""
    suite.write(
        """
        seen = []

        def pytest_agentcache_miss(miss, item):
            seen.append((miss.request.url, item.name))
        """,
        "conftest.py",
    )
    suite.write("""
        import requests
        from conftest import seen

        def test_one():
            requests.get("http://upstream.example/one")

        def test_two():
            assert seen == [("http://upstream.example/one", "test_one")]
    """)

    suite.run("--agentcache-offline").assert_outcomes(failed=1, passed=1)
