"""What commands print: the one place where their text goes out, and where it is made printable."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from mousetrackd.core.wording import printable, printable_lines

if TYPE_CHECKING:
    from typing import IO

    from mousetrackd.core.errors import MousetrackError

_CONTINUED = "  "
"""In front of the second and later lines of one message."""


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print lines of ours. What in them came from outside must not hold line breaks: see ``printable``."""
    click.echo(printable_lines(str(text)), err=err, nl=nl)


def echo_error(error: MousetrackError, file: IO[str]) -> None:
    """Print an error as ``mousetrackd: message``, and its hint on the next line."""
    parts = [f"mousetrackd: {error.message}", *([error.hint] if error.hint else [])]
    click.echo("\n".join(printable_lines(part, _CONTINUED) for part in parts), file=file)


def echo_path(path: object) -> None:
    """Print the name of a file: exact for a program that reads it, printable for a person at a terminal."""
    click.echo(printable(str(path)) if sys.stdout.isatty() else os.fsencode(str(path)))


def show_usage(error: click.ClickException) -> None:
    """Print what click found wrong with a command line, which it quotes, and where it says what is right."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mousetrackd"
    message = printable_lines(error.format_message(), _CONTINUED)
    click.echo(f"mousetrackd: {message}\nSee: {printable(path)} --help", err=True)
