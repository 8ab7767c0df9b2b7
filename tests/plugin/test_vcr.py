"""Cassettes of VCR.py play where they lie, and VCR.py plays ours: with vcrpy on both sides."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_agentcache import Headers, Interaction, Request, Response, cassette
from pytest_agentcache.cassette import Cassette
from pytest_agentcache.cassette.foreign import read_foreign, write_vcr
from pytest_agentcache.cli import main
from tests.fork_server import FORK_SERVER

ASKING = '''
"""The same questions through each client."""
import asyncio
import json

PNG = bytes([0x89, 0x50, 0x4E, 0x47, 0, 255])
QUESTIONS = [
    ("GET", "/now?city=Paris&city=", None, {}),
    ("GET", "/now?city=Paris&city=", None, {}),
    ("GET", "/odd?status=404&h=X-Kind:%20odd&h=Set-Cookie:a%3D1&h=Set-Cookie:b%3D2", None, {}),
    ("POST", "/v1", json.dumps({"q": "é", "n": [1, 2.50]}), {"content-type": "application/json"}),
    ("POST", "/v1", "a=b+c&d=", {"content-type": "application/x-www-form-urlencoded"}),
    ("PUT", "/v1", "naïve", {"authorization": "Bearer s3cret"}),
]


def by_requests(method, url, body, headers):
    import requests
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, url, data=body and body.encode(), headers=headers)
        return answer.status_code, answer.content


def by_urllib3(method, url, body, headers):
    import urllib3
    pool, data = urllib3.PoolManager(), body and body.encode()
    answer = pool.request(method, url, body=data, headers=headers)
    return answer.status, answer.data


def by_httpx(method, url, body, headers):
    import httpx
    with httpx.Client(trust_env=False) as client:
        answer = client.request(method, url, content=body and body.encode(), headers=headers)
        return answer.status_code, answer.content


def by_httpx_async(method, url, body, headers):
    import httpx
    async def go():
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.request(method, url, content=body, headers=headers)
            return answer.status_code, answer.content
    return asyncio.run(go())


def by_aiohttp(method, url, body, headers):
    import aiohttp, yarl
    async def go():
        async with aiohttp.ClientSession() as session:
            where = yarl.URL(url, encoded=True)
            data = body and body.encode()
            async with session.request(method, where, data=data, headers=headers) as answer:
                return answer.status, await answer.read()
    return asyncio.run(go())


CLIENTS = {name[3:]: use for name, use in list(globals().items()) if name.startswith("by_")}


def ask_all(client, origin):
    """What the client was answered, as `[status, path, asked]`."""
    replies = []
    for method, path, body, headers in QUESTIONS:
        status, content = CLIENTS[client](method, origin + path, body, headers)
        answer = json.loads(content)
        assert answer["path"] == path
        assert answer.get("asked") == body
        replies.append((status, answer["hit"]))
    return replies
'''
VCR_RECORDS = """
import sys
import vcr
from asking import ask_all

origin = sys.argv[1]
for client in ("requests", "httpx", "aiohttp"):
    with vcr.use_cassette(f"cassettes/test_suite/test_asks[{client}].yaml"):
        ask_all(client, origin)
"""
VCR_PLAYS = """
import sys
import vcr
from asking import ask_all

origin, path, *more = sys.argv[1:]
my_vcr = vcr.VCR(record_mode="none", match_on=("method", "uri"))
options = {}
if more:
    from pytest_agentcache.vcr import serializer
    my_vcr.register_serializer("agentcache", serializer)
    options["serializer"] = "agentcache"
for client in ("requests", "urllib3", "httpx", "httpx_async", "aiohttp"):
    with my_vcr.use_cassette(path, **options) as played:
        print(client, ask_all(client, origin))
        assert played.all_played
"""
SUITE = """
    import pytest
    from asking import ask_all

    @pytest.mark.agentcache
    @pytest.mark.parametrize("client", ["requests", "httpx", "aiohttp"])
    def test_asks(client):
        assert [status for status, _ in ask_all(client, URL)] == [200, 200, 404, 200, 200, 200]
"""

MODELS = """
    import pytest
    import requests

    @pytest.mark.agentcache
    @pytest.mark.parametrize("model", IDS)
    def test_model(model):
        assert requests.post(URL, json={"model": model}).ok
