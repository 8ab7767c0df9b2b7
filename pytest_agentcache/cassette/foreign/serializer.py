"""Our cassettes for VCR.py: a serializer of its own, and a persister where bodies are in files.

my_vcr.register_serializer("agentcache", pytest_agentcache.vcr.serializer)
my_vcr.use_cassette("weather.yaml", serializer="agentcache")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ... import cassette
from .. import Cassette
from . import vcrpy
from .conversion import converted
from .source import Source

_UNNAMED = Path("cassette.yaml")


def deserialize(cassette_string: str) -> dict[str, Any]:
    """What VCR.py plays, from the text of one of our cassettes.

    Raises:
        CassetteError: If it is none, or a body of it lies in a file: that takes the `Persister`.
    """
    return vcrpy.document_of(cassette.parse(cassette_string, _UNNAMED))


def serialize(cassette_dict: dict[str, Any]) -> str:
    """The text of one of our cassettes, from what VCR.py recorded: redacted, every body in place.

    Raises:
        CassetteError: If a request has a body that nobody can write.
    """
    return cassette.render(_recorded(cassette_dict, _UNNAMED), None)


def _recorded(cassette_dict: dict[str, Any], path: Path) -> Cassette:
    return converted(vcrpy.read(Source(path, "", cassette_dict)))


class Persister:
    """Reads and writes our cassettes whole, with the files beside them.

    my_vcr.register_persister(pytest_agentcache.vcr.serializer.Persister)
    """

    @staticmethod
    def load_cassette(cassette_path: Any, serializer: Any) -> Any:  # noqa: ARG004 - VCR.py's
        """Requests and responses, as VCR.py takes them.

        Raises:
            CassetteError: If there is a cassette that cannot be read.
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
        """Writes what VCR.py recorded.

        Raises:
            CassetteError: If it cannot be written.
        """
        from types import SimpleNamespace

        from vcr.serialize import serialize as as_vcr_has_it

        path = Path(cassette_path)
        document = as_vcr_has_it(cassette_dict, SimpleNamespace(serialize=lambda given: given))
        cassette.write(_recorded(document, path))
