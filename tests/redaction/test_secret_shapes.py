"""Values, shapes, streams and doubts of redaction, one fact each."""

import base64
import gzip
import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache.http.body import aws_events
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.redaction import Redaction, formats
from pytest_agentcache.redaction.environment import secrets_of
from pytest_agentcache.redaction.shapes import Shapes
from pytest_agentcache.settings import checks

JSON = "application/json"
STREAM = "text/event-stream"


def made(seed, size=40, alphabet=string.ascii_letters + string.digits):
    """Made when the tests run, so that no scanner of secrets finds one in the repository."""
    return "".join(random.Random(seed).choices(alphabet, k=size - 1)) + "7"


VALUE = made(1)
OPENAI, GITHUB = "s" + "k-proj-" + made(2), "gh" + "p_" + made(3)


def known(**environment):
    return Redaction(environment=environment or {"MY_TOKEN": VALUE})


def body(raw, media=JSON, **environment):
    text = raw if isinstance(raw, bytes) else raw.encode()
    return known(**environment).body(text, media).decode()


def answer(raw, media=JSON, chunks=()):
    return Response(200, Headers((("content-type", media),)), raw, chunks=chunks)


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "API_KEY",
        "GITHUB_TOKEN",
        "TOKEN",
        "DB_PASSWORD",
        "PGPASSWORD",
        "CLIENT_SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "MY_CREDENTIALS",
        "SMTP_PASS",
        "STORAGE_CONNECTION_STRING",
        "weather_key",
        "OPENAI_API_KEY_2",
        "APIKEY",
    ],
)
def test_variables_with_secret_names(name):
    """They are known by how their names end."""
    assert dict(secrets_of({name: VALUE})) == {name: VALUE}


@pytest.mark.parametrize(
    "name", ["PATH", "MAX_TOKENS", "TOKEN_URL", "KEYBOARD", "MONKEY_COUNT", "PASSWORD_FILE"]
)
def test_variables_with_other_names(name):
    """Others may hold what they like."""
    assert dict(secrets_of({name: VALUE})) == {}


def test_password_of_an_address_is_a_secret():
    """With any name of the variable."""
    found = dict(secrets_of({"DATABASE_URL": f"postgres://me:{VALUE}@db/x"}))

    assert found == {"DATABASE_URL_PASSWORD": VALUE}


ODD = 'p"a/s s\\w&ö<7'


@pytest.mark.parametrize(
    ("raw", "media"),
    [
        (json.dumps({"a": f"x {ODD} y"}), JSON),
        (json.dumps({"a": f"x {ODD} y"}, ensure_ascii=False), JSON),
        (json.dumps({"a": json.dumps({"b": ODD})}), JSON),
        (base64.b64encode(f"me:{ODD}".encode()).decode(), "text/plain"),
        (base64.b64encode(f"m:{ODD}".encode()).decode(), "text/plain"),
        (base64.b64encode(f"{ODD}:m".encode()).decode(), "text/plain"),
        (f"text={ODD.replace('%', '%25')}", "text/plain"),
    ],
)
def test_odd_values_are_found_however_they_are_written(raw, media):
    """Escaped, escaped twice, in base64 after any text."""
    safe = body(raw, media, MY_PASSWORD=ODD)

    assert "<MY_PASSWORD>" in safe
    assert ODD[:6] not in safe
    if media == JSON:
        json.loads(safe)


def test_value_is_found_in_urls_and_headers():
    """Percent-encoded too."""
    redaction = Redaction(environment={"MY_PASSWORD": "a/b c+d=e7"})

    assert redaction.url("https://h/a%2Fb%20c%2Bd%3De7/x?q=a%2fb+c%2bd%3de7") == (
        "https://h/<MY_PASSWORD>/x?q=<MY_PASSWORD>"
    )
    assert redaction.headers(Headers((("x-a", "of a/b c+d=e7"),))).get("x-a") == "of <MY_PASSWORD>"


def test_variable_that_is_set_later_is_found(monkeypatch):
    """The environment is read again when it has changed; known values stay known."""
    redaction = Redaction(environment={})
    assert redaction.url(f"https://h/{VALUE}") == f"https://h/{VALUE}"

    monkeypatch.setenv("LATER_TOKEN", VALUE)
    assert redaction.url(f"https://h/{VALUE}") == "https://h/<LATER_TOKEN>"

    monkeypatch.delenv("LATER_TOKEN")
    assert redaction.url(f"https://h/{VALUE}") == "https://h/<LATER_TOKEN>"