"""


def run(suite, source, *arguments):
    """Runs a program beside the suite, without our plugin."""
    (suite.root / "asking.py").write_text(ASKING)
    program = suite.root / "program.py"
    program.write_text(f"import warnings; warnings.simplefilter('ignore')\n{source}")
    arguments = [program.name, *map(str, arguments)]
    code, output, errors = FORK_SERVER.run(arguments, suite.root, os.environ)
    assert code == 0, errors
    return output


@pytest.fixture
def recorded(suite, upstream):
    """A suite whose cassettes vcrpy has recorded, where pytest-recording has them."""
    run(suite, VCR_RECORDS, upstream.url)
    assert len(upstream.hits) == 18
    return suite


def test_it_plays_where_it_lies(recorded, upstream):
    """Offline, every interaction once, and not a byte of a file changed."""
    before = recorded.files()
    assert len(before) == 3
    assert all(b"agentcache" not in content for content in before.values())
    upstream.stop()
    recorded.write(SUITE)
    outcome = recorded.run("--agentcache-offline", "-o", "agentcache_unused=fail")

    outcome.assert_outcomes(passed=3)
    outcome.stdout.fnmatch_lines(["agentcache: 18 replayed, 0 recorded, 0 missed, 0 unused, *"])
    assert recorded.files() == before


def test_it_plays_through_other_clients(recorded, upstream):
    """A cassette that one client recorded with VCR.py replays with all of ours, in order."""
    upstream.stop()
    recorded.write("""
        import pytest
        from pathlib import Path
        from asking import CLIENTS, ask_all
        from pytest_agentcache import use_cassette

        FOLDER = Path(__file__).parent / "cassettes" / "test_suite"

        @pytest.mark.parametrize("client", CLIENTS)
        @pytest.mark.parametrize("number, name", enumerate(["requests", "httpx", "aiohttp"]))
        def test_cross(number, name, client):
            with use_cassette(FOLDER / f"test_asks[{name}].yaml", mode="offline") as harness:
                hits = [hit for _, hit in ask_all(client, URL)]
            assert hits == [6 * number + each for each in range(1, 7)]
            assert harness.responder.unused == ()
    """)
    recorded.run().assert_outcomes(passed=15)


def test_answers_are_whole(recorded, upstream):
    """Status, reason, repeated headers and the length of what VCR.py recorded."""
    upstream.stop()
    recorded.write("""
        import pytest, requests, httpx

        @pytest.mark.agentcache(cassette="test_suite/test_asks[aiohttp].yaml", match=["url"])
        def test_answer(agentcache_cassette):
            url = next(each.request.url for each in agentcache_cassette.interactions
                       if "odd" in each.request.url)
            answer = requests.get(url)
            assert (answer.status_code, answer.reason) == (404, "Not Found")
            assert answer.headers["x-kind"] == "odd"
            assert answer.raw.headers.getlist("set-cookie") == ["a=1", "b=2"]
            assert answer.headers["content-length"] == str(len(answer.content))
    """)
    recorded.run().assert_outcomes(passed=1)


def test_names_of_pytest_recording(recorded, upstream):
    """Its paths are found where ours are others: letters in upper case, classes in classes."""
    folder = recorded.root / "cassettes" / "test_suite"
    one = (folder / "test_asks[requests].yaml").read_bytes()
    for name in ("test_upper[GPT-4]", "TestInner.test_one", "test_slash[a-b]"):
        (folder / f"{name}.yaml").write_bytes(one)
    upstream.stop()
    recorded.write("""
        import pytest
        from asking import ask_all

        pytestmark = pytest.mark.agentcache(unused="fail")

        @pytest.mark.parametrize("model", ["GPT-4"])
        def test_upper(model):
            ask_all("requests", URL)

        @pytest.mark.parametrize("name", ["x"], ids=["a/b"])
        def test_slash(name):
            ask_all("requests", URL)

        class TestOuter:
            class TestInner:
                def test_one(self):
                    ask_all("requests", URL)
    """)
    recorded.run("-o", "markers=vcr").assert_outcomes(passed=3)


def test_converted_in_its_place_it_plays_on(suite, upstream, monkeypatch):
    """A cassette imported under a name of pytest-recording is found, and is not an orphan."""
    suite.write(MODELS.replace("IDS", '["GPT-4", "openai/gpt-4"]'))
    suite.record()
    folder = suite.root / "cassettes" / "test_suite"
    for path in list(folder.iterdir()):
        found = cassette.read(path)
        path.unlink()
        write_vcr(found, folder / f"{path.stem.partition('~')[0]}.yaml")
    assert main(["import", "cassettes"]) == 0
    converted = suite.files()
    names = [Path(name).name for name in converted]
    assert names == ["test_model[GPT-4].yaml", "test_model[openai-gpt-4].yaml"]
    assert all(content.startswith(b"agentcache: 1") for content in converted.values())
    upstream.stop()

    suite.run("--agentcache-offline", "-o", "agentcache_unused=fail").assert_outcomes(passed=2)
    with monkeypatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", "-p pytest_agentcache.plugin")
        assert main(["check", "--suite"]) == 0
    suite.run("--agentcache-record").assert_outcomes(passed=2)
    assert suite.files() == converted


def test_converted_one_of_another_test_is_left_alone(suite, upstream):
    """pytest-recording gives `a/b` and `a-b` one name; ours are separate files."""
    suite.write(MODELS.replace("IDS", '["a/b", "a-b"]'))
    suite.record()
    folder = suite.root / "cassettes" / "test_suite"
    (slash,) = folder.glob("*~*.yaml")
    slash.unlink()
    upstream.stop()

    outcome = suite.run("--agentcache-offline")
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(["*is not on the cassette of this test"])


def test_it_is_named(recorded, upstream, tmp_path_factory):
    """By a path below the folder, or an absolute one, with any suffix or none."""
    source = recorded.root / "cassettes" / "test_suite" / "test_asks[requests].yaml"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    found = read_foreign(source)
    names = ["below/a.yaml", "below/b.yml", "below/c.json", "below/bare", str(elsewhere / "d.json")]
    for name in names:
        path = recorded.root / "cassettes" / name
        write_vcr(found, path)
    upstream.stop()
    recorded.write(f"""
        import pytest
        from asking import ask_all

        @pytest.mark.parametrize("name", {names!r})
        def test_named(name, agentcache):
            ask_all("requests", URL)
            assert agentcache.responder.unused == ()

        @pytest.fixture
        def agentcache_config(request):
            return {{"cassette": request.node.callspec.params["name"]}}
    """)
    recorded.run().assert_outcomes(passed=5)


def test_ours_lies_below_its_folder(suite, tmp_path_factory):
    """Only what is never written may lie anywhere."""
    path = tmp_path_factory.mktemp("elsewhere") / "a.yaml"
    path.write_text("agentcache: 1\n")
    suite.write(f"""
        import pytest

        @pytest.mark.agentcache(cassette={str(path)!r})
        def test_named():
            pass
    """)

    suite.run().stdout.fnmatch_lines(["*the name '*' leads out of *"])


def test_recording_what_is_there_changes_nothing(recorded, upstream):
    """With nothing new the file stays as it is, and nothing is asked."""
    before, hits = recorded.files(), len(upstream.hits)
    recorded.write(SUITE)
    recorded.run("--agentcache-record").assert_outcomes(passed=3)

    assert recorded.files() == before
    assert len(upstream.hits) == hits


def test_recording_something_new_is_an_error(recorded):
    """The file is another tool's; the error names what is new and how to convert."""
    before = recorded.files()
    recorded.write("""
        import pytest, requests

        @pytest.mark.agentcache
        @pytest.mark.parametrize("client", ["requests"])
        def test_asks(client):
            requests.get(URL + "/new")
            requests.get(URL + "/newer")
    """)
    outcome = recorded.run("--agentcache-record")

    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(
        [
            "*is a cassette of another tool, to which GET */new and 1 more was not added.",
            "*Convert it first: agentcache import '*test_asks[[]requests].yaml'; then record.",
        ]
    )
    assert recorded.files() == before


