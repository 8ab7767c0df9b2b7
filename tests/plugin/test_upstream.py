"""Faults in a suite as users write it, run as users run it."""

from __future__ import annotations

import pytest

MODES = ["--agentcache-record", "", "--agentcache-offline", "--agentcache-live"]


def flags(mode):
    return [mode] if mode else []


AGENT = """
    import requests

    def ask():
        try:
            return requests.get(f"{URL}/a").json()["path"]
        except requests.ConnectionError:
            return "unreachable"
"""


def test_agent_that_copes_passes_in_every_mode(suite):
    """Record, replay, offline: the same outcome, and only the true answer on the cassette."""
    suite.write(
        AGENT
        + """
    def test_it(agentcache_upstream):
        agentcache_upstream.refuse("*/a", times=1)
        assert [ask(), ask()] == ["unreachable", "/a"]
        assert [call.outcome for call in agentcache_upstream.calls][0] == "fault"
    """
    )
    for mode in ("--agentcache-record", "", "--agentcache-offline"):
        assert suite.run(*flags(mode)).parseoutcomes() == {"passed": 1}
        suite.upstream.stop()

    assert suite.cassette("test_it").read_text().count("- request:") == 1


def test_faults_come_first_when_live(suite):
    """With --agentcache-live a fault comes to pass, and the rest is asked and listed."""
    suite.write(
        AGENT
        + """
    def test_it(agentcache):
        agentcache.upstream.refuse("*/a", times=1)
        assert [ask(), ask()] == ["unreachable", "/a"]
        assert [call.outcome for call in agentcache.upstream.calls] == ["fault", "passed"]
    """
    )
    assert suite.run("--agentcache-live").parseoutcomes() == {"passed": 1}
    assert len(suite.upstream.hits) == 1


@pytest.mark.parametrize("mode", MODES)
def test_fault_that_never_came_to_pass_fails_the_test(suite, mode):
    """In every mode; the report names fault, line, and what went out."""
    suite.write(
        AGENT
        + """
    def test_it(agentcache_upstream):
        agentcache_upstream.reply("*/a", json={"path": "/a"})
        agentcache_upstream.fail("*/b", status=500)
        assert ask() == "/a"
    """
    )
    result = suite.run(*flags(mode))

    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "test_suite.py::test_it planned a fault that never occurred:",
            "  fail('[*]/b', status=500) *planned at test_suite.py:12 in test_it()",
            "  requests that reached upstream, most similar first:",
            "    GET */a   fault: reply('[*]/a', status=200), 200",
            "  fix the match, or pass optional=True if the fault may not occur",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_misses_stand_below_a_fault_that_never_came_to_pass(suite):
    """A faulty match lets the request go on, and miss: both are reported, the fault first."""
    suite.write(
        AGENT
        + """
    def test_it(agentcache_upstream):
        agentcache_upstream.fail("*/b")
        requests.get(f"{URL}/a")
    """
    )
    result = suite.run()

    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "*planned a fault that never occurred:",
            "    GET */a   miss, 504",
            "*is not on the cassette of this test",
        ]
    )


def test_optional_faults_and_down_may_stay_unused(suite):
    """`optional=True`, and `down()` for all, which nobody need try."""
    suite.write(
        AGENT
        + """
    def test_it(agentcache):
        agentcache.session.get(f"{URL}/a")
        agentcache.upstream.fail("*/b", optional=True)
        with agentcache.upstream.down():
            assert agentcache.session.get(f"{URL}/a").from_cache
    """
    )
    suite.record()
    assert suite.run("--agentcache-offline").parseoutcomes() == {"passed": 1}


def test_failing_test_keeps_its_own_error(suite):
    """A test that fails by itself does not report its faults; skips and xfails stay."""
    suite.write(
        """
    import pytest

    @pytest.fixture(autouse=True)
    def planned(agentcache_upstream):
        agentcache_upstream.fail("*/b")

    def test_fails():
        assert 1 == 2

    def test_skips():
        pytest.skip("not today")

    @pytest.mark.xfail(strict=True)
    def test_expects():
        pass
    """
    )
    result = suite.run()

    assert result.parseoutcomes() == {"failed": 1, "skipped": 1, "xfailed": 1}
    result.stdout.fnmatch_lines(["*assert 1 == 2*"])
    result.stdout.no_fnmatch_line("*never occurred*")


