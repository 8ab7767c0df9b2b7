"""Keys that were never anybody's, made at run time, and the places where a key can stand."""

from __future__ import annotations

import base64
import gzip
import json
import random
import string
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from pytest_agentcache.http.body import aws_events

from .clients import Call
from .upstream import Answer

ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "_-"
HEX = "0123456789abcdef"
BASE64 = ALNUM + "+/"
UPPER = string.ascii_uppercase + string.digits

# Name, what it begins with, the alphabet of the rest and its length.
PREFIXED = [
    ("openai", "sk-", ALNUM, 48),
    ("openai project", "sk-proj-", WORD, 120),
    ("openai service account", "sk-svcacct-", WORD, 120),
    ("openai admin", "sk-admin-", WORD, 100),
    ("openai organization", "org-", ALNUM, 24),
    ("anthropic", "sk-ant-api03-", WORD, 93),
    ("anthropic admin", "sk-ant-admin01-", WORD, 93),
    ("openrouter", "sk-or-v1-", HEX, 64),
    ("deepseek", "sk-", HEX, 32),
    ("google", "AIza", WORD, 35),
    ("google oauth", "ya29.", WORD, 120),
    ("google client secret", "GOCSPX-", WORD, 28),
    ("groq", "gsk_", ALNUM, 52),
    ("hugging face", "hf_", string.ascii_letters, 34),
    ("replicate", "r8_", ALNUM, 37),
    ("perplexity", "pplx-", ALNUM, 48),
    ("xai", "xai-", ALNUM, 80),
    ("fireworks", "fw_", ALNUM, 24),
    ("together", "tgp_v1_", WORD, 43),
    ("requesty", "rqsty-sk-", ALNUM, 60),
    ("nvidia", "nvapi-", WORD, 64),
    ("cerebras", "csk-", string.ascii_lowercase + string.digits, 48),
    ("pinecone", "pcsk_", ALNUM, 60),
    ("tavily", "tvly-dev-", ALNUM, 32),
    ("langsmith", "lsv2_pt_", HEX, 32),
    ("databricks", "dapi", HEX, 32),
    ("elevenlabs", "sk_", HEX, 48),
    ("aws access key id", "AKIA", UPPER, 16),
    ("aws temporary key id", "ASIA", UPPER, 16),
    ("bedrock", "ABSK", BASE64, 128),
    ("digitalocean", "dop_v1_", HEX, 64),
    ("vault", "hvs.", WORD, 90),
    ("github", "ghp_", ALNUM, 36),
    ("github oauth", "gho_", ALNUM, 36),
    ("github app", "ghs_", ALNUM, 36),
    ("github fine-grained", "github_pat_", ALNUM + "_", 82),
    ("gitlab", "glpat-", WORD, 20),
    ("npm", "npm_", ALNUM, 36),
    ("pypi", "pypi-AgEIcHlwaS5vcmc", WORD, 150),
    ("slack bot", "xoxb-", string.digits, 12),
    ("slack app", "xapp-1-A", UPPER, 60),
    ("stripe", "sk_live_", ALNUM, 24),
    ("stripe restricted", "rk_live_", ALNUM, 24),
    ("webhook", "whsec_", ALNUM, 32),
    ("twilio", "SK", HEX, 32),
    ("shopify", "shpat_", HEX, 32),
    ("notion", "ntn_", ALNUM, 46),
    ("linear", "lin_api_", ALNUM, 40),
]


def keys(seed: int) -> dict[str, str]:
    """One key of each format. They begin and end as a key may, and never twice alike."""
    draw = random.Random(seed)

    def some(alphabet: str, size: int) -> str:
        # What ends in a sign other than a letter or digit would not be cut off so in a text.
        return "".join(draw.choices(alphabet, k=size - 1)) + draw.choice(HEX)

    def jwt() -> str:
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": some(ALNUM, 12), "iat": 1})
        coded = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in parts]
        return ".".join([*(each.rstrip("=") for each in coded), some(WORD, 43)])

    def upper(alphabet: str, size: int) -> str:
        return "".join(draw.choices(alphabet, k=size))

    made = {
        name: begin + (upper(rest, size) if rest == UPPER else some(rest, size))
        for name, begin, rest, size in PREFIXED
    }
    made["slack bot"] += "-" + some(ALNUM, 24)
    made["langsmith"] += "_" + some(HEX, 10)
    made["sendgrid"] = f"SG.{some(WORD, 22)}.{some(WORD, 43)}"
    made["telegram"] = f"{some(string.digits, 9)[:8]}7:AA{some(WORD, 33)}"
    made["discord"] = f"MT{some(ALNUM, 22)}.{some(ALNUM, 6)}.{some(ALNUM, 38)}"
    made["mailchimp"] = some(HEX, 32) + "-us12"
    made["jwt"] = jwt()
    return made