def test_recording_anew_is_an_error(recorded, upstream):
    """Before anything is asked."""
    before, hits = recorded.files(), len(upstream.hits)
    recorded.write(SUITE)
    outcome = recorded.run("--agentcache-rerecord")

    outcome.assert_outcomes(errors=3)
    outcome.stdout.fnmatch_lines(["*is a cassette of another tool, which is replayed but never *"])
    assert recorded.files() == before
    assert len(upstream.hits) == hits


def test_live_does_not_look_at_it(recorded, upstream):
    """Everything is asked, and the file stays."""
    before, hits = recorded.files(), len(upstream.hits)
    recorded.write(SUITE)
    recorded.run("--agentcache-live").assert_outcomes(passed=3)

    assert len(upstream.hits) == hits + 18
    assert recorded.files() == before


def test_miss_says_whose_it_is(recorded):
    """Recording needs a conversion first, and the report says so."""
    recorded.write("""
        import pytest, requests

        @pytest.mark.agentcache
        @pytest.mark.parametrize("client", ["requests"])
        def test_asks(client):
            requests.get(URL + "/now?city=London&city=")
    """)
    outcome = recorded.run()

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        [
            "*query.city*recorded 'Paris'   sent 'London'",
            "*it is a cassette of another tool: agentcache import '*test_asks[[]requests].yaml'",
            "*record it: pytest --agentcache-record *",
        ]
    )


