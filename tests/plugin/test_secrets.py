"""Secrets of the environment, doubts about what may be one, and what is shown of any of them."""

from __future__ import annotations

import hashlib
import random
import re
import string

import pytest


def made(seed, size=40):
    """A secret, made when the tests run, so that no scanner finds one in the repository."""
    draw = random.Random(seed)
    return "".join(draw.choices(string.ascii_letters + string.digits, k=size - 1)) + "7"


SECRET = made(1)
EVERYWHERE = """
import base64, os, requests

def ask():
    token = os.environ["WEATHER_TOKEN"]
    coded = base64.b64encode(f"me:{token}".encode()).decode()
    requests.get(f"{URL}/at/{token}/now", params={"q": f"a {token} b"})
    requests.get(URL, headers={"X-Note": f"it is {token}", "Authorization": f"Bearer {token}"})
    curl = f"-H 'Authorization: Basic {coded}'"
    requests.post(URL, json={"prompt": f'Say "{token}"', "curl": curl})
    requests.post(URL, data={"note": f"{token} & more"})
    requests.post(URL, files={"f": ("n.txt", f"the token is {token}")})
"""


def files_of(suite):
    """Return all written files, except the suite itself."""
    found = [path for path in suite.root.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in found if path.suffix not in (".py", ".pyc")}


def test_value_of_a_variable_is_written_nowhere(suite, monkeypatch):
    """Its name replaces it everywhere, and with another value the cassette replays."""
    monkeypatch.setenv("WEATHER_TOKEN", SECRET)
    suite.write(EVERYWHERE + "\ndef test(agentcache):\n    ask()\n")
    suite.record()

    written = suite.cassette("test").read_text()
    assert SECRET not in written
    assert written.count("<WEATHER_TOKEN>") >= 8
    assert "authorization: Bearer <WEATHER_TOKEN>" in written

    monkeypatch.setenv("WEATHER_TOKEN", "dummy-of-ci")
    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_variable_that_a_test_sets_is_one_too(suite):
    """A variable set by `monkeypatch.setenv` is redacted, although it is unset at the end."""
    suite.write(
        EVERYWHERE
        + f"""
def test(agentcache, monkeypatch):
    monkeypatch.setenv("WEATHER_TOKEN", {SECRET!r})
    ask()
"""
    )
    suite.record()

    assert SECRET not in suite.cassette("test").read_text()


def test_variable_that_a_test_unsets_is_one_still(suite, monkeypatch):
    """The run had it when it began, and some client may have read it then."""
    monkeypatch.setenv("WEATHER_TOKEN", SECRET)
    suite.write("""
import os, requests

TOKEN = os.environ["WEATHER_TOKEN"]

def test(monkeypatch, agentcache):
    monkeypatch.delenv("WEATHER_TOKEN")
    requests.post(URL, data=f"it is {TOKEN}")
""")
    suite.record()

    assert "it is <WEATHER_TOKEN>" in suite.cassette("test").read_text()


def test_secret_by_name_needs_no_variable(suite, monkeypatch):
    """For a secret under a known name, a variable that is not set in CI makes no difference."""
    monkeypatch.setenv("WEATHER_TOKEN", SECRET)
    suite.write("""
import os, pytest, requests

@pytest.mark.agentcache(match=["method", "url", "body", "headers"])
def test(agentcache):
    token = os.environ.get("WEATHER_TOKEN", "none")
    requests.post(
        f"{URL}?api_key={token}", json={"apiKey": token},
        headers={"Authorization": f"Bearer {token}"},
    )
""")
    suite.record()
    assert "<WEATHER_TOKEN>" in suite.cassette("test").read_text()

    monkeypatch.delenv("WEATHER_TOKEN")
    suite.run("--agentcache-offline").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEATHER_TOKEN", "test"),
        ("WEATHER_TOKEN", "placeholder"),
        ("WEATHER_TOKEN", "/run/secrets/token"),
        ("WEATHER_TOKEN", "12345678"),
        ("SORT_KEY", "created_at"),
        ("WEATHER_PLACE", "Zürich-Nord-7"),
    ],
)
def test_common_values_are_left_alone(suite, monkeypatch, name, value):
    """A word that is not a secret is kept, even if a variable holds it."""
    monkeypatch.setenv(name, value)
    suite.write(f"""
import requests

def test(agentcache):
    requests.post(URL, json={{"prompt": "it is {value}"}})
""")
    suite.record()

    assert f"it is {value}" in suite.cassette("test").read_text()


