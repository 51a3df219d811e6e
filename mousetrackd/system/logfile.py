"""The log file: small, the user's own, and never anything else that lies under its name."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import RefusedError
from mousetrackd.system.paths import make_private, open_own

if TYPE_CHECKING:
    from pathlib import Path

KEPT_BYTES: Final = 256 * 1024
"""Some thousand lines, and as many in the file before. A quiet month is a few dozen."""


class LogFile(logging.Handler):
    """Appends each line to ``path``, which is opened for it: lines are rare, and the file may be moved or removed.

    problem: why the last line could not be written; empty when it was.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.problem = ""

    def check(self) -> None:
        """Try whether a line could be written, and set ``problem``."""
        self._append("")

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line."""
        self._append(self.format(record) + "\n")

    def _append(self, text: str) -> None:
        try:
            append(self._path, text)
            self.problem = ""
        except RefusedError as error:
            self.problem = error.message


def append(path: Path, text: str) -> None:
    """Append to a log file, which is made where there is none; one that is full becomes ``.1``. Raises RefusedError."""
    make_private(path.parent)
    content = text.encode("utf-8", "backslashreplace")
    try:
        descriptor = _open(path)
        try:
            if os.fstat(descriptor).st_size + len(content) > KEPT_BYTES:
                with contextlib.suppress(OSError):
                    path.replace(path.with_name(f"{path.name}.1"))
                    os.close(descriptor)
                    descriptor = _open(path)
                if os.fstat(descriptor).st_size > KEPT_BYTES:  # it could not be renamed
                    os.ftruncate(descriptor, 0)
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RefusedError(
            f"no log is kept in {path}: {error.strerror or error}", "Remove what is there, or check the disk."
        ) from error


def _open(path: Path) -> int:
    return open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
