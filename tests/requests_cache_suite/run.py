"""Runs requests-cache's own tests over the isolated session: recording, offline, on a frozen clock.

    python tests/requests_cache_suite/run.py [SOURCE]

SOURCE is the source distribution of the requests-cache that is installed; without it, pip fetches
it from the package registry. The tests that are left out, and the reasons, are in `left_out.py`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from httpbin import serving

HERE = Path(__file__).parent
VERSION = importlib.metadata.version("requests-cache")
NAME = f"requests_cache-{VERSION}"
NEEDED = {"itsdangerous": "itsdangerous", "requests_mock": "requests-mock", "rich": "rich"}
WHAT = ("tests/unit", "tests/integration/test_filesystem.py")
REAL_TIME = ["-o", "agentcache_freeze=false"]
PLAYED = {"offline": REAL_TIME, "offline, on a frozen clock": []}


def main() -> int:
    missing = [name for module, name in NEEDED.items() if not importlib.util.find_spec(module)]
    if missing:
        print(f"not installed: pip install {' '.join(missing)}")
        return 2
    with tempfile.TemporaryDirectory(prefix="requests-cache-suite-") as name:
        folder = Path(name)
        source = Path(sys.argv[1]) if sys.argv[1:] else fetched(folder)
        if source.name != f"{NAME}.tar.gz":
            print(f"{source} is not {NAME}.tar.gz, the source of what is installed")
            return 2
        unpack_tests(source, folder)
        (folder / "pytest.ini").write_text("[pytest]\nagentcache_auto = true\n")
        with serving() as address:
            failed = run("while recording", ["--agentcache-record", *REAL_TIME], folder, address)
        for title, options in PLAYED.items():
            failed |= run(title, ["--agentcache-offline", *options], folder, address)
        return failed


def fetched(folder: Path) -> Path:
    """The source distribution, as pip finds it."""
    options = ["--quiet", "--no-deps", "--no-binary", "requests-cache", "--dest"]
    command = [sys.executable, "-m", "pip", "download", *options, str(folder)]
    command += [f"requests-cache=={VERSION}"]
    subprocess.run(command, check=True)
    return folder / f"{NAME}.tar.gz"


def unpack_tests(source: Path, folder: Path) -> None:
    """Unpacks the tests alone: they are to import what is installed."""
    with tarfile.open(source) as archive:
        for member in archive.getmembers():
            if member.name.startswith(f"{NAME}/tests/"):
                member.name = member.name.removeprefix(f"{NAME}/")
                archive.extract(member, folder, filter="data")


def run(title: str, options: list[str], folder: Path, httpbin: str) -> bool:
    """Return true if any of the tests failed."""
    print(f"\n== requests-cache's own tests {title}", flush=True)
    plugins = ["-p", "isolated", "-p", "no:asyncio", "-p", "no:randomly", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "--tb=short", *plugins, *options, *WHAT]
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    # What is set for the tests of this repository is not meant for these.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    kept |= {"PYTHONPATH": path, "HTTPBIN_URL": httpbin}
    return subprocess.run(command, check=False, cwd=folder, env=kept).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
