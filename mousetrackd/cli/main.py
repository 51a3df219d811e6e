"""The commands, thin: words in, rooms called, and the one place that turns errors into sentences."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mousetrackd import __version__
from mousetrackd.capture import registry
from mousetrackd.cli import terminal
from mousetrackd.cli.streams import Streams
from mousetrackd.core.errors import ConfigError, ExitCode, MousetrackError, NotRunningError, RefusedError, UsageError
from mousetrackd.core.layers import LAYERS, expand_layers
from mousetrackd.core.printable import printable, printable_lines
from mousetrackd.daemon import client
from mousetrackd.picture.picture_file import is_whole
from mousetrackd.system import displays
from mousetrackd.system.paths import make_private, user_paths

# The other rooms are imported by the commands that need them: numpy and OpenCV cost more than "status" does.

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mousetrackd.config import Config, SnapshotConfig
    from mousetrackd.core.events import Source
    from mousetrackd.core.layout import Layout, Monitor
    from mousetrackd.storage.erase import Choice
    from mousetrackd.storage.store import Promise, Range, Store
    from mousetrackd.system.paths import Paths

_LAYER_HELP = f"What to draw: {', '.join(LAYERS)}; clicks is all buttons. Default: as in the configuration."


def main() -> NoReturn:
    """Run a command; exit with its code. Nothing that can happen ends in a traceback."""
    os.umask(0o077)
    # Before numpy is imported: a thread per core costs OpenBLAS time and memory, and nothing here uses them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    streams = Streams()
    code = _run_command()
    unwritten = streams.failed()
    if unwritten:
        click.echo(f"mousetrackd: cannot write to standard output: {unwritten}\n{_DONE_ALL_THE_SAME}", err=True)
    sys.exit(code or (ExitCode.COULD_NOT if unwritten else ExitCode.DONE))


_DONE_ALL_THE_SAME = "The command did its work, unless another error is shown."


def _run_command() -> int:
    """Run what the command line asks for; its exit code. Every error is printed here."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        terminal.show_usage(error)
        return ExitCode.WRONG_USAGE
    except MousetrackError as error:
        terminal.echo_error(error, sys.stdout if error.exit_code == ExitCode.DONE else sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the one place where what nobody thought of becomes a sentence
        return _unexpected(error)
    return ExitCode.DONE


def _unexpected(error: Exception) -> int:
    """Print one sentence about an error that nobody thought of, and keep its traceback."""
    try:
        from mousetrackd.system import logs  # noqa: PLC0415

        place = logs.keep_traceback(user_paths().log, error)
        told = MousetrackError(f"internal error: {logs.summary(error)}", f"Please report it, with {place}.")
        terminal.echo_error(told, sys.stderr)
    except Exception:  # noqa: BLE001 - there is not even memory, or a file to be opened, for that
        with contextlib.suppress(OSError):
            os.write(2, b"mousetrackd: there is not enough memory, or too few files may be open\nSee: ulimit -a\n")
    return ExitCode.COULD_NOT


def _example(*lines: str) -> str:
    r"""The example at the end of a command's help; \b keeps its lines as they are."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_example("mousetrackd run          # in one terminal", "mousetrackd latest --open"),
)
@click.version_option(__version__, prog_name="mousetrackd")
def cli() -> None:
    """Keep a heatmap of where your mouse pointer goes."""


class _FloatRange(click.FloatRange):
    """Without "nan", which click lets through any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        return self.fail(f"{value!r} is not a valid float.", param, ctx) if math.isnan(number) else number


# The daemon ---------------------------------------------------------------------------------------------


@cli.command(epilog=_example("mousetrackd run", "mousetrackd run --source replay:session.csv --speed 20"))
@click.option("--source", metavar="NAME", help=f"Where events come from: {registry.EXPECTED}.")
@click.option("--speed", type=_FloatRange(0.01, 100_000), default=1.0, help="How much faster to play a recording.")
@click.option("--allow-root", is_flag=True, help="Run as root, where root is the user: in a container.")
@click.option("-v", "--verbose", is_flag=True, help="Say more in the log.")
def run(source: str | None, speed: float, allow_root: bool, verbose: bool) -> None:
    """Track the pointer, in the foreground, until stopped."""
    if not allow_root:
        _refuse_root("run")
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.daemon import handover  # noqa: PLC0415
    from mousetrackd.daemon.daemon import Daemon  # noqa: PLC0415
    from mousetrackd.daemon.privacy_guard import ConfigFile  # noqa: PLC0415
    from mousetrackd.system import logs  # noqa: PLC0415

    paths = user_paths()
    log = logs.start(paths.log, verbose=verbose)
    config_file = ConfigFile(paths, source=source)
    recording = functools.cache(functools.partial(registry.choose, speed=speed))

    def make_source(now: config.Config) -> Source:
        if registry.is_recording(now.source):  # after a pause it goes on where it was
            return recording(now.source)
        return registry.choose(now.source)

    try:
        conf, lost = config_file.load_or_rules()
        registry.check(conf.source)  # a misspelt one is told before anything is touched

        def run_daemon() -> None:
            Daemon(paths, conf, make_source, config_file.load, log_problem=log.problem, lost=lost).run()

        if registry.is_recording(conf.source):
            run_daemon()
        else:
            handover.run_or_take_over(paths, run_daemon, lambda: registry.why_not(conf.source))
    except client.AlreadyRunningError as error:
        log.note(str(error))
        if source is None:
            raise
        raise MousetrackError(
            f"{error.message} Nothing is taken from {source}.",
            "Stop it first: mousetrackd stop. Or keep the two apart: XDG_RUNTIME_DIR and XDG_DATA_HOME elsewhere.",
        ) from error
    except MousetrackError as error:
        log.note(str(error))
        raise


def _refuse_root(command: str) -> None:
    if os.geteuid() == 0:
        raise RefusedError(
            "mousetrackd does not run as root: it needs no such power, and the heatmap would be root's.",
            f"Start it as the user whose pointer it is. Where root is that user: mousetrackd {command} --allow-root",
        )


@cli.command(epilog=_example("mousetrackd pause"))
def pause() -> None:
    """Stop listening until told to resume, also across restarts."""
    _want(pause=True)


@cli.command(epilog=_example("mousetrackd resume"))
def resume() -> None:
    """Listen again."""
    _want(pause=False)


def _want(*, pause: bool) -> None:
    paths = user_paths()
    # The wish is on disk before anything else happens, so that it holds whatever becomes of the daemon.
    with client.wish_held_still(paths):
        client.set_wanted(paths, pause=pause)
    daemon = client.find_running(paths)
    if daemon is None:
        will = "be paused" if pause else "track"
        raise NotRunningError(f"mousetrackd is not running. When it is started, it will {will}.")
    asked_ns = time.monotonic_ns()
    daemon.send(signal.SIGHUP)
    status = client.wait_for_status(
        daemon,
        lambda said: said.get("looked_ns", 0) >= asked_ns and (said["state"] == "paused") == pause,
        "pause" if pause else "resume",
    )
    terminal.echo("\n".join((client.headline(status), *displays.compare(status, os.environ))))
    if status["state"] == "blind":
        terminal.echo("\n".join(_problem_lines(status)))


@cli.command(epilog=_example('xdg-open "$(mousetrackd snapshot)"'))
def snapshot() -> None:
    """Draw a new picture now; print its path when it is whole."""
    terminal.echo_path(_draw_now(user_paths()))


def _draw_now(paths: Paths) -> str:
    """Have the daemon draw; the picture's path. Raises MousetrackError."""
    daemon = client.require_running(paths)
    asked_ns = time.monotonic_ns()
    daemon.send(signal.SIGALRM)
    status = client.wait_for_status(daemon, lambda said: said.get("snapshot_began_ns", 0) >= asked_ns, "draw a picture")
    if status["snapshot_error"]:
        raise MousetrackError(f"no new picture: {status['snapshot_error']}")
    if not is_whole(Path(str(status["picture"]))):
        raise MousetrackError(
            f"the new picture is not there any more: {status['picture']}",
            "See what else writes or removes files there, and try again.",
        )
    return str(status["picture"])


@cli.command(epilog=_example("mousetrackd stop"))
def stop() -> None:
    """End the daemon; what it counted is saved and drawn first."""
    daemon = client.require_running(user_paths())
    daemon.send(signal.SIGTERM)
    client.wait_for_end(daemon)
    why = client.not_saved_by(daemon)
    if why:
        raise MousetrackError(f"mousetrackd (pid {daemon.pid}) has ended, and not everything is in the store.", why)
    terminal.echo(f"mousetrackd (pid {daemon.pid}) has ended.")


@cli.command(epilog=_example("mousetrackd status", "mousetrackd status --json"))
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def status(as_json: bool) -> None:
    """Say what the daemon is doing."""
    paths = user_paths()
    said = client.read_status(paths)
    if said["state"] == "stopped":
        said["problems"] = [*(said.get("problems") or []), *_why_it_cannot_start(paths)]
    said["notes"] = [*(said.get("notes") or []), *displays.compare(said, os.environ)]
    if as_json:
        terminal.echo(json.dumps(said, indent=1))
    else:
        terminal.echo("\n".join(status_lines(said)))
    if said["state"] == "stopped":
        sys.exit(ExitCode.NOT_RUNNING)


def status_lines(said: dict[str, Any]) -> list[str]:
    """A status for people."""
    lines = [client.headline(said)]
    if said.get("source"):
        lines.append(f"source           {printable(str(said['source']))}")
        lines += [f"                 {printable(str(note))}" for note in said.get("notes") or []]
        shown = ", ".join(printable(str(one["monitor"])) for one in said.get("monitors") or [])
        lines.append(f"monitors         {shown or 'none'}")
        as_of = f", as of {said['written']}" if said.get("written") else ""
        lines.append(f"events           {said.get('events')}{as_of}")
        lines.append(f"last checkpoint  {said.get('last_checkpoint') or 'none yet'}")
        lines.append(f"last picture     {said.get('last_snapshot') or 'none yet'}")
        lines.append(f"picture          {printable(str(said.get('picture')))}")
    return lines + _problem_lines(said)


def _problem_lines(said: dict[str, Any]) -> list[str]:
    problems = [printable_lines(str(problem), " " * 17) for problem in said.get("problems") or []]
    return [f"problem          {problem}" for problem in problems]


def _why_it_cannot_start(paths: Paths) -> list[str]:
    """What a daemon cannot write into its status that the configuration has ended at once."""
    from mousetrackd.daemon.privacy_guard import ConfigFile, VanishedError  # noqa: PLC0415

    try:
        ConfigFile(paths).load()
    except VanishedError as error:
        return [str(error)]
    except ConfigError as error:
        return [f"it cannot start. {error}"]
    return []


@cli.command(epilog=_example("mousetrackd latest --open"))
@click.option("--open", "open_it", is_flag=True, help="Show it in your picture viewer.")
def latest(open_it: bool) -> None:
    """Print the path of the newest picture."""
    path = user_paths().latest
    if not path.is_file():
        raise MousetrackError(
            f"there is no picture yet: {path}",
            "The first is drawn a minute after the pointer moved; or: mousetrackd snapshot",
        )
    terminal.echo_path(path)
    if open_it and click.launch(str(path)) != 0:
        raise MousetrackError("no program opened the picture", f"Open it yourself: {path}")


# Pictures and tables ------------------------------------------------------------------------------------


def _range_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--monitor", metavar="NAME", help="Only this one, by its name in status."),
        click.option("--weekdays", metavar="DAYS", help='Only these: "mon-fri", "sat,sun".'),
        click.option("--hours", metavar="HOURS", help='Only these hours of the day: "9-17", "22-6".'),
        click.option("--until", metavar="WHEN", help="Only what was counted before: as --since."),
        click.option(
            "--since",
            metavar="WHEN",
            help='Only what was counted from: "2026-11-22", "14:30", "yesterday", "7 days ago".',
        ),
    ):
        command = option(command)
    return command


