"""Libraries that mock requests in the same process."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import respx

from pytest_agentcache import use_cassette

RECORDED = """\
agentcache: 1
recorded_at: '2026-11-21T18:29:15Z'
interactions:
- request: {method: GET, url: 'https://api.invalid/it'}
  response: {status: 200, text: from the cassette}
"""


def get(url):
    return httpx.get(url).text


def get_async(url):
    async def send():
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).text

    return asyncio.run(send())


@pytest.mark.parametrize("send", [get, get_async])
def test_respx_mocks_beside_a_cassette(send, tmp_path):
    """A mocked request is not missed; a route that passes through uses the cassette."""
    path = tmp_path / "beside.yaml"
    path.write_text(RECORDED)

    with use_cassette(path, mode="offline"), respx.mock as router:
        mocked = router.get("https://mock.invalid/").respond(text="mocked")
        router.route(host="api.invalid").pass_through()

        assert send("https://mock.invalid/") == "mocked"
        assert send("https://api.invalid/it") == "from the cassette"
        assert mocked.call_count == 1


@pytest.mark.parametrize("send", [get, get_async])
def test_respx_mock_is_not_recorded(send, tmp_path):
    """A response of respx while recording is not written to the cassette."""
    path = tmp_path / "none.yaml"

    with use_cassette(path, mode="record"), respx.mock as router:
        router.get("https://mock.invalid/").respond(text="mocked")
        assert send("https://mock.invalid/") == "mocked"

    assert not path.exists()


def test_request_without_a_respx_route_is_refused_by_respx(tmp_path):
    """A request that no route matches is refused by respx, as it is live."""
    with (
        use_cassette(tmp_path / "none.yaml", mode="record"),
        respx.mock,
        pytest.raises(respx.models.AllMockedAssertionError),
    ):
        get("https://other.invalid/")
