"""The man page and what completes commands in shells, both made from the commands themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
from click.shell_completion import ShellComplete, get_completion_class

from mousetrackd import __version__
from mousetrackd.core.errors import ExitCode
from mousetrackd.desktop.managed_files import OwnFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.desktop.autostart import Places

_SIGNALS = {
    "SIGUSR1": "Pause.",
    "SIGUSR2": "Resume.",
    "SIGALRM": "Save, and draw a picture now.",
    "SIGHUP": "Read the configuration again.",
    "SIGTERM, SIGINT": "Save, draw a last picture and end; a second one skips the picture.",
}
_FILES = {
    "~/.config/mousetrackd/config.toml": "The configuration; none is needed. Every key: mousetrackd config --default",
    "~/.local/share/mousetrackd/heat.sqlite3": "All counts.",
    "~/.local/share/mousetrackd/snapshots/latest.png": "The newest picture, with dated ones beside it.",
    "~/.local/state/mousetrackd/mousetrackd.log": "The log, where there is no journal.",
}
_EXIT_CODES = {
    ExitCode.DONE: "Done.",
    ExitCode.COULD_NOT: "Could not.",
    ExitCode.WRONG_USAGE: "Wrong usage.",
    ExitCode.NOT_RUNNING: "The daemon is not running.",
    ExitCode.REFUSED: "Refused: a file, folder or user that must not be trusted with this data.",
    ExitCode.BAD_CONFIG: "The configuration is wrong.",
}


def files(places: Places, commands: click.Group) -> list[OwnFile]:
    """The man page and the completions of ``commands``, to be written for the user."""
    scripts = [OwnFile(path, completion(shell, commands)) for shell, path in places.completions.items()]
    return [*scripts, OwnFile(places.man_page, man_page(commands), comment='.\\"')]


def completion(shell: str, commands: click.Group) -> str:
    """The script that completes commands and options in "bash", "zsh" or "fish"."""
    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError(f"click completes nothing in {shell}")
    # ShellComplete's: bash's own starts a bash first, to see how old it is.
    script = ShellComplete.source(kind(commands, {}, "mousetrackd", "_MOUSETRACKD_COMPLETE")).strip() + "\n"
    # click's script for fish cuts a description at its first comma.
    return script.replace('string split "," ', 'string split --max 1 "," ')


# The man page -------------------------------------------------------------------------------------------


def man_page(commands: click.Group) -> str:
    """All commands in one page, as man(7) source."""
    return "\n".join(_page(commands)) + "\n"


def _page(commands: click.Group) -> Iterator[str]:
    context = click.Context(commands, info_name="mousetrackd", **commands.context_settings)
    yield f'.TH MOUSETRACKD 1 "" "mousetrackd {__version__}" "User Commands"'
    yield from (".SH NAME", r"mousetrackd \- keep a heatmap of where your mouse pointer goes")
    yield from (".SH SYNOPSIS", r".B mousetrackd", r"\fICOMMAND\fR [\fIOPTION\fR]... [\fIARGUMENT\fR]...")
    yield ".SH DESCRIPTION"
    yield "A daemon watches where your mouse pointer goes and keeps a heatmap of it:"
    yield "a PNG you can open at any moment."
    yield "Nothing leaves your machine; keys, windows and text are never looked at."
    yield ".SH COMMANDS"
    yield from _commands(commands, context)
    yield ".SH SIGNALS"
    yield from _list(_SIGNALS)
    yield ".SH EXIT STATUS"
    yield from _list({str(int(code)): text for code, text in _EXIT_CODES.items()})
    yield ".SH FILES"
    yield from _list(_FILES)


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    """Each command of a group, and those of groups within it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        within = click.Context(command, info_name=name, parent=context)
        yield from _command(command, within)
        if isinstance(command, click.Group):
            yield from _commands(command, within)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    yield f".SS {_text(' '.join((context.command_path, *usage)))}"
    yield _text(" ".join((command.help or "").split()))
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield from (".TP", rf"\fB{_text(record[0])}\fR", _text(record[1]))
    if command.epilog:
        yield from (".PP", "Example:", ".PP", ".nf")
        yield from (_text(line) for line in command.epilog.splitlines() if line.startswith(" "))
        yield ".fi"


def _list(entries: dict[str, str]) -> Iterator[str]:
    for term, text in entries.items():
        yield from (".TP", rf"\fB{_text(term)}\fR", _text(text))


def _text(text: str) -> str:
    """Text as roff reads it: no backslash, no minus and no quote is taken for anything else."""
    escaped = re.sub(r"[\\\-~^`']", lambda found: _ESCAPES[found[0]], text)
    return rf"\&{escaped}" if escaped[:1] == "." else escaped


_ESCAPES = {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "`": r"\(ga", "'": r"\(aq"}
