"""`agentcache list`, which lists cassettes and their contents."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...errors import CassetteError
from ...http.messages import Interaction
from ...stored_results import StoredResults
from ..costs import Costs, costs
from ..exit_codes import FINE, REFUSED
from ..selection import Loaded, digest_of, find, load_inside, local_path, unreadable
from ..terminal import Screen, columns, counted, cut, cut_middle, label, pad, short_age, size_text

_SORTS = ("path", "age", "size", "tokens", "interactions")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .)")
    parser.add_argument(
        "--sort", choices=_SORTS, default="path", help="sort by this, largest first"
    )


def run(args: argparse.Namespace, screen: Screen) -> int:
    """List the cassettes, and report unreadable ones on standard error."""
    rows, broken = [], []
    stored = StoredResults("list")
    for path in find(args.paths):
        digest = digest_of(path)
        facts = stored.get(local_path(path), digest) if digest else None
        try:
            if facts is None:
                facts = _facts(load_inside(path))
                if digest:
                    stored.put(local_path(path), digest, facts)
            rows.append(_row(path, facts))
        except CassetteError as error:
            broken.append(error)
    stored.save()
    if args.sort != "path":
        rows.sort(key=lambda row: row[args.sort] or 0, reverse=True)
    if args.json:
        screen.json(
            {
                "cassettes": [{k: v for k, v in row.items() if k != "costs"} for row in rows],
                "unreadable": unreadable(broken),
            }
        )
    elif rows:
        _write(rows, screen, by_folder=args.sort == "path")
    for each in broken:
        screen.complain(str(each))
    return REFUSED if broken else FINE


def _facts(loaded: Loaded) -> dict[str, Any]:
    """Return what is listed of a cassette and depends on nothing but its files, as JSON."""
    recorded = loaded.cassette.recorded_at
    return {
        "test": loaded.test,
        "interactions": len(loaded.interactions),
        "hosts": _hosts(loaded.interactions),
        "recorded_at": recorded.isoformat() if recorded else None,
        "size": loaded.size,
        "costs": astuple(costs(loaded.interactions)),
        "foreign": loaded.foreign,
    }


def _row(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    recorded, used = facts["recorded_at"], Costs(*facts["costs"])
    age = datetime.now(UTC) - datetime.fromisoformat(recorded) if recorded else None
    return {
        "path": local_path(path),
        "test": facts["test"],
        "interactions": facts["interactions"],
        "hosts": facts["hosts"],
        "recorded_at": recorded,
        "age": age.total_seconds() if age else None,
        "size": facts["size"],
        "tokens": used.tokens_in + used.tokens_out,
        "tokens_in": used.tokens_in,
        "tokens_out": used.tokens_out,
        "cost": used.cost,
        "foreign": facts["foreign"],
        "costs": used,
    }


def _hosts(interactions: tuple[Interaction, ...]) -> list[str]:
    """Return the hosts of the requests, the most frequent first."""
    counts = Counter(urlsplit(each.request.url).netloc for each in interactions)
    return [host for host, _ in counts.most_common()]


def _write(rows: list[dict[str, Any]], screen: Screen, *, by_folder: bool) -> None:
    """Write a table, or two lines per cassette on a narrow screen."""
    paths = [row["path"] for row in rows]
    # The folder of several lines is written once, above them.
    folders = [_folder(path) for path in paths] if by_folder and len(rows) > 1 else []
    folders = folders or [_common(paths)] * len(rows)
    indent = "  " if any(folders) else ""
    cells = [_cells(row, folder) for row, folder in zip(rows, folders, strict=True)]
    widths = [max(columns(each[at]) for each in cells) for at in range(len(cells[0]))]
    numbers = [f"{each[1]:>{widths[1]}}" for each in cells]
    fixed = sum(widths[2:5]) + widths[1] + 8 + len(indent)
    room = screen.width - fixed
    hosts_room = min(widths[5], max(0, room - widths[0] - 2), 40)
    if room >= 24:
        name_room = min(widths[0], room - (hosts_room + 2 if hosts_room >= 12 else 0))
        for at, (each, number) in enumerate(zip(cells, numbers, strict=True)):
            _write_folder(folders, at, screen)
            line = indent + pad(cut_middle(each[0], name_room), name_room) + "  " + number
            for place in (2, 3, 4):
                cell = pad(each[place], widths[place], right=True)
                line += "  " + screen.style(cell, "dim")
            if hosts_room >= 12:
                line += "  " + screen.style(cut_middle(each[5], hosts_room), "cyan")
            screen.line(line.rstrip())
    else:
        for at, each in enumerate(cells):
            _write_folder(folders, at, screen)
            screen.line(cut_middle(each[0], screen.width))
            details = " · ".join(part for part in (each[1].strip(), *each[2:]) if part)
            screen.line("  " + screen.style(cut(details, screen.width - 2), "dim"))
    _write_total(rows, screen)


def _write_folder(folders: list[str], at: int, screen: Screen) -> None:
    """Write the folder of a row, if it is the first row in it."""
    if folders[at] and (at == 0 or folders[at] != folders[at - 1]):
        screen.line(cut_middle(f"{label(folders[at])}/", screen.width), "dim")


def _folder(path: str) -> str:
    found = Path(path).parent.as_posix()
    return "" if found in (".", "/") else found


def _cells(row: dict[str, Any], common: str) -> list[str]:
    name = os.path.relpath(row["path"], common) if common else row["path"]
    age = short_age(timedelta(seconds=row["age"])) if row["age"] is not None else ""
    used: Costs = row["costs"]
    hosts = row["hosts"]
    hosts_text = hosts[0] if hosts else "no host"
    if len(hosts) > 1:
        hosts_text += f" +{len(hosts) - 1}"
    return [
        label(Path(name).as_posix()) + (" (VCR)" if row["foreign"] else ""),
        counted(row["interactions"], "call"),
        age,
        size_text(row["size"]),
        f"{used.tokens} tok" if used.tokens else "",
        hosts_text,
    ]


def _common(paths: list[str]) -> str:
    if len(paths) < 2:
        return ""
    try:
        found = os.path.commonpath([str(Path(path).parent) for path in paths])
    except ValueError:
        return ""
    return found if found not in ("", "/", ".") else ""


def _write_total(rows: list[dict[str, Any]], screen: Screen) -> None:
    used = Costs()
    for row in rows:
        used += row["costs"]
    hosts = {host for row in rows for host in row["hosts"]}
    parts = [
        counted(len(rows), "cassette"),
        counted(sum(row["interactions"] for row in rows), "call"),
        counted(len(hosts), "host"),
        size_text(sum(row["size"] for row in rows)),
    ]
    if used.counted:
        parts.append(f"{used.tokens} tokens")
    if used.money:
        parts.append(used.money)
    screen.wrapped(" · ".join(parts), "", "bold")