def test_wrong_plan_is_an_error_on_the_spot(suite):
    """An argument that is none, and a match that is none, fail where they are written."""
    suite.write(
        """
    def test_argument(agentcache_upstream):
        agentcache_upstream.fail("*", staus=500)

    def test_match(agentcache_upstream):
        agentcache_upstream.dns("api.example")
    """
    )
    result = suite.run()

    assert result.parseoutcomes() == {"failed": 2}
    result.stdout.fnmatch_lines(
        [
            "*FaultError: agentcache_upstream.fail(): *'staus'; it takes match, status, *",
            "*FaultError: agentcache_upstream.dns(): match is 'api.example', no whole URL*",
        ]
    )


def test_error_that_the_agent_swallows_is_told_at_the_end(suite):
    """A function that raises as a match, and a stream that nobody can cut, are not lost."""
    suite.write(
        """
    import contextlib
    import requests

    def test_match(agentcache_upstream):
        agentcache_upstream.refuse(lambda request: request.nothing)
        with contextlib.suppress(Exception):
            requests.get(URL)

    def test_cut(agentcache_upstream):
        agentcache_upstream.truncate("*", after_events=1)
        with contextlib.suppress(Exception):
            requests.get(URL)
    """
    )
    result = suite.run("--agentcache-record")

    assert result.parseoutcomes() == {"failed": 2}
    result.stdout.fnmatch_lines(
        [
            "*test_match planned an impossible fault:",
            "*its match raised AttributeError*",
            "*test_cut planned an impossible fault:",
            "*truncate('[*]', after_events=1) met GET */, for which nothing is recorded*",
        ]
    )
    assert suite.upstream.hits == []


def test_plan_ends_with_its_test(suite):
    """The next test knows nothing of it."""
    suite.write(
        AGENT
        + """
    def test_first(agentcache_upstream):
        agentcache_upstream.refuse("*")
        agentcache_upstream.responses.get(f"{URL}/mocked", body="mocked")
        assert requests.get(f"{URL}/mocked").text == "mocked"
        assert ask() == "unreachable"

    def test_second(agentcache_upstream):
        assert ask() == "/a"
        assert requests.get(f"{URL}/mocked").json()["path"] == "/mocked"
        assert [call.outcome for call in agentcache_upstream.calls] in (
            ["recorded"] * 2, ["replayed"] * 2
        )
    """
    )
    suite.record()
    assert suite.run().parseoutcomes() == {"passed": 2}


def test_mock_that_was_never_asked_fails_the_test(suite):
    """A scripted response that is never requested fails the test, as in `responses` itself."""
    suite.write(
        """
    def test_it(agentcache_upstream):
        agentcache_upstream.responses.get(f"{URL}/never")
    """
    )
    result = suite.run()

    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "*test_it did not request these responses of agentcache_upstream.responses:",
            "  GET */never",
        ]
    )


def test_stale_answer_where_upstream_is_down(suite):
    """`stale_if_error` meets each kind of fault, offline too, though nothing is left to play."""
    suite.write(
        """
    import pytest

    FAULTS = {
        "down": lambda plan: plan.down().__enter__(),
        "refuse": lambda plan: plan.refuse("*"),
        "timeout": lambda plan: plan.timeout("*"),
        "fail": lambda plan: plan.fail("*"),
        "responses": lambda plan: plan.responses.get(f"{URL}/a", status=500),
    }

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.agentcache(session={"expire_after": 60, "stale_if_error": True})
    def test_it(agentcache, fault):
        agentcache.session.get(f"{URL}/a")
        agentcache.clock.tick(61)
        FAULTS[fault](agentcache.upstream)
        stale = agentcache.session.get(f"{URL}/a")

        assert stale.from_cache and stale.is_expired
        assert [call.outcome for call in agentcache.upstream.calls][1:] == ["fault"]
        assert agentcache.misses == []
    """
    )
    suite.record()
    for mode in ("", "--agentcache-offline"):
        assert suite.run(*flags(mode)).parseoutcomes() == {"passed": 5}


