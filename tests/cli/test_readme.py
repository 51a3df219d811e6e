"""The README has the commands that there are, and of all of them."""

import re
import shlex
from pathlib import Path

import click
import pytest

from mousetrackd.cli.commands import COMMANDS, cli

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(?:console|sh)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
INLINE = re.findall(r"`((?:\.venv/bin/)?mousetrackd [^`]+)`", README)


def command_lines() -> list[list[str]]:
    """The words after each ``mousetrackd`` of the README."""
    texts = [line.strip().removeprefix("$ ") for block in BLOCKS for line in block.splitlines()] + INLINE
    found: list[list[str]] = []
    for text in texts:
        # A command may be inside another one, like $(mousetrackd latest), and a colour like "#ffffff" in a command.
        for command in re.findall(r"(?:^|[\s(;&|/])mousetrackd((?:\s+(?:[^;&|()>#]|(?<=\S)#)+)?)", text):
            words = shlex.split(command)
            if words:
                found.append(words)
    return found


def named(name: str) -> click.Command:
    """The command of this name."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, f"there is no mousetrackd {name}"
    return command


def test_the_readme_has_command_lines_to_look_at() -> None:
    assert len(command_lines()) > 5


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_a_command_of_the_readme_exists_with_its_options(words: list[str]) -> None:
    name, *rest = words
    if name.startswith("-"):
        rest = words
        command: click.Command = cli
    else:
        command = named(name)
        while isinstance(command, click.Group) and rest and rest[0] in command.commands:
            command = command.commands[rest.pop(0)]
    context = click.Context(command, info_name=name, help_option_names=["-h", "--help"])
    known = {
        option for parameter in command.get_params(context) for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for option in (word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"):
        assert option in known, f"mousetrackd {name} has no {option}"
    if "--help" not in rest and "--version" not in rest and command is not cli:
        command.make_context(name, rest, resilient_parsing=False)


@pytest.mark.parametrize("command", sorted(name for name in COMMANDS if not named(name).hidden))
def test_every_command_is_in_the_readme(command: str) -> None:
    assert any(words[0] == command for words in command_lines()), f"the README does not show mousetrackd {command}"


def test_what_is_not_there_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="there is no mousetrackd fly"):
        test_a_command_of_the_readme_exists_with_its_options(["fly"])
    with pytest.raises(AssertionError, match="has no --jason"):
        test_a_command_of_the_readme_exists_with_its_options(["status", "--jason"])
