"""The origin server of the cookbook, on loopback, standard library only.

    python docs/cookbook/origin.py

A response depends only on the request and on how often the same request was sent, so recording
again gives the same cassettes. Every path exists.

    {"response": 1}                     to the first GET of a URL, {"response": 2} to the second, …
    {"response": 1, "sent": {"a": 1}}   to a POST, PUT or PATCH of {"a": 1}; text if it is not JSON

The query sets further properties of the response:

- `?status=404`: the status, on every request.
- `?text=hello`: plain text instead of JSON; `{number}` in it is replaced by the number.
- `?echo=accept-language`: the request headers with these comma-separated names, in `"echo"`.
- `?location=/elsewhere`: a redirect (302, or the value of `status`).
- Any other name with an upper-case letter is a header, such as `?Cache-Control=max-age=60` or
  `?ETag="v{number}"`. If a request has this `ETag` in `If-None-Match`, or this or a later
  `Last-Modified` in `If-Modified-Since`, the response is a 304.

Other parameters and paths have no effect, except for paths that end with `/chat/completions`, where
a model responds (`chat.py`).
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
    """The server, in its own thread.

    Args:
        port: Port on 127.0.0.1; 0 for any free one.

    Raises:
        OSError: If the port is in use.
    """

    def __init__(self, port: int = PORT) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.chats = chat.Chats()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.origin = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """The address of the server, `http://127.0.0.1:8766`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> Self:
        """Start to serve; the port is open since the object was created."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, method: str, target: str) -> int:
        """Count a request, and return how often it was sent."""
        with self._lock:
            self._counts[method, target] += 1
            return self._counts[method, target]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise the packet with the body waits until that with the headers is acknowledged.
    disable_nagle_algorithm = True

    def respond(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        n = self.server.origin.count(self.command, self.path)
        if self.path.endswith(chat.PATH):
            self._chat(self.server.origin.chats.reply(self.path, n, json.loads(sent)), sent)
            return
        query = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        wanted = dict(query)
        headers = [
            (name, value.replace("{number}", str(n)))
            for name, value in query
            if name != name.lower()
        ]
        if "location" in wanted:
            headers.append(("Location", wanted["location"]))
        status = int(wanted.get("status", 302 if "location" in wanted else 200))
        if status == 200 and _is_current(self.headers, dict(headers)):
            status = 304
        if "text" in wanted:
            content = wanted["text"].replace("{number}", str(n)).encode()
            media = "text/plain; charset=utf-8"
        else:
            content, media = _compact(self._content(n, sent, wanted)), "application/json"
        if status not in _BODILESS and not any(name == "Content-Type" for name, _ in headers):
            headers.append(("Content-Type", media))
        self._send(status, headers, content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = respond  # noqa: N815

    def _chat(self, reply: chat.Reply, sent: bytes) -> None:
        if not json.loads(sent).get("stream"):
            content = _compact(reply.whole())
            self._send(200, [("Content-Type", "application/json")], content)
            return
        self.send_response_only(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in reply.events():
            raw = event.encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(raw), raw))
        self.wfile.write(b"0\r\n\r\n")

    def _content(self, n: int, sent: bytes, wanted: dict[str, str]) -> dict[str, Any]:
        content: dict[str, Any] = {"response": n}
        if sent:
            try:
                content["sent"] = json.loads(sent)
            except ValueError:
                content["sent"] = sent.decode("utf-8", "replace")
        if "echo" in wanted:
            names = wanted["echo"].split(",")
            content["echo"] = {name: self.headers.get(name, "") for name in names}
        return content

    def _send(self, status: int, headers: Iterable[tuple[str, str]], content: bytes) -> None:
        # Without the headers Server and Date, which carry no information here.
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in _BODILESS:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status not in _BODILESS and self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """Log nothing."""


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _is_current(sent: Any, headers: dict[str, str]) -> bool:
    """Return true if the client's copy is current (RFC 9110, section 13.1)."""
    if tag := sent.get("If-None-Match"):
        return headers.get("ETag") == tag
    since, modified = sent.get("If-Modified-Since"), headers.get("Last-Modified")
    if since and modified:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    return False


if __name__ == "__main__":
    origin = Origin()
    print(f"listening on {origin.url}")
    origin.start()
