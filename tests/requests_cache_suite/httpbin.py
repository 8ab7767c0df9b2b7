"""As much of httpbin as requests-cache's tests ask for, on loopback."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

FORMATS = {
    "/deny": ("text/plain", b"YOU SHOULDN'T BE HERE"),
    "/encoding/utf8": ("text/html; charset=utf-8", "<h1>∮ E⋅da = Q, ⠙⠑⠁⠙, 🌦</h1>".encode()),
    "/html": ("text/html; charset=utf-8", b"<h1>Herman Melville - Moby-Dick</h1>"),
    "/image/jpeg": ("image/jpeg", b"\xff\xd8\xff\xe0" + bytes(range(256))),
    "/image/png": ("image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
    "/image/svg": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "/image/webp": ("image/webp", b"RIFF" + bytes(range(256))),
    "/json": ("application/json", b'{\n  "slideshow": {"title": "Sample Slide Show"}\n}\n'),
    "/robots.txt": ("text/plain", b"User-agent: *\nDisallow: /deny\n"),
    "/xml": ("application/xml", b"<?xml version='1.0' encoding='us-ascii'?>\n<slideshow/>\n"),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urlsplit(self.path)
        self.query = dict(parse_qsl(url.query))
        endpoint, _, rest = url.path.strip("/").partition("/")
        if url.path in FORMATS:
            kind, content = FORMATS[url.path]
            self.send(content, {"Content-Type": kind})
        elif handler := getattr(self, f"answer_{endpoint.replace('-', '_')}", None):
            handler(rest)
        else:
            # /get, /post, /anything and so on tell what was asked.
            self.tell({"args": self.query, "data": self.body.decode("latin-1"), "url": self.path})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815

    def answer_gzip(self, _):
        content = gzip.compress(b'{"gzipped": true}')
        self.send(content, {"Content-Encoding": "gzip", "Content-Type": "application/json"})

    def answer_deflate(self, _):
        content = zlib.compress(b'{"deflated": true}')
        self.send(content, {"Content-Encoding": "deflate", "Content-Type": "application/json"})

    def answer_redirect(self, times):
        self.redirect("/relative-redirect/", times)

    def answer_relative_redirect(self, times):
        self.redirect("/relative-redirect/", times)

    def answer_absolute_redirect(self, times):
        self.redirect(f"http://{self.headers['host']}/absolute-redirect/", times)

    def redirect(self, to, times):
        last = int(times) == 1
        self.send(b"", {"Location": "/get" if last else f"{to}{int(times) - 1}"}, 302)

    def answer_cookies(self, what):
        if what == "set":
            cookies = [f"{name}={value}; Path=/" for name, value in self.query.items()]
            self.send(b"", {"Location": "/cookies", "Set-Cookie": cookies}, 302)
        else:
            sent = SimpleCookie(self.headers.get("cookie", ""))
            self.tell({"cookies": {name: each.value for name, each in sent.items()}})

    def answer_cache(self, seconds):
        if seconds:
            self.tell({"url": self.path}, {"Cache-Control": f"public, max-age={seconds}"})
        elif "if-none-match" in self.headers or "if-modified-since" in self.headers:
            self.send(b"", {}, 304)
        else:
            self.tell({"url": self.path}, {"ETag": '"0"'})

    def answer_response_headers(self, _):
        self.tell(self.query, self.query)

    def tell(self, value, headers=()):
        content = json.dumps(value, indent=2).encode()
        self.send(content, {"Content-Type": "application/json", **dict(headers)})

    def send(self, content, headers, status=200):
        self.send_response(status)
        for name, value in headers.items():
            for each in value if isinstance(value, list) else [value]:
                self.send_header(name, each)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server that is there for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
