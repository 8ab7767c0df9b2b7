"""Cassettes at a revision of git."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from .. import cassette
from ..cassette import foreign
from ..cassette.paths import FOLDER
from ..errors import CassetteError
from .exit_codes import CommandError
from .selection import LARGEST, Loaded, local_path, parse, read_bytes

_SUFFIXES = (".yaml", ".yml", ".json")
_HEAD = re.compile(rb"^(?:agentcache|recorded_at)\s*:", re.MULTILINE)
_FOREIGN = re.compile(rb"^(?:http_)?interactions\s*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository of the working directory.

    Attributes:
        root: The top folder of its work tree.
    """

    root: Path

    @classmethod
    def here(cls) -> Repository:
        """Return the repository of the working directory.

        Raises:
            CommandError: If git is not installed, or this is not a repository.
        """
        return cls(Path(_git(Path.cwd(), "rev-parse", "--show-toplevel").decode().strip()))

    def git(self, *arguments: str) -> bytes:
        """Run a git command and return its output.

        Raises:
            CommandError: With git's error message, if it fails.
        """
        return _git(self.root, *arguments)

    def revision(self, name: str) -> str:
        """Return the hash of the commit called `name`.

        Raises:
            CommandError: If there is no such commit.
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
        """Return whether `name` is a commit."""
        try:
            self.revision(name)
        except CommandError:
            return False
        return True

    def revision_range(self, text: str) -> tuple[str, str | None]:
        """Return the two commits of `A`, `A..B` or `A...B`; None means the work tree.

        As for `git diff`, `A...B` starts at the common ancestor of both.

        Raises:
            CommandError: If there is no such commit.
        """
        before, dots, after = (
            re.split(r"(\.{2,3})", text, maxsplit=1) if ".." in text else (text, "", "")
        )
        # An empty name is probably an unset variable of CI, so it is an error.
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
        """Yield the old and the new name of each file that differs; None for a missing one.

        In the work tree, untracked files count as new.

        Raises:
            CommandError: If one of `paths` exists at neither revision.
        """
        given = [os.path.relpath(path or os.curdir, self.root) for path in paths]
        for path in given:
            if not os.path.lexists(self.root / path):
                trees = [self.git("ls-tree", each, "--", path) for each in (old, new) if each]
                if not any(trees):
                    raise CommandError(f"{path}: there is no such file or folder at any revision")
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
        """Return the old name of each untracked file with the content of a deleted one."""
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
        """Return a cassette at a revision or in the work tree; None if it is not a cassette.

        Raises:
            CassetteError: If it looks like a cassette and cannot be read.
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
    """Return whether a file is in a folder of cassettes, and looks like one of another tool."""
    by_place = FOLDER in PurePosixPath(name).parts and name.endswith(_SUFFIXES)
    return by_place and (path is None or foreign.is_foreign(path))


def from_bytes(raw: bytes, path: Path, beside: Callable[[str], bytes | None]) -> Loaded:
    """Parse a cassette that is not in its usual place.

    Args:
        raw: The bytes of the file.
        path: The path to show in errors.
        beside: Returns the bytes of a sidecar file. If it returns None, the name is used instead.

    Raises:
        CassetteError: If it is not a valid cassette.
    """
    names = cassette.sidecars_named_in(raw)
    shown = Path(local_path(path))
    if not names and _HEAD.search(raw[:4096]):
        return Loaded(path, replace(parse(raw, shown), path=path), raw)
    import tempfile

    with tempfile.TemporaryDirectory(prefix="agentcache-") as folder:
        copy = Path(folder) / (path.name or "cassette.yaml")
        copy.write_bytes(raw)
        sidecars = cassette.sidecar_folder(copy)
        for name in names:
            sidecars.mkdir(exist_ok=True)
            content = beside(name)
            (sidecars / name).write_bytes(f"<{name}>".encode() if content is None else content)
        try:
            if foreign.is_foreign(copy):
                found, is_foreign = foreign.converted(foreign.read_foreign(copy)), True
            else:
                found, is_foreign = parse(raw, copy), False
        except CassetteError as error:
            raise CassetteError(shown, error.problem, error.remedy, error.line) from None
    return Loaded(path, replace(found, path=path), raw, is_foreign)


def from_git(file: Path, path: Path) -> Loaded | None:
    """Read a temporary file that git wrote; None for the null device.

    Args:
        file: The temporary file.
        path: The cassette in the work tree, next to which its sidecar files are.

    Raises:
        CommandError: If it is not a valid cassette.
    """
    if str(file) == os.devnull:
        return None
    folder = cassette.sidecar_folder(path)

    def beside(name: str) -> bytes | None:
        try:
            # Sidecar files are named by their content, so today's file is the one of then.
            return (folder / name).read_bytes()
        except OSError:
            return None

    raw = read_bytes(file)
    try:
        return from_bytes(raw, path, beside)
    except CassetteError as error:
        raise CommandError(f"{path}: {error.problem}") from None


def committed_at(path: Path) -> datetime | None:
    """Return the time of the last commit that changed a file; None if git does not know it."""
    try:
        found = _git(path.absolute().parent, "log", "-1", "--format=%cI", "--", path.name)
        return datetime.fromisoformat(found.decode().strip()).astimezone(UTC)
    except (CommandError, ValueError):
        return None


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
        raise CommandError("git is not installed", "Install git, or compare two files") from None
    except OSError as error:
        raise CommandError(f"git cannot be run: {error.strerror}") from None
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip()
        if "not a git repository" in message:
            raise CommandError(
                f"{folder} is not in a git repository",
                "Run git init, or go to the project's folder",
            )
        raise CommandError(f"git {arguments[0]}: {message.rpartition('fatal: ')[2]}")
    return done.stdout