def test_fault_without_stale_answer_is_the_clients_error(suite):
    """A session that has nothing stale raises what the fault is, and not a miss."""
    suite.write(
        """
    import pytest
    import requests

    @pytest.mark.agentcache(on_miss="raise")
    def test_it(agentcache_session, agentcache_upstream):
        agentcache_upstream.dns("*/a")
        with pytest.raises(requests.ConnectionError, match="Failed to resolve"):
            agentcache_session.get(f"{URL}/a")
    """
    )
    assert suite.run("--agentcache-offline").parseoutcomes() == {"passed": 1}


RETRYING = {
    "requests": """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    def ask(url):
        retry = Retry(5, backoff_factor=1, status_forcelist=[503])
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=retry))
            return session.get(url).json()
    """,
    "httpx": """
    import httpx
    import tenacity

    def wait(state):
        return float(state.outcome.exception().response.headers["retry-after"])

    @tenacity.retry(wait=wait, stop=tenacity.stop_after_attempt(5))
    def ask(url):
        return httpx.get(url).raise_for_status().json()
    """,
    "openai": """
    import openai

    def ask(url):
        client = openai.OpenAI(api_key="k", base_url=url, max_retries=5)
        return client.models.list().model_dump(mode="json", include={"object"})
    """,
}


@pytest.mark.parametrize("client", RETRYING)
def test_agent_with_five_retries_waits_in_no_time(suite, client):
    """`Retry-After: 30`, four times: two minutes on the test's clock, which nobody waits for."""
    suite.write(
        RETRYING[client]
        + """
    def test_it(agentcache_upstream, agentcache_clock):
        began = agentcache_clock.now
        fail = agentcache_upstream.fail("*", times=4, headers={"Retry-After": "30"})
        agentcache_upstream.reply("*", json={"object": "list", "data": []})
        assert ask(f"{URL}/models")["object"] == "list"
        assert fail.fired == 4
        assert (agentcache_clock.now - began).total_seconds() == 120
    """
    )
    assert suite.run("--agentcache-offline").parseoutcomes() == {"passed": 1}


def test_sdks_tell_faults_as_their_own_errors(suite):
    """The OpenAI and Anthropic SDKs raise their connection errors, timeouts and statuses."""
    suite.write(
        """
    import anthropic, openai, pytest

    def openai_asks():
        client = openai.OpenAI(api_key="k", base_url=URL, max_retries=0)
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])

    def anthropic_asks():
        client = anthropic.Anthropic(api_key="k", base_url=URL, max_retries=0)
        client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "a"}]
        )

    @pytest.mark.parametrize(("sdk", "ask"), [(openai, openai_asks), (anthropic, anthropic_asks)])
    def test_it(agentcache_upstream, sdk, ask):
        plan = agentcache_upstream
        for planned, error in [
            (plan.refuse("*", times=1), sdk.APIConnectionError),
            (plan.timeout("*", times=1), sdk.APITimeoutError),
            (plan.fail("*", 429, times=1, json={"error": {"message": "slow"}}), sdk.RateLimitError),
            (plan.fail("*", 500, times=1), sdk.InternalServerError),
        ]:
            with pytest.raises(error):
                ask()
            assert planned.fired == 1
    """
    )
    assert suite.run("--agentcache-offline").parseoutcomes() == {"passed": 2}


def test_faults_meet_any_client_behind_the_router(suite):
    """With `router=True` a fault below the session is the client's own error all the same."""
    suite.write(
        """
    import asyncio
    import aiohttp, httpx, pytest, requests

    @pytest.mark.agentcache(router=True)
    def test_it(agentcache_upstream):
        agentcache_upstream.refuse("*/httpx")
        agentcache_upstream.timeout("*/aiohttp")
        agentcache_upstream.truncate("*/cut", after_events=1, sse=["1", "2"])

        async def get():
            async with aiohttp.ClientSession() as session:
                await session.get(f"{URL}/aiohttp")

        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{URL}/httpx")
        with pytest.raises(TimeoutError):
            asyncio.run(get())
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{URL}/cut")
    """
    )
    assert suite.run("--agentcache-offline").parseoutcomes() == {"passed": 1}
