"""An upstream that knows only the ids that it has issued itself, new ones for each run."""

from __future__ import annotations

import json
import secrets
import string
import uuid
from http.server import BaseHTTPRequestHandler
from itertools import count

from .conftest import Upstream

_SIGNS = string.ascii_letters + string.digits


def drawn(mark: str) -> str:
    """An id as providers draw them."""
    return f"{mark}A1{''.join(secrets.choice(_SIGNS) for _ in range(22))}"


class DrawingUpstream(Upstream):
    """Chat, messages, responses and batches; a request with an unknown id gets a 404."""

    def __init__(self) -> None:
        self.drawn: list[str] = []
        self._polls: dict[str, int] = {}
        # Seconds since 1970; each answer is made in another.
        self._seconds = count(1_790_000_000 + secrets.randbelow(1_000_000))
        super().__init__()

    def draw(self, mark: str) -> str:
        self.drawn.append(drawn(mark))
        return self.drawn[-1]

    def answer(self, path: str, asked: dict) -> tuple[str, object]:
        """Media type and content of an answer; no media type for what is not known."""
        named = [
            asked.get("previous_response_id"),
            *(each.get("tool_call_id") for each in asked.get("messages", ())),
            *(each.get("call_id") for each in asked.get("input", ()) if isinstance(each, dict)),
            path.split("/")[3] if path.startswith("/v1/batches/") else None,
        ]
        if any(each and each not in self.drawn for each in named):
            return "", {"error": "no such id"}
        made = {"created": next(self._seconds)}
        if path == "/v1/chat/completions":
            return self._chat(asked, made)
        if path == "/v1/messages":
            use = {"type": "tool_use", "id": self.draw("toolu_01"), "name": "f", "input": {}}
            return "application/json", {"id": self.draw("msg_01"), "content": [use]}
        if path == "/v1/responses":
            call = {"type": "function_call", "id": self.draw("fc_"), "call_id": self.draw("call_")}
            return "application/json", {
                "id": self.draw("resp_"),
                "created_at": made["created"],
                "output": [{"type": "reasoning", "id": self.draw("rs_")}, call],
            }
        if path == "/v1/batches":
            return "application/json", {"id": self.draw("batch_"), "run": asked["run"]}
        if path.startswith("/v1/batches/"):
            batch = path.split("/")[3]
            self._polls[batch] = self._polls.get(batch, 0) + 1
            done = self._polls[batch] > 1
            return "application/json", {"id": batch, "status": "completed" if done else "running"}
        return "application/json", {"echo": asked, "path": path, "request": str(uuid.uuid4())}

    def _chat(self, asked: dict, made: dict) -> tuple[str, object]:
        answer = {"id": self.draw("chatcmpl-"), **made}
        called = asked["messages"] and asked["messages"][-1]["role"] == "tool"
        call = {} if called else {"id": self.draw("call_"), "function": {"name": "f"}}
        if not asked.get("stream"):
            said = {"content": "done"} if called else {"tool_calls": [call]}
            return "application/json", {**answer, "choices": [{"message": said}]}
        # An id that the model says, in pieces.
        said = [asked["trace"][:11], asked["trace"][11:], " is traced"]
        deltas = [{"tool_calls": [call]}, *({"content": each} for each in said)]
        events = [
            json.dumps({**answer, "choices": [{"index": 0, "delta": each}]}) for each in deltas
        ]
        return "text/event-stream", "".join(f"data: {each}\n\n" for each in [*events, "[DONE]"])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                upstream.hits.append(f"{self.command} {self.path}")
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                media, content = upstream.answer(self.path, json.loads(body or b"{}"))
                raw = (content if isinstance(content, str) else json.dumps(content)).encode()
                self.send_response(200 if media else 404)
                self.send_header("Content-Type", media or "application/json")
                self.send_header("X-Request-Id", drawn("req_"))
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        return Handler
