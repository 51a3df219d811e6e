"""The program: the group of all commands, and the one place that turns errors into sentences and exit codes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from typing import NoReturn

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
from mousetrackd.cli.streams import Streams
from mousetrackd.core.errors import ExitCode, MousetrackError
from mousetrackd.system.paths import user_paths

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


def main() -> NoReturn:
    """Run a command; exit with its code. Nothing that can happen ends in a traceback."""
    os.umask(0o077)
    # Before numpy is imported: a thread per core costs OpenBLAS time and memory, and nothing here uses them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    streams = Streams()
    code = _run_command()
    unwritten = streams.failed()
    if unwritten:
        click.echo(f"mousetrackd: cannot write to standard output: {unwritten}\n{_DONE_ALL_THE_SAME}", err=True)
    sys.exit(code or (ExitCode.COULD_NOT if unwritten else ExitCode.DONE))


_DONE_ALL_THE_SAME = "The command did its work, unless another error is shown."


def _run_command() -> int:
    """Run what the command line asks for; its exit code. Every error is printed here."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        terminal.show_usage(error)
        return ExitCode.WRONG_USAGE
    except MousetrackError as error:
        terminal.echo_error(error, sys.stdout if error.exit_code == ExitCode.DONE else sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the one place where what nobody thought of becomes a sentence
        return _not_loaded(error) if isinstance(error, ImportError) else _unexpected(error)
    return ExitCode.DONE


def _not_loaded(error: ImportError) -> int:
    """Print how a library is had that cannot be loaded."""
    from mousetrackd.system import libraries  # noqa: PLC0415

    explained = libraries.explained(error)
    if explained is None:
        return _unexpected(error)
    terminal.echo_error(explained, sys.stderr)
    return explained.exit_code


def _unexpected(error: Exception) -> int:
    """Print one sentence about an error that nobody thought of, and keep its traceback."""
    try:
        from mousetrackd.system import logs  # noqa: PLC0415

        place = logs.keep_traceback(user_paths().log, error)
        told = MousetrackError(f"internal error: {logs.summary(error)}", f"Please report it, with {place}.")
        terminal.echo_error(told, sys.stderr)
    except Exception:  # noqa: BLE001 - there is not even memory, or a file to be opened, for that
        with contextlib.suppress(OSError):
            os.write(2, b"mousetrackd: there is not enough memory, or too few files may be open\nSee: ulimit -a\n")
    return ExitCode.COULD_NOT
