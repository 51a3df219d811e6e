"""The group of all commands, as click parses the command line."""

from __future__ import annotations

import importlib
import re
import sys
from typing import Final

import click

from mousetrackd import __version__
from mousetrackd.cli import terminal
from mousetrackd.cli.options import example
from mousetrackd.core.errors import ExitCode
from mousetrackd.core.wording import printable, printable_lines

# A command imports what it needs when it is run: numpy and OpenCV cost more than all of "status" does.

COMMANDS: Final = {
    "run": "daemon_commands.run",
    "pause": "daemon_commands.pause",
    "resume": "daemon_commands.resume",
    "snapshot": "daemon_commands.snapshot",
    "stop": "daemon_commands.stop",
    "status": "daemon_commands.status",
    "latest": "daemon_commands.latest",
    "render": "picture_commands.render",
    "timelapse": "picture_commands.timelapse",
    "page": "page_commands.page",
    "stats": "data_commands.stats",
    "export": "data_commands.export",
    "import": "data_commands.import_",
    "merge": "data_commands.merge",
    "forget": "data_commands.forget",
    "fleet": "fleet_commands.fleet",
    "config": "setup_commands.config_",
    "install": "setup_commands.install",
    "uninstall": "setup_commands.uninstall",
    "doctor": "setup_commands.doctor",
    "from-menu": "menu_command.from_menu",
}
"""Every command, and the function in this package that it is. A new one is a line here and a file in tests/cli/help."""


class Commands(click.Group):
    """The group of ``COMMANDS``, each imported when it is asked for: "status" uses one module of seven."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None where there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(".")
        command: click.Command = getattr(importlib.import_module(f"mousetrackd.cli.{module}"), function)
        # Its first sentence. click would cut that, in the list of commands and in what shells show beside a name.
        command.short_help = re.split(r"(?<=\.)\s", command.help or "")[0]
        return command


@click.group(
    cls=Commands,
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
