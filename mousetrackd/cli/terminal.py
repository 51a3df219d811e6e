"""What commands print: the one place where their text goes out, and where it is made printable."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from mousetrackd.core.wording import printable, printable_lines

if TYPE_CHECKING:
    from typing import IO

    from mousetrackd.core.errors import MousetrackError

CONTINUED = "  "
"""In front of the second and later lines of one message."""


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print lines of ours. What in them came from outside must not hold line breaks: see ``printable``."""
    _write(printable_lines(str(text)) + ("\n" if nl else ""), sys.stderr if err else sys.stdout)


def echo_error(error: MousetrackError, file: IO[str]) -> None:
    """Print an error as ``mousetrackd: message``, and its hint on the next line."""
    parts = [f"mousetrackd: {error.message}", *([error.hint] if error.hint else [])]
    _write("".join(f"{printable_lines(part, CONTINUED)}\n" for part in parts), file)


def echo_path(path: object) -> None:
    """Print the name of a file: exact for a program that reads it, printable for a person at a terminal."""
    if sys.stdout.isatty():
        echo(printable(str(path)))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(f"{path}\n"))
        sys.stdout.buffer.flush()


def _write(text: str, file: IO[str]) -> None:
    file.write(text)
    file.flush()
