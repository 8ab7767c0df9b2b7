"""Volatile ids: stable on the cassette, true upstream, and one to one on replay."""

import re
from collections.abc import Iterator

import pytest

from .conftest import Suite
from .drawing import DrawingUpstream

INI = "[pytest]\nagentcache_stable_ids = true\n"
FLOWS = """
    import json
    import uuid

    import httpx
    import pytest
    import requests


    def post(path, **asked):
        answer = requests.post(URL + path, json=asked)
        answer.raise_for_status()
        return answer.json()


    @pytest.mark.agentcache
    def test_chat():
        messages = [{"role": "user", "content": "?"}]
        first = post("/v1/chat/completions", messages=messages)
        call = first["choices"][0]["message"]["tool_calls"][0]
        messages += [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": json.dumps({"of": call["id"]})},
        ]
        second = post("/v1/chat/completions", messages=messages)
        assert second["choices"][0]["message"]["content"] == "done"
        assert second["id"] != first["id"]


    @pytest.mark.agentcache
    def test_stream():
        trace = str(uuid.uuid4())
        asked = {"stream": True, "trace": trace, "messages": []}
        with httpx.stream("POST", URL + "/v1/chat/completions", json=asked) as answer:
            events = [line[6:] for line in answer.iter_lines() if line.startswith("data: {")]
        deltas = [json.loads(each)["choices"][0]["delta"] for each in events]
        said = "".join(each.get("content", "") for each in deltas)
        assert said == f"{trace} is traced"
        call = deltas[0]["tool_calls"][0]["id"]
        messages = [
            {"role": "assistant", "content": said},
            {"role": "tool", "tool_call_id": call, "content": ""},
        ]
        assert httpx.post(URL + "/v1/chat/completions", json={"messages": messages}).is_success


    @pytest.mark.agentcache
    def test_messages():
        use = post("/v1/messages", messages=[])["content"][0]
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": "1"}
        assert post("/v1/messages", messages=[{"role": "user", "content": [result]}])["id"]


    @pytest.mark.agentcache
    def test_responses():
        first = post("/v1/responses", input="?")
        call = first["output"][1]
        assert call["id"].startswith("fc_")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "1"}
        second = post("/v1/responses", previous_response_id=first["id"], input=[output])
        assert second["id"] not in (first["id"], None)


    @pytest.mark.agentcache
    def test_batches():
        keys = [str(uuid.uuid4()) for _ in range(2)]
        batches = [post("/v1/batches", run=key) for key in keys]
        # What upstream repeats is what was sent.
        assert [each["run"] for each in batches] == keys
        for status in ("running", "completed"):
            for batch in reversed(batches):
                answer = httpx.get(f"{URL}/v1/batches/{batch['id']}").json()
                assert answer == {"id": batch["id"], "status": status}


    @pytest.mark.agentcache
    def test_own_ids():
        session, other = uuid.uuid4().hex, str(uuid.uuid4())
        first = requests.post(f"{URL}/s/{session}?by={other}", json={"of": [session, other]})
        assert first.json()["echo"] == {"of": [session, other]}
        again = requests.get(f"{URL}/s/{session}?after={first.json()['request']}")
        assert session in again.json()["path"]
"""


@pytest.fixture
def drawing(suite: Suite) -> Iterator[DrawingUpstream]:
    """An upstream that draws ids; suites are written for it."""
    upstream = DrawingUpstream()
    suite.upstream = upstream  # type: ignore[assignment]
    yield upstream
    upstream.stop()


