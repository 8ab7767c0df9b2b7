"""Reading without a mouse, without a screen, on a small screen, or at night."""

from __future__ import annotations

import pytest

from pytest_agentcache.reports.html import RunFacts

from .calls import chat, entry, missed, picture, trip, user
from .conftest import look, resize

ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"


@pytest.fixture
def page(opened):
    return opened(*(entry(f"test_{name}", *trip()) for name in "abc"))


def test_slash_searches(page):
    """And is not typed."""
    page.press("/")

    assert page.focused() == "input#query"
    assert page.run("return document.activeElement.value") == ""


def test_j_and_k_go_through_the_tests(page):
    """They stop at the ends, and what is chosen is shown."""
    page.press("j", "j")
    assert (page.focused(), page.text("#detail h2")) == ("a#row-1", "test_b")

    page.press("j", "j", "j")
    assert page.focused() == "a#row-2"

    page.press("k", "k", "k", "k")
    assert (page.focused(), page.text("#detail h2")) == ("a#row-0", "test_a")


def test_enter_reads_and_escape_goes_back(page):
    """The focus goes to the name of the test, on to its calls, and back to its row."""
    page.press("j", "j", ENTER)
    assert page.focused() == "h2"

    page.press("n", "n")
    assert page.focused() == "article#call-1"
    page.press("p")
    assert page.focused() == "article#call-0"

    page.press(ESCAPE)
    assert page.focused() == "a#row-1"


def test_escape_goes_back_at_once(page):
    """The row has the focus at once, so typing can continue without waiting for a frame."""
    page.press("j", "j", ENTER)

    at = page.run("""
        const key = new KeyboardEvent("keydown", { key: "Escape", bubbles: true });
        document.activeElement.dispatchEvent(key);
        return document.activeElement.id;
    """)
    assert at == "row-1"


def test_escape_empties_the_search_first(page):
    """Then it leaves it."""
    page.search("test_b")
    page.press("/", ESCAPE)
    assert page.text("#count").startswith("3 tests")
    assert page.focused() == "input#query"

    page.press(ESCAPE)
    assert page.focused() == "body"


def test_letters_can_be_searched_for(page):
    """While somebody types, keys are letters."""
    page.press("/", "j", "k", "?")

    assert page.run("return document.activeElement.value") == "jk?"


def test_e_closes_and_opens_all_calls(page):
    """Both at once."""
    page.press("j", "e")
    assert page.all("#detail .inside") == []

    page.press("e")
    assert len(page.all("#detail .inside")) == 2


def test_question_mark_tells_the_keys(page):
    """In a dialog that Escape closes."""
    page.press("?")
    assert page.all("dialog[open]")

    page.press(ESCAPE)
    assert not page.all("dialog")


def test_the_focus_is_seen(page):
    """Each thing that takes it by Tab has an outline then."""
    seen = []
    for _ in range(8):
        page.press(TAB)
        style = "getComputedStyle(document.activeElement)"
        seen.append(page.run(f"return {style}.outlineStyle + {style}.outlineWidth"))

    assert seen == ["solid2px"] * 8


def test_everything_has_a_name_for_screen_readers(opened):
    """Landmarks, headings, and a name for each thing that can be used."""
    image = user(
        [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture()}"}}]
    )
    one = entry("test_a", *trip(), chat(image), misses=(missed(),))
    page = opened(one, run=RunFacts("replay"), place="t0")

    tree = page.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    ]

    roles = {role for role, _ in found}
    assert {"banner", "search", "navigation", "main", "status", "heading", "article"} <= roles
    used = {"button", "searchbox", "combobox", "link", "image", "navigation", "main", "article"}
    assert [each for each in found if each[0] in used and not each[1].strip()] == []
    levels = page.run(
        "return [...document.querySelectorAll('main h2,main h3,main h4')].map((h) => h.tagName)"
    )
    assert levels[:3] == ["H2", "H3", "H3"]


@pytest.mark.parametrize(("scheme", "turned"), [("light", "dark"), ("dark", "light")])
def test_light_and_dark(page, scheme, turned):
    """As the system has it, and the other way at the press of a button."""
    look(page.browser, scheme)
    paper = "return getComputedStyle(document.querySelector('.top')).backgroundColor"
    colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}
    page.run("localStorage.clear()")
    page.open()
    assert page.run(paper) == colours[scheme]

    page.click("#theme")
    assert page.text("#theme") == f"Theme: {turned}"
    assert page.run(paper) == colours[turned]

    page.open()
    assert page.run(paper) == colours[turned]
    page.run("localStorage.clear()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, scheme):
    """By a ratio of 4.5 at least (WCAG 2.2, 1.4.3)."""
    look(page.browser, scheme)
    page.open("t0")

    low = page.run(CONTRAST)

    assert low == []


CONTRAST = """
const light = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((each) => each / 255)
    .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)') return colour;
  }
  return 'rgb(255, 255, 255)';
};
const low = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const holder = node.parentElement;
  if (!node.data.trim() || !holder.checkVisibility() || holder.closest('script')) continue;
  const both = [getComputedStyle(holder).color, ground(holder)];
  const [a, b] = both.map(light).sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) low.push(node.data.trim().slice(0, 40));
}
return low;
"""


def test_a_small_screen_has_one_thing_at_a_time(page):
    """The list, a test, and the way back; nothing is wider than the screen."""
    resize(page.browser, 400, 800)
    page.open()
    assert page.all("#list")
    assert not page.all("#detail")

    page.click(".row")
    assert page.text("#detail h2") == "test_a"
    assert not page.all("#list")
    assert page.run("return document.documentElement.scrollWidth") == 400

    page.click(".back")
    assert page.all("#list")
    assert not page.all("#detail")
    assert page.focused() == "a#row-0"


def test_a_small_screen_has_the_overview(page):
    """A button leads to it, and from it to the tests of a host and back to all of them."""
    resize(page.browser, 390, 844)
    page.open()

    page.click("#overview")
    assert page.text("#detail h2") == "Overview"
    assert not page.all("#list")
    assert page.run("return document.documentElement.scrollWidth") == 390

    page.click(".back")
    assert page.all("#list")
    assert not page.all("#detail")

    page.open("overview")
    page.click(".overview button:not(.back)")
    assert page.all("#list")
    assert page.run("return document.getElementById('host').value")


def test_an_address_leads_to_a_call(page):
    """Links to a test, and to one call of it, can be passed on."""
    page.open("t1.2")

    assert page.text("#detail h2") == "test_b"
    assert page.focused() == "article#call-1"
