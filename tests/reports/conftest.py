"""Pages opened in headless Chromium, and the cassettes that they are made of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_agentcache.reports.html import PageEntry, RunFacts, render, write

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
DRIVER = shutil.which("chromedriver") or ""
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser for all tests: to start one takes longer than all of them."""
    if not CHROMIUM or not DRIVER:
        # Only where a person reads of it may these tests be left out.
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out("Chromium and its chromedriver are not both installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield browser
    browser.quit()


class Page:
    """A page that is open, and what a reader does with it."""

    def __init__(self, browser: Any, path: Path) -> None:
        self.browser, self.path = browser, path

    def open(self, place: str = "") -> Page:
        """Opens it afresh, at `#place`."""
        self.browser.get("about:blank")
        self.browser.get(self.path.as_uri() + (f"#{place}" if place else ""))
        return self

    def run(self, script: str, *values: Any) -> Any:
        """Run a script in the page and return its result."""
        return self.browser.execute_script(script, *values)

    def all(self, selector: str) -> list[Any]:
        """The elements that are shown and match."""
        found = self.browser.find_elements("css selector", selector)
        return [each for each in found if each.is_displayed()]

    def texts(self, selector: str) -> list[str]:
        """Their texts."""
        return [each.text for each in self.all(selector)]

    def text(self, selector: str) -> str:
        """The text of the only one."""
        [found] = self.texts(selector)
        return found

    def click(self, selector: str) -> None:
        """Clicks the first."""
        self.all(selector)[0].click()

    def press(self, *keys: str) -> None:
        """Presses keys one by one, wherever the focus is."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def search(self, text: str) -> str:
        """Searches, and returns what is said of the results."""
        self.run("document.querySelector('#query').focus()")
        field = self.browser.find_element("id", "query")
        field.clear()
        field.send_keys(text)
        # The search waits for the next key; Enter does not let it.
        self.press("\ue007")
        return self.text("#count")

    def focused(self) -> str:
        """Name and id of the element that has the focus."""
        return self.run(
            "const node = document.activeElement;"
            " return node.tagName.toLowerCase() + (node.id && '#' + node.id)"
        )

    def complaints(self) -> list[str]:
        """Return the messages on the browser's console."""
        return [each["message"] for each in self.browser.get_log("browser")]


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Makes a page of entries and opens it."""

    def open_(
        *entries: PageEntry, place: str = "", run: RunFacts | None = None, **facts: Any
    ) -> Page:
        path = tmp_path / "report.html"
        write(path, render(entries, run=run, **facts))
        return Page(chromium, path).open(place)

    resize(chromium, 1300, 850)
    look(chromium, "light")
    yield open_
    chromium.get("about:blank")
    chromium.get_log("browser")


def resize(browser: Any, width: int, height: int) -> None:
    """Give the page a size in pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def look(browser: Any, scheme: str) -> None:
    """Makes the system light or dark."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
