"""Other tools in the same process as a cassette: mocks, telemetry, frameworks and plugins.

Tools that patch the process run in a process of their own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_agentcache import cassette

SENTRY = """
    import requests, sentry_sdk

    def test_it(agentcache):
        events = []
        sentry_sdk.init(
            "https://key@o1.ingest.us.sentry.io/1",
            auto_enabling_integrations=False,
            before_send=lambda event, hint: events.append(event) or event,
            traces_sample_rate=1.0,
        )
        with sentry_sdk.start_transaction(name="a test"):
            assert requests.get(URL + "/it").ok
            sentry_sdk.capture_message("hello")
        sentry_sdk.flush()
        assert [each["message"] for each in events] == ["hello"]
"""
OPENTELEMETRY = """
    import requests
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

    class Exporter(OTLPSpanExporter):
        results = []

        def export(self, spans):
            self.results.append(super().export(spans))
            return self.results[-1]

    def test_it(agentcache):
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Exporter("http://otel.invalid/v1/traces")))
        with provider.get_tracer("a").start_as_current_span("b"):
            assert requests.get(URL + "/it").ok
        provider.shutdown()
        assert Exporter.results == [SpanExportResult.SUCCESS]
"""
GEVENT = """
    from gevent import monkey

    monkey.patch_all()
    import gevent, pytest, requests

    @pytest.mark.agentcache
    def test_it():
        gevent.sleep()
        sent = gevent.spawn(requests.get, URL + "/it")
        gevent.sleep(3600)
        assert sent.get().json()["path"] == "/it"

    @pytest.mark.agentcache
    def test_sleep_again():
        gevent.sleep(3600)
"""
DJANGO = """
    import pytest, requests
    from django.http import JsonResponse
    from django.urls import path

    def view(request):
        return JsonResponse(requests.get(URL + "/it").json())

    urlpatterns = [path("view", view)]

    @pytest.mark.agentcache
    @pytest.mark.django_db
    def test_it(client):
        assert client.get("/view").json()["path"] == "/it"