def test_name_of_the_variable_is_told_and_compared_by_the_field():
    """A reviewer sees which key it was; matching does not care."""
    request = Request(
        "POST",
        f"https://h/?api_key={VALUE}",
        Headers((("authorization", f"Bearer {VALUE}"),)),
        json.dumps({"password": VALUE, "text": "x"}).encode(),
    )
    there, here = known(), Redaction()

    safe = there.request(request)

    assert safe.url == "https://h/?api_key=<MY_TOKEN>"
    assert safe.headers.get("authorization") == "Bearer <MY_TOKEN>"
    assert b'"password": "<MY_TOKEN>"' in safe.body
    assert here.comparable(here.request(safe)) == here.comparable(here.request(request))


def test_secrets_of_one_shape_stay_two():
    """And are the same again wherever they stand."""
    other = "gh" + "p_" + made(4)
    redaction = Redaction()

    safe = redaction.body(json.dumps([GITHUB, other, GITHUB]).encode(), JSON)

    assert json.loads(safe) == ["<GITHUB_TOKEN>", "<GITHUB_TOKEN_2>", "<GITHUB_TOKEN>"]
    asked = Request("POST", "https://h/", Headers((("content-type", JSON),)), safe)
    assert json.loads(redaction.comparable(asked).body) == ["<GITHUB_TOKEN>"] * 3


def test_numbers_follow_the_cassette():
    """Not the order in which requests happened to come by."""
    redaction = Redaction()
    later, first = (
        redaction.interaction(Interaction(Request("GET", f"https://h/{each}"), Response(200)))
        for each in (GITHUB, "gh" + "p_" + made(4))
    )
    assert first.request.url == "https://h/<GITHUB_TOKEN_2>"

    again = redaction.renumbered([first, later])

    assert [each.request.url for each in again] == [
        "https://h/<GITHUB_TOKEN>",
        "https://h/<GITHUB_TOKEN_2>",
    ]


def test_variable_and_shape_of_one_name_stay_two():
    """The key of the environment, and another that looks like it."""
    redaction = Redaction(environment={"GITHUB_TOKEN": GITHUB})

    assert redaction.url(f"https://h/{GITHUB}/gh" + f"p_{made(4)}") == (
        "https://h/<GITHUB_TOKEN>/<GITHUB_TOKEN_2>"
    )


@pytest.mark.parametrize(
    "before", ["", " ", '"', "\n", "=", "/", ":", "<", "(", "\t", "\u2028", "'"]
)
@pytest.mark.parametrize("after", ["", " ", '"', "\n", ",", "/", "&", ">", ")", ".", "\u2028"])
def test_keys_are_found_beside_any_sign(before, after):
    """In JSON they stand between escapes, and the text around them stays."""
    raw = json.dumps({"text": f"a{before}{OPENAI}{after}" if before else f"{OPENAI}{after}"})
    safe = json.loads(Redaction().body(raw.encode(), JSON))

    want = f"a{before}<OPENAI_API_KEY>{after}" if before else f"<OPENAI_API_KEY>{after}"
    assert safe["text"] == want


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn and sk-fading-circle-spinner-animation",
        "the task-management-and-planning-system",
        "claude-sonnet-4-5-20250929 and gpt-4o-mini-2024-07-18",
        "call_" + made(5, 24),
        "chatcmpl-" + made(6, 29),
        "msg_01" + made(7, 22),
        "123e4567-e89b-12d3-a456-426614174000",
        "https://example.com/a/b/c?page=2&size=10#top",
        "Bearer tokens are sent in headers",
        "Basic knowledge of HTTP",
        "API_KEY=os.environ[0]",
        "password: str = field(default=None)",
        "postgres://localhost:5432/test",
        base64.b64encode(bytes(range(256)) * 8).decode(),
    ],
)
def test_what_is_no_key_stays(text):
    """Ids, names of models, words with hyphens, pictures in base64."""
    raw = json.dumps({"text": text}).encode()

    assert Redaction().body(raw, JSON) == raw


def test_key_inside_base64_is_no_key():
    """A picture may have any signs in it."""
    raw = json.dumps({"b64": made(8, 60) + GITHUB.replace("_", "A") + "AKIA" + "A" * 90}).encode()

    assert Redaction().body(raw, JSON) == raw


