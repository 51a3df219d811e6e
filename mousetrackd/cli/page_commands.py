"""The command that writes a page to browse the past: page."""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mousetrackd.cli import completion, daemon_commands, terminal
from mousetrackd.cli.options import example, open_selection, report_left_out
from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from mousetrackd.system.paths import Paths


@click.command(
    epilog=example(
        "mousetrackd page --open",
        "mousetrackd page november.html --since 2026-11-01 --until 2026-11-30",
        "mousetrackd page - | gzip > history.html.gz",
    )
)
@click.argument("out", required=False, type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--since", metavar="WHEN", help="Only what was counted from this time on. Default: all, by the hour for a year."
)
@click.option("--until", metavar="WHEN", help="Only what was counted before this time, or until the end of this day.")
@click.option(
    "--monitor", metavar="NAME", help="Only this monitor, by its name in status.", shell_complete=completion.monitors
)
@click.option(
    "--application",
    metavar="NAME",
    help="Only what was counted for this application. Default: all, and each of them to choose in the page.",
    shell_complete=completion.applications,
)
@click.option(
    "--store", type=click.Path(path_type=Path), metavar="FILE", help="Read this store instead of your own, into OUT."
)
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
def page(out: Path | None, open_it: bool, **options: Any) -> None:
    """Write one HTML file to browse your days in: any hour of the past, compared, filtered and in numbers.

    It needs no server and no network, and holds your hours: whoever has the file can read when you worked. Without
    OUT it is history.html beside latest.png, which forget deletes; - is stdout.
    """
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.page.making import Subject, make, make_file, make_history  # noqa: PLC0415
    from mousetrackd.system import memory  # noqa: PLC0415

    paths = user_paths()
    is_piped = str(out) == "-"
    if is_piped and (open_it or sys.stdout.isatty()):
        raise UsageError("a page is not for a terminal", "Send it elsewhere: mousetrackd page - > history.html")
    if out is None and options["store"] is not None:
        raise UsageError("a page of another store has no place of its own", "Give a file name, like other.html.")
    conf = config.load(paths.config_file)
    if out is None:
        _save_first(paths)
    memory.keep_large_blocks()
    with open_selection({"hours": None, "weekdays": None, **options}) as selection:
        # Without a zone: the local clock's offset of today is not that of every day of the year.
        now = datetime.now()  # noqa: DTZ005
        subject = Subject(selection.layout, now, selection.asked, conf.privacy.exclusions, conf.colormaps)
        if is_piped:
            left_out = make(sys.stdout.buffer, selection.store, subject)
        elif out is not None:
            left_out = make_file(out, selection.store, subject)
        else:
            left_out = make_history(paths, selection.store, subject)
    report_left_out(left_out)
    if not is_piped:
        place = (out or paths.history).absolute()
        terminal.echo_path(place)
        if open_it:
            from mousetrackd.system import viewer  # noqa: PLC0415

            viewer.show(place)


def _save_first(paths: Paths) -> None:
    """Have the daemon, if there is one, save what it has counted: the page is also of the last minute.

    Raises MousetrackError where nothing has ever been counted.
    """
    with contextlib.suppress(MousetrackError):  # then it is a page of what is saved
        daemon_commands.draw_now(paths)
    if not os.path.lexists(paths.store):
        raise MousetrackError("there is nothing to show yet: nothing has been counted", "To begin: mousetrackd install")