def _look_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that change how a picture looks: those of [snapshot] in the configuration."""
    for option in (
        click.option("--legend/--no-legend", default=None, help="With or without the strip below the picture."),
        click.option(
            "--over", metavar="IMAGE", help='Lay the heat over this image, dimmed; "screen" takes a screenshot.'
        ),
        click.option("--background", metavar="COLOUR", help='Of untouched places: like #101418, or "transparent".'),
        click.option("--max", type=float, help="Heat of the hottest colour, to compare pictures."),
        click.option("--percentile", type=float, help="Heat above this percentile gets the hottest colour."),
        click.option("--scale", metavar="SCALE", help="From heat to colour: log, sqrt or linear."),
        click.option(
            "--sigma", metavar="PX", help="How far heat spreads: pixels, or like 1.2% of the height; 0: raw dots."
        ),
        click.option("--colormap", metavar="NAME", help="ember, ice, classic, any of OpenCV's, or one of your own."),
        click.option("--layer", multiple=True, metavar="LAYER", help=_LAYER_HELP),
    ):
        command = option(command)
    return command


@cli.command(
    epilog=_example(
        "mousetrackd render today.png --since today",
        "mousetrackd render all.png --layer dwell --layer travel --layer clicks",
        "mousetrackd render work.png --weekdays mon-fri --hours 9-17 --over screen",
    )
)
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@_look_options
@_range_options
def render(out: Path, **options: Any) -> None:
    """Draw a picture of the store into OUT, a PNG file."""
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.picture import compose  # noqa: PLC0415
    from mousetrackd.storage.store import ALL  # noqa: PLC0415
    from mousetrackd.system import output_files  # noqa: PLC0415

    if out.suffix.lower() != ".png":
        raise UsageError(f"cannot draw into {out}", "Give a file name that ends in .png.")
    conf = config.load(user_paths().config_file)
    look = _look(conf, options)
    with _chosen(options) as chosen:
        reading = chosen.store.read(expand_layers(look.layer), chosen.asked)
        if not reading.counts and chosen.asked != ALL:
            terminal.echo("Nothing was counted in this range, so the picture is empty.", err=True)
        picture = compose.draw(
            reading,
            chosen.layout,
            look,
            conf.colormaps,
            over=compose.under(look),
            only=_only(options),
            exclude=conf.privacy.exclusions,
        )
    output_files.write(out, picture.png())
    _say_left_out(picture.left_out)


@cli.command(
    epilog=_example(
        "mousetrackd timelapse week.mp4 --since '7 days ago' --step 1h",
        "mousetrackd timelapse day.gif --since today --step 1h --windowed --width 800",
    )
)
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--step", default="1h", show_default=True, metavar="TIME", help="How much time a frame adds: 15m, 1h, 1d."
)
@click.option("--windowed", is_flag=True, help="Each frame shows its own step only, not all before it.")
@click.option("--fps", type=_FloatRange(0.1, 60), default=10.0, show_default=True, help="Frames per second.")
@click.option("--width", type=click.IntRange(16, 16384), default=1920, show_default=True, help="Not wider than this.")
@_look_options
@_range_options
def timelapse(out: Path, step: str, windowed: bool, fps: float, width: int, **options: Any) -> None:
    """Draw a film of the store into OUT: .mp4, .webm, .webp or .gif. The scale is the same in all frames."""
    from mousetrackd import config  # noqa: PLC0415
    from mousetrackd.core import timerange  # noqa: PLC0415
    from mousetrackd.picture import compose, timelapse  # noqa: PLC0415

    if out.suffix.lower() not in timelapse.ENDINGS:
        raise UsageError(f"cannot film into {out}", f"Give a file name that ends in {', '.join(timelapse.ENDINGS)}.")
    step_s = timerange.parse_step_s(step)
    conf = config.load(user_paths().config_file)
    look = _look(conf, options)
    left_out: list[str] = []
    with _chosen(options) as chosen:
        pieces = chosen.store.pieces(expand_layers(look.layer), left_out, chosen.asked)
        frames = timelapse.readings(pieces, step_s, cumulative=not windowed)
    layout = compose.with_homeless(chosen.layout, {screen for frame in frames for screen, _ in frame.counts})
    hottest: dict[str, float] = {}
    for frame in frames if windowed else frames[-1:]:
        for layer, heat in compose.scales(frame, layout, look).items():
            hottest[layer] = max(heat, hottest.get(layer, 0))
    under = compose.under(look)
    with click.progressbar(frames, label="drawing", file=sys.stderr) as shown:
        pictures = (
            compose.draw(
                frame,
                layout,
                look,
                conf.colormaps,
                over=under,
                max_heats=hottest,
                only=_only(options),
                exclude=conf.privacy.exclusions,
            ).rgb()
            for frame in shown
        )
        timelapse.write(out, pictures, fps, width)
    _say_left_out(left_out)


@cli.command(epilog=_example("mousetrackd stats --since '7 days ago'"))
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.option("--since", metavar="WHEN", help="Only from then on.")
@click.option("--until", metavar="WHEN", help="Only before then.")
def stats(as_json: bool, since: str | None, until: str | None) -> None:
    """Say how far the pointer went, how long, and what was pressed, per day and in all."""
    from mousetrackd.core import timerange  # noqa: PLC0415
    from mousetrackd.storage import stats  # noqa: PLC0415
    from mousetrackd.storage.recovery import readable  # noqa: PLC0415

    since_s, until_s = timerange.parse_range(since, until)
    with readable(user_paths().store) as (store, missing):
        _say_left_out([missing] if missing else [])
        found = stats.summarise(store.totals(since_s=since_s, until_s=until_s), store.sizes_mm())
    terminal.echo(json.dumps(found.as_json(), indent=1) if as_json else "\n".join(stats.lines(found)))


def _look(conf: Config, options: dict[str, Any]) -> SnapshotConfig:
    """The configured look with the options of a command laid over it, checked by the same rules."""
    from mousetrackd import config  # noqa: PLC0415

    names = ("layer", "colormap", "sigma", "scale", "percentile", "max", "background", "over", "legend")
    given = {name: options[name] for name in names if options[name] not in (None, ())}
    if "layer" in given:
        given["layer"] = [*given["layer"]]
        expand_layers(given["layer"])
    if "sigma" in given:
        given["sigma"] = config.number_or_text(given["sigma"])
    return config.with_look(conf.snapshot, given, conf.colormaps)


def _only(options: dict[str, Any]) -> str:
    """The hours and days a command was told, for the picture to tell as well."""
    hours = f"{options['hours']} h" if options["hours"] else ""
    return ", ".join(part for part in (options["weekdays"], hours) if part)


@dataclass(frozen=True)
class _Chosen:
    """The store, open for reading, what of it a command's options ask for, and how the monitors stood then."""

    store: Store
    asked: Range
    layout: Layout


