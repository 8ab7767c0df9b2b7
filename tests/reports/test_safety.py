"""The contents of a cassette are shown as text, and the page sends no requests."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_agentcache.errors import CassetteError
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.reports.html import PageEntry, RunFacts, render

from .calls import CHAT, NOW, called, chat, entry, missed, streamed, trip, user

EVIL = (
    "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
    "<!--<script>]]>\"'`${window.pwned = 3}<svg onload=pwned=4><iframe src=javascript:pwned=5>"
    "<a href=javascript:pwned=6>x</a><style>*{display:none}</style>\u2028\u2029\ud800"
)


# What would be there if any of it were taken for markup.
MADE = "svg, iframe, [onerror], [onload], [src=x], [href^=javascript], body style"
WATCH = """
addEventListener('securitypolicyviolation', (event) => {
  (window.blocked ??= []).push(event.violatedDirective);
});
"""


def evil_entries() -> list[PageEntry]:
    """`EVIL` in every place that a cassette, a test and a run have."""
    call = {"id": EVIL, "function": {"name": EVIL, "arguments": json.dumps({EVIL: EVIL})}}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": EVIL, "content": EVIL, "name": EVIL}
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{EVIL}"}}
    link = {"type": "image_url", "image_url": {"url": "javascript:window.pwned=7"}}
    typed = {"inlineData": {"mimeType": f"image/png'{EVIL}", "data": "aGk=" * 40}}
    headers = Headers((("content-type", "text/html"), (EVIL, EVIL)))
    plain = Interaction(
        Request(EVIL, f"https://{EVIL}/{EVIL}?{EVIL}", headers, EVIL.encode("utf-8", "replace")),
        Response(200, headers, EVIL.encode("utf-8", "replace"), EVIL),
    )
    asked = {"model": EVIL, "messages": [user(EVIL), said, result], EVIL: EVIL, "tools": [call]}
    calls = (
        called(CHAT, asked, {"choices": [{"message": said | {"refusal": EVIL}}]}),
        chat(
            user([image, link, {"type": EVIL, "text": EVIL}]),
            {"role": EVIL, "content": EVIL},
            says=EVIL,
        ),
        called(CHAT, {"contents": [{"parts": [typed]}]}, {"error": {"message": EVIL}}, 500),
        streamed(EVIL, EVIL),
        plain,
    )
    places = {
        "n": 1,
        "replayed": False,
        "places": [[EVIL, EVIL, EVIL]],
        "diff": [["-", EVIL], ["+", EVIL + "!"]],
    }
    miss = missed(
        url=EVIL, method=EVIL, body=EVIL, caller=EVIL, record=EVIL, elsewhere=EVIL, closest=places
    )
    error = CassetteError(Path(EVIL), EVIL, EVIL, 3)
    return [
        entry(EVIL, *calls, module=EVIL, misses=(miss,), unused=(1,), outcome="failed"),
        PageEntry(EVIL, error=error),
    ]


def test_nothing_in_a_cassette_is_markup(opened):
    """No script of it runs, no element of it is made, and all of it can be read."""
    page = opened(*evil_entries(), title=EVIL, run=RunFacts(EVIL, (EVIL,)))
    page.run(WATCH)
    for place in ("t0", "t1"):
        page.run("location.hash = arguments[0]", f"#{place}")
        page.browser.execute_async_script("setTimeout(arguments[0], 0)")
        page.run("for (const each of document.querySelectorAll('.call')) each.setOpen?.(true)")
        page.run("for (const each of document.querySelectorAll('details')) each.open = true")
        page.run("for (const each of document.querySelectorAll('.earlier button')) each.click()")
        page.browser.execute_async_script("setTimeout(arguments[0], 0)")
        # Half a character is more than the driver can carry.
        shown = page.run("return document.querySelector('#detail').innerText.toWellFormed()")
        assert "</script><script>window.pwned = 1" in shown
    page.search("onerror")

    assert page.run("return document.querySelectorAll(arguments[0]).length", MADE) == 0
    assert page.run("return window.pwned ?? null") is None
    assert page.run("return window.blocked ?? null") is None
    assert page.complaints() == []


def test_the_page_asks_nobody(opened):
    """It is one file; the browser fetches nothing else, and complains of nothing."""
    page = opened(entry("test_a", *trip()), place="t0")

    assert (
        page.run("return performance.getEntriesByType('resource').map((each) => each.name)") == []
    )
    assert page.complaints() == []


def test_the_policy_keeps_strangers_out(opened):
    """A script or a picture from elsewhere that came in after all is refused by the browser."""
    page = opened(entry("test_a", *trip()))

    page.browser.execute_async_script(
        """
        const done = arguments[0], blocked = [];
        addEventListener('securitypolicyviolation', (event) => {
          blocked.push(event.effectiveDirective);
          if (blocked.length === 3) done();
        });
        const script = document.createElement('script');
        script.textContent = 'window.pwned = 1';
        document.body.append(script);
        const image = document.createElement('img');
        image.src = 'http://127.0.0.1:9/x.png';
        document.body.append(image);
        fetch('http://127.0.0.1:9/').catch(() => 0);
        """
    )

    assert page.run("return window.pwned ?? null") is None


def test_data_never_ends_its_element():
    """In the file, no `<` of a cassette is left as it is."""
    page = "".join(render(evil_entries(), title=EVIL, now=NOW))

    data = page.partition('<script type="application/json" id="calls-0">')[2].partition(
        "</script>\n<script>"
    )[0]

    assert (
        data.replace('</script>\n<script type="application/json" id="index">', "").count("<") == 0
    )
    assert "<img" not in page


def test_a_page_is_the_same_every_time():
    """The same cassettes at the same time give the same page."""
    pages = ["".join(render([entry("test_a", *trip())], now=NOW)) for _ in range(2)]

    assert pages[0] == pages[1]
