"""The commands about the counts themselves: stats, export, import and forget."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mousetrackd.cli import completion, terminal
from mousetrackd.cli.daemon_commands import draw_now, save_now
from mousetrackd.cli.options import example, is_same_file, open_selection, range_options, report_left_out
from mousetrackd.cli.reading_options import read_file, reading_options
from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.core.layers import DWELL, LAYERS, UNITS
from mousetrackd.core.series import Series
from mousetrackd.core.wording import counted, printable
from mousetrackd.daemon import client
from mousetrackd.system.files import make_private
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mousetrackd.core.accumulator import Tally
    from mousetrackd.core.counts import Counts
    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.erase import Promise
    from mousetrackd.storage.forget import Choice
    from mousetrackd.system.paths import Paths


@click.command(
    epilog=example(
        "mousetrackd stats --since '7 days ago'",
        "mousetrackd stats --weekdays tue --hours 9-17 --json",
        "mousetrackd stats --applications --since monday",
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@click.option("--applications", is_flag=True, help="Time, clicks and share of each application instead.")
@range_options
def stats(as_json: bool, applications: bool, **options: Any) -> None:
    """Show distance, time and clicks, per day and in total."""
    from mousetrackd.storage import stats  # noqa: PLC0415

    left_out: list[str] = []
    if applications:
        with open_selection(options) as selection:
            chosen = [selection.asked.application] if selection.asked.application else selection.store.applications()
            totals = [
                total
                for name in chosen
                for total in selection.store.totals(replace(selection.asked, application=name), left_out)
            ]
        of_each = stats.by_application(totals)
        report_left_out(dict.fromkeys(left_out))
        text = json.dumps([asdict(one) for one in of_each], indent=1)
        terminal.echo(text if as_json else "\n".join(stats.application_lines(of_each)))
        return
    with open_selection(options) as selection:
        found = stats.summarise(selection.store.totals(selection.asked, left_out), selection.store.sizes_mm())
    report_left_out(left_out)
    terminal.echo(json.dumps(found.as_json(), indent=1) if as_json else "\n".join(stats.lines(found)))


@click.command(
    epilog=example(
        "mousetrackd export clicks.csv --layer clicks.left",
        "mousetrackd export day.npz --since yesterday --until yesterday",
        "mousetrackd export - --wide | xz > all.csv.xz",
    )
)
@click.argument(
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    shell_complete=completion.files(".csv", ".json", ".npz", ".parquet"),
)
@click.option(
    "--layer",
    metavar="LAYER",
    help=f"One of {', '.join(LAYERS)}. Default: dwell.",
    shell_complete=completion.values(*LAYERS),
)
@click.option("--wide", is_flag=True, help="All layers, a column for each: .csv and .parquet.")
@range_options
def export(out: Path, layer: str | None, wide: bool, **options: Any) -> None:
    """Write counts into OUT: .csv, .json, .npz or .parquet, also with .gz; - is CSV to stdout."""
    from mousetrackd.exchange import formats  # noqa: PLC0415
    from mousetrackd.system import output_files  # noqa: PLC0415

    write = formats.writer_for(out)
    if wide and layer is not None:
        raise UsageError("--wide is of all layers, and --layer names one", "Leave one of them out.")
    layers = LAYERS if wide else (_one_layer(layer or DWELL),)
    with open_selection(options) as selection:
        reading = selection.store.read(layers, selection.asked)
        units = {series: unit for series, unit in selection.store.units().items() if series in reading.counts}
    tables: dict[str, Any] = {name: {} for name in layers}
    for series, counts in reading.counts.items():
        tables[series.layer][series.monitor] = counts
    content = write(tables, next(iter(units.values()), ""))
    if str(out) == "-":
        sys.stdout.buffer.write(content)
    else:
        output_files.write(out, content)
        terminal.echo_path(out.absolute())
    report_left_out(reading.remarks)
    report_left_out(f"{series.layer} of {series.monitor.label} is in {unit}" for series, unit in units.items())


@click.command(
    epilog=example(
        "mousetrackd merge both.sqlite3 laptop/heat.sqlite3 desktop/heat.sqlite3",
        "mousetrackd render both.png --store both.sqlite3",
    )
)
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("stores", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="STORE...")
def merge(out: Path, stores: tuple[Path, ...]) -> None:
    """Make a new store, OUT, of all that several hold.

    Counts add, so nothing is rounded: every pixel, hour and length of path is there, and where the monitors were. A
    screen with the same EDID, or without one of the same name, is the same screen. A store that holds what another
    holds is refused. Nothing is written into the old ones, nor beside them. Read OUT with --store.
    """
    from mousetrackd.storage import merge  # noqa: PLC0415

    own = user_paths().store
    made = merge.merge(out, stores, is_own=lambda store: is_same_file(store, own))
    report_left_out(made.left_out)
    terminal.echo(f"merged {counted(len(stores), 'store')} into {out}, {counted(made.monitors, 'monitor')}")


def _one_layer(name: str) -> str:
    if name not in LAYERS:
        raise UsageError(f'there is no layer "{name}"', f"There are: {', '.join(LAYERS)}")
    return name


@click.command(name="import", epilog=example("mousetrackd import counts.json --layer dwell --size 1920x1080"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--layer",
    metavar="LAYER",
    help=f"One of {', '.join(LAYERS)}. Default: the one that the file names, else dwell.",
    shell_complete=completion.values(*LAYERS),
)
@click.option("--unit", metavar="NAME", help="What is counted, if it is not the unit of the layer.")
@reading_options
@click.option(
    "--monitor",
    default="imported",
    show_default=True,
    metavar="NAME",
    help="The screen's name, if the file does not contain it.",
)
@click.option("--at", metavar="WHEN", help="When it was counted. Default: as the file says, else now.")
def import_(file: Path, layer: str | None, unit: str | None, monitor: str, at: str | None, **given: Any) -> None:
    """Add the counts of FILE to one layer of the store; - is standard input.

    FILE is a table of text (CSV and the like), JSON, a Python literal, an array of NumPy, Parquet, a grey PNG, a
    profile of MouseTracks or a database of InputScope. Points without a count are one each; with times, they are how
    long the pointer stayed, in the hours that the file says.
    """
    from mousetrackd.core.timerange import moment_s  # noqa: PLC0415
    from mousetrackd.core.validity import IMPORTED_HOUR_S  # noqa: PLC0415
    from mousetrackd.storage.store import Store  # noqa: PLC0415

    name = _one_layer(layer or DWELL)
    found = read_file(file, given, layer=name, output=monitor)
    if layer is None:
        name = found.layer or name
    elif found.layer not in ("", layer):
        raise UsageError(f"{file} has counts of {found.layer}, and --layer says {layer}", "Leave --layer out.")
    now = datetime.now().astimezone()
    at_s = int(now.timestamp()) if at is None else moment_s(at, now)
    if not 0 <= at_s <= now.timestamp():
        raise UsageError(f'counts cannot be from "{at}"', "Give a time between 1970 and now.")
    is_by_hour = at is None and bool(found.hours)
    hours = found.hours if is_by_hour else {at_s: found.counts}
    if not all(0 <= hour_s <= now.timestamp() for hour_s in hours):
        raise UsageError(f"{file} has times in the future, or before 1970", "Say when it was counted: --at WHEN.")
    paths = user_paths()
    make_private(paths.data_dir)
    with Store.open(paths.store) as store:
        store.commit_import(
            ((begin_s, _tally(table, name)) for begin_s, table in sorted(hours.items())),
            unit or found.unit or None,
            span_s=IMPORTED_HOUR_S if is_by_hour else 1,
        )
    report_left_out(found.notes)
    if name == DWELL and not found.unit and unit is None and found.counts:
        terminal.echo("Its counts are taken as milliseconds; --each TIME or --unit NAME says otherwise.", err=True)
    total = sum(counts.total for counts in found.counts.values())
    spread = f", in {len(hours):,} hours" if len(hours) > 1 else ""
    amount = _amount(total, name, unit or found.unit or UNITS[name])
    terminal.echo(f"imported {amount} into {name}, on {', '.join(_labels(found.counts)) or 'no screen'}{spread}")


def _amount(total: int, layer: str, unit: str) -> str:
    """A total with its unit: ``2 h 19 min of rest``, ``1,200 presses``."""
    from mousetrackd.core.layers import of_total  # noqa: PLC0415
    from mousetrackd.storage.stats import time_text  # noqa: PLC0415

    if unit != "ms":
        return f"{total:,} {printable(of_total(total, unit))}"
    return f"{f'{total} ms' if total < 1000 else time_text(total)}{' of rest' if layer == DWELL else ''}"


def _tally(table: Mapping[Monitor, Counts], layer: str) -> Tally:
    from mousetrackd.core.accumulator import Tally  # noqa: PLC0415

    return Tally({Series(screen, layer): counts for screen, counts in table.items() if counts.pixels})


def _labels(table: Mapping[Monitor, Counts]) -> list[str]:
    return [screen.label for screen in table]


@click.command(
    epilog=example(
        "mousetrackd forget --last 10m",
        "mousetrackd forget --since yesterday --until yesterday --monitor DP-1",
        "mousetrackd forget --application keepassxc",
        "mousetrackd forget --all --yes",
    )
)
@click.option(
    "--since", metavar="WHEN", help='Only what was counted from this time on: "14:30", "yesterday", "7 days ago".'
)
@click.option("--until", metavar="WHEN", help="Only what was counted before this time, or until the end of this day.")
@click.option("--last", metavar="TIME", help="Only what was counted in the last minutes, hours or days: 10m, 2h, 1d.")
@click.option(
    "--monitor",
    metavar="NAME",
    help="Only what was counted on this monitor, by its name in status.",
    shell_complete=completion.monitors,
)
@click.option(
    "--application",
    metavar="NAME",
    help="Only what was counted for this application. It is taken out of the totals too.",
    shell_complete=completion.applications,
)
@click.option("--all", "everything", is_flag=True, help="Everything that was ever counted.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def forget(yes: bool, **options: Any) -> None:
    """Delete counts permanently, and every picture that may show them.

    They are deleted from the store, its journal and its backups. An hour is deleted whole if any of it is chosen; what
    stays of an older day, month or year is kept in cells instead of pixels. Every picture drawn since the chosen time
    began is deleted too. Travel and distance are not kept by application: with --application they stay. Files that you
    rendered or exported elsewhere are yours to delete.
    """
    from mousetrackd.storage import forget, forget_note  # noqa: PLC0415
    from mousetrackd.storage.erase import MoreThanPromisedError  # noqa: PLC0415

    choice = _choice(**options)
    paths = user_paths()
    gone = None
    while gone is None:
        save_now(paths)
        choice = forget.named(paths, choice)
        promise = _agreed(paths, choice, ask=not yes)
        try:
            gone = forget.carry_out(paths, choice, promise)
        except MoreThanPromisedError as error:
            terminal.echo(f"{error.message}. This is what would be deleted now.", err=True)
    terminal.echo(
        "\n".join(["Forgotten:", *gone.lines(choice)] if gone else ["Nothing matched, so nothing was forgotten."])
    )
    for left in forget_note.unfinished(paths):
        terminal.echo(f"An earlier one is unfinished. To finish it: mousetrackd forget {left}", err=True)
    if client.find_running(paths) is not None:
        terminal.echo(f"New picture: {draw_now(paths)}")


def _agreed(paths: Paths, choice: Choice, *, ask: bool) -> Promise | None:
    """Show what will be deleted, and ask; None with --yes. Raises MousetrackError where the answer is no."""
    from mousetrackd.storage import forget  # noqa: PLC0415
    from mousetrackd.storage.erase import Promise  # noqa: PLC0415

    now_s = int(time.time())
    found = forget.find(paths, choice)
    if not ask or not found:
        return Promise(found.held, now_s) if ask else None
    if not sys.stdin.isatty():
        raise UsageError(
            "forgetting cannot be undone, and there is no terminal to ask for confirmation", "To confirm: --yes"
        )
    terminal.echo("\n".join(["This will be deleted permanently:", *found.lines(choice)]))
    if not click.confirm("Delete it?"):
        raise MousetrackError("Nothing was forgotten.")
    save_now(paths)
    return Promise(found.held, now_s)


def _choice(
    *,
    since: str | None,
    until: str | None,
    last: str | None,
    monitor: str | None,
    application: str | None,
    everything: bool,
) -> Choice:
    """What the options of ``forget`` select. Raises UsageError where they contradict each other."""
    from mousetrackd.core.timerange import parse_range, parse_step_s  # noqa: PLC0415
    from mousetrackd.storage.forget import Choice  # noqa: PLC0415

    named = [option for option in (since, until, last, monitor, application) if option is not None]
    if everything == bool(named):
        raise UsageError(
            "--all cannot be used with other options" if everything else "nothing was selected to forget",
            "For example: --last 10m, or --since yesterday, or --monitor DP-1. For everything: --all",
        )
    if last is not None and (since is not None or until is not None):
        raise UsageError("--last cannot be used with --since or --until", "Leave one of them out.")
    since_s, until_s = parse_range(since, until)
    return Choice(since_s if last is None else int(time.time()) - parse_step_s(last), until_s, monitor, application)
