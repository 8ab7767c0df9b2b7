"""Values that properties are checked on."""

from hypothesis import strategies as st

# JSON text cannot hold half of a surrogate pair as itself, so neither does YAML of ours.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
AWKWARD = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\t",
        "no",
        "Yes",
        "on",
        "null",
        "~",
        "y",
        "N",
        "12:30:45",
        "2024-01-01",
        "0x1f",
        "0o17",
        "017",
        "1_000",
        "1e-7",
        "1e5",
        "1.",
        ".5",
        "+1",
        ".inf",
        ".nan",
        "=",
        "<<",
        "- a",
        "? a",
        ": a",
        "a: b",
        "a #b",
        "#a",
        "a:",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "---",
        "...",
        "'",
        '"',
        "\\",
        " leading",
        "trailing ",
        "\ttab",
        "tab\t",
        "a\nb",
        "a\nb\n",
        "a\n\n\n",
        "\n\na",
        " a\nb",
        "a \nb",
        "\ta\nb",
        "a\n  ",
        "a\r\nb",
        "a\rb",
        "\x00",
        "\x07",
        "\x1b[0m",
        "\x7f",
        "a\x85b",
        "a\xa0b",
        "a\u2028b",
        "a\u2029b\nc",
        "\ufeff",
        "\ufffe",
        "\uffff",
        "\U0001f600",
        "日本語",
        "x" * 200,
        ("word " * 60).strip(),
        "- x\n- y",
        "# no comment\nx",
    ]
)
STRINGS = TEXT | AWKWARD
# Text of two lines at least, of the characters that YAML has rules for.
_HARD = st.text(
    st.sampled_from("ab \t\n\r\\\"'#:-|\x00\x1b\x85\xa0\u2028\u2029\ufeff\ufffe😀"), max_size=12
)
TEXT_OF_LINES = (
    st.tuples(_HARD, _HARD, _HARD).map("\n".join).filter(lambda text: "\n" in text.rstrip("\n"))
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | STRINGS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=8,
)
COLLECTIONS = st.lists(JSON, max_size=4) | st.dictionaries(STRINGS, JSON, max_size=4)


def same(left: object, right: object) -> bool:
    """Return true if two values are equal and of equal types at every level."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    kinds = [float if isinstance(each, float) else type(each) for each in (left, right)]
    return kinds[0] is kinds[1] and repr(left) == repr(right)
