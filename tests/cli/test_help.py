"""What ``--help`` says, word for word: the files in tests/cli/help.

After a change that is meant:  MOUSETRACKD_WRITE_HELP=1 scripts/test tests/cli/test_help.py
"""

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mousetrackd.cli.commands import cli

STORED = Path(__file__).parent / "help"


def commands_of(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """The name of each command, those of groups within it too, and the command."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{before}{name}", command
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{before}{name} ")


def stem_of(command: str) -> str:
    return command.replace(" ", "-") or "mousetrackd"


BY_NAME = dict(commands_of(cli))
COMMANDS = ["", *BY_NAME]


def help_of(command: str) -> str:
    words = [*command.split(), "--help"]
    done = CliRunner().invoke(cli, words, prog_name="mousetrackd", terminal_width=100)
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command or "mousetrackd")
def test_help_is_as_stored(command: str) -> None:
    file = STORED / f"{stem_of(command)}.txt"
    said = help_of(command)
    if os.environ.get("MOUSETRACKD_WRITE_HELP"):
        STORED.mkdir(exist_ok=True)
        file.write_text(said, "utf-8")
    assert file.exists(), f"there is no {file.name} yet: see the top of this file"
    assert said == file.read_text("utf-8"), "the help has changed: if that is meant, see the top of this file"


def test_no_help_is_stored_of_a_command_that_is_gone() -> None:
    assert {file.stem for file in STORED.iterdir()} == set(map(stem_of, COMMANDS))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command or "mousetrackd")
def test_every_help_has_an_example_of_its_own_command(command: str) -> None:
    _, found, examples = help_of(command).partition("Example:\n")
    assert found
    assert f"mousetrackd {command}".strip() in examples


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_every_option_says_what_it_is_for(command: str) -> None:
    for parameter in BY_NAME[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
