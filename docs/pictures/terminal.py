"""Make the pictures of the terminal on these pages: the output of real commands, as SVG.

    python docs/pictures/terminal.py

It records nothing: it copies the cassettes of the examples, changes one as recording again would,
and draws the output of `agentcache`.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASSETTE = "tests/cassettes/test_agent/test_agent_looks_up_the_weather.yaml"
COLUMNS = 88
WIDTH, HEIGHT = 8.4, 19
COLOURS = {
    "31": "#f47067",
    "32": "#8ddb8c",
    "33": "#e0b050",
    "34": "#6cb6ff",
    "35": "#dcbdfb",
    "36": "#76c7d6",
}
# The command of each picture.
PICTURES = {
    "show": ["show", CASSETTE],
    "diff": ["diff", "--git"],
    "summary": ["summary", "--prices", "prices.yaml"],
    "check": ["check"],
}


def main() -> None:
    """Write all pictures beside this file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples" / "cassettes", folder / "tests" / "cassettes")
        git(folder, "init", "-q")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "Record")
        for picture, words in PICTURES.items():
            if picture == "diff":
                change(folder)
            if picture == "summary":
                add(folder)
            if picture == "check":
                spoil(folder)
            text = agentcache(folder, *words)
            (HERE / f"{picture}.svg").write_text(draw(words, text), encoding="utf-8")


def change(folder: Path) -> None:
    """Change cassettes as recording again does after a word of a prompt changed."""
    path = folder / CASSETTE
    text = path.read_text(encoding="utf-8")
    text = text.replace("Do I need an umbrella in Paris?", "Do I need a coat in Paris?")
    path.write_text(text.replace("umbrella: rain", "coat: rain"), encoding="utf-8")
    other = path.with_name("test_answer_streams_in.yaml")
    path.with_name("test_second_city.yaml").write_bytes(other.read_bytes())
    (folder / "tests/cassettes/test_weather_cache/test_stale_response_is_revalidated.yaml").unlink()


def add(folder: Path) -> None:
    """Add a test of another model, and one that was recorded while upstream was down."""
    cassettes = folder / "tests/cassettes"
    model = (cassettes / "test_sdks/test_openai_calls_a_tool.yaml").read_text(encoding="utf-8")
    (cassettes / "test_sdks/test_another_model.yaml").write_text(
        model.replace("gpt-5-mini", "gpt-5"), encoding="utf-8"
    )
    path = cassettes / "test_weather_cache/test_fresh_response_comes_from_the_cache.yaml"
    text = path.read_text(encoding="utf-8")
    for status in ("→ {}", "status: {}"):
        text = text.replace(status.format(200), status.format(503), 1)
    path.with_name("test_rainy_day.yaml").write_text(text, encoding="utf-8")
    prices = "gpt-5: {in: 1.25, out: 10}\ngpt-5-mini: {in: 0.25, out: 2}\n"
    (folder / "prices.yaml").write_text(prices, encoding="utf-8")


def spoil(folder: Path) -> None:
    """Insert a key, and edit a line by hand."""
    path = folder / CASSETTE
    text = path.read_text(encoding="utf-8")
    key = "sk-proj-" + "Zx9" * 16
    with_key = text.replace("Bearer <OPENAI_API_KEY>", f"Bearer {key}", 1)
    if with_key == text:
        raise SystemExit(f"{path.name} no longer contains the line to change")
    text = with_key
    path.write_text(text.replace("{city: Paris, sky: rain", "{city: Paris,  sky: rain"), "utf-8")


def git(folder: Path, *words: str) -> None:
    """Run git with an author."""
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True)


def agentcache(folder: Path, *words: str) -> str:
    """Return the output of a command, with its colours."""
    environment = os.environ | {
        "COLUMNS": str(COLUMNS),
        "FORCE_COLOR": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
    }
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest_agentcache", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 1), done.returncode
    return done.stdout


def draw(words: list[str], text: str) -> str:
    """Draw a terminal with a command and its output."""
    prompt = f"\x1b[2m$\x1b[0m \x1b[1magentcache {' '.join(words)}\x1b[0m"
    lines = [prompt, *text.rstrip("\n").split("\n")]
    width, height = COLUMNS * WIDTH + 32, len(lines) * HEIGHT + 34
    rows = [
        f'<text x="16" y="{30 + at * HEIGHT}" xml:space="preserve">{spans(line)}</text>'
        for at, line in enumerate(lines)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}">\n'
        "<style>text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "
        "'DejaVu Sans Mono', monospace; fill: #d6dde6; }</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#1c2128"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def spans(line: str) -> str:
    """Return the text of a line in the colours of its escapes."""
    done, codes = [], []
    for piece in re.split(r"(\x1b\[[\d;]*m)", line):
        if piece.startswith("\x1b"):
            codes = [code for code in piece[2:-1].split(";") if code != "0"]
        elif piece:
            style = [f"fill: {COLOURS[code]}" for code in codes if code in COLOURS]
            style += ["font-weight: bold"] if "1" in codes else []
            style += ["opacity: 0.62"] if "2" in codes else []
            style += ["font-style: italic"] if "3" in codes else []
            style += ["text-decoration: underline"] if "4" in codes else []
            style += ["text-decoration: line-through"] if "9" in codes else []
            text = html.escape(piece, quote=False)
            done.append(f'<tspan style="{"; ".join(style)}">{text}</tspan>' if style else text)
    return "".join(done)


if __name__ == "__main__":
    main()
