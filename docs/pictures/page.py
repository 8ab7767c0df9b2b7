"""Make the screenshots of the HTML report: run the examples with one word of a prompt changed.

    python docs/pictures/page.py

Needs selenium, and a Chromium with its chromedriver on the path.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
# The word that makes one test miss.
CHANGE = ("Is it warm in Lisbon?", "Is it warm in Lisbon today?")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")


def report(folder: Path) -> Path:
    """Return the report of a run of the examples in which one test misses."""
    examples = folder / "examples"
    shutil.copytree(EXAMPLES, examples, ignore=shutil.ignore_patterns("__pycache__"))
    suite = examples / "test_agent.py"
    suite.write_text(suite.read_text(encoding="utf-8").replace(*CHANGE), encoding="utf-8")
    page = folder / "report.html"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-c", "/dev/null"]
    options = ["--rootdir", str(examples), f"--agentcache-report={page}", "test_agent.py"]
    subprocess.run([*command, *options], cwd=examples, check=False)
    return page


def browser(folder: Path) -> Any:
    """Start Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in (*FLAGS, f"--user-data-dir={folder / 'chromium'}"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def place_of(page: Path, test: str) -> str:
    """Return the anchor of a test in the report: `t3`."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'id="index">(.*?)</script>', text, re.DOTALL)
    tests = json.loads(found[1])["tests"] if found else []
    return next(f"t{at}" for at, each in enumerate(tests) if each["test"].endswith(test))


def main() -> None:
    """Write the screenshots beside this file."""
    with tempfile.TemporaryDirectory() as name:
        page = report(Path(name))
        chromium = browser(Path(name))
        try:
            for picture, test, scheme, width, height in (
                ("page-conversation", "test_agent_looks_up_the_weather", "light", 1200, 860),
                ("page-miss", "test_answer_streams_in", "dark", 1200, 860),
                ("page-small", "test_answer_streams_in", "light", 420, 860),
            ):
                size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
                chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                feature = {"name": "prefers-color-scheme", "value": scheme}
                chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
                chromium.get("about:blank")
                chromium.get(f"{page.as_uri()}#{place_of(page, test)}")
                chromium.save_screenshot(str(HERE / f"{picture}.png"))
        finally:
            chromium.quit()


if __name__ == "__main__":
    main()
