"""A server that issues secrets, and refuses requests that do not send them back."""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

PASSWORD = "correct-horse-7"
_REFUSED = 403, {"error": "refused"}


class Authority:
    """OAuth, sessions with cookies and CSRF tokens, signed addresses and secrets of webhooks.

    Attributes:
        given: All secrets that it handed out.
        url: Where it listens, until it is stopped.
    """

    def __init__(self) -> None:
        self.given: set[str] = set()
        self._uses: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def give(self, use: str) -> str:
        """A new secret that is good for `use`."""
        secret = secrets.token_hex(20) + "a7"
        self.given.add(secret)
        self._uses[secret] = use
        return secret

    def _is(self, secret: str, use: str) -> bool:
        return self._uses.get(secret) == use

    def answer(
        self, path: str, asked: dict[str, str], cookies: dict[str, str]
    ) -> tuple[int, Any, *tuple[tuple[str, str], ...]]:
        """Status, body and headers."""
        session = cookies.get("sid", "")
        match path:
            case "/authorize":
                to = f"{asked['redirect_uri']}?code={self.give('code')}&state={asked['state']}"
                return 302, "", ("Location", to)
            case "/device":
                return 200, {"device_code": self.give("device"), "user_code": "WDJB", "interval": 1}
            case "/token":
                kind = asked["grant_type"].rpartition(":")[2]
                used = {
                    "authorization_code": ("code", "code"),
                    "refresh_token": ("refresh_token", "refresh"),
                    "device_code": ("device_code", "device"),
                }.get(kind)
                if used and not self._is(asked[used[0]], used[1]):
                    return _REFUSED
                given = {
                    "access_token": self.give(asked.get("username", "me")),
                    "refresh_token": self.give("refresh"),
                }
                return 200, {**given, "token_type": "Bearer", "expires_in": 3600}
            case "/me":
                who = self._uses.get(asked.get("access_token", ""))
                return (200, {"who": who}) if who else _REFUSED
            case "/form":
                token = self.give("csrf")
                page = f"""
                    <meta content="{token}" name="csrf-token">
                    <form><input type="hidden" name='authenticity_token' value='{token}'></form>
                    <script>let token = "{token}"</script>
                """
                return 200, page, ("Set-Cookie", f"sid={self.give('guest')}; Path=/; HttpOnly")
            case "/login":
                asks = self._is(asked["authenticity_token"], "csrf") and self._is(session, "guest")
                if not asks or asked["password"] != PASSWORD:
                    return _REFUSED
                cookie = "Set-Cookie", f"sid={self.give('member')}; Path=/"
                more = "Set-Cookie", f"remember={self.give('later')}; Path=/; Max-Age=9999"
                return 303, "", ("Location", "/home"), cookie, more
            case "/home":
                return (200, {}) if self._is(session, "member") else (401, {"error": "log in"})
            case "/logout":
                return 200, {}, ("Set-Cookie", "sid=; Path=/; Max-Age=0")
            case "/sign":
                query = {
                    "s3": "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2Fs3&X-Amz-Signature=",
                    "gcs": "X-Goog-Credential=a%40b.iam&X-Goog-Signature=",
                    "sas": "sv=2022-11-02&sp=r&sig=",
                }[asked["by"]]
                return 200, {
                    "upload": {"href": f"{self.url}/blob?{query}{quote(self.give('sig'))}"}
                }
            case "/blob":
                names = ("X-Amz-Signature", "X-Goog-Signature", "sig")
                signed = any(self._is(asked.get(name, ""), "sig") for name in names)
                return (200, {"stored": True}) if signed else _REFUSED
            case "/webhook":
                return 200, {"id": 1, "signing_secret": self.give("hook")}
            case "/verify":
                return (200, {}) if self._is(asked["by"], "hook") else _REFUSED
        return 404, {}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                parts = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                asked = dict(parse_qsl(parts.query) + parse_qsl(raw))
                bearer = self.headers.get("Authorization", "")
                if bearer.startswith("Bearer "):
                    asked["access_token"] = bearer[7:]
                pairs = (each.partition("=") for each in self.headers.get("Cookie", "").split(";"))
                cookies = {name.strip(): value for name, _, value in pairs}
                status, body, *headers = authority.answer(parts.path, asked, cookies)
                content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                media = "text/html" if isinstance(body, str) else "application/json"
                for name, value in (("Content-Type", media), *headers):
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - names of http.server

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler
