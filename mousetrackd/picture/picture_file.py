"""Whether a picture's file is there, whole, and another than before: what a child says about it is not enough."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

_BEGIN: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
"""PNG specification, 5.2 and 11.2.5: the signature, and the chunk that ends every file."""


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


_Identity = tuple[int, int, int]
"""Device, inode and the time of the last change: a file that is renamed over another is a new one by each."""


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
