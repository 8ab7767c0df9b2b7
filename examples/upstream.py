"""The upstream of the examples, on loopback: two chat APIs and the weather, standard library only.

    python examples/upstream.py --port 8765

A response depends on the request alone, so recording again gives the same cassettes.

- `POST /v1/chat/completions`: OpenAI's chat, streamed or not, with tools; with Requesty's flag
  `auto_cache` its usage includes a prompt cache.
- `POST /v1/messages`: Anthropic's messages, streamed or not, with tools.
- `GET /v1/forecast?latitude=48.86&longitude=2.35`: the temperature, as Open-Meteo gives it.
- `GET /now?city=Paris`: the weather, with `ETag` and `Cache-Control`; 304 to `If-None-Match`.
  For Atlantis it closes the connection without a response.
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
    """The server, in its own thread.

    Args:
        port: Port on 127.0.0.1; 0 for any free one.
        verbose: Print each request.

    Attributes:
        hits: The number of requests by path.
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
        """The address of the server, `http://127.0.0.1:8765`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def hit_count(self) -> int:
        """The number of requests."""
        return sum(self.hits.values())

    def start(self) -> Self:
        """Start to serve; the port is open since the object was created."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def count(self, path: str) -> None:
        """Count a request."""
        with self._lock:
            self.hits[path] = self.hits.get(path, 0) + 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.upstream.count(url.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        city = query.get("city", "")
        if url.path == "/v1/forecast":
            self._json(200, forecast(query), {"Content-Type": "application/json; charset=utf-8"})
        elif url.path != "/now":
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
        apis = {"/v1/chat/completions": OpenAIReply, "/v1/messages": AnthropicReply}
        if path not in apis:
            self._json(404, {"error": {"message": f"no such path: {path}"}})
            return
        request = json.loads(raw)
        reply = apis[path](request, hashlib.sha256(raw).hexdigest()[:12])
        if request.get("stream"):
            self._stream(reply.events())
        else:
            self._json(200, reply.whole())

    def _weather(self, current: dict[str, Any]) -> None:
        tag = '"' + hashlib.sha256(json.dumps(current).encode()).hexdigest()[:8] + '"'
        headers = {"ETag": tag, "Cache-Control": "max-age=600"}
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
        else:
            self._json(200, current, headers)

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
    """Return the weather of a city: fixed for a few, derived from the name for any other."""
    digest = hashlib.sha256(city.encode()).digest()
    other = {"city": city, "sky": _SKIES[digest[0] % len(_SKIES)], "celsius": digest[1] % 30}
    return _WEATHER.get(city, other)


def forecast(query: dict[str, str]) -> dict[str, Any]:
    """Return the temperature at a place."""
    now = {"time": "2026-11-21T18:15", "interval": 900, "temperature_2m": 8.1}
    place = {name: float(query[name]) for name in ("latitude", "longitude")}
    return {**place, "timezone": "GMT", "elevation": 46.0, "current": now}


def answer(
    question: str, result: str | None, *, has_tools: bool
) -> tuple[str, dict[str, str] | None]:
    """Return the model's answer to a question: text, or the arguments of a tool call.

    Args:
        question: The last question of the user.
        result: The result of the tool, if it was called.
        has_tools: The model may call a tool.
    """
    if result is not None:
        try:
            found = json.loads(result)
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
    """Return `text` in pieces of a few words, as a model might stream it."""
    words = re.findall(r"\S+\s*", text)
    return ["".join(words[at : at + 3]) for at in range(0, len(words), 3)]


class OpenAIReply:
    """A reply of OpenAI's chat completions to `request`; `digest` makes its ids unique."""

    def __init__(self, request: dict[str, Any], digest: str) -> None:
        self._request, self._digest = request, digest
        messages = request["messages"]
        user = [each for each in messages if each["role"] == "user"]
        result = messages[-1]["content"] if messages[-1]["role"] == "tool" else None
        tools = request.get("tools") or []
        self._text, self._arguments = answer(user[-1]["content"], result, has_tools=bool(tools))
        self._tool = tools[0]["function"]["name"] if tools else ""
        self._finish = "tool_calls" if self._arguments else "stop"

    def whole(self) -> dict[str, Any]:
        """Return the reply as one document."""
        message: dict[str, Any] = {"role": "assistant", "content": self._text or None}
        if self._arguments:
            message["tool_calls"] = [
                {
                    "id": f"call_{self._digest}",
                    "type": "function",
                    "function": {"name": self._tool, "arguments": json.dumps(self._arguments)},
                }
            ]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        return self._document("chat.completion", [choice]) | {"usage": self._usage()}

    def events(self) -> Iterator[str]:
        """Yield the reply as a stream."""
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
        call = {"index": 0, "id": f"call_{self._digest}", "type": "function", "function": function}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
        raw = json.dumps(self._arguments)
        for piece in (raw[:8], raw[8:]):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}

    def _event(self, choices: list[dict[str, Any]]) -> str:
        chunk = self._document("chat.completion.chunk", choices)
        return f"data: {json.dumps(chunk, separators=(',', ':'), ensure_ascii=False)}\n\n"

    def _document(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._digest}",
            "object": kind,
            "created": _CREATED,
            "model": self._request["model"],
            "choices": choices,
        }

    def _usage(self) -> dict[str, Any]:
        messages = self._request["messages"]
        prompt, output = len(json.dumps(messages)) // 4, len(self._text) // 4 + 8
        total = prompt + output
        usage = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": total}
        if not (self._request.get("requesty") or {}).get("auto_cache"):
            return usage
        # Assume a conversation whose messages, except the last, were sent before.
        known = len(json.dumps(messages[:-1])) // 4
        details = {"cached_tokens": known, "caching_tokens": prompt - known}
        return usage | {"prompt_tokens_details": details}


