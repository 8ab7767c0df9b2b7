"""Values that look random but are not secrets: a false alarm spoils a replay or a recording."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import uuid

import pytest

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.redaction import Redaction

DRAW = random.Random(11)
HEX = "0123456789abcdef"
WORD = string.ascii_letters + string.digits


def some(size, alphabet=WORD):
    """Random letters."""
    return "".join(DRAW.choices(alphabet, k=size))


def code(most, coding=base64.b64encode):
    """Base64 of random bytes."""
    return coding(DRAW.randbytes(DRAW.randint(most // 8, most))).decode()


VALUES = {
    "thoughtSignature": lambda: code(3000),
    "signature": lambda: "E" + code(900),
    "encrypted_content": lambda: "gAAAAAB" + code(2000, base64.urlsafe_b64encode),
    "data": lambda: code(1000),
    "sha256": lambda: hashlib.sha256(DRAW.randbytes(8)).hexdigest(),
    "commit": lambda: some(40, HEX),
    "md5": lambda: some(32, HEX),
    "id": lambda: str(uuid.UUID(int=DRAW.getrandbits(128))),
    "completion": lambda: f"chatcmpl-{some(29)}",
    "tool_call_id": lambda: f"call_{some(24)}",
    "message": lambda: f"msg_{some(24)}",
    "previous_response_id": lambda: f"resp_{some(48, HEX)}",
    "system_fingerprint": lambda: f"fp_{some(10, HEX)}",
    "etag": lambda: f'W/"{code(40)}"',
    "next_page_token": lambda: code(80, base64.urlsafe_b64encode),
    "cursor": lambda: base64.b64encode(json.dumps({"after": some(12)}).encode()).decode(),
    "url": lambda: f"https://x.example/{some(20)}/{some(8)}-{some(12)}?page={some(30)}",
    "path": lambda: "/".join(some(DRAW.randint(3, 12)) for _ in range(6)),
    "ulid": lambda: some(26, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
}


@pytest.mark.parametrize("name", VALUES)
def test_no_false_alarm(name):
    """None of many values of each kind is replaced or in doubt."""
    DRAW.seed(name)
    redaction, headers = Redaction(), Headers.of([("content-type", "application/json")])

    values = [VALUES[name]() for _ in range(50)]
    body = json.dumps({"items": [{name: each, "text": f"it is {each}."} for each in values]})
    found = Interaction(
        Request("POST", "https://a.example/", headers, body.encode()),
        Response(200, headers, body.encode()),
    )

    assert redaction.interaction(found) == found
    assert redaction.doubts([found]) == []
