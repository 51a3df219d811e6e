"""The installed applications: the desktop files of the Freedesktop Desktop Entry Specification."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_MOST_BYTES: Final = 1 << 18
_FILES_MAX: Final = 5000


@dataclass(frozen=True)
class DesktopEntry:
    """One installed application.

    id: its desktop file id, without the ending. wm_class: what the file says that its windows are called, or nothing.
    names: how it is shown, in every language of the file.
    """

    id: str
    wm_class: str
    names: tuple[str, ...]


def folders() -> list[Path]:
    """Where desktop files are, the ones that others give way to first ($XDG_DATA_HOME, $XDG_DATA_DIRS)."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111 - Path's raises without a home
    others = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return [Path(one) / "applications" for one in (home, *others) if one.startswith("/")]


def stamps() -> tuple[int, ...]:
    """A number for each folder that changes when something is installed or removed."""
    return tuple(_changed_ns(folder) for folder in folders())


def installed() -> list[DesktopEntry]:
    """Every application that is installed, each id once. What cannot be read is left out."""
    entries: dict[str, DesktopEntry] = {}
    for folder in folders():
        for path in _files(folder):
            # Subfolders are a part of the id, joined by "-".
            name = "-".join(path.relative_to(folder).parts).removesuffix(".desktop")
            if name not in entries:
                entries[name] = _entry(name, path)
    return list(entries.values())


def _files(folder: Path) -> Iterator[Path]:
    try:
        found = sorted(folder.rglob("*.desktop"))[:_FILES_MAX]
    except OSError:
        return
    yield from found


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _entry(name: str, path: Path) -> DesktopEntry:
    names: list[str] = []
    wm_class = ""
    group = ""
    for line in _text(path).splitlines():
        if line.startswith("["):
            group = line.strip()
        key, _, value = line.partition("=")
        key = key.strip()
        if group != "[Desktop Entry]":
            continue
        if key == "Name" or key.startswith("Name["):
            names.append(value.strip())
        elif key == "StartupWMClass":
            wm_class = value.strip()
    return DesktopEntry(name, wm_class, tuple(names))


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_AT_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
