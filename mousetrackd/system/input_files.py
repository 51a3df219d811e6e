"""Reading files that somebody else wrote: only regular files are opened, and no line is read that is too long."""

from __future__ import annotations

import errno
import itertools
import os
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO, TextIO

LINE_MAX: Final = 65536
"""No line of a table is longer, in characters."""

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading without ever waiting for a pipe or touching a device.

    Raises OSError, with EINVAL for what is not a regular file; its ``strerror`` says what it is instead.
    """
    _check_regular(path, path.stat())
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check_regular(path, os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check_regular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_one, name in _KINDS if is_one(found.st_mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))


def bounded_lines(file: TextIO) -> Iterator[str]:
    """The lines of a text file. Raises ValueError at one of more than ``LINE_MAX`` characters, and reads no further."""
    for number in itertools.count(1):
        line = file.readline(LINE_MAX)
        if not line:
            return
        if len(line) == LINE_MAX and not line.endswith(("\n", "\r")):
            raise ValueError(f"line {number} is longer than {LINE_MAX} characters")
        yield line
