"""The view of one test."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

from pytest_agentcache.errors import CassetteError
from pytest_agentcache.http.messages import CANCELLED
from pytest_agentcache.reports.html import PageEntry, RunFacts

from .calls import CHAT, NOW, called, chat, entry, missed, picture, streamed, trip, user


def test_a_conversation_shows_who_says_what(opened):
    """System, user and assistant stand under their names, a call with its arguments."""
    page = opened(entry("test_a", *trip()), place="t0")

    assert page.texts("#call-0 h4") == ["system", "user", "assistant"]
    assert page.texts("#call-0 .prose") == ["You are a weather agent.", "Is it dry in Paris?"]
    assert page.text("#call-0 .tool-box") == "calls\nget_weather\ncity\nParis"
    assert page.text("#call-1 .answer .prose") == "Yes, it is dry."


def test_a_result_stands_with_its_call(opened):
    """A tool result shows the tool and its arguments, and numbers as they were written."""
    page = opened(entry("test_a", *trip()), place="t0")

    shown = page.text("#call-1 .turn.tool .tool-box")

    assert shown.startswith("result of\nget_weather\ncity\nParis\n")
    assert "12345678901234567890" in shown


def test_history_is_told_once(opened):
    """Messages that an earlier call showed are folded, and can be had."""
    page = opened(entry("test_a", *trip()), place="t0")
    assert page.texts("#call-1 h4") == ["tool", "assistant"]

    page.click("#call-1 .earlier button")

    assert page.texts("#call-1 h4") == ["system", "user", "assistant", "tool", "assistant"]


def test_results_within_one_call_stand_below_their_calls(opened):
    """A new call and its new result are shown in one box."""
    page = opened(entry("test_a", trip()[1]), place="t0")

    assert page.texts("#call-0 h4") == ["system", "user", "assistant", "assistant"]
    assert "returned" in page.text("#call-0 .tool-box")


def test_a_stream_is_assembled(opened):
    """The words of a stream are one text."""
    page = opened(entry("test_a", streamed("One, ", "two, ", "three.")), place="t0")

    assert page.text("#call-0 .answer .prose") == "One, two, three."
    assert "stream" in page.text("#call-0 h3")


def test_images_are_shown(opened):
    """Those of prompts and those of answers, from the page itself."""
    asked = user(
        [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture()}"}}]
    )
    drawn = called(
        asked={"prompt": "a dot"}, answer={"created": 1, "data": [{"b64_json": picture()}]}
    )
    page = opened(entry("test_a", chat(asked), drawn), place="t0")

    images = page.browser.find_elements("css selector", "#detail img")
    page.run("for (const image of document.images) image.scrollIntoView()")
    page.browser.execute_async_script(
        "Promise.all([...document.images].map((image) => image.decode())).then(arguments[0])"
    )

    assert len(images) == 2
    assert page.run("return [...document.images].map((image) => image.naturalWidth)") == [1, 1]
    assert page.complaints() == []


def test_audio_can_be_played(opened):
    """An answer that speaks has a player."""
    sound = base64.b64encode(b"ID3" + bytes(200)).decode()
    spoken = {
        "role": "assistant",
        "content": None,
        "audio": {"data": sound, "transcript": "Hello."},
    }
    page = opened(
        entry(
            "test_a",
            called(asked={"messages": [user("Hi")]}, answer={"choices": [{"message": spoken}]}),
        ),
        place="t0",
    )

    [player] = page.all("#call-0 audio")
    assert player.get_attribute("src").startswith("data:audio/mpeg;base64,")
    assert page.texts("#call-0 .answer .prose") == ["Hello."]


def test_embeddings_are_folded(opened):
    """Nobody reads a vector."""
    answer = {"data": [{"object": "embedding", "embedding": [0.25] * 1536}]}
    asked = {"model": "text-embedding-3-small", "input": "x"}
    call = called("https://api.openai.com/v1/embeddings", asked, answer)
    page = opened(entry("test_a", call), place="t0")

    assert "1,536 numbers" in page.text("#call-0 .raw[open]:last-child .body")


def test_long_texts_are_folded(opened):
    """A long prompt shows its beginning, and all of it on demand."""
    page = opened(entry("test_a", chat(user("word " * 2000))), place="t0")
    before = page.all("#call-0 .user .prose")[0].size["height"]

    page.click("#call-0 .user .link")

    assert page.all("#call-0 .user .prose")[0].size["height"] > before * 3


def test_headers_and_bodies_are_there(opened):
    """The request and the response are below the conversation."""
    page = opened(entry("test_a", *trip()), place="t0")

    page.run("document.querySelectorAll('#call-0 details').forEach((each) => { each.open = true })")
    page.browser.execute_async_script("setTimeout(arguments[0])")

    assert '"content": "Is it dry in Paris?"' in page.texts("#call-0 .body")[0]
    assert f"POST {CHAT}" in page.text("#call-0 details:nth-last-child(2) .headers")


def test_a_miss_shows_what_differs(opened):
    """The line that asked, the places, the lines with their words, and the command that records."""
    page = opened(
        entry("test_a", *trip(), misses=(missed(),), outcome="failed"),
        run=RunFacts("replay"),
        place="t0",
    )

    shown = page.text("#miss-0")

    assert "Sent at agent.py:8 in ask(), 2 times" in shown
    assert "json.messages[1].content '…in Paris?' '…in London?'" in shown
    assert page.texts("#miss-0 mark") == ["Paris", "London"]
    assert 'pytest --agentcache-record "test_trip.py::test_a"' in shown


def test_what_is_unused_is_marked(opened):
    """In the list, in the test, in the totals."""
    page = opened(entry("test_a", *trip(), unused=(2,)), place="t0")

    assert page.text("#call-1 .tag") == "unused"
    assert page.texts("#call-0 .tag") == []
    assert page.text(".row .tag") == "1 unused"
    assert "1 unused" in page.text("#totals")


def test_what_was_cancelled_is_marked(opened):
    """A request without a response has that in place of a status."""
    first, second = trip()[:2]
    partial = replace(second, response=replace(second.response, cancelled=True))
    page = opened(entry("test_a", replace(first, response=CANCELLED), partial), place="t0")

    assert page.text("#call-0 .status") == "cancelled"
    assert page.text("#call-1 .status") == "200"
    assert "cancelled" in page.texts("#call-1 .aside")


def test_a_file_that_cannot_be_read_is_listed(opened, tmp_path):
    """With line, problem and remedy."""
    error = CassetteError(tmp_path / "x.yaml", "this is no cassette", "Fix it", 7)
    page = opened(PageEntry("tests/cassettes/x.yaml", error=error), place="t0")

    assert page.text(".row .tag") == "unreadable"
    assert page.text(".notice") == (
        "This file cannot be read. Line 7: this is no cassette.\nFix it."
    )


def test_ages_and_tokens_are_told(opened):
    """In the head of the page and of each test, counted from when the page was made."""
    page = opened(entry("test_a", *trip()), place="t0", now=NOW + timedelta(days=12))

    facts = ["2 calls", "142→92 tokens", "1 kB", "recorded 2026-11-21, 12 d old"]
    assert page.texts(".test-head .facts span") == facts
    assert "oldest 12 d" in page.text("#totals")


def test_the_overview_names_what_wants_attention(opened):
    """Misses, unused, hosts; each leads to its test."""
    page = opened(
        entry("test_a", *trip()),
        entry("test_b", *trip(), unused=(1,)),
        run=RunFacts("offline", ("late",)),
    )

    assert page.texts("#detail h3")[:3] == [
        "Unused",
        "Sent after the end of their tests, or outside any test",
        "Hosts",
    ]
    page.click("#detail li a")
    assert page.text("#detail h2") == "test_b"


def test_an_empty_page_says_so(opened):
    """No test asked for anything."""
    page = opened(run=RunFacts("replay"))

    assert page.text("#list") == "There is nothing to show."
    assert page.complaints() == []
