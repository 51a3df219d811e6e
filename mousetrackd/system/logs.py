"""The daemon's log: to the journal, to the terminal, or where there is neither, to a small file of the user's own."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import MousetrackError, RefusedError
from mousetrackd.core.wording import printable_lines
from mousetrackd.system.files import make_private, open_own

if TYPE_CHECKING:
    from pathlib import Path

KEPT_BYTES: Final = 256 * 1024
"""Some thousand lines, and as many in the file before. A quiet month is a few dozen."""


class _Formatter(logging.Formatter):
    """Printable, and later lines of a message indented: no name from outside can forge a line or its time."""

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record), "  ")


class _JournalFormatter(_Formatter):
    """Levels as the journal reads them (sd-daemon(3)): 4 warning, 6 information."""

    def format(self, record: logging.LogRecord) -> str:
        level = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4}.get(record.levelno, 3)
        return f"<{level}>" + super().format(record).replace("\n", f"\n<{level}>")


def formatter(*, journal: bool) -> logging.Formatter:
    """How lines on stderr are written: for the journal, which keeps the time itself, or for a person."""
    return _JournalFormatter("%(message)s") if journal else _Formatter("%(asctime)s %(message)s", "%H:%M:%S")


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


class Log:
    """Where lines go. kept: the file, where there is neither a journal nor a terminal that someone may read."""

    def __init__(self, kept: LogFile | None) -> None:
        self._kept = kept

    def note(self, sentence: str) -> None:
        """Write a sentence into the file alone: an error that is reported on stderr by other means."""
        if self._kept is not None:
            self._kept.handle(logging.makeLogRecord({"levelname": "ERROR", "msg": sentence}))

    def problem(self) -> str:
        """Why no log file is kept now; empty when one is, or none is needed."""
        return self._kept.problem if self._kept else ""


def start(path: Path, *, verbose: bool) -> Log:
    """Log to stderr, and where that is neither the journal nor a terminal, so that nobody may read it, to ``path``."""
    logger = logging.getLogger("mousetrackd")
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.raiseExceptions = False  # a log that cannot be written (a full disk) is no reason for tracebacks
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    journal = _stderr_is_the_journal()
    handler.setFormatter(formatter(journal=journal))
    if journal or sys.stderr.isatty():
        return Log(None)
    kept = LogFile(path)
    kept.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    kept.check()
    if kept.problem:
        logger.warning("%s", kept.problem)
    logger.addHandler(kept)
    return Log(kept)


def _stderr_is_the_journal() -> bool:
    """Is it the stream that systemd named (systemd.exec(5))? Programs of a desktop inherit the name without it."""
    try:
        found = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def keep_traceback(path: Path, error: BaseException) -> str:
    """Write down where an error that nobody thought of came from; where that is, in words.

    In the log file; where that cannot be written, on stderr.
    """
    import traceback  # noqa: PLC0415 - almost never needed

    text = "".join(traceback.format_exception(error))
    try:
        append(path, f"{time.strftime('%Y-%m-%d %H:%M:%S')} CRITICAL {printable_lines(text)}")
    except (MousetrackError, MemoryError):
        sys.stderr.write(printable_lines(text))
        return "the lines above"
    return f"the end of {path}"


def summary(error: BaseException) -> str:
    """An error that nobody thought of, in one line."""
    return f"{type(error).__name__}: {error}".partition("\n")[0].removesuffix(": ")


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
