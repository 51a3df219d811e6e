"""Nothing from outside reaches a terminal, a log or the service manager as anything but letters."""

import io
import logging
import sys
import unicodedata

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.cli import commands, terminal
from mousetrackd.cli.daemon_commands import status_lines
from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.wording import counted, printable, printable_lines
from mousetrackd.system import logs

EVIL = "evil\x1b]0;PWN\x07\nproblem  fake\u202e\udcff\x9b"
SHOWN = r"evil\x1b]0;PWN\x07\nproblem  fake\u202e\xff\x9b"

TEXT = st.text(st.characters(codec=None), max_size=40)


@given(TEXT)
def test_what_is_printable_is_one_line_without_control_characters(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(TEXT)
def test_no_line_but_the_first_begins_at_the_margin(text: str) -> None:
    lines = printable_lines(text, "  ").split("\n")
    assert len(lines) == text.count("\n") + 1
    assert all(line.startswith("  ") for line in lines[1:])
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("text", ["DP-1", "écran à gauche", "左のモニター", "מסך", ""])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == printable_lines(text) == text


def test_escapes_show_what_was_there() -> None:
    assert printable(EVIL) == SHOWN


def test_a_status_shows_each_name_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    said = {
        "state": "tracking",
        "source": EVIL,
        "notes": [EVIL],
        "monitors": [{"monitor": EVIL}],
        "picture": EVIL,
        "problems": [EVIL],
    }
    terminal.echo("\n".join(status_lines(said)))
    shown = capsys.readouterr().out
    assert shown.replace("\n", "").isprintable()
    assert [line for line in shown.splitlines() if line.startswith("problem  ")] == [
        r"problem          evil\x1b]0;PWN\x07"
    ]


def test_an_error_shows_what_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.echo_error(MousetrackError(f"no {EVIL}", "Look."), sys.stderr)
    commands.show_usage(click.UsageError(f"no {EVIL}"))
    shown = capsys.readouterr().err
    assert shown.replace("\n", "").isprintable()
    assert not any(line.startswith("problem") for line in shown.splitlines())


@pytest.mark.parametrize("journal", [False, True])
def test_the_log_forges_no_line(journal: bool) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(journal=journal))
    handler.handle(logging.makeLogRecord({"msg": "monitors: %s", "args": (EVIL,), "levelno": logging.INFO}))
    first, second = stream.getvalue().splitlines()
    assert (first + second).isprintable()
    assert second.startswith("<6>  problem" if journal else "  problem")


@pytest.mark.parametrize(("number", "text"), [(0, "0 stores"), (1, "1 store"), (12, "12 stores")])
def test_a_number_of_things(number: int, text: str) -> None:
    assert counted(number, "store") == text
