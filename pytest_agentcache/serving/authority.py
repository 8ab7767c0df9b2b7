"""A certificate authority for one server, so that other processes trust its HTTPS."""

from __future__ import annotations

import ssl
import tempfile
import threading
from pathlib import Path
from typing import Any


class Authority:
    """Certificates for every host that a client asks for, signed by one of its own.

    Raises:
        ImportError: Without trustme.
    """

    def __init__(self) -> None:
        import trustme

        self._authority: Any = trustme.CA(organization_name="pytest-agentcache")
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._folder: Any = tempfile.TemporaryDirectory(prefix="agentcache-")
        self.own = Path(self._folder.name, "authority.pem")
        self._authority.cert_pem.write_to_path(self.own)
        self.bundle = Path(self._folder.name, "bundle.pem")
        self.bundle.write_bytes(_public() + self.own.read_bytes())

    def knows(self, host: str) -> bool:
        """Return true if `host` has a certificate."""
        return host in self._contexts

    def context(self, host: str) -> ssl.SSLContext:
        """Return the TLS context of a server that is `host`, which speaks HTTP/1.1 alone."""
        with self._lock:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(host).configure_cert(context)
                context.set_alpn_protocols(["http/1.1"])
                self._contexts[host] = context
            return self._contexts[host]

    def variables(self) -> dict[str, str]:
        """Return the variables by which programs trust the certificates."""
        whole = dict.fromkeys(
            ("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
            str(self.bundle),
        )
        # Node adds these to its own.
        return whole | {"NODE_EXTRA_CA_CERTS": str(self.own)}

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


def _public() -> bytes:
    """Return the public authorities, for hosts that a program reaches past the proxy."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return Path(DEFAULT_CA_BUNDLE_PATH).read_bytes()