def test_more_variables_are_named_by_a_setting(suite, monkeypatch):
    """And others taken back."""
    monkeypatch.setenv("MY_THING", SECRET)
    monkeypatch.setenv("PUBLIC_TOKEN", other := made(2))
    suite.write("[pytest]\nagentcache_redact_env = MY_* !PUBLIC_*", "pytest.ini")
    suite.write("""
import os, requests

def test(agentcache):
    requests.post(URL, data=os.environ["MY_THING"] + " " + os.environ["PUBLIC_TOKEN"])
""")
    suite.record()

    written = suite.cassette("test").read_text()
    assert "<MY_THING>" in written
    assert SECRET not in written
    assert other in written


DOUBTFUL = f"""
import requests

def test(agentcache):
    requests.post(URL, json={{"hooks": [{{"webhookAuth": {SECRET!r}}}]}})
"""


def test_in_doubt_nothing_is_written(suite):
    """The error names the place and the way out, and does not tell the value."""
    suite.write(DOUBTFUL)

    result = suite.run("--agentcache-record")

    assert result.ret == 1
    assert not suite.cassette("test").exists()
    shown = result.stdout.str()
    fingerprint = hashlib.sha256(SECRET.encode()).hexdigest()[:12]
    assert "was not written, for it may hold a secret" in shown
    assert "interaction 1, request json.hooks[0].webhookAuth: 40 characters" in shown
    assert f"({fingerprint})" in shown
    assert "agentcache_allow_secrets" in shown
    assert SECRET not in shown.replace(DOUBTFUL, "").partition("def test")[0]


def test_false_alarm_is_allowed_by_its_fingerprint(suite):
    """The fingerprint in the error is accepted by the setting."""
    suite.write(DOUBTFUL)
    shown = suite.run("--agentcache-record").stdout.str()
    found = re.search(r"\(([0-9a-f]{12})\)", shown)

    suite.write(f"[pytest]\nagentcache_allow_secrets = {found[1]}", "pytest.ini")
    suite.record()

    assert SECRET in suite.cassette("test").read_text()


def test_private_key_that_is_cut_is_a_doubt(suite):
    """Half a key is none that a rule knows, and too much to write."""
    dash = "-" * 5
    suite.write(f"""
import requests

def test(agentcache):
    requests.post(URL, data="{dash}BEGIN PRIVATE KEY{dash}\\n{SECRET}\\n")
""")

    result = suite.run("--agentcache-record")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*request body, line 1: the beginning of a private key (*"])


def test_people_and_accounts_are_replaced_on_demand(suite):
    """Off by default; two addresses stay two."""
    source = """
import requests

def test(agentcache):
    text = "from a@b.example to c.d@b.example about arn:aws:s3:eu-west-1:123456789012:x/y"
    requests.post(URL, json={"prompt": text})
"""
    suite.write(source)
    suite.record()
    assert "a@b.example to c.d@b.example about arn:aws" in suite.cassette("test").read_text()

    suite.write("[pytest]\nagentcache_redact_personal = email account", "pytest.ini")
    suite.run("--agentcache-rerecord").assert_outcomes(passed=1)
    assert "from <EMAIL> to <EMAIL_2> about arn:aws:s3:eu-west-1:<ACCOUNT_ID>:x/y" in (
        suite.cassette("test").read_text()
    )
    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_shapes_are_added_and_taken_back(suite):
    """A shape of one's own has a name, and a built-in one goes by its."""
    suite.write(
        "[pytest]\nagentcache_redact_shapes =\n    ACME_KEY => acme-[0-9]{6}\n    !GITHUB_TOKEN",
        "pytest.ini",
    )
    suite.write(f"""
import requests

def test(agentcache):
    requests.post(URL, json={{"prompt": "acme-123456 and acme-654321 and gh" + "p_{made(3, 36)}"}})
""")
    suite.record()

    written = suite.cassette("test").read_text()
    assert f"<ACME_KEY> and <ACME_KEY_2> and ghp_{made(3, 36)}" in written


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("redact_shapes = ACME", "write NAME => PATTERN or !NAME"),
        ("redact_shapes = acme => x+", "write it like MY_API_KEY"),
        ("redact_shapes = ACME => (", "which is not a valid regular expression"),
        ("redact_shapes = ACME => x*", "which matches the empty string"),
        ("redact_personal = names", "allowed are email, account, arn"),
        ("allow_secrets = abc", "a value that is not a fingerprint"),
    ],
)
def test_settings_say_what_is_wrong(suite, line, message):
    """Before any test runs."""
    suite.write(f"[pytest]\nagentcache_{line}", "pytest.ini")
    suite.write("def test(): pass")

    result = suite.run()

    assert result.ret == 4
    assert message in result.stderr.str()


