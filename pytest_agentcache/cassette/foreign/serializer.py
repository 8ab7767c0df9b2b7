"""Use our cassettes in VCR.py: a serializer, and a persister for bodies in files.

my_vcr.register_serializer("agentcache", pytest_agentcache.vcr.serializer)
my_vcr.use_cassette("weather.yaml", serializer="agentcache")
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ... import cassette
from .. import Cassette
from . import vcrpy
from .conversion import converted
from .source import Source

_UNNAMED = Path("cassette.yaml")


def deserialize(cassette_string: str) -> dict[str, Any]:
    """Return the text of one of our cassettes as VCR.py reads it.

    Raises:
        CassetteError: If it is not a cassette, or a body is in a file: that needs the `Persister`.
    """
    return vcrpy.document_of(cassette.parse(cassette_string, _UNNAMED))


def serialize(cassette_dict: dict[str, Any]) -> str:
    """Return a recording of VCR.py as the text of our cassette, redacted, with all bodies in it.

    Raises:
        CassetteError: If a request has a body that cannot be written.
    """
    return cassette.render(_recorded(cassette_dict, _UNNAMED), None)


def _recorded(cassette_dict: dict[str, Any], path: Path) -> Cassette:
    found = converted(vcrpy.read(Source(path, "", cassette_dict)))
    # VCR.py calls this at the end of a recording.
    now = datetime.now(UTC).replace(microsecond=0)
    return replace(found, recorded_at=found.recorded_at or now)


class Persister:
    """A persister that reads and writes our cassettes with the files beside them.

    my_vcr.register_persister(pytest_agentcache.vcr.serializer.Persister)
    """

    @staticmethod
    def load_cassette(cassette_path: Any, serializer: Any) -> Any:  # noqa: ARG004 - VCR.py's
        """Return requests and responses as VCR.py reads them.

        Raises:
            CassetteError: If the cassette cannot be read.
        """
        from types import SimpleNamespace

        from vcr.persisters.filesystem import (  # type: ignore[import-untyped]
            CassetteNotFoundError,
        )
        from vcr.serialize import (  # type: ignore[import-untyped]
            deserialize as as_vcr_has_it,
        )

        path = Path(cassette_path)
        if not path.is_file():
            raise CassetteNotFoundError
        document = vcrpy.document_of(cassette.read(path))
        return as_vcr_has_it("", SimpleNamespace(deserialize=lambda _: document))

    @staticmethod
    def save_cassette(cassette_path: Any, cassette_dict: Any, serializer: Any) -> None:  # noqa: ARG004
        """Write a recording of VCR.py.

        Raises:
            CassetteError: If it cannot be written.
        """
        from types import SimpleNamespace

        from vcr.serialize import serialize as as_vcr_has_it

        path = Path(cassette_path)
        document = as_vcr_has_it(cassette_dict, SimpleNamespace(serialize=lambda given: given))
        cassette.write(_recorded(document, path))
