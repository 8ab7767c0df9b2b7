"""No key survives: in no place, with no client, in no file."""

import gzip
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from pytest_agentcache import use_cassette
from pytest_agentcache.reports import miss_report as report

from . import planted
from .clients import Call
from .upstream import Answer

SEEDS = (1, 2)


def everything(url, seed, step):
    """Return every `step`th secret, and requests and responses with them in every place."""
    singles = list(planted.keys(seed).values())[::step]
    blocks = list(planted.blocks(seed).values())[::step]
    texts = [text for text, _ in blocks]
    return (
        [*singles, *(secret for _, secret in blocks)],
        planted.requests(url, singles, texts),
        planted.answers(singles, texts),
    )


def survivors(folder: Path, secrets):
    """Return the files, and the secrets found in them."""
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = _plain(file.read_bytes())
        found += [
            (file.name, secret)
            for secret in secrets
            if any(written in content for written in planted.spellings(secret))
        ]
    return found


@pytest.fixture
def show(capsys):
    """Print to the terminal, past the capture."""

    def show_line(line):
        with capsys.disabled():
            print(f"\n  {line}")

    return show_line


def serve(upstream, calls, answers):
    """Return the calls to send, in order, after configuring the server."""
    for name in calls:
        upstream.serve(f"/{name.replace(' ', '-')}", Answer(b"ok"))
    for name, answer in answers.items():
        upstream.serve(f"/{name.replace(' ', '-')}", answer)
    asked = [Call(f"{upstream.url}/{name.replace(' ', '-')}", follow=False) for name in answers]
    return [*calls.values(), *asked]


@pytest.mark.slow
def test_no_secret_survives(client, upstream, cassette, show):
    """No secret in any place is in the cassette, and it replays with other keys.

    With requests these are keys of every format. Other clients send the same places to the same
    redaction, so a few keys show that none of their places is left out.
    """
    step, at_least = (1, 3_000) if client.name == "requests" else (8, 300)
    secrets, calls, answers = everything(upstream.url, SEEDS[0], step)
    places = len(calls) + len(answers)
    sent = serve(upstream, calls, answers)

    with use_cassette(cassette, "record"):
        got = client.send(*sent)
    found = survivors(cassette.parent, secrets)
    planted_keys = sum(
        any(written in _all(call) for written in planted.spellings(secret))
        for secret in secrets
        for call in calls.values()
    ) + sum(
        any(written in _answer(answer) for written in planted.spellings(secret))
        for secret in secrets
        for answer in answers.values()
    )
    show(
        f"{client.name}: {len(secrets)} secrets in {places} places, {planted_keys} planted, "
        f"{len(found)} found in the cassette"
    )

    assert found == []
    assert planted_keys >= at_least
    # While recording secrets keep their true value.
    assert any(secrets[0].encode() in each.body for each in got)

    upstream.stop()
    _, others, _ = everything(upstream.url, SEEDS[1], step)
    with use_cassette(cassette, "offline", on_miss="respond") as replayed:
        client.send(*others.values(), *sent[len(others) :])
    assert [
        report.misses("", [miss], replayed.responder, cassette, root=cassette.parent)
        for miss in replayed.misses
    ] == []


def _all(call):
    return "\n".join([call.url, *call.headers.values()]).encode() + b"\n" + _plain(call.body or b"")


def _answer(answer):
    return "\n".join(value for _, value in answer.headers).encode() + b"\n" + _plain(answer.content)


def _plain(raw):
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw)
    return zlib.decompress(raw) if raw[:2] == b"x\x9c" else raw


def test_login_flow_plays(client, upstream, cassette):
    """A request with a secret that a response issued has the same placeholder, and replays."""
    token, session = planted.opaque(3), planted.opaque(4)
    plain = [("Content-Type", "application/json")]
    login = upstream.serve(
        "/login",
        Answer(
            f'{{"access_token": "{token}", "expires_in": 60}}'.encode(),
            headers=[*plain, ("Set-Cookie", f"sid={session}; Path=/")],
        ),
    )
    for path in (f"/me/{token}", "/me/%3CACCESS_TOKEN%3E", "/me/<ACCESS_TOKEN>", "/say"):
        upstream.serve(path, Answer(f'{{"echo": "{token}"}}'.encode(), headers=plain))

    def journey():
        given = client.send(Call(login, "POST", body=b"{}"))[0].json()["access_token"]
        bearer = {"Authorization": f"Bearer {given}", "X-Session": f"of {given}"}
        body = f'{{"text": "it is {given}"}}'.encode()
        return given, client.send(
            Call(f"{upstream.url}/me/{quote(given)}", headers=bearer),
            Call(f"{upstream.url}/say", "POST", {"Content-Type": "application/json"}, body),
        )

    with use_cassette(cassette, "record"):
        given, _ = journey()
    assert given == token
    written = cassette.read_text()
    assert token not in written
    assert session not in written
    assert "authorization: Bearer <ACCESS_TOKEN>" in written
    assert "x-session: of <ACCESS_TOKEN>" in written
    assert "it is <ACCESS_TOKEN>" in written
    upstream.stop()

    with use_cassette(cassette, "offline") as replayed:
        given, answers = journey()
    assert given == "<ACCESS_TOKEN>"
    assert [each.status for each in answers] == [200, 200]
    assert replayed.unused == ()
