"""The contents of the cassettes in fixtures/foreign, and values for property tests of formats."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import strategies as st

from pytest_agentcache.cassette import Cassette
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response, standard_reason

from ..values import JSON, STRINGS

FOLDER = Path(__file__).parents[2] / "fixtures" / "foreign"
INSTANT = datetime(2026, 11, 21, 18, 29, 15, tzinfo=UTC)
BODIES = {
    "/binary": bytes(range(256)),
    "/empty": b"",
    "/redirect": b"",
    "/teapot": b"caf\xe9",
    "/sse": b'data: {"a":1}\n\ndata: [DONE]\n\n',
}
STATUSES = {
    "/empty": (204, "No Content"),
    "/redirect": (302, "Found"),
    "/teapot": (418, "I'm a Teapot"),
    "/odd": (200, "I'm Odd"),
}

_TOKEN = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
_NAMES = _TOKEN.filter(
    lambda name: (
        name not in {"content-encoding", "content-length", "transfer-encoding", "content-type"}
    )
)

# Each example is a whole cassette, which takes long to draw.
EXAMPLES = 40
_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30).map(str.strip)
_KINDS = st.sampled_from(
    [
        "application/json",
        "text/plain",
        "text/plain; charset=latin-1",
        "text/html; charset=utf-16",
        "text/plain; charset=none-such",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "text/event-stream",
    ]
)
RAW = (
    st.binary(max_size=60)
    | STRINGS.map(str.encode)
    | JSON.map(lambda value: json.dumps(value).encode())
)


@st.composite
def headers(draw):
    """Fields as a cassette has them: sorted, repeats side by side."""
    pairs = draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=4))
    pairs += [("content-type", kind) for kind in draw(st.lists(_KINDS, max_size=1))]
    return Headers(tuple(sorted(pairs, key=lambda pair: pair[0])))


@st.composite
def interactions(draw, bodies=RAW):
    """A request and its answer."""
    status = draw(st.sampled_from([200, 201, 204, 304, 404, 418, 429, 500, 599]))
    method = draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]))
    path = draw(st.text("abc%20/?&=é~+", max_size=12))
    reason = draw(st.sampled_from([standard_reason(status), "", "Odd, isn't it"]))
    return Interaction(
        Request(method, f"https://api.example/{path}", draw(headers()), draw(bodies)),
        Response(status, draw(headers()), draw(bodies), reason),
    )


@st.composite
def cassettes(draw, bodies=RAW):
    """A cassette that was recorded at some time."""
    found = draw(st.lists(interactions(bodies), max_size=4))
    return Cassette(Path("a.yaml"), INSTANT, tuple(found))


def check(interaction):
    """Return true if an interaction came from the server that the samples were made with."""
    request, response = interaction.request, interaction.response
    step = urlsplit(request.url).path
    status, reason = STATUSES.get(step, (200, "OK"))
    assert response.status == status
    assert response.reason in {reason, standard_reason(status)}
    assert not {"content-encoding", "transfer-encoding"} & {name for name, _ in response.headers}
    if step in BODIES or request.method == "HEAD":
        assert response.body == BODIES.get(step, b"")
        return
    echo = json.loads(response.body)
    assert echo["path"] == request.url.removeprefix("http://127.0.0.1:8765")
    assert echo["café"] == "☃"
    assert echo["said"] == request.body.decode("latin-1")
    if step == "/cookies":
        cookies = [value for name, value in response.headers if name == "set-cookie"]
        assert cookies == ["a=1; Path=/", "b=2; Path=/"]
