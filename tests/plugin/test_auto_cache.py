"""The router's settings as a suite has them, and flags that are none."""

from __future__ import annotations

import pytest

HEAD = """
    import httpx, pytest, requests

    def chat(flag=None, **fields):
        beside = {} if flag is None else {"requesty": {"auto_cache": flag}}
        body = {"model": "anthropic/claude-x", "messages": []} | beside | fields
        return httpx.post(URL + "/v1/chat/completions", json=body).json()["hit"]
"""


def suite_of(suite, tests):
    suite.write(HEAD + tests)
    return suite


def everyway(suite, **outcome):
    for flag in ("--agentcache-record", "--verbose", "--agentcache-offline"):
        if flag == "--agentcache-offline":
            suite.upstream.stop()
        suite.run(flag).assert_outcomes(**outcome)


def test_router_by_marker(suite):
    """The marker puts the session between a client and the cassette; without it there is none."""
    suite_of(
        suite,
        """
    @pytest.mark.agentcache(router=True)
    def test_routed(agentcache):
        assert chat(True) == chat(True)
        assert chat(False) != chat(True)
        assert [call.from_cache for call in agentcache.prompt_cache] == [False, True, False, True]

    def test_plain(agentcache):
        assert chat(True) != chat(True)
        assert [call.from_cache for call in agentcache.prompt_cache] == [False, False]
""",
    )
    everyway(suite, passed=2)


def test_settings_by_ini(suite):
    """Ini keys say who is routed, which origins cache, and for which providers the flag counts."""
    suite.write(
        """
        [pytest]
        agentcache_auto = true
        agentcache_router = true
        agentcache_auto_cache_origins = my-agent *.example.org
        agentcache_auto_cache_providers =
            anthropic
            gemini
        """,
        "pytest.ini",
    )
    suite_of(
        suite,
        """
    def test_provider():
        assert chat(True) == chat(True)
        assert chat(True, model="openai/gpt-5") != chat(True, model="openai/gpt-5")

    def test_origin(monkeypatch):
        post = httpx.post
        headers = {"User-Agent": "my-agent/1.0"}
        monkeypatch.setattr(httpx, "post", lambda *a, **k: post(*a, **k, headers=headers))
        assert chat() == chat()

    @pytest.mark.agentcache(router=False)
    def test_nearest_wins():
        assert chat(True) != chat(True)
""",
    )
    everyway(suite, passed=3)


def test_a_swallowed_flag_fails_its_test(suite):
    """An agent that catches the error does not get away with it; the report says what was sent."""
    suite_of(
        suite,
        """
    @pytest.mark.agentcache(router=True)
    def test_swallows():
        try:
            chat("yes")
        except Exception:
            pass

    @pytest.mark.agentcache(router=True, on_miss="respond")
    def test_expects():
        with pytest.raises(ValueError, match="it takes true or false"):
            chat("yes")
""",
    )
    outcome = suite.run("--agentcache-record")

    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(
        ["*test_swallows: POST http://127*: requesty.auto_cache is 'yes'; it takes true or false*"]
    )
    assert suite.upstream.hits == []


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("router='maybe'", "router is 'maybe'; it takes true or false"),
        ("auto_cache_origins=5", "auto_cache_origins is 5; it takes a list of strings"),
        ("auto_cache_providers={'a': 1}", "auto_cache_providers is {'a': 1}; it takes a list"),
        ("router=True, session={'expire': 1}", "CachedSession takes no keyword 'expire'"),
    ],
)
def test_wrong_settings_are_told(suite, argument, problem):
    """The test fails before it begins, with what is wrong."""
    suite.write(f"""
        import pytest

        @pytest.mark.agentcache({argument})
        def test_it():
            raise SystemError
    """)
    outcome = suite.run()

    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines([f"*{problem}*"])


def test_the_session_of_a_router_is_configured(suite):
    """The hook is called once, with the session between client and cassette."""
    suite.write(
        """
        def pytest_agentcache_configure_session(session, item):
            session.settings.expire_after = 60
            item.config.made = [*getattr(item.config, "made", []), session]
        """,
        "conftest.py",
    )
    suite_of(
        suite,
        """
    @pytest.mark.agentcache(router=True)
    def test_it(agentcache, request):
        assert chat(True) == chat(True)
        agentcache.clock.tick(61)
        assert chat(True) == 2
        assert request.config.made == [agentcache.session]
""",
    )
    everyway(suite, passed=1)
