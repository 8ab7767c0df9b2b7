"""`agentcache summary`."""

from __future__ import annotations

import json

import pytest
from markdown_it import MarkdownIt

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from .conftest import JSON, chat, get, write

KEY = "sk-proj-" + "a1B2" * 12
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}


def test_summary_has_changes_and_tokens(folder, repository, run):
    """The summary has added, changed and removed cassettes, and tokens before and after."""
    write(folder / "cassettes/t/a.yaml", chat(("user", "Paris?"), usage=USAGE))
    write(folder / "cassettes/t/gone.yaml", get())
    repository.commit()
    write(
        folder / "cassettes/t/a.yaml",
        chat(("user", "London?"), usage=USAGE),
        chat(("user", "More?"), usage=USAGE),
    )
    (folder / "cassettes/t/gone.yaml").unlink()
    write(folder / "cassettes/t/new.yaml", get("/new"))

    done = run("summary", "--markdown")

    assert done.out.startswith("### Cassettes: 1 changed, 1 added, 1 removed\n")
    assert "| tokens in | 1k | 2k | +1k |" in done.out
    assert "| calls | 2 | 3 | +1 |" in done.out
    assert "'Paris' → 'London'" in done.out
    assert "Look at these first" not in done.out
    assert "money" not in done.out
    assert done.code == 0


def test_warnings_are_sorted_by_severity(folder, repository, run):
    """Secrets come first, then errors, sizes and numbers of calls."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    headers = Headers((("authorization", f"Bearer {KEY}"), *JSON))
    write(folder / "cassettes/t/big.yaml", get("/", {"a": "x y " * 150_000}))
    write(folder / "cassettes/t/errors.yaml", chat(("user", "Hi"), answer="Slow down", status=429))
    write(folder / "cassettes/t/many.yaml", *(get(f"/{n}") for n in range(30)))
    write(folder / "cassettes/t/secret.yaml", chat(("user", "Hi"), headers=headers))

    warnings = run("summary", "--json").json["warnings"]

    kinds = [
        next(k for k in ("secret in", "error 429", "kB", "MB", "more calls") if k in w)
        for w in warnings
    ]
    assert kinds[:2] == ["secret in", "error 429"]
    assert kinds[-2:] == ["more calls", "more calls"]
    assert KEY not in str(warnings)


def test_old_error_is_not_a_warning(folder, repository, run):
    """An error that was already recorded before is not a warning."""
    write(folder / "cassettes/t/a.yaml", get("/x", status=500))
    repository.commit()
    write(folder / "cassettes/t/a.yaml", get("/x", status=500), get("/y"))

    assert run("summary", "--json").json["warnings"] == []


def test_money_from_responses_or_prices(folder, repository, run):
    """The cost in a response is used, and the price of the model otherwise."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    write(folder / "cassettes/t/a.yaml", chat(("user", "Hi"), usage=USAGE))
    write(folder / "cassettes/t/b.yaml", chat(("user", "Hi"), usage={**USAGE, "cost": 0.5}))
    (folder / "prices.yaml").write_text("gpt-5-mini: {in: 0.25, out: 2}\n")

    reported = run("summary", "--json").json["after"]["cost"]
    priced = run("summary", "--json", "--prices", "prices.yaml").json["after"]["cost"]

    assert reported == 0.5
    assert priced == pytest.approx(0.5 + 0.00025 + 0.0002)


@pytest.mark.parametrize("text", ["[]", "a: 1", "a: {in: x, out: 1}", "a: {in: 1}", "{", "\x00"])
def test_invalid_prices(folder, repository, run, text):
    """A file without valid prices is an error that names the file."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    (folder / "prices.yaml").write_text(text)

    done = run("summary", "--prices", "prices.yaml")

    assert done.code == 2
    assert done.err.startswith("agentcache: prices.yaml")


def test_recorded_text_is_escaped(folder, repository, run):
    """HTML, Markdown, links, mentions and images of a prompt are escaped in the comment."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    evil = (
        "<img src=x> ![a](b) [c](https://d.example) @someone `code` **bold** | https://e.example #1"
    )
    write(folder / "cassettes/t/a.yaml", chat(("user", evil), answer=evil))

    text = run("summary", "--markdown").out

    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text)
    assert "<img" not in html
    assert "<a " not in html
    assert "<code>bold" not in html
    assert "<strong>bold</strong>" not in html
    assert "@someone" not in text


def test_comment_is_not_too_long_for_github(folder, repository, run):
    """A comment on many cassettes is cut to the length that GitHub allows."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    for number in range(240):
        write(
            folder / f"cassettes/t/{'test_with_quite_a_long_name_' * 6}{number}.yaml",
            chat(("user", "word " * 60)),
        )

    text = run("summary", "--markdown").out

    assert len(text) < 65_536
    assert "more cassettes" in text
    # The list is folded, so that the warnings stay visible.
    assert "\n\n<details><summary>All 240 cassettes</summary>\n\n" in text
    assert text.endswith("\n</details>\n")


def test_change_of_200_cassettes_is_read_in_a_minute(folder, repository, run):
    """Changes that many cassettes have in common are written once, above the folded list."""

    def record(model, failing=()):
        for number in range(200):
            asked = json.dumps({"model": model, "question": f"city {number}"}).encode()
            status = 429 if number in failing else 200
            response = Response(status, JSON, b'{"answer": "dry"}')
            write(
                folder / f"cassettes/t/test_{number}.yaml",
                Interaction(Request("POST", "https://api.example/ask", JSON, asked), response),
            )

    record("small-1")
    repository.commit()
    record("large-2", failing=range(150, 170))

    text = run("summary", "--markdown").out

    above, _, below = text.partition("<details>")
    assert len(text) < 65_536
    assert "more cassettes" not in text
    assert len(above.splitlines()) < 20
    assert (
        "- ⚠️ error 429 recorded: POST api.example/ask, 20 times, in "
        "cassettes/t/test\\_150.yaml, cassettes/t/test\\_151.yaml and 18 more\n"
    ) in above
    assert "- 200 cassettes: model 'small-1' → 'large-2'\n" in above
    assert "- 20 cassettes: answer status 200 → 429\n" in above
    assert below.count("**cassettes/t/") == 200
    assert "small-1" not in below


def test_nothing_changed(folder, repository, run):
    """Without changes, the summary says that no cassette changed."""
    write(folder / "cassettes/t/a.yaml", get())
    repository.commit()

    assert run("summary", "--markdown").out == "### No cassette changed\n"