def test_miss_in_the_body_alone_names_the_setting(recorded, upstream):
    """VCR.py did not compare bodies; the setting that the report names helps."""
    upstream.stop()
    recorded.write("""
        import pytest, requests

        @pytest.mark.agentcache
        @pytest.mark.parametrize("client", ["requests"])
        def test_asks(client):
            requests.post(URL + "/v1", json={"q": "another"})
    """)
    hint = "*VCR.py did not compare bodies: agentcache_match = method url"
    outcome = recorded.run()

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([hint])
    recorded.run("-o", "agentcache_match=method url").assert_outcomes(passed=1)

    recorded.write("""
        import pytest, requests

        @pytest.mark.agentcache
        @pytest.mark.parametrize("client", ["requests"])
        def test_asks(client):
            requests.post(URL + "/v1?more=1", json={"q": "another"})
    """)
    recorded.run().stdout.no_fnmatch_line(hint)


def test_broken_one_is_told(recorded):
    """Half a cassette is an error with its file and a remedy, not an empty cassette."""
    path = recorded.root / "cassettes" / "test_suite" / "test_asks[httpx].yaml"
    text = path.read_text()
    path.write_text(text[: text.rindex("  response:")])
    recorded.write(SUITE)
    outcome = recorded.run()

    outcome.assert_outcomes(passed=2, errors=1)
    outcome.stdout.fnmatch_lines(["*test_asks[[]httpx].yaml:*: *has no `response`; is the file *"])


def test_version_may_be_missing(recorded, upstream):
    """Old and edited cassettes have no `version: 1`, and VCR.py replays them all the same."""
    upstream.stop()
    for path in (recorded.root / "cassettes").rglob("*.yaml"):
        path.write_text(path.read_text().removesuffix("version: 1\n"))
    recorded.write(SUITE)

    recorded.run("--agentcache-offline").assert_outcomes(passed=3)


def test_clock_starts_when_it_was_recorded(recorded, upstream):
    """The clock starts at the earliest `Date` of the responses."""
    upstream.stop()
    path = recorded.root / "cassettes" / "test_suite" / "test_asks[requests].yaml"
    moved = [
        "      - Sat, 01 Jan 2022 10:00:00 GMT" if line.endswith(" GMT") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(moved))
    recorded.write("""
        import datetime, pytest
        from asking import ask_all

        @pytest.mark.parametrize("client", ["requests"])
        def test_asks(client, agentcache_clock):
            assert datetime.datetime.now(datetime.UTC).isoformat() == "2022-01-01T10:00:00+00:00"
            ask_all(client, URL)
    """)
    recorded.run().assert_outcomes(passed=1)


def test_secrets_are_redacted_before_matching(suite, upstream):
    """Secrets that VCR.py wrote in clear match another key."""
    run(
        suite,
        "import sys, vcr, requests\n"
        'with vcr.use_cassette("cassettes/test_suite/test_key.yaml"):\n'
        '    requests.post(sys.argv[1] + "/v1?api_key=then", json={"password": "then"})\n',
        upstream.url,
    )
    upstream.stop()
    suite.write("""
        import httpx

        def test_key(agentcache):
            answer = httpx.post(URL + "/v1?api_key=now", json={"password": "now"})
            assert answer.status_code == 200
    """)
    suite.run().assert_outcomes(passed=1)