LEAKY = """
import logging, os, pytest, requests

def asked(n):
    token, key = os.environ["WEATHER_TOKEN"], os.environ["GIVEN"]
    return dict(
        url=f"{URL}/{key}/{token}?n={n}", data=f"{token} and {key}",
        headers={"X-Note": f"{token} and {key}"}, timeout=5,
    )

@pytest.mark.agentcache
def test_client():
    requests.post(**asked(os.environ["N"])).raise_for_status()

def test_session(agentcache_session):
    agentcache_session.get(asked(0)["url"])
    agentcache_session.get(asked(os.environ["N"])["url"]).raise_for_status()

@pytest.mark.agentcache(on_miss="raise")
def test_on_the_spot():
    requests.post(**asked(os.environ["N"]))

def test_seen(agentcache):
    requests.post(**asked(os.environ["N"]))
    print(agentcache.misses, agentcache.cassette, agentcache.cassette.interactions)

@pytest.mark.agentcache
def test_broken():
    requests.post("http://127.0.0.1:1/" + os.environ["WEATHER_TOKEN"], timeout=5)

def test_compared(agentcache):
    answer = requests.post(**asked("1"))
    logging.getLogger("agent").warning("sent %s", asked("1")["data"])
    assert answer.json() == {"asked": asked("1")["data"]} != 1
    assert "wrong" == answer.request.url

def test_stream(agentcache):
    words = [f"data: {os.environ['GIVEN'][at:at + 7]}" for at in range(0, 40, 7)]
    events, media = chr(10).join(words), {"content-type": "text/event-stream"}
    requests.post(f"{URL}/echo", data=events, headers=media)
    raise RuntimeError(asked("1"))
"""


def test_nothing_leaks_elsewhere(suite, monkeypatch, capsys):
    """Neither the terminal nor a file of the run, the cache's included, tells a secret."""
    key = "gh" + "p_" + made(4, 36)
    monkeypatch.setenv("WEATHER_TOKEN", SECRET)
    monkeypatch.setenv("GIVEN", key)
    monkeypatch.setenv("N", "1")
    suite.write(LEAKY)
    failing = "broken or compared or stream"
    runs = [suite.spawn("--agentcache-record", "-k", f"not ({failing})")]
    assert runs[0].ret == 0, runs[0].stdout.str()
    monkeypatch.setenv("N", "2")
    options = ("--junitxml=junit.xml", "--agentcache-report=page.html", "-rA", "-l", "-v")
    runs.append(suite.spawn("--agentcache-offline", *options))
    runs.append(suite.spawn("--agentcache-record", "-k", failing, "-l", "--junitxml=failed.xml"))
    runs.append(
        suite.spawn(
            "--agentcache-record", "-n2", *(f"{each}2" if "=" in each else each for each in options)
        )
    )
    assert [run.ret for run in runs[1:]] == [1, 1, 1]

    assert runs[1].stdout.str().count("is not on the cassette of this test") >= 4
    shown = "".join(run.stdout.str() + run.stderr.str() for run in runs)
    ours = shown.splitlines()
    files = files_of(suite)
    assert any("runpytest" in path and path.endswith(".yaml") for path in files)
    assert any(path.endswith(".yaml") and "cassettes" in path for path in files)
    assert {"junit.xml", "page.html", "failed.xml"} <= {path.rpartition("/")[2] for path in files}
    leaks = [line for line in ours if SECRET in line or key in line]
    leaks += [path for path, raw in files.items() if SECRET.encode() in raw or key.encode() in raw]
    with capsys.disabled():
        print(f"\n  {len(ours)} lines of terminal, {len(files)} files, {len(leaks)} leaks")

    assert leaks == []