def opaque(seed: int) -> str:
    """A token that looks like nothing in particular."""
    return "".join(random.Random(seed).choices(ALNUM, k=31)) + "7"


def blocks(seed: int) -> dict[str, tuple[str, str]]:
    """Texts of several words with a secret in each, and the secret: they stand in bodies only."""
    draw = random.Random(seed)

    def some(alphabet: str, size: int) -> str:
        return "".join(draw.choices(alphabet, k=size))

    lines = [some(BASE64, 64) for _ in range(8)]
    dash = "-" * 5
    pem = "\n".join([f"{dash}BEGIN PRIVATE KEY{dash}", *lines, f"{dash}END PRIVATE KEY{dash}", ""])
    secret, account = some(ALNUM, 39) + "/", some(BASE64, 86) + "=="
    words = {scheme: some(ALNUM, 14) for scheme in ("postgres", "redis", "mongodb+srv", "amqp")}
    user = f"me:{some(ALNUM, 20)}"
    sas = some(ALNUM, 43)
    bearer, dotenv = some(ALNUM, 30) + "7", some(ALNUM, 39) + "7"
    return {
        "private key": (pem, lines[3]),
        "aws secret": (f"aws_secret_access_key = {secret}", secret),
        "azure storage": (f"DefaultEndpointsProtocol=https;AccountKey={account}", account),
        **{scheme: (f"{scheme}://app:{word}@db.example/x", word) for scheme, word in words.items()},
        "basic": (
            f"Authorization: Basic {base64.b64encode(user.encode()).decode()}",
            base64.b64encode(user.encode()).decode(),
        ),
        "bearer": (f"Authorization: Bearer {bearer}", bearer),
        "assignment": (f"MISTRAL_API_KEY={dotenv}", dotenv),
        "slack webhook": (
            "https://hooks.slack.com/services/T0AB/B0CD/" + (hook := some(ALNUM, 24)),
            hook,
        ),
        "sas": (f"https://x.blob.core.windows.net/c?sv=1&sig={sas}%3D", sas),
    }


Place = Callable[[str, list[str]], Call]


def _post(url: str, body: bytes, media: str, **headers: str) -> Call:
    return Call(url, "POST", {"Content-Type": media, **headers}, body)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _multipart(secrets: list[str]) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="f{n}"; filename="n{n}.txt"\r\n'
        f"Content-Type: text/plain\r\n\r\nthe key is {secret}\r\n"
        for n, secret in enumerate(secrets)
    ]
    return "".join([*parts, "--b--\r\n"]).encode()


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(each):04x}" for each in text)


def _bits(secrets: list[str], event: Callable[[str], object], *, size: int = 11) -> list[bytes]:
    """Return events that contain secrets in pieces, as JSON."""
    text = " and ".join(["the keys are", *secrets, "."])
    return [_json(event(text[at : at + size])) for at in range(0, len(text), size)]


