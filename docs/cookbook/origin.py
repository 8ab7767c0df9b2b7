"""The origin server of the cookbook, on loopback, standard library only.

    python docs/cookbook/origin.py

What it answers follows from the request and from how often it was asked for the same, so that
recording again gives the same cassettes. It knows no paths: whatever is asked for is there.

    {"asked": 1}                        to the first GET of a URL, {"asked": 2} to the second, …
    {"asked": 1, "sent": {"a": 1}}      to a POST, PUT or PATCH of {"a": 1}; text if it is no JSON

The query says what else the answer has:

- `?status=404`: its status, on every request.
- `?text=hello`: plain text in place of JSON; `{asked}` in it is the number.
- `?echo=accept-language`: tells the request header of that name in `"echo"`; names by commas.
- `?location=/elsewhere`: a redirect (302, or what `status` says).
- Any other name with an upper-case letter in it is a header, such as `?Cache-Control=max-age=60`
  or `?ETag="v{asked}"`, in which `{asked}` is the number. To a request that names this `ETag` in
  `If-None-Match`, or this `Last-Modified` (or later) in `If-Modified-Since`, the answer is 304.

Whatever else is in the query or the path means nothing, but for paths that end with
`/chat/completions`: there a model answers (`chat.py`).
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import chat

PORT = 8766
_BODILESS = (204, 304)


class Origin:
    """The server, in a thread of its own.

    Args:
        port: Port on 127.0.0.1; 0 takes any that is free.

    Raises:
        OSError: If the port is taken.
    """

    def __init__(self, port: int = PORT) -> None:
        self._asked: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.chats = chat.Chats()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.origin = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it listens, `http://127.0.0.1:8766`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> Self:
        """Begins to serve; the port is open since the object was made."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops serving and closes the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, method: str, target: str) -> int:
        """How often this was asked for, this time included."""
        with self._lock:
            self._asked[method, target] += 1
            return self._asked[method, target]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The head and the body of an answer are two packets, the second of which would wait.
    disable_nagle_algorithm = True

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        n = self.server.origin.count(self.command, self.path)
        if self.path.endswith(chat.PATH):
            self._chat(self.server.origin.chats.answer(self.path, n, json.loads(sent)), sent)
            return
        query = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        wanted = dict(query)
        headers = [
            (name, value.replace("{asked}", str(n)))
            for name, value in query
            if name != name.lower()
        ]
        if "location" in wanted:
            headers.append(("Location", wanted["location"]))
        status = int(wanted.get("status", 302 if "location" in wanted else 200))
        if status == 200 and _is_current(self.headers, dict(headers)):
            status = 304
        if "text" in wanted:
            content = wanted["text"].replace("{asked}", str(n)).encode()
            media = "text/plain; charset=utf-8"
        else:
            content, media = _compact(self._told(n, sent, wanted)), "application/json"
        if status not in _BODILESS and not any(name == "Content-Type" for name, _ in headers):
            headers.append(("Content-Type", media))
        self._send(status, headers, content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815

    def _chat(self, answer: chat.Answer, sent: bytes) -> None:
        if not json.loads(sent).get("stream"):
            content = _compact(answer.whole())
            self._send(200, [("Content-Type", "application/json")], content)
            return
        self.send_response_only(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in answer.events():
            raw = event.encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(raw), raw))
        self.wfile.write(b"0\r\n\r\n")

    def _told(self, n: int, sent: bytes, wanted: dict[str, str]) -> dict[str, Any]:
        told: dict[str, Any] = {"asked": n}
        if sent:
            try:
                told["sent"] = json.loads(sent)
            except ValueError:
                told["sent"] = sent.decode("utf-8", "replace")
        if "echo" in wanted:
            names = wanted["echo"].split(",")
            told["echo"] = {name: self.headers.get(name, "") for name in names}
        return told

    def _send(self, status: int, headers: Iterable[tuple[str, str]], content: bytes) -> None:
        # Neither Server nor Date, which would say nothing.
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in _BODILESS:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status not in _BODILESS and self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _is_current(asked: Any, headers: dict[str, str]) -> bool:
    """Whether the client has what it would be given (RFC 9110, section 13.1)."""
    if tag := asked.get("If-None-Match"):
        return headers.get("ETag") == tag
    since, modified = asked.get("If-Modified-Since"), headers.get("Last-Modified")
    if since and modified:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    return False


if __name__ == "__main__":
    origin = Origin()
    print(f"listening on {origin.url}")
    origin.start()
