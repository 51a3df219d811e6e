"""The program: runs a command, and is the one place that turns errors into sentences and exit codes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import NoReturn

from mousetrackd.cli import running, terminal
from mousetrackd.cli.streams import Streams
from mousetrackd.core.errors import ExitCode, MousetrackError
from mousetrackd.system.paths import user_paths


def main() -> NoReturn:
    """Run a command; exit with its code. Nothing that can happen ends in a traceback."""
    os.umask(0o077)
    # Before numpy is imported: a thread per core costs OpenBLAS time and memory, and nothing here uses them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    streams = Streams()
    code = _run_command(sys.argv[1:])
    unwritten = streams.failed()
    if unwritten:
        terminal.echo(f"mousetrackd: cannot write to standard output: {unwritten}\n{_DONE_ALL_THE_SAME}", err=True)
    sys.exit(code or (ExitCode.COULD_NOT if unwritten else ExitCode.DONE))


_DONE_ALL_THE_SAME = "The command did its work, unless another error is shown."


def _run_command(arguments: list[str]) -> int:
    """Run what the command line asks for; its exit code. Every error is printed here."""
    try:
        if running.is_plain(arguments):
            running.run_plain(arguments)
        else:
            from mousetrackd.cli import commands  # noqa: PLC0415 - click would stay in the daemon as long as it runs

            commands.run_command_line()
    except MousetrackError as error:
        terminal.echo_error(error, sys.stdout if error.exit_code == ExitCode.DONE else sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
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
        reported = MousetrackError(f"internal error: {logs.summary(error)}", f"Please report it, with {place}.")
        terminal.echo_error(reported, sys.stderr)
    except Exception:  # noqa: BLE001 - there is not even memory, or a file to be opened, for that
        with contextlib.suppress(OSError):
            os.write(2, b"mousetrackd: there is not enough memory, or too few files may be open\nSee: ulimit -a\n")
    return ExitCode.COULD_NOT