# Places in a request for single keys.
REQUESTS: dict[str, Place] = {
    "path": lambda url, s: Call(f"{url}/{'/'.join(s)}"),
    "escaped path": lambda url, s: Call(f"{url}/{'/'.join(quote(each, safe='') for each in s)}"),
    "path escaped twice": lambda url, s: Call(
        f"{url}/{'/'.join(quote(quote(each, safe=''), safe='') for each in s)}"
    ),
    "query": lambda url, s: Call(
        f"{url}?" + "&".join(f"q{n}={quote_plus(each)}" for n, each in enumerate(s))
    ),
    "header": lambda url, s: Call(url, headers={f"X-Note-{n}": each for n, each in enumerate(s)}),
    "authorization": lambda url, s: Call(url, headers={"Authorization": f"Bearer {s[0]}"}),
    "basic authorization": lambda url, s: Call(
        url,
        headers={"Authorization": "Basic " + base64.b64encode(f"u:{s[0]}".encode()).decode()},
    ),
    "coded header": lambda url, s: Call(
        url, headers={"X-Context": base64.b64encode(_json({"notes": s[:9]})).decode()}
    ),
    "coded query": lambda url, s: Call(
        f"{url}?at={quote_plus(base64.b64encode(_json({'notes': s[:9]})).decode())}"
    ),
    "cookie": lambda url, s: Call(
        url, headers={"Cookie": "; ".join(f"c{n}={each}" for n, each in enumerate(s))}
    ),
}
# Places in a body, which serve requests and answers.
BODIES: dict[str, tuple[str, Callable[[list[str]], bytes]]] = {
    "json value": ("application/json", lambda s: _json({f"v{n}": v for n, v in enumerate(s)})),
    "json list": ("application/json", lambda s: _json({"a": [{"b": s}]})),
    "json text": ("application/json", lambda s: _json({"text": "Use:\n" + "\n".join(s) + "\n."})),
    "json in json": ("application/json", lambda s: _json({"arguments": _json({"x": s}).decode()})),
    "secret field": ("application/json", lambda s: _json([{"apiKey": each} for each in s])),
    "escaped field": (
        "application/json",
        lambda s: _json([{"apiKey": each} for each in s]).replace(b"apiKey", b"api\\u004bey"),
    ),
    "escaped text": (
        "application/json",
        lambda s: b'{"texts": [' + b", ".join(f'"{_escaped(v)}"'.encode() for v in s) + b"]}",
    ),
    "base64": ("text/plain", lambda s: base64.b64encode(_json({"notes": s}))),
    "base64 in json": (
        "application/json",
        lambda s: _json(
            {"d": [base64.urlsafe_b64encode(f"it is {v}.".encode()).decode() for v in s]}
        ),
    ),
    "list under a secret name": ("application/json", lambda s: _json({"api_keys": [{"v": s}]})),
    "form": (
        "application/x-www-form-urlencoded",
        lambda s: "&".join(f"f{n}={quote_plus(v)}" for n, v in enumerate(s)).encode(),
    ),
    "multipart": ("multipart/form-data; boundary=b", _multipart),
    "text": ("text/plain", lambda s: ("keys: " + ", ".join(s)).encode()),
    "xml": (
        "application/xml",
        lambda s: ("<r>" + "".join(f"<v>{each}</v>" for each in s) + "</r>").encode(),
    ),
    "graphql": (
        "application/json",
        lambda s: _json({"query": "{" + " ".join(f'a(k: "{each}")' for each in s) + "}"}),
    ),
    "events": (
        "text/event-stream",
        lambda s: b"".join(b"data: " + _json({"content": each}) + b"\n\n" for each in s),
    ),
}


def _part(text: str) -> dict[str, object]:
    return {"candidates": [{"content": {"parts": [{"text": text}]}}]}


def _list(secrets: list[str]) -> list[bytes]:
    first, *others = _bits(secrets, _part)
    return [b"[" + first, *(b"\n,\r\n" + each for each in others), b"]"]


# Streams that tell secrets bit by bit.
BITS: dict[str, tuple[str, Callable[[list[str]], list[bytes]]]] = {
    "text events": (
        "text/event-stream",
        lambda s: [b"data: " + json.loads(each).encode() + b"\n\n" for each in _bits(s, str)],
    ),
    "quoted events": (
        "text/event-stream",
        lambda s: [b"data: " + each + b"\r\n\r\n" for each in _bits(s, str)],
    ),
    "argument events": (
        "text/event-stream",
        lambda s: [
            b"event: content_block_delta\ndata: " + each + b"\n\n"
            for each in _bits(s, lambda bit: {"index": 1, "delta": {"partial_json": bit}})
        ],
    ),
    "lines": (
        "application/x-ndjson",
        lambda s: [each + b"\n" for each in _bits(s, lambda bit: {"message": {"content": bit}})],
    ),
    "list of events": ("application/json", _list),
    "events of AWS": (
        aws_events.MEDIA,
        lambda s: [
            aws_events.text(f"contentBlockDelta {each.decode()}\n")
            for each in _bits(s, lambda bit: {"contentBlockIndex": 0, "delta": {"text": bit}})
        ],
    ),
}


