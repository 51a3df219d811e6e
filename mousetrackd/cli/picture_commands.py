"""The commands that draw: render and timelapse."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mousetrackd.cli import completion, terminal
from mousetrackd.cli.file_pictures import check_options, scene_of_file
from mousetrackd.cli.options import FloatRange, example, open_selection, range_options, report_left_out, what_was_chosen
from mousetrackd.cli.reading_options import reading_options
from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import COUNTS, LAYERS
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mousetrackd.cli.options import Selection
    from mousetrackd.config import Config, SnapshotConfig
    from mousetrackd.core.layout import Layout
    from mousetrackd.storage.readings import Reading

LAYER_HELP = (
    f"What to draw: {', '.join(LAYERS)}; clicks is all buttons. LAYER:NAME draws it in that colour map. "
    "Default: as in the configuration."
)


def _look_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that change how a picture looks: those of [snapshot] in the configuration."""
    for option in (
        click.option("--title", metavar="TEXT", help="The title in the legend."),
        click.option("--legend/--no-legend", default=None, help="With or without the legend below the picture."),
        click.option(
            "--opacity", type=float, help="How much of the image below the hottest place hides, 0 to 1. Default: 0.7."
        ),
        click.option("--over", metavar="IMAGE", help='Lay the heat over this image; "screen" takes a screenshot.'),
        click.option(
            "--background",
            metavar="COLOUR",
            help='Colour where nothing was counted: like #101418, "transparent", or a light one for a light picture.',
        ),
        click.option(
            "--max",
            metavar="HEAT",
            help='Heat that gets the hottest colour, a number or a time like "5s": for comparing pictures.',
        ),
        click.option("--percentile", type=float, help="Heat above this percentile gets the hottest colour."),
        click.option(
            "--edges",
            metavar="MODE",
            help='Heat beside an edge: "true" is what was counted there, "total" keeps the sum of the picture.',
            shell_complete=completion.values("true", "total"),
        ),
        click.option(
            "--scale",
            metavar="SCALE",
            help="How heat becomes colour: log, sqrt (the look of a poster) or linear.",
            shell_complete=completion.values("log", "sqrt", "linear"),
        ),
        click.option(
            "--sigma",
            metavar="PX",
            help="How far heat spreads: pixels, or a share of the shorter side like 1.7%; 0 draws raw dots.",
        ),
        click.option(
            "--colormap",
            metavar="NAME",
            help="Colours of the lowest layer: ember, ice, classic, any OpenCV map, or one from your configuration; "
            "NAME_r is its reverse.",
            shell_complete=completion.colormaps,
        ),
        click.option("--layer", multiple=True, metavar="LAYER", help=LAYER_HELP, shell_complete=completion.layers),
    ):
        command = option(command)
    return command


@click.command(
    epilog=example(
        "mousetrackd render today.png --since today",
        "mousetrackd render all.png --layer dwell --layer travel --layer clicks",
        "mousetrackd render - --layer travel --no-legend > lines.png",
        "mousetrackd render wallpaper.png --out-size 3840x2160 --no-legend",
        "mousetrackd render work.png --weekdays mon-fri --hours 9-17 --over screen",
        "mousetrackd render dots.png --from dots.csv --size 1920x1080 --unit visits",
    )
)
@click.argument(
    "out",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    shell_complete=completion.files(".png", ".jpg", ".webp"),
)
@click.option(
    "--out-size",
    metavar="WxH",
    help="Draw the picture for this size, legend included, sharp at any: a poster or a wallpaper.",
)
@_look_options
@range_options
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw this file instead of the store: whatever import reads; - is standard input.",
)
@click.option("--unit", metavar="NAME", help="What the file counts, for the legend.")
@click.option("--window", is_flag=True, help="With --application: where in its window, wherever that was.")
@reading_options
def render(out: Path, **options: Any) -> None:
    """Draw a picture of the store, or of any file of counts, into OUT: .png, .jpg or .webp; - is a PNG to stdout."""
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.picture import encode, over_image  # noqa: PLC0415
    from mousetrackd.picture.compose import draw  # noqa: PLC0415
    from mousetrackd.picture.scene import Scene  # noqa: PLC0415
    from mousetrackd.storage.readings import ALL  # noqa: PLC0415
    from mousetrackd.system import output_files  # noqa: PLC0415

    is_piped = str(out) == "-"
    if is_piped and sys.stdout.isatty():
        raise UsageError("a picture is not for a terminal", "Send it elsewhere: mousetrackd render - > heat.png")
    ending = ".png" if is_piped else encode.ending_of(str(out))
    conf = config.load(user_paths().config_file)
    look = _look(conf, options)
    check_options(options)
    if options["file"] is not None:
        scene, look = scene_of_file(options["file"], options, conf, look)
        picture = draw(scene, look)
    else:
        with open_selection(options) as selection:
            reading = selection.store.read(look.layers, selection.asked)
            if not reading.counts and selection.asked != ALL:
                terminal.echo("Nothing was counted in this range, so the picture is empty.", err=True)
            layout, where, chosen = selection.layout, "", selection.asked
            if options["window"]:
                reading, layout = _window_of(selection, look.layers)
                where, chosen = f"the window of {chosen.application}", replace(chosen, application="")
            scene = Scene(
                reading,
                layout,
                exclude=() if options["window"] else conf.privacy.exclusions,
                over=over_image.load(look.over),
                colormaps=conf.colormaps,
                only=what_was_chosen(options, chosen),
                where=where,
            )
            picture = draw(scene, look)
    content = encode.encoded(picture, ending)
    if is_piped:
        sys.stdout.buffer.write(content)
    else:
        output_files.write(out, content)
        terminal.echo_path(out.absolute())
    report_left_out(picture.left_out)


