"""`agentcache redact`."""

from __future__ import annotations

from pytest_agentcache import cassette
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from .conftest import JSON, RECORDED, get, snapshot, write

KEY = "sk-proj-" + "a1B2" * 12


def old() -> list[Interaction]:
    """A login and a request with its token, recorded without redaction."""
    token = "tok-9f8e7d6c5b4a39281706"
    return [
        Interaction(
            Request("POST", "https://h.example/login", JSON, b'{"password": "hunter2-secret"}'),
            Response(200, JSON, b'{"access_token": "%s"}' % token.encode()),
        ),
        Interaction(
            Request("GET", f"https://h.example/me?t={token}", Headers((("x-api-key", KEY),))),
            Response(200, JSON, b'{"me": 1}'),
        ),
    ]


def test_redacts_and_lists_the_places(folder, run):
    """Secrets are redacted everywhere; the rest and the date of recording stay."""
    path = write(folder / "cassettes/t/a.yaml", *old())
    untouched = write(folder / "cassettes/t/b.yaml", get()).read_bytes()

    done = run("redact")

    text = path.read_text()
    assert not [
        secret for secret in (KEY, "hunter2-secret", "tok-9f8e7d6c5b4a39281706") if secret in text
    ]
    assert "1 · request json.password, response json.access_token" in done.out
    assert "1 cassette redacted, 1 unchanged" in done.out
    assert KEY not in done.out
    assert cassette.read(path).recorded_at == RECORDED
    assert (folder / "cassettes/t/b.yaml").read_bytes() == untouched
    assert done.code == 0
    assert run("check").code == 0


def test_secret_in_the_changes_of_a_stream(folder, run):
    """A key is found in a changed event, and where several of them have its pieces."""
    start = '{"id":"c1","choices":[{"index":0,"delta":{"content":"The key:"}}]}'
    pieces = "".join(f'      ~ content="{KEY[at : at + 9]}"\n' for at in range(0, len(KEY), 9))
    for name, changes in (("whole", f'      ~ content=" {KEY}"\n'), ("split", pieces)):
        path = write(folder / f"cassettes/t/{name}.yaml", get())
        text = path.read_text().partition("- request:")[0]
        path.write_text(
            f"{text}- request: {{method: GET, url: 'https://h.example/'}}\n"
            "  response:\n    status: 200\n    headers: {content-type: text/event-stream}\n"
            f'    sse: |\n      {start}\n{changes}      ~ content=" Keep it."\n      [DONE]\n'
        )
        assert "secret" in run("check", path).out

        run("redact", path)

        assert "OPENAI_API_KEY" in path.read_text() or "SECRET" in path.read_text()
        assert KEY[:9] not in path.read_text()
        assert KEY[9:18] not in path.read_text()
        assert '      ~ content=" Keep it."\n' in path.read_text()
        assert run("check", path).code == 0


def test_redacting_is_idempotent(folder, run):
    """A redacted cassette is not changed again."""
    path = write(folder / "cassettes/t/a.yaml", *old())
    run("redact")
    once = path.read_bytes()

    assert "0 cassettes redacted, 1 unchanged" in run("redact").out
    assert path.read_bytes() == once


def test_dry_run_writes_nothing(folder, run):
    """`--dry-run` lists the changes and exits with 1."""
    write(folder / "cassettes/t/a.yaml", *old())
    before = snapshot(folder)

    done = run("redact", "--dry-run")

    assert "1 cassette would change" in done.out
    assert snapshot(folder) == before
    assert done.code == 1


def test_cassette_of_another_tool_is_left_alone(folder, run):
    """A cassette of another tool is an error whose remedy is to import it."""
    path = folder / "a.yaml"
    path.write_text("interactions: []\nversion: 1\n")

    done = run("redact", "a.yaml")

    assert "agentcache import a.yaml" in done.err
    assert done.code == 2
