"""The commands about many machines: what one of them gives to a study, and the sum of all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mousetrackd.cli import terminal
from mousetrackd.cli.options import example, report_left_out
from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import CLICKS, LAYERS
from mousetrackd.core.validity import plain_name
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mousetrackd.fleet.months import Month
    from mousetrackd.fleet.total import Asked, Part, Published

_SINCE = click.option("--since", metavar="WHEN", help='Only days from this one on: "2026-11-01", "30 days ago".')
_UNTIL = click.option("--until", metavar="WHEN", help="Only days until the end of this one.")


@click.group(epilog=example("mousetrackd fleet export ~/Study --secret-file ~/study-secret --dry-run | less"))
def fleet() -> None:
    """Give counts to a study of many machines, and add a study up.

    A study is a folder. How it gets from one machine to another is yours to arrange: mousetrackd connects to nothing.
    """


@fleet.command(
    epilog=example(
        "mousetrackd fleet export ~/Study --secret-file ~/study-secret --dry-run | less",
        "mousetrackd fleet export ~/Study --secret-file ~/study-secret --cohort design",
    )
)
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The study's secret, the same at all machines. It gives this machine a name that only the study has.",
)
@click.option("--cohort", default="", metavar="NAME", help="Which part of the study this machine is in.")
@click.option(
    "--applications",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Give what was counted for these as well: the study's list, a name on each line. Default: none.",
)
@_SINCE
@_UNTIL
@click.option("--dry-run", is_flag=True, help="Print every row that would leave, and write nothing.")
def export(study: Path, secret_file: Path, cohort: str, dry_run: bool, **options: Any) -> None:
    """Write what this machine counted into the folder STUDY, for the first time or again.

    To run it is to take part. What leaves: how long the pointer was, how often it passed and how often a button was
    pressed in each cell of a screen divided into 480 x 270 (clicks: 160 x 90), by the day. No hours, no names of
    monitors or files, and of applications only those of --applications that the configuration does not deny. A month
    that has changed replaces what the study has of it; days that were forgotten, or are not in the chosen range, are
    taken back.
    """
    from mousetrackd.core.timerange import parse_range  # noqa: PLC0415
    from mousetrackd.fleet.study import Study  # noqa: PLC0415
    from mousetrackd.storage.recovery import readable  # noqa: PLC0415

    since_s, until_s = parse_range(options["since"], options["until"])
    listed = options["applications"]
    place = Study(study, secret_file, cohort, _allowed(listed) if listed is not None else ())
    with readable(user_paths().store) as (store, missing):
        report_left_out([missing] if missing else [])
        plan = place.plan(store, since_s, until_s)
        rows = 0
        if dry_run:
            sys.stdout.write("machine,cohort,day,application,layer,column,row,n\n")
        for month in place.months(store, plan, since_s, until_s):
            rows += month.n.size
            if dry_run:
                _print_rows(month)
            else:
                place.put(month)
        if not dry_run:
            place.remove(plan.remove)
    report_left_out(dict.fromkeys(plan.left_out))
    would = "would be " if dry_run else ""
    parts = [
        f"{rows:,} rows of {', '.join(plan.write) or 'no month'} {would}written",
        *([f"{', '.join(plan.kept)} unchanged"] if plan.kept else []),
        *([f"{', '.join(plan.taken_back)} {would}taken back"] if plan.taken_back else []),
    ]
    terminal.echo(f"{'; '.join(parts)}; this machine is {plan.machine}", err=dry_run)


def _allowed(listed: Path) -> list[str]:
    """The applications of a study's list, without those for which nothing is to be counted."""
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.fleet.study import read_applications  # noqa: PLC0415

    rules = config.load(user_paths().config_file).applications.rules()
    names = read_applications(listed)
    denied = [name for name in names if rules.denies([name])]
    report_left_out(f"left out {name}: the configuration denies it" for name in denied)
    return [name for name in names if name not in denied]


def _print_rows(month: Month) -> None:
    """As CSV without a head: day, application, layer, column and row of the cell, and how much."""
    from datetime import date, timedelta  # noqa: PLC0415

    from mousetrackd.fleet.grid import grid_of  # noqa: PLC0415

    columns = [grid_of(layer)[0] for layer in LAYERS]
    days = {day: date(1970, 1, 1) + timedelta(days=day) for day in set(month.day.tolist())}
    arrays = (month.day, month.application, month.layer, month.cell, month.n)
    for day, application, layer, cell, n in zip(*(array.tolist() for array in arrays), strict=True):
        row, column = divmod(cell, columns[layer])
        of = f"{month.applications[application]},{LAYERS[layer]}"
        sys.stdout.write(f"{month.machine},{month.cohort},{days[day]},{of},{column},{row},{n}\n")


@fleet.command(epilog=example("mousetrackd fleet withdraw ~/Study --secret-file ~/study-secret"))
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--secret-file", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The study's secret."
)
@click.option("--dry-run", is_flag=True, help="Name what would be deleted, and delete nothing.")
def withdraw(study: Path, secret_file: Path, dry_run: bool) -> None:
    """Delete all that this machine has given to the folder STUDY.

    Copies that others have made, and sums in which it was counted, are out of reach. Stop the timer, if there is one.
    """
    from mousetrackd.fleet.study import Study, months_of  # noqa: PLC0415
    from mousetrackd.storage.recovery import readable  # noqa: PLC0415

    place = Study(study, secret_file)
    with readable(user_paths().store) as (store, _):
        machine = place.machine(store)
    files = place.all_of(machine)
    if not dry_run:
        place.remove(files)
    names = ", ".join(sorted(months_of(files))) or "nothing"
    terminal.echo(f"{names} of {machine} {'would be' if dry_run else 'is'} deleted from {study}")


