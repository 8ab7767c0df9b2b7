"""Check the wheel and the sdist of a folder: their metadata, and that nothing is missing.

python .ci/check_distributions.py dist
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

NOT_IN_SDIST = {".gitattributes"}


def main(folder: Path) -> int:
    """Print what is wrong; return the exit code."""
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    tracked = subprocess.run(
        ["git", "ls-files"], check=True, capture_output=True, encoding="utf-8"
    ).stdout.splitlines()
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
        [about] = [name for name in in_wheel if name.endswith(".dist-info/METADATA")]
        # Raises for metadata that a package index would refuse.
        metadata = Metadata.from_email(archive.read(about), validate=True)
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}

    package = {name for name in tracked if name.startswith("pytest_agentcache/")}
    wrong = [f"not in the wheel: {name}" for name in sorted(package - in_wheel)]
    extra = {name for name in in_wheel if ".dist-info/" not in name} - package
    wrong += [f"in the wheel, but not in git: {name}" for name in sorted(extra)]
    wrong += [f"not in the sdist: {name}" for name in sorted({*tracked} - in_sdist - NOT_IN_SDIST)]
    if not any(name.endswith("/LICENSE") for name in in_wheel):
        wrong.append("not in the wheel: LICENSE")
    if metadata.description_content_type != "text/markdown" or not metadata.project_urls:
        wrong.append("the metadata lacks the README or the addresses of the project")
    print("\n".join(wrong) or f"{wheel.name} and {sdist.name}: {len(package)} files, all there")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
