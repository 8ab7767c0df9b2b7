"""What git knows: cassettes as they were at a revision."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from .. import cassette
from ..cassette import foreign as vcr
from ..cassette.paths import FOLDER
from ..errors import CassetteError
from .exit_codes import CommandError
from .selection import LARGEST, Loaded, parse, read_bytes, shown

_SUFFIXES = (".yaml", ".yml", ".json")
_HEAD = re.compile(rb"^(?:agentcache|recorded_at)\s*:", re.MULTILINE)
_FOREIGN = re.compile(rb"^(?:http_)?interactions\s*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Repository:
    """The work tree that the working directory lies in.

    Attributes:
        root: Its top folder.
    """

    root: Path

    @classmethod
    def here(cls) -> Repository:
        """The repository of the working directory.

        Raises:
            CommandError: If there is no git, or no repository.
        """
        return cls(Path(_git(Path.cwd(), "rev-parse", "--show-toplevel").decode().strip()))

    def git(self, *arguments: str) -> bytes:
        """What a command of git prints.

        Raises:
            CommandError: With what git says, if it fails.
        """
        return _git(self.root, *arguments)

    def revision(self, name: str) -> str:
        """The commit that `name` names.

        Raises:
            CommandError: If there is none.
        """
        try:
            found = self.git(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
            )
        except CommandError:
            if name == "HEAD":
                raise CommandError("this repository has no commit to compare with yet") from None
            raise CommandError(
                f"there is no revision {name!r}",
                "Name a branch, a tag or a commit; in CI it may have to be fetched first",
            ) from None
        return found.decode().strip()

    def is_revision(self, name: str) -> bool:
        """Whether `name` names a commit."""
        try:
            self.revision(name)
        except CommandError:
            return False
        return True

    def span(self, text: str) -> tuple[str, str | None]:
        """The commits of `A`, `A..B` or `A...B` (from where both part); None for the work tree.

        Raises:
            CommandError: If there is no such commit.
        """
        before, dots, after = (
            re.split(r"(\.{2,3})", text, maxsplit=1) if ".." in text else (text, "", "")
        )
        # An empty one is more likely a variable of CI that is not set.
        old = self.revision(before or ("HEAD" if dots else ""))
        if not dots:
            return old, None
        new = self.revision(after or "HEAD")
        if dots == "...":
            try:
                old = self.git("merge-base", old, new).decode().strip()
            except CommandError:
                raise CommandError(
                    f"{before or 'HEAD'} and {after or 'HEAD'} have no commit in common",
                    "In CI fetch the whole history (fetch-depth: 0), or name the commit itself",
                ) from None
        return old, new

    def changed(
        self, old: str, new: str | None, paths: Iterable[str] = ()
    ) -> Iterator[tuple[str | None, str | None]]:
        """The files that differ, each as it was called and is called; None for none.

        Files that git does not know yet count as new where the work tree is compared.

        Raises:
            CommandError: If there is nothing at one of `paths`, now or then.
        """
        given = [os.path.relpath(path or os.curdir, self.root) for path in paths]
        for path in given:
            if not os.path.lexists(self.root / path):
                trees = [self.git("ls-tree", each, "--", path) for each in (old, new) if each]
                if not any(trees):
                    raise CommandError(f"{path}: there is no such file or folder, now or then")
        scope = ["--", *given] if given else []
        spans = [old] if new is None else [old, new]
        output = self.git(
            "diff", "--no-ext-diff", "--name-status", "--find-renames", "-z", *spans, *scope
        )
        words = output.decode("utf-8", "surrogateescape").split("\0")
        found: list[tuple[str | None, str | None]] = []
        at = 0
        while at < len(words) - 1:
            status = words[at][:1]
            if status in ("R", "C"):
                found.append((words[at + 1] if status == "R" else None, words[at + 2]))
                at += 3
                continue
            name = words[at + 1]
            found.append((None if status == "A" else name, None if status == "D" else name))
            at += 2
        if new is not None:
            yield from found
            return
        listing = self.git("ls-files", "--others", "--exclude-standard", "-z", *scope)
        unknown = [name for name in listing.decode("utf-8", "surrogateescape").split("\0") if name]
        moved = self._moved(old, [was for was, now in found if was and not now], unknown)
        yield from (pair for pair in found if pair[1] or pair[0] not in moved.values())
        yield from ((moved.get(name), name) for name in unknown)

    def _moved(self, old: str, gone: list[str], unknown: list[str]) -> dict[str, str]:
        """Which of the files that git does not know is one that is gone, by what it holds."""
        blobs = {
            self.git("rev-parse", f"{old}:{name}"): name
            for name in gone
            if name.endswith(_SUFFIXES)
        }
        moved = {}
        for name in unknown if blobs else ():
            if name.endswith(_SUFFIXES) and (self.root / name).is_file():
                was = blobs.pop(self.git("hash-object", "--", name), None)
                if was:
                    moved[name] = was
        return moved

    def load(self, revision: str | None, name: str) -> Loaded | None:
        """The cassette called `name` at a revision or in the work tree; None if it is none.

        Raises:
            CassetteError: If it says that it is a cassette and cannot be read.
        """
        path = self.root / name
        if not name.endswith(_SUFFIXES):
            return None
        if revision is None:
            if path.is_symlink() or not (cassette.is_ours(path) or _among(name, path)):
                return None
            raw = read_bytes(path)
        else:
            raw = self._blob(revision, name)
            if not (_HEAD.search(raw[:4096]) or (_among(name) and _FOREIGN.search(raw[:4096]))):
                return None
        folder = cassette.sidecar_folder(Path(name)).as_posix()

        def beside(file: str) -> bytes | None:
            try:
                if revision is None:
                    return (self.root / folder / file).read_bytes()
                return self.git("cat-file", "blob", f"{revision}:{folder}/{file}")
            except (OSError, CommandError):
                return None

        return from_bytes(raw, path, beside)

    def _blob(self, revision: str, name: str) -> bytes:
        size = int(self.git("cat-file", "-s", f"{revision}:{name}"))
        if size > LARGEST:
            raise CassetteError(
                Path(name),
                f"is too large for a cassette: {size / 2**20:,.0f} MiB at {revision[:10]}",
                "It was not read",
            )
        return self.git("cat-file", "blob", f"{revision}:{name}")


def _among(name: str, path: Path | None = None) -> bool:
    """Whether a file lies where cassettes of other tools do, and is one as far as looks tell."""
    by_place = FOLDER in PurePosixPath(name).parts and name.endswith(_SUFFIXES)
    return by_place and (path is None or vcr.is_foreign(path))


def from_bytes(raw: bytes, path: Path, beside: Callable[[str], bytes | None]) -> Loaded:
    """The cassette whose text is `raw`, called `path` wherever it is told of.

    Args:
        raw: The bytes of the file.
        path: What it is called.
        beside: Gives the bytes of a file that lies beside it; for None its name stands in.

    Raises:
        CassetteError: If it is no cassette.
    """
    with tempfile.TemporaryDirectory(prefix="agentcache-") as folder:
        copy = Path(folder) / (path.name or "cassette.yaml")
        copy.write_bytes(raw)
        sidecars = cassette.sidecar_folder(copy)
        for name in cassette.sidecars_named_in(raw):
            sidecars.mkdir(exist_ok=True)
            content = beside(name)
            (sidecars / name).write_bytes(f"<{name}>".encode() if content is None else content)
        try:
            if vcr.is_foreign(copy):
                found, foreign = vcr.converted(vcr.read_foreign(copy)), True
            else:
                found, foreign = parse(raw, copy), False
        except CassetteError as error:
            named = Path(shown(path))
            raise CassetteError(named, error.problem, error.remedy, error.line) from None
    return Loaded(path, replace(found, path=path), raw, foreign)


def _git(folder: Path, *arguments: str) -> bytes:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and its first word is ours
            ["git", "-C", os.fspath(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            env=environment,
            check=False,
        )
    except FileNotFoundError:
        raise CommandError("there is no git here", "Install git, or compare two files") from None
    except OSError as error:
        raise CommandError(f"git cannot be run: {error.strerror}") from None
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip()
        if "not a git repository" in told:
            raise CommandError(f"{folder} lies in no git repository")
        raise CommandError(f"git {arguments[0]}: {told.rpartition('fatal: ')[2]}")
    return done.stdout
