"""An upstream on loopback for the benchmarks, in a process of its own.

python benchmarks/upstream.py    # prints its port
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def chat(words: int) -> bytes:
    """Return the response of a model with this many words."""
    message = {"role": "assistant", "content": "word " * words}
    usage = {"prompt_tokens": 10, "completion_tokens": words}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "usage": usage}
    return json.dumps({**body, "choices": [{"index": 0, "message": message}]}).encode()


def stream(events: int) -> bytes:
    """Return the stream of a model with this many events."""
    chunks = [
        {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": f" word{at}"}}]}
        for at in range(events)
    ]
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)


BODIES = {
    "/small": ("application/json", chat(400)),
    "/large": ("application/json", chat(40_000)),
    "/events": ("text/event-stream", stream(500)),
}


class Handler(BaseHTTPRequestHandler):
    """Sends the body of the path in response to every request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        content_type, body = BODIES[self.path]
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def upstream() -> Iterator[str]:
    """Start the upstream, and yield its URL."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
