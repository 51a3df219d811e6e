"""The man page and the completions, made from the commands."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import mousetrackd
from mousetrackd.cli.commands import COMMANDS, cli
from mousetrackd.core.errors import ExitCode
from mousetrackd.desktop.manual import completion, man_page

UNIT = "systemd/mousetrackd.service"


def shown(page: str, *, width: int = 100) -> str:
    """The page as a person reads it."""
    words = ["groff", "-man", "-Tutf8", "-P-cbou", f"-rLL={width}n", "-ww"]
    done = subprocess.run(words, input=page, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
def test_every_command_and_option_can_be_read_in_it() -> None:
    text = shown(man_page(cli))
    assert "from-menu" not in text  # for the launcher alone
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if command.hidden:
            continue
        assert f"   mousetrackd {name}" in text
        for option in (option for parameter in command.params for option in parameter.opts if option[0] == "-"):
            assert option in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
@pytest.mark.parametrize("words", [".dot first", "'quote first", r"back\slash \fBbold", "a-b --c ~ ^ `d`", '"quoted"'])
def test_no_text_is_taken_for_a_command_of_roffs(words: str) -> None:
    group = click.Group("mousetrackd")
    group.add_command(click.Command("odd", help=words, epilog=f"\b\nExample:\n  {words}"))
    assert shown(man_page(group)).count(words) == 2


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="there is no mandoc")
def test_mandoc_finds_no_fault_but_the_missing_date() -> None:
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning"], input=man_page(cli), capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []


def test_each_exit_code_that_is_promised_is_one_that_something_ends_with() -> None:
    package, checkout = Path(str(mousetrackd.__file__)).parent, Path(__file__).parents[2]
    code = "".join(file.read_text("utf-8") for file in package.rglob("*.py") if file.name != "manual.py")
    assert [one.name for one in ExitCode if f"ExitCode.{one.name}" not in code] == []
    (readme,) = re.findall(
        r"^Exit codes: (.*?)\.$", (checkout / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert [int(number) for number in re.findall(r"\d+", readme)] == [*ExitCode]
    (unit,) = re.findall(r"^RestartPreventExitStatus=(.*)$", (checkout / UNIT).read_text("utf-8"), re.MULTILINE)
    # The unit is as it was when the daemon could still end with 69, for want of a display.
    assert {int(number) for number in unit.split()} - {69} == {
        ExitCode.WRONG_USAGE,
        ExitCode.REFUSED,
        ExitCode.BAD_CONFIG,
    }


def test_whoever_makes_the_page_leaves_the_commands_as_they_are() -> None:
    group = click.Group("mousetrackd", context_settings={"help_option_names": ["-h", "--help"]})
    group.add_command(click.Command("odd"))
    man_page(group)
    assert "-h, --help" in CliRunner().invoke(group, ["odd", "-h"]).output


def test_a_hidden_command_stays_hidden() -> None:
    group = click.Group("mousetrackd")
    group.add_command(click.Command("secret", hidden=True))
    assert "secret" not in man_page(group)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_what_to_ask(shell: str) -> None:
    text = completion(shell, cli)
    assert f"_MOUSETRACKD_COMPLETE={shell}_complete" in text
    assert text.endswith("\n")


def test_zsh_finds_what_it_completes_in_the_first_line() -> None:
    assert completion("zsh", cli).splitlines()[0] == "#compdef mousetrackd"