"""
DJANGO_SETTINGS = """
    SECRET_KEY = "k"
    ALLOWED_HOSTS = ["*"]
    ROOT_URLCONF = "test_suite"
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
"""
MOTO = """
    import boto3, pytest, requests
    from moto import mock_aws

    @pytest.mark.agentcache
    @mock_aws
    def test_it(monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        me = boto3.client("sts", "eu-west-1").get_caller_identity()
        assert me["Account"] == "123456789012"
        assert requests.get(URL + "/it").ok
"""
FASTAPI = """
    import httpx, pytest
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    app = FastAPI()

    @app.get("/view")
    async def view():
        async with httpx.AsyncClient() as client:
            return (await client.get(URL + "/it")).json()

    @pytest.mark.agentcache
    def test_it():
        with TestClient(app) as client:
            assert client.get("/view").json()["path"] == "/it"
"""
PLAIN = """
    import pytest, requests

    @pytest.mark.agentcache
    def test_it():
        assert requests.get(URL + "/it").ok
"""
PYTEST_HTTPX = """
    import httpx, pytest

    @pytest.mark.agentcache
    @pytest.mark.httpx_mock(should_mock=lambda request: request.url.host == "mock.invalid")
    def test_it(httpx_mock):
        httpx_mock.add_response(url="https://mock.invalid/", text="mocked")
        assert httpx.get("https://mock.invalid/").text == "mocked"
        assert httpx.get(URL + "/it").json()["path"] == "/it"
"""
REQUESTS_MOCK = """
    import pytest, requests

    @pytest.mark.agentcache
    def test_it(requests_mock):
        requests_mock.get("https://mock.invalid/", text="mocked")
        requests_mock.get(URL + "/it", real_http=True)
        assert requests.get("https://mock.invalid/").text == "mocked"
        assert requests.get(URL + "/it").json()["path"] == "/it"
"""


def check(run, suite, flag, *arguments):
    outcome = run(flag, *arguments)
    outcome.assert_outcomes(passed=Path("test_suite.py").read_text("utf-8").count("def test_"))
    assert "Traceback" not in outcome.stderr.str() + outcome.stdout.str()
    kept = cassette.read(suite.cassette("test_it")).interactions
    return {each.request.url.removeprefix(suite.upstream.url) for each in kept}


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        pytest.param(OPENTELEMETRY, (), id="opentelemetry"),
        pytest.param(FASTAPI, (), id="fastapi"),
        pytest.param(PYTEST_HTTPX, ("-p", "pytest_httpx"), id="pytest-httpx"),
        pytest.param(
            REQUESTS_MOCK, ("-p", "requests_mock.contrib._pytest_plugin"), id="requests-mock"
        ),
    ],
)
def test_tool_beside_a_cassette(suite, upstream, source, arguments):
    """The tool works, and only the request of the code under test is on the cassette."""
    suite.write(source)

    assert check(suite.run, suite, "--agentcache-record", *arguments) == {"/it"}
    upstream.stop()
    check(suite.run, suite, "--agentcache-offline", *arguments)


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        pytest.param(SENTRY, ("--agentcache-record",), id="sentry"),
        pytest.param(GEVENT, ("--agentcache-offline",), id="gevent"),
        pytest.param(
            DJANGO,
            ("--agentcache-offline", "-p", "pytest_django.plugin", "--ds=settings_of_suite"),
            id="django",
        ),
        pytest.param(MOTO, ("--agentcache-record",), id="moto"),
        pytest.param(
            PLAIN, ("--agentcache-offline", "-p", "pytest_socket", "--disable-socket"), id="socket"
        ),
    ],
)
def test_tool_that_patches_the_process(suite, upstream, source, arguments):
    """In a process of its own: the recorded request replays, and there is no other."""
    suite.write(PLAIN)
    suite.record()
    upstream.stop()
    suite.write(source)
    suite.write(DJANGO_SETTINGS, "settings_of_suite.py")

    assert check(suite.spawn_fresh, suite, *arguments) == {"/it"}


HYPOTHESIS = """
    import pytest, requests
    from hypothesis import given, seed, settings, strategies as st

    settings.register_profile("few", derandomize=False, max_examples=5, deadline=None)
    settings.load_profile("few")

    @pytest.mark.agentcache
    @given(st.integers())
    def test_function(number):
        assert requests.get(f"{URL}/function/{number}").ok

    class TestClass:
        @pytest.mark.agentcache
        @given(st.integers())
        def test_method(self, number):
            assert requests.get(f"{URL}/method/{number}").ok

    @pytest.mark.agentcache
    @seed(5)
    @given(st.integers())
    def test_own_seed(number):
        assert requests.get(f"{URL}/seed/{number}").ok
"""


def test_hypothesis_repeats_its_examples(suite, upstream):
    """A test with `@given` sends the same requests on replay, with or without its own seed."""
    suite.write(HYPOTHESIS)
    suite.record()
    upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=3)


def test_hypothesis_has_other_examples_live(suite, upstream):
    """Without a cassette, the examples are as random as ever."""
    suite.write(HYPOTHESIS)
    for _ in range(2):
        suite.run("--agentcache-live", "-k", "test_function").assert_outcomes(passed=1)
    sent = [hit for hit in upstream.hits if hit != "GET /function/0"]

    assert len(set(sent)) == len(sent)


def test_telemetry_of_a_test_that_is_not_on_a_cassette(suite):
    """Offline, it is not sent either, and no miss fails the test."""
    suite.write("""
        import pytest, requests, socket

        def test_it():
            assert requests.post("https://o1.ingest.sentry.io/api/2/envelope/").ok
            with pytest.raises(ConnectionError):
                socket.create_connection(("o1.ingest.sentry.io", 443))
    """)

    suite.run("--agentcache-offline").assert_outcomes(passed=1)
