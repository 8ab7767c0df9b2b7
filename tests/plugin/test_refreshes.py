"""stale-while-revalidate: stale at once, refreshed inside the test, and nothing is lost."""

from __future__ import annotations

from pytest_agentcache import cassette

MODES = ([], ["--agentcache-offline"])

STALE = """
    import pytest, requests
    from requests_cache import CachedSession

    pytestmark = pytest.mark.agentcache(
        session={"expire_after": 60, "stale_while_revalidate": True}
    )

    @pytest.fixture
    def stale(agentcache):
        session = agentcache.session
        assert session.get(URL + "/a").json()["path"] == "/a"
        agentcache.clock.tick(61)
        first = session.get(URL + "/a")
        assert first.from_cache and first.is_expired
        return session, first.json()["hit"]

"""


def everywhere(suite, source, **outcomes):
    """The same outcome recording, recording again, on replay and offline."""
    suite.write(STALE + source)
    for mode in (["--agentcache-record"], ["--agentcache-rerecord"]):
        suite.run(*mode).assert_outcomes(**outcomes)
    suite.upstream.stop()
    for mode in MODES:
        suite.run(*mode).assert_outcomes(**outcomes)


def test_settle_refreshes(suite):
    """Until then it waits, and upstream has not been asked; afterwards the cache is fresh."""
    everywhere(
        suite,
        """
    def test_it(agentcache, stale):
        session, hit = stale
        [waiting] = agentcache.pending
        assert (waiting.request.method, waiting.request.url) == ("GET", URL + "/a")
        assert waiting.caller.line and waiting.session is session
        assert len(agentcache.cassette.interactions) in (1, 2)
        assert agentcache.responder.counts.replayed + agentcache.responder.counts.recorded == 1
        agentcache.settle()
        assert agentcache.pending == ()
        fresh = session.get(URL + "/a")
        assert fresh.from_cache and not fresh.is_expired
        assert fresh.json()["hit"] == hit + 1
        assert fresh.created_at.timestamp() == agentcache.clock.now.timestamp()
    """,
        passed=1,
    )
    assert len(cassette.read(suite.cassette("test_it")).interactions) == 2


def test_next_request_on_that_session_refreshes_first(suite):
    """And not one on another session, nor one past every cache."""
    everywhere(
        suite,
        """
    def test_it(agentcache, stale):
        session, hit = stale
        other = CachedSession("other")
        other.get(URL + "/other")
        requests.get(URL + "/plain")
        assert len(agentcache.pending) == 1
        agentcache.clock.tick(5)
        session.get(URL + "/b")
        assert agentcache.pending == ()
        again = session.get(URL + "/a")
        assert again.json()["hit"] > hit and not again.is_expired
        order = [each.request.url for each in agentcache.cassette.interactions]
        assert order == [URL + path for path in ("/a", "/other", "/plain", "/a", "/b")]
    """,
        passed=1,
    )


def test_stale_answer_is_not_changed_under_its_reader(suite):
    """A caller keeps the response it got, even after a 304."""
    suite.write(
        STALE
        + """
    def test_it(agentcache):
        session, url = agentcache.session, URL + '/a?unchanged=1&h=ETag:"1"'
        session.get(url)
        agentcache.clock.tick(61)
        got = session.get(url)
        before = (dict(got.headers), got.expires, got.is_expired)
        agentcache.settle()
        assert (dict(got.headers), got.expires, got.is_expired) == before
        assert [each.response.status for each in agentcache.cassette.interactions] == [200, 304]
        assert not session.get(url).is_expired
    """
    )
    suite.record()


def test_end_of_the_test_refreshes(suite):
    """A pending refresh then runs, so it is on the cassette in every mode."""
    everywhere(suite, "    def test_it(stale):\n        pass\n", passed=1)

    assert len(cassette.read(suite.cassette("test_it")).interactions) == 2


def test_failed_test_refreshes_nothing(suite):
    """It has something else to tell."""
    suite.write(STALE + "    def test_it(stale):\n        assert False, 'for itself'\n")
    outcome = suite.run("--agentcache-record")

    outcome.assert_outcomes(failed=1)
    assert suite.upstream.hits == ["GET /a"]
    outcome.stdout.fnmatch_lines(["*for itself*"])
    outcome.stdout.no_fnmatch_line("*background refresh*")


BROKEN = """
    def break_off(session):
        # Below the cache: the refresh cannot reach its upstream.
        session.mount("http://", Unreachable())

    class Unreachable(requests.adapters.HTTPAdapter):
        def send(self, *_, **__):
            raise requests.ConnectionError("no route to upstream")

"""


def test_error_is_raised_by_settle(suite):
    """With the request, the line that got the stale response, and the cause, once."""
    everywhere(
        suite,
        BROKEN
        + """
    def test_it(agentcache, stale):
        from pytest_agentcache import RefreshError

        session, hit = stale
        break_off(session)
        with pytest.raises(RefreshError) as error:
            agentcache.settle()
        message = str(error.value)
        assert "the stale answer stays" in message
        assert f"GET {URL}/a, stale at test_suite.py:" in message
        assert "in stale(): ConnectionError: no route to upstream" in message
        assert isinstance(error.value.__cause__, requests.ConnectionError)
        agentcache.settle()
        assert session.cache.contains(url=URL + "/a")
    """,
        passed=1,
    )