def test_secret_told_in_pieces_is_whole_in_the_first():
    """Deltas of one choice are read together, those of another by themselves."""

    def event(text, index=0):
        delta = {"choices": [{"index": index, "delta": {"content": text}}]}
        return b"data: " + json.dumps(delta).encode() + b"\n\n"

    pieces = ["It is ", OPENAI[:5], OPENAI[5:20], OPENAI[20:] + " or", f' "{VALUE[:9]}', VALUE[9:]]
    raw = b"".join(part for text in pieces for part in (event(text), event("né", 1)))

    safe = known().response(answer(raw, STREAM)).body
    texts = [json.loads(line[6:])["choices"][0] for line in safe.splitlines() if line]

    assert [each["delta"]["content"] for each in texts if each["index"] == 0] == [
        "It is ",
        "<OPENAI_API_KEY>",
        "",
        " or",
        ' "<MY_TOKEN>',
        "",
    ]
    assert {each["delta"]["content"] for each in texts if each["index"]} == {"né"}


def test_chunks_that_cut_a_secret_join():
    """Their sizes still make the body."""
    raw = b"data: " + json.dumps({"t": OPENAI}).encode() + b"\n\ndata: x\n\n"

    safe = Redaction().response(answer(raw, STREAM, (20, 10, len(raw) - 30)))

    assert safe.body == b'data: {"t": "<OPENAI_API_KEY>"}\n\ndata: x\n\n'
    assert safe.chunks == (len(safe.body),)


def test_packed_request_is_unpacked():
    """Else nobody could see what it holds, and packing differs from machine to machine."""
    packed = gzip.compress(json.dumps({"password": "x", "text": OPENAI}).encode())
    headers = Headers((("content-encoding", "gzip"), ("content-type", JSON)))

    safe = Redaction().request(Request("POST", "https://h/", headers, packed))

    assert json.loads(safe.body) == {"password": "<PASSWORD>", "text": "<OPENAI_API_KEY>"}
    assert "content-encoding" not in safe.headers


def test_events_of_aws_keep_their_checksums():
    """Lengths and checksums are those of what is written."""
    raw = aws_events.text(f'contentBlockDelta {{"delta":{{"text":"{OPENAI}"}}}}\n')

    safe = Redaction().response(answer(raw, aws_events.MEDIA)).body

    assert aws_events.lines(safe) == 'contentBlockDelta {"delta":{"text":"<OPENAI_API_KEY>"}}\n'


LINES = {
    "db:\n  password: {}\n  user: bot\n": "application/yaml",
    "- name: bot\n- api_key: '{}'\n": "text/x-yaml",
    "login: {{user: bot, password: {}, role: admin}}\n": "application/vnd.oai.openapi+yaml",
    'db:\n  "client_secret": {} # of the test account\n': "application/yaml",
    "private_key: |\n  {}\nother: 1\n": "application/yaml",
    "[db]\npassword = '{}'\n": "application/toml",
    "db.password={}\r\na=1\r\n": "text/x-java-properties",
}


@pytest.mark.parametrize("text", LINES)
def test_lines_with_secret_names(text):
    """YAML, TOML and properties have their secrets replaced, and nothing else."""
    safe = Redaction().body(text.format("S3cretPassw0rdXY").encode(), LINES[text]).decode()
    before, after = text.replace("{{", "{").replace("}}", "}").split("{}")

    assert safe.startswith(before)
    assert safe.endswith(after)
    assert "S3cret" not in safe
    assert Redaction().body(safe.encode(), LINES[text]).decode() == safe


@pytest.mark.parametrize("text", ["api_keys: 2\n", "token: ETH\n", "password:\n", "a: {b: c}\n"])
def test_lines_without_a_secret(text):
    """Counts, words and empty values stay."""
    assert Redaction().body(text.encode(), "application/yaml").decode() == text


def test_xml_stays_xml():
    """A bare placeholder would be an element."""
    raw = f"<r><SecretAccessKey>{VALUE}</SecretAccessKey><v>{OPENAI}</v></r>".encode()

    assert Redaction().body(raw, "text/xml") == (
        b"<r><SecretAccessKey>&lt;SECRET_ACCESS_KEY&gt;</SecretAccessKey>"
        b"<v>&lt;OPENAI_API_KEY&gt;</v></r>"
    )


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ('{"api\\u004bey":"x"}', '{"api\\u004bey":"<API_KEY>"}'),
        ('{"credentials":{"user":"a","n":1}}', '{"credentials":{"user":"<CREDENTIALS>","n":1}}'),
        ('{"passwords":[{"a":["b",2]}]}', '{"passwords":[{"a":["<PASSWORDS>","<PASSWORDS>"]}]}'),
        ('{"q":"{login(password: \\"a\\")}"}', '{"q":"{login(password: \\"<PASSWORD>\\")}"}'),
        ('{"credentials":{"type":"object"}}', '{"credentials":{"type":"object"}}'),
    ],
)
def test_names_in_every_form(raw, safe):
    """Escaped names, objects and lists under names, names without quotes; no schema."""
    assert Redaction().body(raw.encode(), JSON).decode() == safe
    assert Redaction().body(safe.encode(), JSON).decode() == safe