@click.command(
    epilog=example(
        "mousetrackd timelapse week.mp4 --since '7 days ago' --step 1h",
        "mousetrackd timelapse day.gif --since today --step 1h --windowed --width 800",
    )
)
@click.argument(
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    shell_complete=completion.files(".mp4", ".webm", ".webp", ".gif"),
)
@click.option(
    "--step", default="1h", show_default=True, metavar="TIME", help="How much time a frame adds: 15m, 1h, 1d."
)
@click.option("--windowed", is_flag=True, help="Each frame shows only its own step, not everything before it.")
@click.option("--fps", type=FloatRange(0.1, 60), default=10.0, show_default=True, help="Frames per second.")
@click.option(
    "--width", type=click.IntRange(16, 16384), default=1920, show_default=True, help="Largest width in pixels."
)
@_look_options
@range_options
def timelapse(out: Path, step: str, windowed: bool, fps: float, width: int, **options: Any) -> None:
    """Draw a film of the store into OUT: .mp4, .webm, .webp or .gif.

    All frames have the same scale, and a clock. Steps in which nothing was counted are left out.
    """
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.core import timerange  # noqa: PLC0415
    from mousetrackd.picture import compose, film, over_image, timelapse  # noqa: PLC0415
    from mousetrackd.picture.clock import Clock  # noqa: PLC0415
    from mousetrackd.picture.scene import Scene, append_unplaced_monitors  # noqa: PLC0415

    if out.suffix.lower() not in film.ENDINGS:
        raise UsageError(f"cannot draw a film into {out}", f"Give a file name that ends in {', '.join(film.ENDINGS)}.")
    step_s = timerange.parse_step_s(step)
    conf = config.load(user_paths().config_file)
    look = replace(_look(conf, options), out_size="")  # a film has a width of its own
    remarks: list[str] = []
    with open_selection(options) as selection:
        pieces = selection.store.pieces(look.layers, remarks, selection.asked, step_s=step_s)
        shown = timelapse.film_of(pieces, step_s, cumulative=not windowed)
    readings = shown.frames.measured()
    layout = append_unplaced_monitors(selection.layout, {series.monitor for one in readings for series in one.counts})
    of_all = Scene(
        readings[-1],
        layout,
        exclude=conf.privacy.exclusions,
        over=over_image.load(look.over),
        colormaps=conf.colormaps,
        only=what_was_chosen(options, selection.asked),
    )
    of_all = of_all.with_all_monitors()
    measures = compose.measures(of_all, look, readings)
    clock = Clock([frame.clock for frame in shown.frames], of_all.layout.bounds()[2])
    is_watched = sys.stderr.isatty()
    with (
        click.progressbar(shown.frames, label="drawing", file=sys.stderr)
        if is_watched
        else nullcontext(shown.frames) as frames
    ):
        pictures = (
            clock.drawn(compose.draw(replace(of_all, reading=frame.reading), look, measures).rgb(), frame.clock)
            for frame in frames
        )
        film.write(out, pictures, fps, width)
    terminal.echo_path(out.absolute())
    report_left_out(dict.fromkeys([*remarks, *of_all.reading.left_out, *shown.notes]))


def _window_of(selection: Selection, layers: Sequence[str]) -> tuple[Reading, Layout]:
    """What was counted in the window of the chosen application, in the shape that it usually has."""
    from mousetrackd.core.applications import GRID  # noqa: PLC0415
    from mousetrackd.core.layers import CLICK_LAYERS, DWELL, SCROLL  # noqa: PLC0415
    from mousetrackd.picture import window  # noqa: PLC0415

    asked = selection.asked
    if not asked.application:
        raise UsageError("--window is about the window of one application", "Name it: --application NAME")
    relative = selection.store.read(layers, replace(asked, grid=GRID))
    for_shape = (DWELL, *CLICK_LAYERS, SCROLL)
    in_window = selection.store.read(for_shape, replace(asked, grid=GRID))
    layout = window.layout_of(in_window, selection.store.read(for_shape, asked), asked.application)
    return window.on_layout(relative, layout), layout


def _look(conf: Config, options: dict[str, Any]) -> SnapshotConfig:
    """The configured look with the options of a command laid over it, checked by the same rules."""
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.picture.look import Look  # noqa: PLC0415

    names = (
        "layer",
        "colormap",
        "sigma",
        "scale",
        "edges",
        "percentile",
        "max",
        "background",
        "over",
        "opacity",
        "title",
        "out_size",
        "legend",
    )
    given = {name: options[name] for name in names if options.get(name) not in (None, ())}
    if "layer" in given:
        given["layer"] = [*given["layer"]]
        if COUNTS in (one.partition(":")[0] for one in given["layer"]):
            raise UsageError(
                f'there is no layer "{COUNTS}"',
                f"There are: {', '.join(LAYERS)}; clicks is all buttons. Counts of a file need none.",
            )
        _ = Look(layer=given["layer"]).layers
    for name in {"sigma", "max"} & given.keys():
        given[name] = config.number_or_text(given[name])
    return config.with_look(conf.snapshot, given, conf.colormaps)
