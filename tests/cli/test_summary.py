"""`agentcache summary`."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from pytest_agentcache.http.messages import Headers

from .conftest import JSON, chat, get, write

KEY = "sk-proj-" + "a1B2" * 12
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}


def test_tells_what_changed_in_words_and_tokens(folder, repository, run):
    """What was added, changed and removed, and tokens before and after."""
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


def test_what_looks_wrong_stands_on_top(folder, repository, run):
    """Secrets first, then errors, then size and many calls."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    headers = Headers((("authorization", f"Bearer {KEY}"), *JSON))
    write(folder / "cassettes/t/big.yaml", get("/", {"a": "x y " * 150_000}))
    write(folder / "cassettes/t/errors.yaml", chat(("user", "Hi"), answer="Slow down", status=429))
    write(folder / "cassettes/t/many.yaml", *(get(f"/{n}") for n in range(30)))
    write(folder / "cassettes/t/secret.yaml", chat(("user", "Hi"), headers=headers))

    warnings = run("summary", "--json").json["warnings"]

    kinds = [
        next(k for k in ("secret in", "error 429", "kB", "MB", "calls more") if k in w)
        for w in warnings
    ]
    assert kinds[:2] == ["secret in", "error 429"]
    assert kinds[-2:] == ["calls more", "calls more"]
    assert KEY not in str(warnings)


def test_old_errors_are_not_news(folder, repository, run):
    """An error that was recorded before is nothing to look at first."""
    write(folder / "cassettes/t/a.yaml", get("/x", status=500))
    repository.commit()
    write(folder / "cassettes/t/a.yaml", get("/x", status=500), get("/y"))

    assert run("summary", "--json").json["warnings"] == []


def test_money_comes_from_answers_or_a_list_of_prices(folder, repository, run):
    """Costs that an answer tells, and prices for models where it tells none."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    write(folder / "cassettes/t/a.yaml", chat(("user", "Hi"), usage=USAGE))
    write(folder / "cassettes/t/b.yaml", chat(("user", "Hi"), usage={**USAGE, "cost": 0.5}))
    (folder / "prices.yaml").write_text("gpt-5-mini: {in: 0.25, out: 2}\n")

    told = run("summary", "--json").json["after"]["cost"]
    priced = run("summary", "--json", "--prices", "prices.yaml").json["after"]["cost"]

    assert told == 0.5
    assert priced == pytest.approx(0.5 + 0.00025 + 0.0002)


@pytest.mark.parametrize("text", ["[]", "a: 1", "a: {in: x, out: 1}", "a: {in: 1}", "{", "\x00"])
def test_prices_that_are_none(folder, repository, run, text):
    """A file that holds no prices is refused in words."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    (folder / "prices.yaml").write_text(text)

    done = run("summary", "--prices", "prices.yaml")

    assert done.code == 2
    assert done.err.startswith("agentcache: prices.yaml")


def test_words_of_upstream_are_no_markup(folder, repository, run):
    """Neither HTML nor Markdown, links, mentions or images get out of a prompt."""
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


def test_comment_stays_within_what_fits(folder, repository, run):
    """However much changed, the comment can be posted."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    for number in range(400):
        write(
            folder / f"cassettes/t/test_with_quite_a_long_name_{number}.yaml",
            chat(("user", "word " * 60)),
        )

    text = run("summary", "--markdown").out

    assert len(text) < 65_536
    assert "more cassettes" in text
    # Folded up, so that what looks wrong stays in sight.
    assert "\n\n<details><summary>All 400 cassettes</summary>\n\n" in text
    assert text.endswith("\n</details>\n")


def test_nothing_changed(folder, repository, run):
    """Then it says so."""
    write(folder / "cassettes/t/a.yaml", get())
    repository.commit()

    assert run("summary", "--markdown").out == "### No cassette changed\n"
