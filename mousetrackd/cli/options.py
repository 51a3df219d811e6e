"""Options that several commands have, and what they mean."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mousetrackd.cli import completion, terminal
from mousetrackd.core.errors import UsageError
from mousetrackd.core.wording import printable
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from mousetrackd.core.layout import Layout
    from mousetrackd.storage.readings import Range
    from mousetrackd.storage.store import Store


def example(*lines: str) -> str:
    r"""The example at the end of a command's help; \b keeps its lines as they are."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


class FloatRange(click.FloatRange):
    """Without "nan", which click lets through any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Fails as click's own does."""
        number = super().convert(value, param, ctx)
        return self.fail(f"{value!r} is not a valid float.", param, ctx) if math.isnan(number) else number


def range_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that select counts by time and monitor, and the store, for ``open_selection``."""
    for option in (
        click.option(
            "--store",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Read this store instead of your own: a merged one, a backup, another machine's.",
        ),
        click.option(
            "--application",
            metavar="NAME",
            help="Only what was counted for this application: its identity, WM_CLASS, app_id or displayed name.",
            shell_complete=completion.applications,
        ),
        click.option(
            "--monitor",
            metavar="NAME",
            help="Only this monitor, by its name in status.",
            shell_complete=completion.monitors,
        ),
        click.option(
            "--weekdays",
            metavar="DAYS",
            help='Only these days: "mon-fri", "sat,sun".',
            shell_complete=completion.days,
        ),
        click.option("--hours", metavar="HOURS", help='Only these hours of each day: "9-17", "22-6".'),
        click.option(
            "--until", metavar="WHEN", help="Only what was counted before this time, or until the end of this day."
        ),
        click.option(
            "--since",
            metavar="WHEN",
            help='Only what was counted from this time on: "2026-11-22", "14:30", "yesterday", "7 days ago".',
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Selection:
    """The store, open for reading, what a command's options ask of it, and the monitors' layout at that time."""

    store: Store
    asked: Range
    layout: Layout


@contextlib.contextmanager
def open_selection(options: dict[str, Any]) -> Iterator[Selection]:
    """Open the store, and find in it what a command with ``range_options`` asks for.

    Raises UsageError for a range that is impossible, and for a monitor or an application that was never seen.
    """
    from mousetrackd.core.layout import Layout  # noqa: PLC0415
    from mousetrackd.core.monitors import selected  # noqa: PLC0415
    from mousetrackd.core.timerange import parse_hours, parse_range, parse_weekdays  # noqa: PLC0415
    from mousetrackd.storage.readings import Range  # noqa: PLC0415
    from mousetrackd.storage.recovery import readable  # noqa: PLC0415

    since_s, until_s = parse_range(options["since"], options["until"])
    name = options["monitor"]
    hours = parse_hours(options["hours"]) if options["hours"] is not None else None
    weekdays = parse_weekdays(options["weekdays"]) if options["weekdays"] is not None else None
    asked = Range(since_s, until_s, name, hours, weekdays)
    own = user_paths().store
    path = options["store"] or own
    with readable(path, elsewhere=not is_same_file(path, own)) as (store, missing):
        if missing:
            terminal.echo(missing, err=True)
        layout = store.layout(until_s)
        if name is not None:
            known = [*store.monitors().values()]
            meant = selected(known, name)
            if not meant:
                labels = ", ".join(sorted(one.label for one in known)) or "none yet"
                raise UsageError(f'there is no monitor "{name}"', f"There are: {labels}")
            layout = Layout([p for p in layout.placements if p.monitor in meant][:1])
        if options.get("application") is not None:
            from mousetrackd.storage import application_names  # noqa: PLC0415 - who has them off pays nothing

            asked = replace(asked, application=application_names.find(options["application"], store.applications()))
        yield Selection(store, asked, layout)


def is_same_file(one: Path, other: Path) -> bool:
    """Are they names of one file that is there?"""
    try:
        return one.samefile(other)
    except OSError:
        return one == other


def what_was_chosen(options: dict[str, Any], asked: Range) -> str:
    """The application, hours and weekdays a command was given, as the picture's caption shows them."""
    hours = f"{options['hours']} h" if options["hours"] else ""
    return ", ".join(part for part in (asked.application, options["weekdays"], hours) if part)


def report_left_out(sentences: Iterable[str]) -> None:
    """Print on standard error what an answer does not contain, and why."""
    for sentence in sentences:
        terminal.echo(printable(sentence), err=True)