class AnthropicReply:
    """A reply of Anthropic's messages to `request`; `digest` makes its ids unique."""

    def __init__(self, request: dict[str, Any], digest: str) -> None:
        self._request, self._digest = request, digest
        question, result = "", None
        for message in request["messages"]:
            content = message["content"]
            if message["role"] != "user":
                continue
            for part in [content] if isinstance(content, str) else content:
                if isinstance(part, str):
                    question, result = part, None
                elif part["type"] == "text":
                    question, result = part["text"], None
                elif part["type"] == "tool_result":
                    result = part["content"]
        tools = request.get("tools") or []
        self._text, self._arguments = answer(question, result, has_tools=bool(tools))
        self._tool = tools[0]["name"] if tools else ""
        self._stop = "tool_use" if self._arguments else "end_turn"

    def whole(self) -> dict[str, Any]:
        """Return the reply as one document."""
        return self._message() | {
            "content": [self._block(self._text, self._arguments or {})],
            "stop_reason": self._stop,
            "usage": self._usage(),
        }

    def events(self) -> Iterator[str]:
        """Yield the reply as a stream."""
        usage = self._usage()
        started = self._message() | {"usage": usage | {"output_tokens": 1}}
        yield self._event({"type": "message_start", "message": started})
        block = self._block("", {})
        yield self._event({"type": "content_block_start", "index": 0, "content_block": block})
        yield self._event({"type": "ping"})
        for delta in self._deltas():
            yield self._event({"type": "content_block_delta", "index": 0, "delta": delta})
        yield self._event({"type": "content_block_stop", "index": 0})
        end = {"stop_reason": self._stop, "stop_sequence": None}
        output = {"output_tokens": usage["output_tokens"]}
        yield self._event({"type": "message_delta", "delta": end, "usage": output})
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
        called = {"id": f"toolu_{self._digest}", "name": self._tool, "input": arguments}
        return {"type": "tool_use"} | called

    def _message(self) -> dict[str, Any]:
        return {
            "id": f"msg_{self._digest}",
            "type": "message",
            "role": "assistant",
            "model": self._request["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _usage(self) -> dict[str, int]:
        prompt = len(json.dumps(self._request["messages"])) // 4
        return {"input_tokens": prompt, "output_tokens": len(self._text) // 4 + 8}

    @staticmethod
    def _event(value: dict[str, Any]) -> str:
        data = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return f"event: {value['type']}\ndata: {data}\n\n"


def main() -> None:
    """Serve until interrupted."""
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
