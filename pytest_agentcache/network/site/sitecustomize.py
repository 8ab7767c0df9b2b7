"""Close the network of a Python process that an offline run of pytest-agentcache has started.

Python imports this at its start. The user's own `sitecustomize` is imported after it, as it would
have been without it.
"""

import os
import sys
from importlib import _bootstrap, _bootstrap_external, import_module

_HERE = os.path.dirname(os.path.abspath(__file__))


def _close() -> None:
    # Under a name of its own: this Python may have no pytest-agentcache, or another version.
    name, folder = "_agentcache_network", os.path.dirname(_HERE)
    spec = _bootstrap_external.spec_from_file_location(
        name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is not None:
        sys.modules[name] = package = _bootstrap.module_from_spec(spec)
        # For an offline run of this process, which takes the network over.
        package.closed = import_module(name + ".child").close()  # type: ignore[attr-defined]


def _import_next() -> None:
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != _HERE]
    own = sys.modules.pop(__name__)
    try:
        import_module(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
        sys.modules[__name__] = own


# The hooks of PEP 578.
if sys.version_info >= (3, 8):
    _close()
_import_next()
