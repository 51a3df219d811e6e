"""The group of all commands, as click parses the command line."""

from __future__ import annotations

import re
import sys

import click

from mousetrackd import __version__
from mousetrackd.cli import (
    daemon_commands,
    data_commands,
    fleet_commands,
    menu_command,
    page_commands,
    picture_commands,
    setup_commands,
    terminal,
)
from mousetrackd.cli.options import example
from mousetrackd.core.errors import ExitCode
from mousetrackd.core.wording import printable, printable_lines

# A command imports what it needs when it is run: numpy and OpenCV cost more than all of "status" does.

COMMANDS = (
    daemon_commands.run,
    daemon_commands.pause,
    daemon_commands.resume,
    daemon_commands.snapshot,
    daemon_commands.stop,
    daemon_commands.status,
    daemon_commands.latest,
    picture_commands.render,
    picture_commands.timelapse,
    page_commands.page,
    data_commands.stats,
    data_commands.export,
    data_commands.import_,
    data_commands.merge,
    data_commands.forget,
    fleet_commands.fleet,
    setup_commands.config_,
    setup_commands.install,
    setup_commands.uninstall,
    setup_commands.doctor,
    menu_command.from_menu,
)
"""Every command. A new one is a function here, and a file in tests/cli/help."""


for _command in COMMANDS:
    # Its first sentence. click would cut that, in the list of commands and in what shells show beside a name.
    _command.short_help = re.split(r"(?<=\.)\s", _command.help or "")[0]


@click.group(
    commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("mousetrackd run          # in one terminal", "mousetrackd latest --open"),
)
@click.version_option(__version__, prog_name="mousetrackd")
def cli() -> None:
    """Keep a heatmap of where your mouse pointer goes."""


def run_command_line() -> None:
    """Run what the command line asks for. Exits with a code of its own for wrong usage, which is printed."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        show_usage(error)
        sys.exit(ExitCode.WRONG_USAGE)
    except click.Abort as error:
        raise KeyboardInterrupt from error


def show_usage(error: click.ClickException) -> None:
    """Print what click found wrong with a command line, which it quotes, and where it says what is right."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mousetrackd"
    message = printable_lines(error.format_message(), terminal.CONTINUED)
    terminal.echo(f"mousetrackd: {message}\nSee: {printable(path)} --help", err=True)
