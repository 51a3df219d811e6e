"""What the launcher in the menu of applications runs: another command, with no terminal to print on."""

from __future__ import annotations

import re
import subprocess
import sys

import click

from mousetrackd.cli import terminal
from mousetrackd.cli.options import example
from mousetrackd.core.errors import ExitCode, MousetrackError

_ANSWERED = {"pause": 0, "resume": 0, "install": -1}
"""Commands that show nothing else when they succeed, and which line of what they print is the answer."""
_DETAILS = re.compile(r" since |; ")
_LINES_SHOWN = 4
_NAME = "mousetrackd"


@click.command(
    name="from-menu",
    hidden=True,
    context_settings={"ignore_unknown_options": True},
    epilog=example("mousetrackd from-menu page --open"),
)
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def from_menu(arguments: tuple[str, ...]) -> None:
    """Run a command for a click in the menu, and show an error, or what it answers, as a notification."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mousetrackd", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    terminal.echo(done.stdout, nl=False)
    terminal.echo(done.stderr, err=True, nl=False)
    if done.returncode != ExitCode.DONE:
        _notify("mousetrackd could not do it", done.stderr.removeprefix(f"{_NAME}: "))
    elif arguments[0] in _ANSWERED:
        answer, *more = done.stdout.splitlines()[_ANSWERED[arguments[0]] :]
        _notify(f"{_NAME}: {_DETAILS.split(answer)[0]}", "\n".join(more))
    sys.exit(done.returncode)


def _notify(summary: str, body: str) -> None:
    """Show it, where the desktop can."""
    from mousetrackd.daemon import notification_worker  # noqa: PLC0415 - only when there is something to show
    from mousetrackd.system.session_bus import bus_address  # noqa: PLC0415

    lines = [line.strip() for line in body.splitlines() if line.strip()]
    try:
        notification_worker.show(bus_address(), summary, "\n".join(lines[-_LINES_SHOWN:]), None)
    except (MousetrackError, OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
        terminal.echo(f"{_NAME}: no notification could be shown: {error}", err=True)
