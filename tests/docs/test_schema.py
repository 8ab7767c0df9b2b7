"""The JSON Schema of the cassette for editors accepts what the plugin reads, and nothing else."""

from __future__ import annotations

import json

import guide
import pytest
import yaml
from jsonschema import Draft202012Validator

from pytest_agentcache.http import body

SCHEMA = json.loads((guide.ROOT / "docs" / "cassette.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
ROOMS = ("fixtures/formats", "examples", "docs/cookbook")
INTERACTION = {
    "request": {"method": "GET", "url": "https://api.example/"},
    "response": {"status": 200, "headers": {"set-cookie": ["a=1", "b=2"]}, "text": "yes"},
}


def document(**changes):
    """Return a cassette with one interaction, and these keys."""
    head = {"agentcache": 1, "recorded_at": "2026-11-21T18:29:15Z"}
    return head | {"interactions": [INTERACTION]} | changes


def response(**changes):
    """Return a cassette whose response has these keys."""
    changed = INTERACTION | {"response": INTERACTION["response"] | changes}
    return document(interactions=[changed])


def test_schema_is_valid():
    """The schema follows its own meta-schema."""
    Draft202012Validator.check_schema(SCHEMA)


def test_committed_cassettes_are_valid():
    """Every cassette of this repository follows the schema."""
    found = [path for room in ROOMS for path in (guide.ROOT / room).rglob("*.yaml")]
    cassettes = {path: path.read_text(encoding="utf-8") for path in found}
    cassettes = {path: text for path, text in cassettes.items() if text.startswith("agentcache:")}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    assert len(cassettes) > 100
    for path, text in cassettes.items():
        errors = [each.message for each in VALIDATOR.iter_errors(yaml.load(text, loader))]
        assert errors == [], path


@pytest.mark.parametrize("key", [*body.KEYS, *body.STYLES])
def test_every_kind_of_body_is_known(key):
    """Each key of a body, and each style, is described."""
    assert key in SCHEMA["$defs"]["body"]["properties"]


@pytest.mark.parametrize(
    "broken",
    [
        document(agentcache=2),
        document(recorded_at="yesterday"),
        document(interactions=None),
        document(tests="misspelled"),
        document(interactions=[{"request": INTERACTION["request"]}]),
        document(interactions=[INTERACTION | {"cancelled": True}]),
        document(interactions=[INTERACTION | {"request": {"method": "GET"}}]),
        response(status="200"),
        response(json={"two": "bodies"}),
        response(json_style="spaced"),
        response(haeders={}),
        response(headers={"age": 5}),
        response(chunks=[0]),
    ],
    ids=str,
)
def test_broken_cassette_is_refused(broken):
    """A file that the plugin refuses to read is marked in the editor."""
    assert VALIDATOR.is_valid(document())
    assert not VALIDATOR.is_valid(broken)
