"""A response of a mock of requests is neither held back nor looked up on the cassette."""

import pytest
import requests
import requests_mock
import responses
from requests.adapters import BaseAdapter, HTTPAdapter

from pytest_agentcache import MissError, use_cassette

URL = "https://h.example/x"


def mocked_by_requests_mock():
    mock = requests_mock.Mocker()
    mock.get(URL, text="mock")
    return mock


def mocked_by_responses():
    mock = responses.RequestsMock()
    mock.get(URL, body="mock")
    return mock


@pytest.mark.parametrize("mode", ["record", "replay", "offline"])
@pytest.mark.parametrize("mocked", [mocked_by_requests_mock, mocked_by_responses])
def test_mock_answers_below_the_cache(tmp_path, mode, mocked):
    """The cache is in front of requests-mock and responses as it is in front of the network."""
    with use_cassette(tmp_path / "c.yaml", mode=mode) as block, mocked():
        first, second = block.session.get(URL), block.session.get(URL)

    assert [first.text, second.text] == ["mock", "mock"]
    assert [first.from_cache, second.from_cache] == [False, True]
    assert not (tmp_path / "c.yaml").exists()


@pytest.mark.parametrize("scheme", ["https://h.example", "mock://"])
def test_mounted_adapter_answers_below_the_cache(tmp_path, scheme):
    """An adapter that is none of requests' own answers by itself."""
    adapter = requests_mock.Adapter()
    adapter.register_uri("GET", f"{scheme}/x", text="mock")
    assert isinstance(adapter, BaseAdapter)

    with use_cassette(tmp_path / "c.yaml", mode="offline") as block:
        block.session.mount(scheme, adapter)
        found = [block.session.get(f"{scheme}/x").from_cache for _ in range(2)]

    assert found == [False, True]


@pytest.mark.parametrize("mocked", [mocked_by_requests_mock, mocked_by_responses])
def test_mock_that_passes_on_leads_to_the_cassette(upstream, tmp_path, mocked):
    """Requests that the mock lets through are recorded, replayed and missed as usual."""
    upstream.answers["/real"] = (200, {}, b"real")

    def run(mode, path):
        with use_cassette(tmp_path / "c.yaml", mode=mode) as block, mocked() as mock:
            if mocked is mocked_by_responses:
                mock.add_passthru(upstream.url)
            else:
                mock.real_http = True
            block.session.get(URL)
            return block.session.get(f"{upstream.url}{path}").text

    assert run("record", "/real") == "real"
    assert run("offline", "/real") == "real"
    assert len(upstream.hits) == 1
    with pytest.raises(MissError, match="/other"):
        run("offline", "/other")


def test_adapter_of_ones_own_is_held_to_the_cassette(upstream, tmp_path):
    """One that derives from requests' adapter goes down to the network, throttled or not."""

    class Throttled(HTTPAdapter):
        asked = 0

        def send(self, *args, **kwargs):
            self.asked += 1
            return super().send(*args, **kwargs)

    upstream.answers["/x"] = (200, {}, b"x")
    with use_cassette(tmp_path / "c.yaml", mode="record") as block:
        block.session.mount("http://", Throttled())
        block.session.get(f"{upstream.url}/x")

    adapter = Throttled()
    with use_cassette(tmp_path / "c.yaml", mode="offline", on_miss="respond") as block:
        block.session.mount("http://", adapter)
        assert block.session.get(f"{upstream.url}/x").text == "x"
        assert block.session.get(f"{upstream.url}/y").status_code == 504

    assert adapter.asked == 1


def test_address_of_no_adapter_stays_the_error_of_requests(tmp_path):
    """A scheme that nobody serves is no miss."""
    with (
        use_cassette(tmp_path / "c.yaml", mode="offline") as block,
        pytest.raises(requests.exceptions.InvalidSchema),
    ):
        block.session.get("gopher://h.example/x")