def test_what_is_recorded_later_has_numbers_of_its_own(suite, monkeypatch):
    """A key that the cassette knows keeps its number, and another never gets the same."""
    keys = ["gh" + "p_" + made(seed, 36) for seed in (5, 6, 7)]
    monkeypatch.setenv("KEYS", " ".join(keys))
    monkeypatch.setenv("ASK", "01")
    suite.write("""
import os, requests

def test(agentcache):
    keys = os.environ["KEYS"].split()
    for at in os.environ["ASK"]:
        requests.post(URL, json={"note": f"{at}: {keys[int(at)]}"})
""")
    suite.record()
    first = suite.cassette("test").read_text()
    assert "0: <GITHUB_TOKEN>'" in first
    assert "1: <GITHUB_TOKEN_2>'" in first

    monkeypatch.setenv("ASK", "2011")
    suite.record()
    written = suite.cassette("test").read_text()

    assert "2: <GITHUB_TOKEN_3>'" in written
    assert written.count("1: <GITHUB_TOKEN_2>'") == first.count("1: <GITHUB_TOKEN_2>'") * 2
    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_cassette_reads_the_same_in_every_mode(suite):
    """While recording, `agentcache.cassette` has the same contents as on replay."""
    suite.write("""
import json, pathlib, requests

def test(agentcache):
    requests.post(URL, json={"a": [1, 2.50, "é \\u2028"]})
    requests.post(URL, data='{ "b" :  1e5}', headers={"content-type": "application/json"})
    requests.post(URL, data={"c": "x y", "d": ""})
    requests.post(URL, files={"f": ("n.bin", bytes(range(128)) * 9)})
    requests.get(URL + "/?a=1&b=%20")
    contents = repr(agentcache.cassette.interactions)
    kept = pathlib.Path("contents.txt")
    if agentcache.mode == "offline":
        assert kept.read_text("utf-8") == contents
    kept.write_text(contents, "utf-8")
""")
    suite.record()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_what_else_pytest_writes_is_redacted(suite):
    """Compared values, properties, live logs, the log file and warnings; by name and by format."""
    suite.write(
        """
import logging, warnings
import pytest

@pytest.mark.agentcache
def test(record_property):
    made, key = "S3cret" + "Passw0rd", "sk-proj-" + "aB3d" * 12
    logging.getLogger("agent").warning("live %s", key)
    warnings.warn(f"warned {key}")
    warnings.warn(DeprecationWarning(f"old {key}"))
    record_property("key", key)
    assert {"token": made} == {}
"""
    )

    run = suite.run(
        *("-l", "-vv", "--junitxml=junit.xml", "-o", "junit_family=xunit1"),
        *("-o", "log_cli=true", "--log-file=pytest.log", "-W", "default"),
        "--agentcache-report=page.html",
    )

    files = [path for path in suite.root.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    texts = {path.name: path.read_text() for path in files if path.name != "test_suite.py"}
    assert {"junit.xml", "page.html", "pytest.log", "lastfailed"} <= texts.keys()
    for text in (run.stdout.str(), *texts.values()):
        assert "{'token': 'S3cretPassw0rd'}" not in text
        assert "aB3d" * 12 not in text
    out = run.stdout.str()
    assert "{'token': '<TOKEN>'}" in out
    assert "live <OPENAI_API_KEY>" in out
    assert "live <OPENAI_API_KEY>" in texts["pytest.log"]
    assert "UserWarning: warned <OPENAI_API_KEY>" in out
    assert "DeprecationWarning: old <OPENAI_API_KEY>" in out