@contextlib.contextmanager
def _chosen(options: dict[str, Any]) -> Iterator[_Chosen]:
    """Open the store. Raises UsageError for a range that cannot be meant, or a monitor never seen."""
    from mousetrackd.core.layout import Layout, all_meant  # noqa: PLC0415
    from mousetrackd.core.timerange import parse_hours, parse_range, parse_weekdays  # noqa: PLC0415
    from mousetrackd.storage.recovery import readable  # noqa: PLC0415
    from mousetrackd.storage.store import Range  # noqa: PLC0415

    since_s, until_s = parse_range(options["since"], options["until"])
    name = options["monitor"]
    hours = parse_hours(options["hours"]) if options["hours"] is not None else None
    weekdays = parse_weekdays(options["weekdays"]) if options["weekdays"] is not None else None
    asked = Range(since_s, until_s, name, hours, weekdays)
    with readable(user_paths().store) as (store, missing):
        if missing:
            terminal.echo(missing, err=True)
        layout = store.layout(until_s)
        if name is not None:
            known = [*store.monitors().values()]
            meant = all_meant(known, name)
            if not meant:
                labels = ", ".join(sorted(one.label for one in known)) or "none yet"
                raise UsageError(f'there is no monitor "{name}"', f"There are: {labels}")
            layout = Layout([p for p in layout.placements if p.monitor in meant][:1])
        yield _Chosen(store, asked, layout)