def test_status_that_is_not_stored_is_an_error_too(suite):
    """The stale answer stays, and nobody would know why."""
    everywhere(
        suite,
        """
    def test_it(agentcache, stale):
        from pytest_agentcache import RefreshError

        session, hit = stale
        agentcache.upstream.fail(URL + "/a", status=500, times=1)
        with pytest.raises(RefreshError, match="HTTPError: 500 Server Error"):
            agentcache.settle()
        assert session.get(URL + "/a").json()["hit"] == hit
        agentcache.settle()
        assert session.get(URL + "/a").json()["hit"] == hit + 1
    """,
        passed=1,
    )


def test_error_before_a_request_is_told_at_the_end(suite):
    """The request that let the refresh run goes on, and the test fails for it in the end."""
    suite.write(
        STALE
        + BROKEN
        + """
    def test_it(agentcache, stale):
        session, hit = stale
        break_off(session)
        assert session.get(URL + "/a").from_cache
        assert len(agentcache.pending) == 1
    """
    )
    for mode in (["--agentcache-record"], ["--agentcache-live"]):
        outcome = suite.run(*mode)
        outcome.assert_outcomes(failed=1)
        outcome.stdout.fnmatch_lines(
            [
                "test_suite.py::test_it: a background refresh of stale-while-revalidate failed, *",
                "  GET http*/a, stale at test_suite.py:*: ConnectionError: no route to upstream",
                "  GET http*/a, stale at test_suite.py:*: ConnectionError: no route to upstream",
            ]
        )
    assert not suite.files()


def test_upstream_that_does_not_answer_fails_the_test(suite):
    """While recording, a refresh that finds upstream gone is no silent one."""
    suite.write(
        STALE
        + """
    def test_it(agentcache, stale, monkeypatch):
        import socket
        from urllib3.util import connection

        def refused(*_, **__):
            raise ConnectionRefusedError("it has gone")

        monkeypatch.setattr(connection, "create_connection", refused)
        stale[0].close()
    """
    )
    outcome = suite.run("--agentcache-record")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*background refresh*failed*", "*it has gone*"])
    assert not suite.files()


def test_missed_refresh_names_the_line_that_got_the_stale_answer(suite):
    """The report of a miss names user code, not the code that ran the refresh."""
    source = STALE + "    def test_it(agentcache, stale):\n        agentcache.settle()\n"
    suite.write(source)
    suite.record()
    path = suite.cassette("test_it")
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("# 2 ")], encoding="utf-8")
    outcome = suite.run()
    line = source.splitlines().index('        first = session.get(URL + "/a")') + 1

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*GET *", f"*sent at test_suite.py:{line} in stale()"])


def test_threads_and_loops_refresh_in_order(suite):
    """Stale answers given in threads queue up like any other, and each is refreshed once."""
    everywhere(
        suite,
        """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    PATHS = [f"{URL}/{number}" for number in range(8)]

    def ask_all(get):
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(get, PATHS))

    def test_threads(agentcache):
        session = agentcache.session
        ask_all(session.get)
        agentcache.clock.tick(61)
        assert all(each.from_cache for each in ask_all(session.get))
        agentcache.settle()
        assert not any(each.is_expired for each in ask_all(session.get))
        asked = sorted(each.request.url for each in agentcache.cassette.interactions)
        assert asked == sorted(PATHS * 2)

    def test_loop(agentcache):
        async def main():
            session = agentcache.session
            await asyncio.to_thread(session.get, PATHS[0])
            await asyncio.sleep(61)
            stale = await asyncio.to_thread(session.get, PATHS[0])
            assert stale.is_expired
            return await asyncio.to_thread(session.get, PATHS[0])

        assert not asyncio.run(main()).is_expired
    """,
        passed=2,
    )


def test_block_settles_at_its_end(suite):
    """`use_cassette` does as a test does: it refreshes, and raises what went wrong."""
    suite.write(
        STALE
        + BROKEN
        + """
    from pytest_agentcache import RefreshError, use_cassette

    def ask(block):
        block.session.get(URL + "/a")
        block.clock.tick(61)
        assert block.session.get(URL + "/a").is_expired

    def test_it(tmp_path):
        swr = {"expire_after": 60, "stale_while_revalidate": True}
        path = tmp_path / "it.yaml"
        for mode in ("record", "offline"):
            with use_cassette(path, mode, session=swr, freeze=True) as block:
                ask(block)
                assert len(block.pending) == 1
            assert block.pending == () and len(block.cassette.interactions) == 2
        with pytest.raises(RefreshError, match="no route"):
            with use_cassette(path, "live", session=swr, freeze=True) as block:
                ask(block)
                break_off(block.session)
    """
    )
    suite.run("--agentcache-live").assert_outcomes(passed=1)