def undated(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the cassettes without the time of recording."""
    return {name: re.sub(rb"recorded_at: .*", b"", raw) for name, raw in files.items()}


def test_recording_again_changes_nothing(suite, drawing):
    """Two recordings of the same are the same, byte for byte, and hold no id that was drawn."""
    suite.write(FLOWS)
    suite.write(INI, "pytest.ini")

    assert suite.run("--agentcache-rerecord").ret == 0
    first = undated(suite.files())
    assert suite.run("--agentcache-rerecord").ret == 0

    assert len(first) == 6
    assert undated(suite.files()) == first
    for raw in first.values():
        assert not [each for each in drawing.drawn if each.encode() in raw]
    assert b"batch_00000001" in first["cassettes/test_suite/test_batches.yaml"]
    assert b"batch_00000002" in first["cassettes/test_suite/test_batches.yaml"]


def test_replay_makes_its_own_ids(suite, drawing):
    """A test replays its cassette with any new ids, and sees these ids."""
    suite.write(FLOWS)
    suite.write(INI, "pytest.ini")
    suite.record()
    drawing.stop()

    outcome = suite.run("--agentcache-offline", "-o", "agentcache_unused=fail")
    outcome.assert_outcomes(passed=6)


def test_requests_at_once(suite, drawing):
    """Ids that arrive in any order reach the right client, and the cassette stays the same."""
    suite.write("""
        import asyncio
        import random
        import httpx
        import pytest

        async def flow(client, number):
            batch = (await client.post(URL + "/v1/batches", json={"run": number})).json()
            await asyncio.sleep(random.random() / 100)
            found = (await client.get(f"{URL}/v1/batches/{batch['id']}")).json()
            assert found == {"id": batch["id"], "status": "running"}
            assert batch["run"] == number and batch["id"].startswith("batch_000000")
            return batch["id"]

        @pytest.mark.agentcache(freeze=False)
        def test_flows():
            async def main():
                async with httpx.AsyncClient() as client:
                    return await asyncio.gather(*(flow(client, each) for each in range(6)))
            ids = asyncio.run(main())
            assert len(set(ids)) == 6
    """)
    suite.write(INI, "pytest.ini")

    assert suite.run("--agentcache-rerecord").ret == 0
    first = undated(suite.files())
    assert suite.run("--agentcache-rerecord").ret == 0
    assert undated(suite.files()) == first
    assert suite.run("--agentcache-offline").ret == 0


def run_of(suite: Suite, test: str, *arguments: str) -> pytest.RunResult:
    return suite.run(f"test_suite.py::{test}", *arguments)


def test_default_keeps_ids(suite, drawing):
    """Without the setting the cassette holds what upstream said."""
    suite.write(FLOWS)

    suite.record("-k", "chat or batches")

    written = b"".join(suite.files().values())
    assert [each for each in drawing.drawn if each.encode() in written] == drawing.drawn


def test_setting_may_come_and_go(suite, drawing):
    """Cassettes play with and without the setting, whichever way they were recorded."""
    suite.write(FLOWS)
    suite.record("-k", "not stream and not own and not batches")
    suite.write(INI, "pytest.ini")
    suite.record("-k", "batches or own or stream")
    drawing.stop()

    outcome = suite.run("--agentcache-offline", "-o", "agentcache_unused=fail")
    outcome.assert_outcomes(passed=6)
    # Nobody but a mapping knows the ids that a client draws itself.
    outcome = suite.run("--agentcache-offline", "-o", "agentcache_stable_ids=false")
    outcome.assert_outcomes(passed=3, failed=3)


POSTS = """
    import uuid

    import pytest
    import requests


    def post(path="/x", **asked):
        return requests.post(URL + path, json=asked)


    @pytest.mark.agentcache(stable_ids=["uuid", "call"])
    def test_posts():
        one, two = str(uuid.uuid4()), str(uuid.uuid4())
        {}
"""


@pytest.mark.parametrize(
    ("recorded", "asked", "message"),
    [
        ("post(a=one, b=two)", "post(a=one, b=one)", "json.b   recorded '…02'   sent '…01'"),
        ("post(a=one, b=one)", "post(a=one, b=two)", "json.b   recorded '…01'   sent '"),
        ("post(a=one); post(b=one)", "post(a=one); post(b=two)", "json.b   recorded '…01'   sent"),
        (
            "post(a=one); post(b=two)",
            "post(a=one); post(b=one)",
            "b   recorded '…03'   sent '…01'",
        ),
        ("post(a=one, t='x')", "post(a=one, t='y')", "json.t   recorded 'x'   sent 'y'"),
        ("post(a=one)", "post(a=one); post(a=one)", "recorded once (interaction 1)"),
        ("post(a=one)", "post(a=one); post(a=two)", "json.a   recorded '…01'   sent '"),
    ],
)
def test_two_ids_stay_two(suite, drawing, recorded, asked, message):
    """One id in place of two, or two in place of one, is a miss, and the report names the place."""
    suite.write(POSTS.format(recorded))
    suite.record()

    suite.write(POSTS.format(asked))
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    # Where CI is set, the summary below says all of it once more.
    printed = outcome.stdout.str().partition("short test summary info")[0]
    report = re.sub(r"'[…048-]*-0+(\d\d)'", r"'…\1'", printed)
    assert message in report
    # An id that merely differs on each run is not reported.
    assert report.count(" recorded '") <= 1


def test_ids_of_upstream_are_told_apart(suite, drawing):
    """A call that answers the wrong question is missed by the names of both."""
    swapped = FLOWS.replace('"tool_call_id": call["id"]', '"tool_call_id": CALL', 1)
    suite.write(swapped.replace("CALL", 'call["id"]'))
    suite.write(INI, "pytest.ini")
    suite.record("-k", "chat")

    suite.write(swapped.replace("CALL", '"call_00000002"'))
    outcome = run_of(suite, "test_chat")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        ["*json.messages?2?.tool_call_id   recorded 'call_00000001'   sent 'call_00000002'"]
    )


def test_recording_goes_on_with_the_numbers(suite, drawing):
    """Added ids get unused numbers; existing ones keep theirs."""
    suite.write(POSTS.format("post(a=one); post(t=1, a=one, b=two)"))
    suite.record()
    before = suite.cassette("test_posts").read_bytes()

    suite.record()
    assert suite.cassette("test_posts").read_bytes() == before

    suite.write(
        POSTS.format("post(a=one); post(t=1, a=one, b=two); post(t=2, c=str(uuid.uuid4()))")
    )
    suite.record()
    after = suite.cassette("test_posts").read_bytes()
    assert after.startswith(before)
    assert b"c: 00000000-0000-4000-8000-000000000005" in after


def test_what_is_recorded_instead_takes_its_numbers(suite, drawing):
    """A word that changes in one request changes no id in the file."""
    suite.write(FLOWS)
    suite.write(INI, "pytest.ini")
    suite.record("-k", "batches or chat")
    before = undated(suite.files())

    suite.write(FLOWS.replace("run=key", "run=key, word=1").replace('"?"}]', '"!"}]'))
    suite.record("-k", "batches or chat")

    after = undated(suite.files())
    for name, raw in after.items():
        assert raw != before[name]
        plain = raw.replace(b", word: 1", b"").replace(b"'!'", b"'?'")
        assert plain.splitlines()[3:] == before[name].splitlines()[3:]


SHARED = """
    import uuid

    import pytest
    import requests


    @pytest.mark.agentcache(cassette="shared", stable_ids=True)
    @pytest.mark.parametrize("number", range(4))
    def test_post(number):
        one = str(uuid.uuid4())
        answer = requests.post(f"{URL}/{number}", json={"a": one}).json()
        assert answer["echo"] == {"a": one}
        assert requests.get(f"{URL}/{number}/{answer['request']}").ok
"""


@pytest.mark.parametrize("arguments", [(), ("-n2",)], ids=["one", "xdist"])
def test_shared_cassette_has_no_id_twice(suite, drawing, arguments):
    """Tests that add to one cassette, in several processes, give no number to two ids."""
    suite.write(SHARED)
    spawn = suite.spawn if arguments else suite.run

    spawn("--agentcache-record", *arguments).assert_outcomes(passed=4)
    raw = (suite.root / "cassettes" / "shared.yaml").read_text()
    numbers = re.findall(r"json: \{a: 00000000-0000-4000-8000-(\d{12})\}", raw)
    assert len(set(numbers)) == 4
    if not arguments:
        before = undated(suite.files())
        suite.run("--agentcache-rerecord").assert_outcomes(passed=4)
        assert undated(suite.files()) == before
    drawing.stop()
    spawn("--agentcache-offline", *arguments).assert_outcomes(passed=4)


def test_block_has_stable_ids(suite, drawing, tmp_path):
    """`use_cassette` takes the setting too."""
    suite.write(
        """
        import uuid
        import requests
        from pytest_agentcache import use_cassette

        def test_block():
            with use_cassette(ROOT / "c.yaml", stable_ids={"RUN": "run-[0-9a-f]{12}"}):
                run = f"run-{uuid.uuid4().hex[:12]}"
                assert requests.post(URL + "/" + run, json={"r": run}).json()["echo"] == {"r": run}
        """.replace(
            "import uuid",
            f"import pathlib\n        import uuid\n        ROOT = pathlib.Path({str(tmp_path)!r})",
            1,
        )
    )
    suite.run("--agentcache-record").assert_outcomes(passed=1)
    drawing.stop()

    suite.run().assert_outcomes(passed=1)
    assert "run-000000000001" in (tmp_path / "c.yaml").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("calls", "stable_ids has 'calls'; it takes true, false, answer, call, request"),
        ("A => (x)y", "which has a capturing group; the whole match is the id, so write (?:"),
        ("A => x*", "which matches the empty string"),
        ("a => x", "write it like MY_API_KEY"),
    ],
)
def test_wrong_setting_is_an_error(suite, line, message):
    """An unknown kind or a wrong pattern is an error that says what is allowed."""
    suite.write("def test_nothing(): pass")
    suite.write(f"[pytest]\nagentcache_stable_ids =\n    {line}\n", "pytest.ini")

    outcome = suite.run()

    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    assert message in outcome.stdout.str() + outcome.stderr.str()