def _say_left_out(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        terminal.echo(printable(sentence), err=True)


@cli.command(
    epilog=_example(
        "mousetrackd export clicks.csv --layer clicks.left",
        "mousetrackd export day.npz --since yesterday --until yesterday",
    )
)
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--layer", default="dwell", show_default=True, metavar="LAYER", help=f"One of {', '.join(LAYERS)}.")
@_range_options
def export(out: Path, layer: str, **options: Any) -> None:
    """Write one layer's counts into OUT: .csv, .json or .npz."""
    from mousetrackd.exchange import files  # noqa: PLC0415
    from mousetrackd.system import output_files  # noqa: PLC0415

    ending = out.suffix.lower().removeprefix(".")
    if ending not in ("csv", "json", "npz"):
        raise UsageError(f"cannot export to {out}", "Give a file name that ends in .csv, .json or .npz.")
    with _chosen(options) as chosen:
        reading = chosen.store.read((_one_layer(layer),), chosen.asked)
    table = {screen: counts for (screen, _), counts in reading.counts.items()}
    output_files.write(out, files.dump(table, ending))
    _say_left_out(reading.left_out)


def _one_layer(name: str) -> str:
    if name not in LAYERS:
        raise UsageError(f'there is no layer "{name}"', f"There are: {', '.join(LAYERS)}")
    return name


@cli.command(name="import", epilog=_example("mousetrackd import counts.json --layer dwell --size 1920x1080"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--layer", default="dwell", show_default=True, metavar="LAYER", help=f"One of {', '.join(LAYERS)}.")
@click.option("--size", metavar="WxH", help="The screen's size in pixels, where the file does not tell.")
@click.option(
    "--monitor",
    default="imported",
    show_default=True,
    metavar="NAME",
    help="What to call the screen, where the file does not tell.",
)
@click.option("--at", metavar="WHEN", help="When it was counted. Default: now.")
def import_(file: Path, layer: str, size: str | None, monitor: str, at: str | None) -> None:
    """Add the counts of FILE (.csv, .json, .npz, .npy) to one layer of the store."""
    from mousetrackd.core.accumulator import Tally  # noqa: PLC0415
    from mousetrackd.core.timerange import moment_s  # noqa: PLC0415
    from mousetrackd.exchange import files  # noqa: PLC0415
    from mousetrackd.storage.store import Store  # noqa: PLC0415

    name = _one_layer(layer)
    table = files.load(file, monitor, _size(size))
    now = datetime.now().astimezone()
    at_s = int(now.timestamp()) if at is None else moment_s(at, now)
    if not 0 <= at_s <= now.timestamp():
        raise UsageError(f'counts cannot be from "{at}"', "Give a time between 1970 and now.")
    paths = user_paths()
    make_private(paths.data_dir)
    with Store.open(paths.store) as store:
        store.commit(
            Tally({(screen, name): counts for screen, counts in table.items() if counts.index.size}),
            at_s,
            at_s + 1,
        )
    total = sum(counts.total for counts in table.values())
    terminal.echo(f"imported {total} into {name}, on {', '.join(_labels(table)) or 'no screen'}")


def _labels(table: dict[Monitor, Any]) -> list[str]:
    return [screen.label for screen in table]


def _size(text: str | None) -> tuple[int, int] | None:
    from mousetrackd.core.layout import size_problem  # noqa: PLC0415

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


@cli.command(
    epilog=_example(
        "mousetrackd forget --last 10m",
        "mousetrackd forget --since yesterday --until yesterday --monitor DP-1",
        "mousetrackd forget --all --yes",
    )
)
@click.option("--since", metavar="WHEN", help='What was counted from: "14:30", "yesterday", "7 days ago".')
@click.option("--until", metavar="WHEN", help="What was counted before: as --since.")
@click.option("--last", metavar="TIME", help="What was counted in the last: 10m, 2h, 1d.")
@click.option("--monitor", metavar="NAME", help="What was counted on this one, by its name in status.")
@click.option("--all", "everything", is_flag=True, help="All that was ever counted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(yes: bool, **options: Any) -> None:
    """Remove counts for good, from the store, its journal and backups, and every picture that may show them.

    What is kept only by the hour, day or month goes whole where it touches the time named, and so does every picture
    drawn since that time began. What you rendered or exported to other places is yours to remove.
    """
    from mousetrackd.storage import erase  # noqa: PLC0415
    from mousetrackd.storage.store import MoreThanToldError  # noqa: PLC0415

    choice = _choice(**options)
    paths = user_paths()
    gone = None
    while gone is None:
        _save_now(paths)
        promise = _agreed(paths, choice, ask=not yes)
        try:
            gone = erase.carry_out(paths, choice, promise)
        except MoreThanToldError as error:
            terminal.echo(f"{error.message}. This is what it takes with it now.", err=True)
    terminal.echo("\n".join(["Forgotten:", *gone.lines(choice)] if gone else ["There was nothing of that."]))
    for left in erase.unfinished(paths):
        terminal.echo(f"Unfinished from before, do it again: mousetrackd forget {left}", err=True)
    if client.find_running(paths) is not None:
        terminal.echo(f"Drawn anew: {_draw_now(paths)}")


def _agreed(paths: Paths, choice: Choice, *, ask: bool) -> Promise | None:
    """Tell what goes, and ask; None where nobody is to be asked. Raises MousetrackError where the answer is no."""
    from mousetrackd.storage import erase  # noqa: PLC0415
    from mousetrackd.storage.store import Promise  # noqa: PLC0415

    now_s = int(time.time())
    found = erase.look(paths, choice)
    if not ask or not found:
        return Promise(found.held, now_s) if ask else None
    if not sys.stdin.isatty():
        raise UsageError("forgetting cannot be undone", "To do it without being asked: --yes")
    terminal.echo("\n".join(["This goes for good:", *found.lines(choice)]))
    if not click.confirm("Forget it?"):
        raise MousetrackError("Nothing was forgotten.")
    _save_now(paths)
    return Promise(found.held, now_s)


def _choice(*, since: str | None, until: str | None, last: str | None, monitor: str | None, everything: bool) -> Choice:
    """What the options of ``forget`` mean. Raises UsageError where they cannot be meant."""
    from mousetrackd.core.timerange import parse_range, parse_step_s  # noqa: PLC0415
    from mousetrackd.storage.erase import Choice  # noqa: PLC0415

    named = [option for option in (since, until, last, monitor) if option is not None]
    if everything == bool(named):
        raise UsageError(
            "say what to forget, or --all, not both" if everything else "say what to forget",
            "Like: --last 10m, or --since yesterday, or --monitor DP-1. Everything: --all",
        )
    if last is not None and (since is not None or until is not None):
        raise UsageError("--last goes together with neither --since nor --until", "Leave one of them out.")
    since_s, until_s = parse_range(since, until)
    return Choice(since_s if last is None else int(time.time()) - parse_step_s(last), until_s, monitor)


def _save_now(paths: Paths) -> None:
    """Have the daemon, if there is one, write down all it has counted. Raises MousetrackError when it cannot."""
    daemon = client.find_running(paths)
    if daemon is None:
        return
    asked_ns = time.monotonic_ns()
    daemon.send(signal.SIGALRM)
    said = client.wait_for_status(
        daemon, lambda said: said.get("snapshot_began_ns", 0) >= asked_ns, "save what it has counted"
    )
    if said.get("saved_ns", 0) < asked_ns:
        raise MousetrackError(
            "nothing was forgotten: mousetrackd holds counts that it cannot save, and would save them later.",
            "See: mousetrackd status. Or end it, then do this again: mousetrackd stop",
        )


# Configuration ------------------------------------------------------------------------------------------


@cli.command(name="config", epilog=_example("mousetrackd config --default"))
@click.option("--default", "default", is_flag=True, help="Print a commented file with every key and its default.")
def config_(default: bool) -> None:
    """Print the configuration in force, and where it comes from."""
    from mousetrackd import config  # noqa: PLC0415

    if default:
        terminal.echo(config.to_toml(config.Config(), comments=True), nl=False)
        return
    from mousetrackd.daemon.privacy_guard import ConfigFile  # noqa: PLC0415

    paths = user_paths()
    path = paths.config_file
    conf, lost = ConfigFile(paths).load_or_rules()
    where = f"from {path}" if path.exists() else f"the defaults: there is no {path}"
    terminal.echo("\n".join(f"# {line}" for line in str(lost or where).splitlines()))
    terminal.echo(config.to_toml(conf, comments=False), nl=False)


# Installing -----------------------------------------------------------------------------------------------


@cli.command(epilog=_example("mousetrackd install", "mousetrackd install --dry-run"))
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--no-start", is_flag=True, help="Do not start it now, only from the next login on.")
@click.option("--allow-root", is_flag=True, help="Install for root, where root is the user: in a container.")
def install(dry_run: bool, no_start: bool, allow_root: bool) -> None:
    """Start with your session from now on; with completion for your shell, and a man page."""
    from mousetrackd.capture.wayland.gnome_extension import install_extension  # noqa: PLC0415
    from mousetrackd.desktop import autostart, manual  # noqa: PLC0415
    from mousetrackd.desktop.managed_files import Found  # noqa: PLC0415

    if not (dry_run or allow_root):
        _refuse_root("install")
    places, systemd = autostart.user_places(), autostart.look_at_systemd()
    starting = autostart.files(places, systemd, autostart.own_launch())
    helping = manual.files(places, cli)
    if dry_run:
        for file in (*starting, *helping):
            there = file.found()
            instead = {Found.NOTHING: "", Found.SAME: " is there already"}.get(there, f", instead of {there.value}")
            terminal.echo(f"# {file.path}{instead}")
            if file in starting:  # the others are long, and run nothing by themselves
                terminal.echo(file.content().decode())
        for sentence in autostart.gnome_extension(install_extension, dry_run=True):
            terminal.echo(f"# {sentence}")
        return
    said = 0
    for sentence in autostart.install([*starting, *helping], systemd, user_paths(), start=not no_start):
        terminal.echo(sentence)
        said += 1
    if not said:
        terminal.echo("nothing to change: it is installed")


@cli.command(epilog=_example("mousetrackd uninstall", "mousetrackd uninstall --purge"))
@click.option("--purge", is_flag=True, help="Remove all counts, pictures and settings too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--allow-root", is_flag=True, help="Uninstall for root, where root is the user: in a container.")
def uninstall(purge: bool, yes: bool, allow_root: bool) -> None:
    """Stop, and take away what install wrote. Your counts and pictures stay, unless you purge them."""
    from mousetrackd.desktop import autostart  # noqa: PLC0415

    if not allow_root:
        _refuse_root("uninstall")
    paths = user_paths()
    if purge and not yes:
        if not sys.stdin.isatty():
            raise UsageError("purging cannot be undone", "To do it without being asked: --yes")
        if not click.confirm(f"Remove every count and picture in {printable(str(paths.data_dir))}, and the settings?"):
            raise MousetrackError("Nothing was removed.")
    for sentence in autostart.uninstall(autostart.user_places(), paths, purge=purge):
        terminal.echo(sentence)


@cli.command(epilog=_example("mousetrackd doctor", "mousetrackd doctor --json"))
@click.option("--json", "as_json", is_flag=True, help="For bug reports: without names of yours or of your machine.")
def doctor(as_json: bool) -> None:
    """Look for whatever could be wrong, and say what to do. Exits with 1 when there is a problem."""
    from mousetrackd.core.findings import Level  # noqa: PLC0415
    from mousetrackd.desktop import autostart, doctor  # noqa: PLC0415

    paths = user_paths()
    findings = doctor.examine(paths, autostart.user_places())
    said = json.dumps(doctor.as_json(findings, paths), indent=1) if as_json else "\n".join(doctor.lines(findings))
    terminal.echo(said)
    if any(finding.level is Level.PROBLEM for finding in findings):
        sys.exit(ExitCode.COULD_NOT)
