"""The comparison of texts by words, and their layout in columns."""

from __future__ import annotations

import io
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_agentcache.cli.diff.text import marked
from pytest_agentcache.cli.diff.words import compare
from pytest_agentcache.cli.terminal import Screen, columns, cut, cut_middle, shortened, wrap

PLAIN = Screen(io.StringIO(), io.StringIO())
TEXTS = st.lists(st.sampled_from(["a", "b", "Paris", " ", "\n", ".", "天", "é"]), max_size=40).map(
    "".join
)


def changed(pieces) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in pieces if piece.kind != "same"]


@given(TEXTS, TEXTS)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_pieces_make_both_texts(was, now):
    """The pieces of a comparison give both texts exactly."""
    pieces = compare(was, now)

    assert "".join(piece.text for piece in pieces if piece.kind != "now") == was
    assert "".join(piece.text for piece in pieces if piece.kind != "was") == now


@pytest.mark.parametrize("seed", range(5))
def test_pieces_make_both_long_texts(seed):
    """The pieces give both texts even if these are too long for a single comparison."""
    draw = random.Random(seed)
    words = [f"word{n}" for n in range(300)]
    was = draw.choices(words, k=4000)
    now = list(was)
    for _ in range(30):
        at = draw.randrange(len(now))
        now[at : at + draw.randrange(3)] = draw.choices(words, k=draw.randrange(3))

    pieces = compare(" ".join(was), " ".join(now))

    assert "".join(piece.text for piece in pieces if piece.kind != "now") == " ".join(was)
    assert "".join(piece.text for piece in pieces if piece.kind != "was") == " ".join(now)
    assert sum(len(text) for _, text in changed(pieces)) < 3000


def test_words_far_apart_in_a_long_prompt():
    """Two changed words among ten thousand on one line are two changes."""
    words = [f"word{n * n % 997}" for n in range(10_000)]
    now = list(words)
    now[10], now[9000] = "ONE", "TWO"

    assert changed(compare(" ".join(words), " ".join(now))) == [
        ("was", words[10]),
        ("now", "ONE"),
        ("was", words[9000]),
        ("now", "TWO"),
    ]


def test_unchanged_text_is_cut():
    """Only a few unchanged words are shown around a change."""
    long = " ".join(f"w{n}" for n in range(100))

    text = marked(compare(f"{long} Paris {long}", f"{long} London {long}"), PLAIN)

    assert "[-Paris-]{+London+}" in text
    assert text.startswith("…")
    assert text.endswith("…")
    assert len(text) < 120


@given(st.text(max_size=80), st.integers(8, 60))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_wrapped_lines_fit_and_keep_the_words(text, width):
    """Wrapped lines fit the width, and only spaces are lost."""
    lines = list(wrap(text, width))

    assert all(columns(line) <= max(width, 8) for line in lines)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)


@given(st.text(max_size=80), st.integers(1, 60))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_cut_fits(text, room):
    """Text is cut to the given number of columns, even with wide characters."""
    assert columns(cut(text, room)) <= room
    assert columns(cut_middle(text, room)) <= room


def test_long_run_of_letters_is_not_shortened():
    """Two million letters without a digit stay unchanged, and are searched in linear time."""
    letters = "a" * 2_000_000
    assert shortened(letters) == letters


def test_wide_words_are_split_to_the_width():
    """Nothing is lost, however wide the characters are."""
    word = "weather天気🌧" * 5_000

    lines = list(wrap(word, 40))

    assert "".join(lines) == word
    assert max(map(columns, lines)) <= 40
