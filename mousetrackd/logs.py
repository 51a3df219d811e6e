"""Where the daemon's log lines go: the journal, the terminal, or where there is neither, a small file."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from mousetrackd.errors import MousetrackError
from mousetrackd.paths import make_private
from mousetrackd.printable import printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_KEPT_BYTES = 256 * 1024
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


def start(path: Path, *, verbose: bool) -> Callable[[str], None]:
    """Log to stderr, and where that is neither the journal nor a terminal, so that nobody may read it, to ``path``.

    Returns what notes a sentence in that file alone, for errors that are told on stderr by other means.
    """
    logger = logging.getLogger("mousetrackd")
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.raiseExceptions = False  # a log that cannot be written (a full disk) is no reason for tracebacks
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    if _stderr_is_the_journal():
        handler.setFormatter(formatter(journal=True))
    else:
        handler.setFormatter(formatter(journal=False))
        if not sys.stderr.isatty():
            return _keep(path, logger)
    return lambda _: None


def _keep(path: Path, logger: logging.Logger) -> Callable[[str], None]:
    from logging.handlers import RotatingFileHandler  # noqa: PLC0415 - it brings sockets and queues with it

    try:
        make_private(path.parent)
        kept = RotatingFileHandler(path, maxBytes=_KEPT_BYTES, backupCount=1, encoding="utf-8", errors="replace")
    except (MousetrackError, OSError) as error:
        logger.warning("no log is kept: %s", error)
        return lambda _: None
    kept.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(kept)

    def note(sentence: str) -> None:
        kept.handle(logger.makeRecord(logger.name, logging.ERROR, "", 0, sentence, (), None))

    return note


def _stderr_is_the_journal() -> bool:
    """Is it the stream that systemd named (systemd.exec(5))? Programs of a desktop inherit the name without it."""
    try:
        found = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
