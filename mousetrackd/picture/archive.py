"""The pictures on disk: written whole under their date and as ``latest.png``, pruned, and found to be whole or not.

Cheap to import: the daemon and the commands look at pictures and draw none.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from mousetrackd.core.errors import MousetrackError
from mousetrackd.system.files import make_private, sync_folder, write_whole

_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?\.png")
"""Of a dated picture: when it was drawn, in UTC, and a number where that second has several."""

_BEGIN: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
"""PNG specification, 5.2 and 11.2.5: the signature, and the chunk that ends every file."""

_Identity: TypeAlias = tuple[int, int, int]
"""Device, inode and the time of the last change: a file that is renamed over another is a new one by each."""


def keep(folder: Path, png: bytes, now: datetime, keep_count: int, keep_mb: int) -> Path:
    """Write the picture under its date and as ``latest.png``, each whole or not at all; prune the oldest.

    Raises MousetrackError when it cannot be written.
    """
    make_private(folder)
    latest = folder / "latest.png"
    try:
        if keep_count > 0 and keep_mb > 0:
            dated = _dated_name(folder, now)
            write_whole(dated, png)
            _link_whole(dated, latest, png)
        else:
            write_whole(latest, png)
        _prune(folder, keep_count, keep_mb * 1_000_000)
    except OSError as error:
        raise MousetrackError(
            f"cannot write the picture {latest}: {error.strerror or error}",
            "The last one is untouched, and counting goes on. Check the disk and the folder's permissions.",
        ) from error
    return latest


def _dated_name(folder: Path, now: datetime) -> Path:
    """A name that no picture has yet: the clock may have been set back."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    # One more than the last, not the first that is free: an earlier one may have been pruned.
    last = max((number for when, number, _ in _dated(folder) if when == stamp), default=0)
    return folder / (f"{stamp}-{last + 1}.png" if last else f"{stamp}.png")


def _dated(folder: Path) -> list[tuple[str, int, Path]]:
    """The date, number and path of every dated picture, oldest first."""
    named = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((match[1], int(match[2] or 1), path) for match, path in named if match)


def _link_whole(dated: Path, latest: Path, png: bytes) -> None:
    """Let ``latest`` be the same file as ``dated``: the bytes are on the disk already."""
    fresh = latest.with_name(f".{latest.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    try:
        fresh.hardlink_to(dated)
    except OSError:  # a file system without hard links
        write_whole(latest, png)
        return
    try:
        fresh.replace(latest)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(latest.parent)


def _prune(folder: Path, keep_count: int, keep_bytes: int) -> None:
    kept_bytes = 0
    for number, (_, _, path) in enumerate(reversed(_dated(folder))):
        kept_bytes += path.stat().st_size
        if number >= keep_count or kept_bytes > keep_bytes:
            path.unlink(missing_ok=True)


def is_whole(path: Path) -> bool:
    """Is it a file that begins and ends as a PNG does? Follows no link, and never waits for a pipe or a device."""
    return _whole(path) is not None


def new_picture(path: Path) -> Callable[[], str]:
    """What is at ``path`` now is the old picture; the function says what is wrong with the new one, "" for nothing."""
    before = _identity(path)

    def problem() -> str:
        now = _whole(path)
        if now is None:
            return f"no whole picture was written to {path}\nCheck the disk, and what else writes there."
        if now == before:
            return f"{path} is still the old picture\nCheck the folder's permissions, and what else writes there."
        return ""

    return problem


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns


def _whole(path: Path) -> _Identity | None:
    """Which file it is; None for one that is no whole PNG."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # merely opening a device may do something
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size < len(_BEGIN) + len(_END):
            return None
        is_whole = (
            os.pread(descriptor, len(_BEGIN), 0) == _BEGIN
            and os.pread(descriptor, len(_END), found.st_size - len(_END)) == _END
        )
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return (found.st_dev, found.st_ino, found.st_ctime_ns) if is_whole else None
