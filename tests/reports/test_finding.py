"""Finding a test: search, filters, sorting, and a thousand cassettes."""

from __future__ import annotations

import pytest

from pytest_agentcache.reports.html import RunFacts

from .calls import called, chat, entry, missed, streamed, trip, user


@pytest.fixture
def page(opened):
    """Five tests that differ in all that can be searched for."""
    claude = chat(
        user('A "quoted" <b>word</b>'), says="Grüße", url="https://api.anthropic.com/v1/messages"
    )
    return opened(
        entry("test_trip", *trip()),
        entry("test_claude", claude, chat(user("Second"))),
        entry(
            "test_error",
            called(asked={"x": 1}, answer={"error": {"message": "Too many"}}, status=429),
        ),
        entry("test_stream", streamed("a"), unused=(1,), module="tests/test_other.py"),
        entry("test_missed", misses=(missed(),), outcome="failed"),
        run=RunFacts("replay"),
    )


def names(page):
    return page.texts(".row .name")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("test_claude", ["test_claude"]),
        ("anthropic", ["test_claude"]),
        ("host:anthropic", ["test_claude"]),
        ("status:429", ["test_error"]),
        ("status:4xx", ["test_error"]),
        ("dry", ["test_trip", "test_missed"]),
        ("TOO many", ["test_error"]),
        ('"weather agent"', ["test_trip"]),
        ('"agent weather"', []),
        ("grüße", ["test_claude"]),
        ('"<b>word</b>"', ["test_claude"]),
        ("tool:get_weather", ["test_trip"]),
        ("model:gpt-5 second", ["test_claude"]),
        ("test:other", ["test_stream"]),
        ("is:unused", ["test_stream"]),
        ("is:missed", ["test_missed"]),
        ("is:stream", ["test_stream"]),
        ("is:nonsense", []),
        ("london", ["test_missed"]),
        # What only the page's own data has is no find.
        ("result", []),
    ],
)
def test_search_finds(page, query, found):
    """Words and fields narrow the list, and the live region tells how far."""
    status = page.search(query)

    assert names(page) == found
    assert status.startswith(f"{len(found)} of 5 tests")


def test_the_count_is_told_to_screen_readers(page):
    """The count is in a live region."""
    region = page.all("#count")[0]

    assert (region.get_attribute("role"), region.get_attribute("aria-live")) == ("status", "polite")
    assert page.search("dry").startswith("2 of 5 tests")


def test_chips_narrow_and_widen(page):
    """Pressed once they filter, pressed again they do not."""
    page.click(".chip[data-only=unused]")
    assert names(page) == ["test_stream"]
    assert page.all(".chip[data-only=unused]")[0].get_attribute("aria-pressed") == "true"

    page.click(".chip[data-only=unused]")
    assert len(names(page)) == 5


def test_host_and_status_are_chosen(page):
    """Both lists offer what there is."""
    page.click("#host option[value='api.anthropic.com']")
    assert names(page) == ["test_claude"]

    page.click("#host option[value='']")
    page.click("#status option[value='429']")
    assert names(page) == ["test_error"]


def test_nothing_found_can_be_undone(page):
    """An empty list says so, and offers the way back."""
    page.search("nowhere to be found")

    page.click("#list .none button")

    assert len(names(page)) == 5


def test_calls_that_do_not_match_stay_closed(page):
    """In a test that was found, the calls that were meant are open."""
    page.search("second")

    opened = [each.get_attribute("aria-expanded") for each in page.all(".call h3 button")]

    assert opened == ["false", "true"]


def test_words_are_marked(page):
    """A match is highlighted, and the text is unchanged."""
    page.search("second")

    assert page.run("return [...CSS.highlights.get('hit')].map(String)") == ["Second"]


def test_what_only_a_body_holds_is_shown(opened):
    """The body is open that has the word, and the word is marked in it."""
    answer = {
        "choices": [{"message": {"role": "assistant", "content": "Hm."}}],
        "system_fingerprint": "fp_7",
    }
    page = opened(entry("test_a", called(asked={"messages": [user("Hi")]}, answer=answer)))

    page.search("fp_7")

    assert "fp_7" in page.text("details[open] .body")
    assert page.run("return [...CSS.highlights.get('hit')].map(String)") == ["fp_7"]


def test_order_can_be_chosen(page):
    """The most tokens first."""
    page.click("#sort option[value=tokens]")

    assert names(page)[:2] == ["test_trip", "test_claude"]


@pytest.mark.slow
def test_a_thousand_cassettes_stay_usable(opened):
    """Rows are drawn as far as they are looked at; search and keys reach all of them."""
    page = opened(*(entry(f"test_{at:04}", *trip()) for at in range(1200)))
    drawn = page.run("return document.querySelectorAll('.row').length")
    assert drawn < 600

    page.press(*["j"] * 3)
    assert page.focused() == "a#row-2"
    assert page.search("test_1199").startswith("1 of 1,200 tests")
    assert page.text("#detail h2") == "test_1199"

    page.open("t1100")
    assert page.text(".row[aria-current] .name") == "test_1100"


def test_a_long_cassette_is_filled_as_it_is_read(opened):
    """Calls out of sight are not built."""
    page = opened(entry("test_a", *(chat(user(f"Question {at}")) for at in range(400))), place="t0")
    assert page.run("return document.querySelectorAll('.call').length") == 400
    assert page.run("return document.querySelectorAll('.turn').length") < 200

    page.run("document.querySelector('#call-399').scrollIntoView()")
    page.browser.execute_async_script(
        "const done = arguments[0]; const look = () => document.querySelector('#call-399 .turn')"
        " ? done() : requestAnimationFrame(look); look()"
    )

    assert page.texts("#call-399 .user .prose") == ["Question 399"]


def test_errors_are_counted_one_way(opened):
    """A response that the filter treats as an error is one in the table of hosts, even a 200."""
    body = {"error": {"message": "Overloaded"}}
    page = opened(entry("test_error", called(answer=body), called(answer=body, status=500)))

    _, _, errors, *_ = page.texts("table tbody tr:first-child > *")
    (chip,) = page.texts(".chip[data-only=error]")

    assert (errors, chip.split()) == ("2", ["Errors", "2"])
