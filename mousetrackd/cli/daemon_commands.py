"""The commands about the daemon: run, pause, resume, snapshot, stop, status and latest."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mousetrackd.capture import registry
from mousetrackd.cli import running, terminal
from mousetrackd.cli.options import FloatRange, example
from mousetrackd.cli.reading_options import read_recording_options, recording_options, refuse_recording_options
from mousetrackd.core.errors import ConfigError, ExitCode, MousetrackError, NotRunningError
from mousetrackd.core.wording import printable, printable_lines
from mousetrackd.daemon import client, pause_state
from mousetrackd.picture.archive import is_whole
from mousetrackd.system import displays
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from mousetrackd.system.paths import Paths


@click.command(epilog=example("mousetrackd run", "mousetrackd run --source replay:session.csv --speed 20"))
@click.option("--source", metavar="NAME", help=f"Where events come from: {registry.EXPECTED}.")
@click.option("--speed", type=FloatRange(0.01, 100_000), default=1.0, help="How much faster to play a recording.")
@recording_options
@click.option("--allow-root", is_flag=True, help="Allow root, if root is the desktop's user, as in a container.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def run(source: str | None, speed: float, allow_root: bool, verbose: bool, **given: Any) -> None:
    """Track the pointer, in the foreground, until stopped."""
    if not allow_root:
        running.refuse_root("run")
    options = read_recording_options(given)
    running.run_daemon(
        source,
        verbose=verbose,
        recording=lambda name: registry.choose(name, speed=speed, recording=options),
        check_live=lambda: refuse_recording_options(given),
    )


@click.command(epilog=example("mousetrackd pause"))
def pause() -> None:
    """Pause tracking until you resume it, even across restarts."""
    _set_desired_state(pause=True)


@click.command(epilog=example("mousetrackd resume"))
def resume() -> None:
    """Track again after a pause."""
    _set_desired_state(pause=False)


def _set_desired_state(*, pause: bool) -> None:
    paths = user_paths()
    # The desired state is on disk before anything else happens, so that it holds whatever becomes of the daemon.
    with pause_state.desired_state_lock(paths):
        pause_state.write_desired_state(paths, pause=pause)
    daemon = client.find_running(paths)
    if daemon is None:
        will = "be paused" if pause else "track"
        raise NotRunningError(f"mousetrackd is not running. When it is started, it will {will}.")
    asked_ns = time.monotonic_ns()
    daemon.send(signal.SIGHUP)
    status = client.wait_for_status(
        daemon,
        lambda said: (
            said.get("looked_ns", 0) >= asked_ns
            and (said["state"] == "paused") == pause
            # The last status of one that ends meanwhile is no answer.
            and said["state"] != "stopped"
            and daemon.is_alive()
        ),
        "pause" if pause else "resume",
    )
    terminal.echo("\n".join((client.headline(status), *displays.compare(status, os.environ))))
    if status["state"] == "blind":
        terminal.echo("\n".join(_problem_lines(status)))


@click.command(epilog=example('xdg-open "$(mousetrackd snapshot)"'))
def snapshot() -> None:
    """Draw a new picture now, and print its path when it is complete."""
    terminal.echo_path(draw_now(user_paths()))


def draw_now(paths: Paths) -> str:
    """Have the daemon draw; the picture's path. Raises MousetrackError."""
    daemon = client.require_running(paths)
    asked_ns = time.monotonic_ns()
    daemon.send(signal.SIGALRM)
    status = client.wait_for_status(daemon, lambda said: said.get("snapshot_began_ns", 0) >= asked_ns, "draw a picture")
    if status["snapshot_error"]:
        raise MousetrackError(f"no new picture: {status['snapshot_error']}")
    if not is_whole(Path(str(status["picture"]))):
        raise MousetrackError(
            f"the new picture has disappeared: {status['picture']}",
            "Check what else writes or deletes files there, and try again.",
        )
    return str(status["picture"])


def save_now(paths: Paths) -> None:
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
            "nothing was forgotten: mousetrackd has counts that it cannot save now, and would save them later.",
            "See: mousetrackd status. Or stop it, then try again: mousetrackd stop",
        )


@click.command(epilog=example("mousetrackd stop"))
def stop() -> None:
    """Stop the daemon; it saves its counts and draws a last picture first."""
    daemon = client.require_running(user_paths())
    daemon.send(signal.SIGTERM)
    client.wait_for_end(daemon)
    why = client.not_saved_by(daemon)
    if why:
        raise MousetrackError(
            f"mousetrackd (pid {daemon.pid}) has ended, and could not put everything into the store.", why
        )
    terminal.echo(f"mousetrackd (pid {daemon.pid}) has ended.")


@click.command(epilog=example("mousetrackd status", "mousetrackd status --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def status(as_json: bool) -> None:
    """Show what the daemon is doing."""
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


@click.command(epilog=example("mousetrackd latest --open"))
@click.option("--open", "open_it", is_flag=True, help="Show it in your picture viewer; draw it if there is none yet.")
def latest(open_it: bool) -> None:
    """Print the path of the newest picture."""
    paths = user_paths()
    if not paths.latest.is_file():
        if not open_it:
            raise MousetrackError(
                f"there is no picture yet: {paths.latest}",
                "The first one is drawn a minute after the pointer moves. To draw it now: mousetrackd latest --open",
            )
        _draw_first(paths)
    terminal.echo_path(paths.latest)
    if open_it:
        from mousetrackd.system import viewer  # noqa: PLC0415

        viewer.show(paths.latest)


def _draw_first(paths: Paths) -> None:
    """Draw the first picture, by the daemon if there is one. Raises MousetrackError."""
    if client.find_running(paths) is not None:
        draw_now(paths)
        return
    if not os.path.lexists(paths.store):
        raise MousetrackError("there is no picture yet: nothing has been counted", "To begin: mousetrackd run")
    from mousetrackd.daemon import snapshot_worker  # noqa: PLC0415
    from mousetrackd.daemon.privacy_guard import ConfigFile  # noqa: PLC0415

    config, _ = ConfigFile(paths).load_or_rules()
    snapshot_worker.take(paths, config, datetime.now(UTC))
