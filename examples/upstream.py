"""An upstream for the examples on loopback: two chat APIs and the weather, standard library only.

    python examples/upstream.py --port 8765

What it answers follows from the request alone, so recording twice gives the same cassettes.

- `POST /v1/chat/completions`: OpenAI's chat, streamed and not, with tools; with Requesty's flag
  `auto_cache` its usage tells of a prompt cache.
- `POST /v1/messages`: Anthropic's messages, streamed and not, with tools.
- `GET /now?city=Paris`: the weather, with `ETag` and `Cache-Control`; 304 to `If-None-Match`.
  For Atlantis it hangs up without an answer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

PORT = 8765
_SKIES = ("rain", "sun", "snow", "clouds")
_WEATHER = {
    "Paris": {"city": "Paris", "sky": "rain", "celsius": 12},
    "London": {"city": "London", "sky": "clouds", "celsius": 9},
    "Lisbon": {"city": "Lisbon", "sky": "sun", "celsius": 21},
}
_CREATED = 1767225600


class Upstream:
    """The server, in a thread of its own.

    Args:
        port: Port on 127.0.0.1; 0 takes any that is free.
        verbose: Whether each request is printed.

    Attributes:
        hits: How many requests came, by path.
    """

    def __init__(self, port: int = PORT, *, verbose: bool = False) -> None:
        self.hits: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.upstream = self  # type: ignore[attr-defined]
        self._server.verbose = verbose  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it listens, `http://127.0.0.1:8765`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def hit_count(self) -> int:
        """How many requests came."""
        return sum(self.hits.values())

    def start(self) -> Self:
        """Begins to serve; the port is open since the object was made."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops serving and closes the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def count(self, path: str) -> None:
        """Counts a request."""
        with self._lock:
            self.hits[path] = self.hits.get(path, 0) + 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.upstream.count(url.path)
        city = parse_qs(url.query).get("city", [""])[0]
        if url.path != "/now":
            self._json(404, {"error": f"no such path: {url.path}"})
        elif not city:
            self._json(400, {"error": "the parameter city is missing"})
        elif city == "Atlantis":
            self.close_connection = True
        else:
            self._weather(weather(city))

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        self.server.upstream.count(path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answers = {"/v1/chat/completions": OpenAIAnswer, "/v1/messages": AnthropicAnswer}
        if path not in answers:
            self._json(404, {"error": {"message": f"no such path: {path}"}})
            return
        asked = json.loads(raw)
        answer = answers[path](asked, hashlib.sha256(raw).hexdigest()[:12])
        if asked.get("stream"):
            self._stream(answer.events())
        else:
            self._json(200, answer.whole())

    def _weather(self, found: dict[str, Any]) -> None:
        tag = '"' + hashlib.sha256(json.dumps(found).encode()).hexdigest()[:8] + '"'
        headers = {"ETag": tag, "Cache-Control": "max-age=600"}
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
        else:
            self._json(200, found, headers)

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(value, separators=(",", ":")).encode()
        self.send_response(status)
        sized = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, text in (sized | (headers or {})).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, events: Iterator[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            raw = event.encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(raw), raw))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments: Any) -> None:
        if self.server.verbose:
            super().log_message(*arguments)


def weather(city: str) -> dict[str, Any]:
    """The weather of a city: known for a few, made from the name for any other."""
    made = hashlib.sha256(city.encode()).digest()
    other = {"city": city, "sky": _SKIES[made[0] % len(_SKIES)], "celsius": made[1] % 30}
    return _WEATHER.get(city, other)


def reply(question: str, seen: str | None, *, has_tools: bool) -> tuple[str, dict[str, str] | None]:
    """What the model says to a question: text, or the arguments of a call of its tool.

    Args:
        question: What the user asked last.
        seen: What the tool gave back, if it was called.
        has_tools: Whether it may call one.
    """
    if seen is not None:
        try:
            found = json.loads(seen)
        except ValueError:
            found = {}
        if "sky" not in found:
            return "Sorry, I cannot see the weather at the moment.", None
        wet = found["sky"] in ("rain", "snow")
        advice = "Yes, take an umbrella" if wet else "No, leave the umbrella at home"
        return f"{advice}: {found['sky']} in {found['city']}, {found['celsius']} °C.", None
    city = re.search(r"\bin ([A-Z][a-z]+)", question)
    if has_tools and city:
        return "", {"city": city[1]}
    return f"You asked: {question}", None


def _pieces(text: str) -> list[str]:
    """`text` in the pieces in which a model might give it: a few words each."""
    words = re.findall(r"\S+\s*", text)
    return ["".join(words[at : at + 3]) for at in range(0, len(words), 3)]


