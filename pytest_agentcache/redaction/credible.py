"""Values that cannot be credentials, under names that merely may hold one.

A `token` may be a coin and a `key` the name of a column: such values belong to the request.
"""

from __future__ import annotations

import re
from itertools import pairwise

# The names that also have another meaning, without the brackets of a form.
AMBIGUOUS = re.compile(
    r"_?token|key|sig|signature|hmac|auth|code|_?[cx]srf|(?:login_?)?ticket|pass", re.IGNORECASE
)

_SHORT = re.compile(r"[^\s<>]{1,3}")
_NUMBER = re.compile(r"[+-]?(?:\d{1,5}|\d{0,5}\.\d{1,6})")
# `ETH`, `BTC-USD`, `BRK.B`, `1INCH`.
_TICKER = re.compile(r"(?:[A-Z]{1,6}|[A-Z0-9]{1,5})(?:[-_/.:][A-Z]{1,5})?")
_DATE = re.compile(r"(?:19|20)\d\d-[01]\d(?:-[0-3]\d)?")
# Under `hmac` and `sig`, the name of the algorithm.
_ALGORITHM = re.compile(r"(?:hmac[-_]?)?(?:md5|sha[-_]?(?:1|256|384|512))|[HREP]S(?:256|384|512)")
_WORDS = re.compile(r"[A-Za-z]+(?:[-_ ./:]+[A-Za-z]+){0,3}")
# Chunks of one case: in `sortOrder` there are two.
_CHUNK = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_LONGEST_WORD, _LONGEST = 16, 40
_DIGIT, _LETTER = re.compile(r"[0-9]"), re.compile(r"[A-Za-z]")
_SEPARATOR = re.compile(r"[-_./:+@=#~?!*%^|]+")
# `v2`, `4o`, `sha256`, `2026`, `password1`.
_NUMBERED = re.compile(r"([A-Za-z]*)\d{0,4}|\d{1,3}[A-Za-z]{1,2}")
# The pairs of letters that make up 97.5 % of English words: after each letter, what follows it.
_PAIRS = """
a:abcdfgiklmnprstuvwxy b:abceijlorstuy c:acdefhiklmoprstuy d:acdefilorstu
e:abcdefghiklmnopqrstvwxy f:acefilmnorstuy g:aeghilmnorsu h:aeilmorstuy i:abcdefglmnoprstvxz
j:eu k:aeis l:abcdefilnopstuvy m:abeilmopsu n:acdefghiklnopstuvy o:abcdefgiklmnoprstuvw
p:acdehiloprstuy q:lu r:abcdefgiklmnoprstuvy s:acdefghiklmnopqstuwy t:acdefhilmnoprstuwy
u:abcdefgilmnoprst v:aeio w:aehinors x:aceipt y:eilmnopst z:ei
"""
_FOLLOW = {each[0]: frozenset(each[2:]) for each in _PAIRS.split()}


def may_be_credential(value: str) -> bool:
    """Return true unless `value` is merely a word, a ticker, a date, an algorithm or a number."""
    for harmless in (_SHORT, _NUMBER, _TICKER, _DATE, _ALGORITHM):
        if harmless.fullmatch(value):
            return False
    if len(value) > _LONGEST or not _WORDS.fullmatch(value):
        return True
    return not all(map(_is_word, re.split(r"[-_ ./:]+", value)))


def is_generated(value: str, shortest: int) -> bool:
    """Return whether a value looks like a generated one, and not like a name in code.

    Args:
        value: The value.
        shortest: The fewest characters that are enough.
    """
    if len(value) < shortest or not (_DIGIT.search(value) and _LETTER.search(value)):
        return False
    if "://" in value or not value.isascii() or any(each.isspace() for each in value):
        return False
    return not all(_is_common(each) for each in _SEPARATOR.split(value) if each)


def _is_common(part: str) -> bool:
    """Return whether a part of a value is a number, a version, or a word with a number after it."""
    found = _NUMBERED.fullmatch(part)
    return found is not None and (not found[1] or len(found[1]) < 4 or _is_word(found[1]))


def _is_word(text: str) -> bool:
    """Return whether letters look like English: one word, or a few in camel case."""
    chunks = _CHUNK.findall(text)
    if len(text) > _LONGEST_WORD or (len(chunks) > 1 and min(map(len, chunks)) < 3):
        return False
    return all(len(chunk) < 5 or _reads_as_english(chunk.lower()) for chunk in chunks)


def _reads_as_english(word: str) -> bool:
    unusual = sum(b not in _FOLLOW[a] for a, b in pairwise(word))
    return unusual <= 1
