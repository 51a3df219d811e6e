"""The options by which a command reads somebody's file, and what they mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mousetrackd.core.errors import UsageError

if TYPE_CHECKING:
    from mousetrackd.capture.recording import RecordingOptions
    from mousetrackd.exchange.reading import FileCounts

_SIZE: Final = click.option(
    "--size", metavar="WxH", help="The screen's size in pixels, if the file does not contain it."
)
_COLUMNS: Final = click.option(
    "--columns",
    metavar="NAMES",
    help='The columns of a table in their order, like "x,y,count" or "t,x,y", if it does not name them.',
)
_TIME_UNIT: Final = click.option(
    "--time-unit",
    type=click.Choice(["s", "ms", "us", "ns"]),
    help="The unit of the time column. Default: found by its numbers, and reported.",
)


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that reads a file, for ``read_file``."""
    for option in (
        click.option("--drop-outside", is_flag=True, help="Leave out points outside the screen, and report how many."),
        click.option("--transpose", is_flag=True, help="The first axis of a grid is x, as numpy.histogram2d has it."),
        click.option("--each", metavar="TIME", help="How long each point lasted, like 40ms: counts become time."),
        _TIME_UNIT,
        _COLUMNS,
        _SIZE,
    ):
        command = option(command)
    return command


def recording_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that plays a recording, for ``read_recording_options``."""
    for option in (
        click.option(
            "--columns", metavar="NAMES", help='The columns of a recording, like "t,x,y", if it has no names.'
        ),
        click.option(
            "--time-unit",
            type=click.Choice(["s", "ms", "us", "ns"]),
            help="The unit of a recording's times. Default: found by its numbers, and reported.",
        ),
        click.option(
            "--size", metavar="WxH", help="The screen's size of a recording. Default: found by its positions."
        ),
    ):
        command = option(command)
    return command


def read_recording_options(given: dict[str, Any]) -> RecordingOptions | None:
    """How a recording is to be read; None where nothing was given. Raises UsageError."""
    if not any(given.values()):
        return None
    from mousetrackd.capture.recording import RecordingOptions  # noqa: PLC0415

    return RecordingOptions(given["time_unit"] or "", size_of(given["size"]), _columns(given["columns"]))


def refuse_recording_options(given: dict[str, Any]) -> None:
    """Raise UsageError where one of them was given and no recording is played."""
    for name, value in given.items():
        if value:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} is about a recording", "Name it with --source replay:FILE.")


def read_file(file: Path, given: dict[str, Any], **more: Any) -> FileCounts:
    """Read a file, or standard input for ``-``, as the options say. more: further fields of ``Options``.

    Raises UsageError for options that cannot be meant, MousetrackError for a file that cannot be read.
    """
    from mousetrackd.exchange import formats  # noqa: PLC0415
    from mousetrackd.exchange.reading import Options  # noqa: PLC0415

    options = Options(
        size=size_of(given["size"]),
        columns=_columns(given["columns"]),
        each_ms=1 if given["each"] is None else _each_ms(given["each"]),
        has_each=given["each"] is not None,
        time_unit=given["time_unit"] or "",
        transpose=given["transpose"],
        drop_outside=given["drop_outside"],
        **more,
    )
    if str(file) == "-":
        return formats.read(sys.stdin.buffer, options, name="standard input")
    return formats.read(file, options)


def size_of(text: str | None) -> tuple[int, int] | None:
    """Width and height in px of ``1920x1080``. Raises UsageError."""
    from mousetrackd.core.monitors import size_problem  # noqa: PLC0415

    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})[xX]([0-9]{1,9})", text)
    if match is None:
        raise UsageError(f'"{text}" is not a size', "Give width and height in pixels, like 1920x1080.")
    width_px, height_px = int(match[1]), int(match[2])
    problem = size_problem(width_px, height_px)
    if problem:
        raise UsageError(f'"{text}" is not a size: {problem}', "Give width and height in pixels, like 1920x1080.")
    return width_px, height_px


def _each_ms(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,7})(?:\.([0-9]{1,3}))?\s*(ms|s)", text.strip().lower())
    each_ms = round(float(f"{match[1]}.{match[2] or 0}") * (1000 if match[3] == "s" else 1)) if match else 0
    if each_ms < 1:
        raise UsageError(f'"{text}" is not how long a point lasts', "Give whole milliseconds or seconds, like 40ms.")
    return each_ms


def _columns(text: str | None) -> tuple[str, ...]:
    from mousetrackd.core.columns import roles_of  # noqa: PLC0415

    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if not {"x", "y"} <= roles_of(names).keys():
        raise UsageError(
            f'"{text}" names no x and y', 'Name the columns in their order, like "t,x,y"; others may be "-".'
        )
    return names