@fleet.command(
    name="sum",
    epilog=example(
        "mousetrackd fleet sum ~/Study map.png --since '30 days ago'",
        "mousetrackd fleet sum ~/Study all.npz --layer dwell --layer clicks --scheduler local",
        "mousetrackd fleet sum ~/Study compared.png --cohort design --against support",
        "mousetrackd fleet sum ~/Study blender.png --application org.blender.blender --layer clicks",
    ),
)
@click.argument("study", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    help=f"{', '.join(LAYERS)}; clicks is all buttons. A picture has one, .npz any number. Default: dwell.",
)
@click.option("--application", default="", metavar="NAME", help="Only what was counted for this application.")
@click.option("--cohort", metavar="NAME", help="Only this part of the study.")
@click.option("--against", metavar="NAME", help="Compare with this part: both maps on one scale, and their difference.")
@_SINCE
@_UNTIL
@click.option(
    "--min-machines",
    type=click.IntRange(1, 1_000_000),
    default=10,
    show_default=True,
    metavar="K",
    help="Hide cells that fewer machines have seen, or where one has over half. 1, for your own machines, hides none.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help='Add up on a Dask cluster: "local", or an address like tcp://127.0.0.1:8786. Default: in this process.',
)
def sum_(study: Path, out: Path, **options: Any) -> None:
    """Add up the machines of the folder STUDY into OUT: a picture (.png) or arrays (.npz).

    Every file is verified. What is damaged, or no file of a study, is left out and named. OUT.npz has for each layer
    an array of counts, (rows, columns), and one of how many machines have counts there, "seen.LAYER". Counts are ms,
    presses and steps; of travel 100 are a line from side to side of a cell, on a screen of any resolution.
    """
    from mousetrackd.core.timerange import parse_range  # noqa: PLC0415
    from mousetrackd.fleet import total  # noqa: PLC0415
    from mousetrackd.system import output_files  # noqa: PLC0415

    layers = options["layers"] or ("dwell",)
    if out.suffix.lower() not in (".png", ".npz"):
        raise UsageError(f"cannot write a sum into {out}", "Give a file name that ends in .png or .npz.")
    if out.suffix.lower() == ".png" and len(layers) > 1:
        raise UsageError("a picture of a study has one layer", f"Name one of {', '.join((*LAYERS, CLICKS))}.")
    if options["against"] is not None and options["cohort"] is None:
        raise UsageError("--against compares two cohorts, and one is named", "Name the other: --cohort NAME")
    least = options["min_machines"]
    since_s, until_s = parse_range(options["since"], options["until"])
    bad: list[str] = []
    machines = total.machines_of(study, bad)
    application = plain_name(options["application"])
    parts: list[Part] = []
    names = [options["cohort"], *([options["against"]] if options["against"] is not None else [])]
    for name in names:
        asked = total.Asked.between(layers, name, since_s, until_s, application)
        parts.append(_summed(machines, asked, options["scheduler"]))
        bad += parts[-1].bad
    report_left_out(sorted(dict.fromkeys(bad)))
    for name, part in zip(names, parts, strict=True):
        total.require_machines(part, total.Asked.between(layers, name, since_s, until_s, application), least)
    shown = [{layer: total.publish(part.sums[layer], least) for layer in layers} for part in parts]
    output_files.write(out, _content(out, [*map(str, names)], layers, parts, shown, least, application))
    for name, part, of_layers in zip(names, parts, shown, strict=True):
        for layer, one in of_layers.items():
            of = f"{name}: " if len(names) > 1 else ""
            terminal.echo(
                f"{of}{layer} of {part.machines:,} machines, {len(part.days):,} days; hidden are {one.hidden_cells:,}"
                f" of {one.cells:,} cells with {one.hidden / max(one.total, 1):.1%} of all counts"
            )


def _summed(machines: Sequence[Sequence[Path]], asked: Asked, scheduler: str | None) -> Part:
    from mousetrackd.fleet import total  # noqa: PLC0415

    with click.progressbar(
        length=len(machines), label="adding up", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        if scheduler is not None:
            from mousetrackd.fleet import dask_total  # noqa: PLC0415

            return dask_total.sum_machines(machines, asked, scheduler, bar.update)
        part = total.Part.empty(asked)
        for files in machines:
            part.add(total.sum_machines([files], asked))
            bar.update(1)
        return part


def _content(
    out: Path,
    names: Sequence[str],
    layers: Sequence[str],
    parts: Sequence[Part],
    shown: Sequence[dict[str, Published]],
    least: int,
    application: str,
) -> bytes:
    if out.suffix.lower() == ".npz":
        return _npz(
            {
                f"{f'{name}.' if len(names) > 1 else ''}{prefix}{layer}": array
                for name, of_layers in zip(names, shown, strict=True)
                for layer, one in of_layers.items()
                for prefix, array in (("", one.counts), ("seen.", one.seen))
            }
        )
    from mousetrackd.fleet import drawing  # noqa: PLC0415

    layer = layers[0]
    if len(parts) == 1:
        return drawing.draw(layer, parts[0], shown[0][layer], least, application).png()
    both = (shown[0][layer], shown[1][layer])
    return drawing.draw_pair(layer, (names[0], names[1]), (parts[0], parts[1]), both, least, application).png()


def _npz(arrays: dict[str, Any]) -> bytes:
    import io  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