def requests(url: str, secrets: list[str], texts: list[str]) -> dict[str, Call]:
    """A request for each place, with all secrets in it; texts stand in bodies only."""
    made = {
        name: place(f"{url}/{name.replace(' ', '-')}", secrets) for name, place in REQUESTS.items()
    }
    for name, (media, body) in BODIES.items():
        if media != "text/event-stream":
            made[name] = _post(f"{url}/{name.replace(' ', '-')}", body([*secrets, *texts]), media)
    packed = _json({"list": [*secrets, *texts]})
    for coding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        made[coding] = _post(
            f"{url}/{coding}", pack(packed), "application/json", **{"Content-Encoding": coding}
        )
        bare = f"bare {coding}"
        made[bare] = _post(f"{url}/{bare.replace(' ', '-')}", pack(packed), "application/json")
    return made


def answers(secrets: list[str], texts: list[str]) -> dict[str, Answer]:
    """An answer for each place, with all secrets in it."""
    made = {
        f"answer {name}": Answer(body([*secrets, *texts]), headers=[("Content-Type", media)])
        for name, (media, body) in BODIES.items()
    }
    plain = [("Content-Type", "text/plain")]
    made["answer header"] = Answer(
        b"ok", headers=[*plain, *((f"X-Given-{n}", each) for n, each in enumerate(secrets))]
    )
    made["answer cookie"] = Answer(
        b"ok",
        headers=[*plain, *(("Set-Cookie", f"s{n}={v}; Path=/") for n, v in enumerate(secrets))],
    )
    made["answer location"] = Answer(
        status=302, headers=[("Location", f"/to?code=1&access_token={secrets[0]}")]
    )
    made["answer link"] = Answer(
        b"ok", headers=[*plain, *(("Link", f'<https://a.example/>; title="{s}"') for s in secrets)]
    )
    made["answer error"] = Answer(
        _json({"error": {"message": f"Incorrect API key provided: {', '.join(secrets)}."}}),
        status=401,
        headers=[("Content-Type", "application/json")],
        reason=f"Unknown {secrets[0]}",
    )
    for coding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        made[f"answer bare {coding}"] = Answer(
            pack(_json({"list": [*secrets, *texts]})),
            headers=[("Content-Type", "application/json")],
        )
    stream = b"".join(b"data: " + _json({"content": each}) + b"\n\n" for each in [*secrets, *texts])
    cuts = [stream[at : at + 37] for at in range(0, len(stream), 37)]
    made["answer chunks"] = Answer(
        cuts, headers=[("Content-Type", "text/event-stream")], framing="chunked"
    )
    deltas = []
    for each in secrets:
        for at in range(0, len(each), 11):
            delta = {"choices": [{"index": 0, "delta": {"content": each[at : at + 11]}}]}
            deltas.append(b"data: " + _json(delta) + b"\n\n")
        deltas.append(
            b"data: " + _json({"choices": [{"index": 0, "delta": {"content": " and "}}]}) + b"\n\n"
        )
    made["answer deltas"] = Answer(
        deltas, headers=[("Content-Type", "text/event-stream")], framing="chunked"
    )
    for name, (media, bits) in BITS.items():
        made[f"answer {name}"] = Answer(
            bits(secrets), headers=[("Content-Type", media)], framing="chunked"
        )
    return made


def spellings(secret: str) -> set[bytes]:
    """How a secret may be written in a file."""
    bits = [secret[at : at + 11] for at in range(11, len(secret) - 11, 11)]
    return {
        secret.encode(),
        # The text that each event of a stream adds.
        *(each.encode() for each in bits if len(secret) > 30),
        # The middle, without the ends that base64 may change.
        *(
            coded[8:-8].translate(signs)
            for before in ("", "x", "xx")
            for coded in (base64.b64encode(f"{before}{secret}".encode()),)
            for signs in (None, bytes.maketrans(b"+/", b"-_"))
            if len(coded) > 32
        ),
        _escaped(secret).encode(),
        quote(secret, safe="").encode(),
        quote(quote(secret, safe=""), safe="").encode(),
        quote_plus(secret).encode(),
        json.dumps(secret)[1:-1].encode(),
        secret.replace("/", "\\/").encode(),
    }