@pytest.fixture
def ours(suite, upstream):
    """A cassette of ours that holds the answers to all questions."""
    (suite.root / "asking.py").write_text(ASKING)
    suite.write("""
        from asking import ask_all

        def test_ours(agentcache):
            ask_all("httpx", URL)
    """)
    suite.record()
    upstream.stop()
    return suite.cassette("test_ours")


PLAYED = [
    f"{client} [(200, 1), (200, 2), (404, 3), (200, 4), (200, 5), (200, 6)]"
    for client in ("requests", "urllib3", "httpx", "httpx_async", "aiohttp")
]


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_vcr_plays_what_was_exported(suite, upstream, ours, suffix):
    """Through every client that it knows, in order, with nobody to ask."""
    path = suite.root / f"exported{suffix}"
    write_vcr(cassette.read(ours), path)
    source = VCR_PLAYS
    if suffix == ".json":
        source = source.replace("options = {}", 'options = {"serializer": "json"}')

    assert run(suite, source, upstream.url, path).splitlines() == PLAYED
    assert read_foreign(path).interactions == cassette.read(ours).interactions


def test_vcr_plays_ours_as_it_is(suite, upstream, ours):
    """With our serializer, from our own file."""
    before = ours.read_bytes()

    assert run(suite, VCR_PLAYS, upstream.url, ours, "ours").splitlines() == PLAYED
    assert ours.read_bytes() == before


def test_vcr_records_ours(suite, upstream):
    """A cassette that VCR.py records with our serializer is ours, and replays in both."""
    source = VCR_PLAYS.replace('"none"', '"once"').replace(
        '("requests", "urllib3", "httpx", "httpx_async", "aiohttp")', '("requests",)'
    )
    path = suite.cassette("test_both")
    run(suite, source.replace("assert played.all_played", ""), upstream.url, path, "ours")
    upstream.stop()
    text = path.read_text()

    assert text.startswith("agentcache: 1  # Recorded by pytest-agentcache.")
    assert cassette.render(cassette.read(path), {}) == text
    assert "s3cret" not in text
    suite.write("""
        from asking import ask_all

        def test_both(agentcache):
            ask_all("aiohttp", URL)
            assert agentcache.responder.unused == ()
    """)
    suite.run().assert_outcomes(passed=1)
    assert run(suite, source, upstream.url, path, "ours").splitlines() == PLAYED[:1]


def test_persister_takes_the_files_along(suite, upstream):
    """An image is in a file beside the cassette; VCR.py replays and keeps it."""
    png = b"\x89PNG\r\n" + bytes(range(256))
    kind = Headers((("content-type", "image/png"),))
    interaction = Interaction(
        Request("GET", f"{upstream.url}/image"), Response(200, kind, png, "OK")
    )
    path, copy = suite.root / "ours.yaml", suite.root / "copy.yaml"
    cassette.write(Cassette(path, datetime(2026, 11, 21, tzinfo=UTC), (interaction,)))
    upstream.stop()
    source = """
import sys
import vcr, requests
from pytest_agentcache.vcr import serializer

origin, path, copy = sys.argv[1:]
my_vcr = vcr.VCR(record_mode="none")
my_vcr.register_persister(serializer.Persister)
with my_vcr.use_cassette(path) as played:
    print(requests.get(origin + "/image").content == bytes.fromhex(EXPECTED))
my_vcr.persister.save_cassette(copy, played._as_dict(), None)
with my_vcr.use_cassette("none.yaml") as played:
    assert len(played) == 0
""".replace("EXPECTED", repr(png.hex()))

    assert run(suite, source, upstream.url, path, copy) == "True\n"
    assert cassette.read(copy).interactions == (interaction,)
    assert len([*path.with_suffix("").iterdir()]) == len([*copy.with_suffix("").iterdir()]) == 1


def test_vcrpy_is_not_needed():
    """Reading and writing its cassettes does not import it."""
    sample = Path(__file__).parents[2] / "fixtures" / "foreign" / "vcrpy-9-httpx.yaml"
    code = (
        "import sys; sys.modules['vcr'] = None\n"
        "from pathlib import Path\n"
        "from pytest_agentcache.vcr import read_foreign, serializer\n"
        f"print(len(read_foreign(Path({str(sample)!r})).interactions))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "16\n"