class OpenAIAnswer:
    """An answer of OpenAI's chat completions to what was `asked`, told apart by `mark`."""

    def __init__(self, asked: dict[str, Any], mark: str) -> None:
        self._asked, self._mark = asked, mark
        messages = asked["messages"]
        user = [each for each in messages if each["role"] == "user"]
        seen = messages[-1]["content"] if messages[-1]["role"] == "tool" else None
        tools = asked.get("tools") or []
        self._text, self._arguments = reply(user[-1]["content"], seen, has_tools=bool(tools))
        self._tool = tools[0]["function"]["name"] if tools else ""
        self._finish = "tool_calls" if self._arguments else "stop"

    def whole(self) -> dict[str, Any]:
        """The answer as one document."""
        message: dict[str, Any] = {"role": "assistant", "content": self._text or None}
        if self._arguments:
            message["tool_calls"] = [
                {
                    "id": f"call_{self._mark}",
                    "type": "function",
                    "function": {"name": self._tool, "arguments": json.dumps(self._arguments)},
                }
            ]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        return self._document("chat.completion", [choice]) | {"usage": self._usage()}

    def events(self) -> Iterator[str]:
        """The answer as a stream."""
        for delta in self._deltas():
            yield self._event([{"index": 0, "delta": delta, "finish_reason": None}])
        yield self._event([{"index": 0, "delta": {}, "finish_reason": self._finish}])
        yield "data: [DONE]\n\n"

    def _deltas(self) -> Iterator[dict[str, Any]]:
        if self._arguments is None:
            for at, piece in enumerate(_pieces(self._text)):
                yield ({} if at else {"role": "assistant"}) | {"content": piece}
            return
        function = {"name": self._tool, "arguments": ""}
        call = {"index": 0, "id": f"call_{self._mark}", "type": "function", "function": function}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
        raw = json.dumps(self._arguments)
        for piece in (raw[:8], raw[8:]):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}

    def _event(self, choices: list[dict[str, Any]]) -> str:
        chunk = self._document("chat.completion.chunk", choices)
        return f"data: {json.dumps(chunk, separators=(',', ':'), ensure_ascii=False)}\n\n"

    def _document(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._mark}",
            "object": kind,
            "created": _CREATED,
            "model": self._asked["model"],
            "choices": choices,
        }

    def _usage(self) -> dict[str, Any]:
        messages = self._asked["messages"]
        asked, said = len(json.dumps(messages)) // 4, len(self._text) // 4 + 8
        usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        if not (self._asked.get("requesty") or {}).get("auto_cache"):
            return usage
        # As of a conversation that goes on: all but its last message was sent before.
        known = len(json.dumps(messages[:-1])) // 4
        details = {"cached_tokens": known, "caching_tokens": asked - known}
        return usage | {"prompt_tokens_details": details}


class AnthropicAnswer:
    """An answer of Anthropic's messages to what was `asked`, told apart by `mark`."""

    def __init__(self, asked: dict[str, Any], mark: str) -> None:
        self._asked, self._mark = asked, mark
        question, seen = "", None
        for message in asked["messages"]:
            content = message["content"]
            if message["role"] != "user":
                continue
            for part in [content] if isinstance(content, str) else content:
                if isinstance(part, str):
                    question, seen = part, None
                elif part["type"] == "text":
                    question, seen = part["text"], None
                elif part["type"] == "tool_result":
                    seen = part["content"]
        tools = asked.get("tools") or []
        self._text, self._arguments = reply(question, seen, has_tools=bool(tools))
        self._tool = tools[0]["name"] if tools else ""
        self._stop = "tool_use" if self._arguments else "end_turn"

    def whole(self) -> dict[str, Any]:
        """The answer as one document."""
        return self._message() | {
            "content": [self._block(self._text, self._arguments or {})],
            "stop_reason": self._stop,
            "usage": self._usage(),
        }

    def events(self) -> Iterator[str]:
        """The answer as a stream."""
        usage = self._usage()
        begun = self._message() | {"usage": usage | {"output_tokens": 1}}
        yield self._event({"type": "message_start", "message": begun})
        block = self._block("", {})
        yield self._event({"type": "content_block_start", "index": 0, "content_block": block})
        yield self._event({"type": "ping"})
        for delta in self._deltas():
            yield self._event({"type": "content_block_delta", "index": 0, "delta": delta})
        yield self._event({"type": "content_block_stop", "index": 0})
        end = {"stop_reason": self._stop, "stop_sequence": None}
        told = {"output_tokens": usage["output_tokens"]}
        yield self._event({"type": "message_delta", "delta": end, "usage": told})
        yield self._event({"type": "message_stop"})

    def _deltas(self) -> Iterator[dict[str, Any]]:
        if self._arguments is None:
            for piece in _pieces(self._text):
                yield {"type": "text_delta", "text": piece}
            return
        raw = json.dumps(self._arguments)
        for piece in (raw[:8], raw[8:]):
            yield {"type": "input_json_delta", "partial_json": piece}

    def _block(self, text: str, arguments: dict[str, str]) -> dict[str, Any]:
        if self._arguments is None:
            return {"type": "text", "text": text}
        called = {"id": f"toolu_{self._mark}", "name": self._tool, "input": arguments}
        return {"type": "tool_use"} | called

    def _message(self) -> dict[str, Any]:
        return {
            "id": f"msg_{self._mark}",
            "type": "message",
            "role": "assistant",
            "model": self._asked["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _usage(self) -> dict[str, int]:
        asked = len(json.dumps(self._asked["messages"])) // 4
        return {"input_tokens": asked, "output_tokens": len(self._text) // 4 + 8}

    @staticmethod
    def _event(value: dict[str, Any]) -> str:
        data = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return f"event: {value['type']}\ndata: {data}\n\n"


def main() -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(description="The upstream of the examples, on loopback")
    parser.add_argument("--port", type=int, default=PORT, help=f"port to listen on ({PORT})")
    upstream = Upstream(parser.parse_args().port, verbose=True).start()
    print(f"The upstream of the examples listens on {upstream.url}; Ctrl-C stops it.", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        upstream.stop()
        print(f"Stopped after {upstream.hit_count} requests.")


if __name__ == "__main__":
    main()