def test_what_upstream_hands_out_is_known_from_then_on():
    """Except values that the code itself had sent before."""
    redaction, mine = Redaction(), made(9)
    redaction.asked(redaction.request(Request("POST", "https://h/", body=mine.encode())))
    redaction.learn(
        answer(
            json.dumps({"access_token": VALUE, "session_token": mine, "id_token": "ab1"}).encode()
        )
    )

    assert redaction.url(f"https://h/{VALUE}/{mine}/ab1") == f"https://h/<ACCESS_TOKEN>/{mine}/ab1"


def found(value, redaction=None):
    message = Request("POST", "https://h/", Headers((("content-type", JSON),)), value)
    given = Interaction(message, Response(200))
    return [str(each) for each in (redaction or Redaction()).doubts([given])]


@pytest.mark.parametrize("name", ["webhookAuth", "authKeyValue", "bearer"])
def test_random_values_under_names_that_hint_are_doubts(name):
    """With their place, and their fingerprint."""
    [doubt] = found(json.dumps({"a": [{name: VALUE}]}).encode())

    assert doubt.startswith(f"interaction 1, request json.a[0].{name}: 40 characters")


@pytest.mark.parametrize(
    "value",
    [
        {"next_page_token": VALUE},
        {"signature": VALUE},
        {"thoughtSignature": VALUE},
        {"keyword": VALUE},
        {"auth": "the-usual-way-of-doing-it"},
        {"auth": "123e4567-e89b-12d3-a456-426614174000"},
        {"auth": "https://login.example/v1/oauth2/token9"},
        {"auth": "<MY_TOKEN>"},
        {"encrypted_key_material": VALUE},
        {"max_tokens": 7, "text": VALUE},
    ],
)
def test_no_doubt_without_need(value):
    """Pages, signatures of thoughts, words, ids and addresses are no secrets."""
    assert found(json.dumps(value).encode()) == []


def test_known_value_in_hexadecimal_digits_is_a_doubt():
    """The rest of the text cannot be known."""
    [doubt] = found(b"x " + VALUE.encode().hex().encode(), known())

    assert "the value of <MY_TOKEN>" in doubt


def test_allowed_value_is_left_alone():
    """By its fingerprint: neither replaced nor a doubt."""
    from hashlib import sha256

    redaction = Redaction(allowed=[sha256(GITHUB.encode()).hexdigest()[:12]])

    assert redaction.url(f"https://h/{GITHUB}") == f"https://h/{GITHUB}"


@given(st.lists(st.sampled_from([OPENAI, GITHUB, VALUE, '"', "\\", "\n", " ", "a", "%", "<"])))
def test_json_stays_json_whatever_is_in_it(parts):
    """And a second time changes nothing."""
    raw = json.dumps({"text": "".join(parts), "more": parts}).encode()

    safe = known().body(raw, JSON)

    assert len(json.loads(safe)["more"]) == len(parts)
    assert known().body(safe, JSON) == safe


def test_setting_names_what_is_personal():
    """The setting allows exactly the existing kinds."""
    assert set(formats.PERSONAL) == set(checks.PERSONAL)


@pytest.mark.slow
def test_no_format_takes_for_ever():
    """Each alone, on what it begins with, again and again: work that is quadratic would not end."""
    for each in formats.FORMATS:
        for mark in each.marks:
            for body in (mark * (2**17 // len(mark)), (mark + b"a" * 30) * 4_000):
                found = [match.span() for match in each.pattern.finditer(body)]
                assert found == sorted(found)


@given(
    st.lists(
        st.sampled_from(
            ("<", "%3C", "&lt;", "OPENAI_API_KEY", "JWT", "_2", "_31", ">", "%3E", "&gt;", "x")
        ),
        max_size=24,
    )
)
def test_placeholders_are_found_as_one_expression_finds_them(parts):
    """The search for the beginnings of placeholders finds what the whole expression finds."""
    shapes, raw = Shapes(), "".join(parts).encode()

    found = [(each[2], int(each[3] or 1)) for each in shapes._numbered.finditer(raw)]

    assert shapes._placeholders(raw) == found
