"""The commands about the installation: config, install, uninstall and doctor."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import click

from mousetrackd.cli import terminal
from mousetrackd.cli.options import example
from mousetrackd.cli.running import refuse_root
from mousetrackd.core.errors import ExitCode, MousetrackError, UsageError
from mousetrackd.core.wording import printable
from mousetrackd.daemon import client
from mousetrackd.system.files import make_private, write_whole
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from mousetrackd.system.paths import Paths


@click.group(
    name="config",
    invoke_without_command=True,
    epilog=example("mousetrackd config", "mousetrackd config edit", "mousetrackd config check"),
)
@click.option("--default", "default", is_flag=True, help="Print a commented file with every key and its default.")
@click.pass_context
def config_(context: click.Context, default: bool) -> None:
    """Print the configuration in force, and where it comes from; edit or check the file."""
    if context.invoked_subcommand is not None:
        return
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


@config_.command(epilog=example("mousetrackd config check"))
def check() -> None:
    """Check the configuration file, and name each problem. Exits with 78 if there is one."""
    terminal.echo(_checked(user_paths()))


def _checked(paths: Paths) -> str:
    """A sentence about the file, which is good. Raises ConfigError."""
    from mousetrackd.daemon.privacy_guard import ConfigFile  # noqa: PLC0415

    ConfigFile(paths).load()
    path = paths.config_file
    return f"{path} is good" if path.exists() else f"there is no {path}, so every key has its default"


@config_.command(epilog=example("mousetrackd config edit", "EDITOR=nano mousetrackd config edit"))
def edit() -> None:
    """Open the configuration file in your editor ($VISUAL or $EDITOR), check it, and have the daemon read it.

    Where there is none yet, it begins as a commented file with every key and its default.
    """
    from mousetrackd import config  # noqa: PLC0415

    paths = user_paths()
    path = paths.config_file
    fresh = None
    if not os.path.lexists(path):
        fresh = config.to_toml(config.Config(), comments=True).encode()
        make_private(path.parent)
        write_whole(path, fresh)
    try:
        click.edit(filename=str(path))
    except click.ClickException as error:
        hint = f"Name another: EDITOR=nano mousetrackd config edit. The file is {path}"
        raise MousetrackError(error.message, hint) from error
    finally:
        is_untouched = fresh is not None and path.is_file() and path.read_bytes() == fresh
        if is_untouched:
            path.unlink()
    if is_untouched:
        terminal.echo("Nothing was changed.")
        return
    terminal.echo(_checked(paths))
    daemon = client.find_running(paths)
    if daemon is not None:
        asked_ns = time.monotonic_ns()
        daemon.send(signal.SIGHUP)
        client.wait_for_status(daemon, lambda said: said.get("looked_ns", 0) >= asked_ns, "read it")
        terminal.echo("mousetrackd has read it.")


@click.command(epilog=example("mousetrackd install", "mousetrackd install --dry-run"))
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--no-start", is_flag=True, help="Do not start it now, only at the next login.")
@click.option("--allow-root", is_flag=True, help="Allow root, if root is the desktop's user, as in a container.")
def install(dry_run: bool, no_start: bool, allow_root: bool) -> None:
    """Start mousetrackd with your session; also install shell completion and a man page."""
    from mousetrackd.capture.wayland.gnome_extension import install_extension  # noqa: PLC0415
    from mousetrackd.cli.commands import cli  # noqa: PLC0415 - which imports this module
    from mousetrackd.desktop import autostart, installer, kwin, launcher, manual  # noqa: PLC0415
    from mousetrackd.desktop.managed_files import Found  # noqa: PLC0415
    from mousetrackd.desktop.systemctl import look_at_systemd  # noqa: PLC0415

    if not (dry_run or allow_root):
        refuse_root("install")
    places, systemd = autostart.user_places(), look_at_systemd()
    launch = autostart.own_launch()
    starting = autostart.files(places, systemd, launch)
    packaged = places.packaged_unit(launch)
    helping = kwin.files(places)
    if packaged is None:
        helping += [*manual.files(places, cli), *launcher.files(places, launch)]
    if dry_run:
        if packaged is not None:
            terminal.echo(f"# {packaged} is there already, as the launcher and the man page: they are of the package")
        for file in (*starting, *helping):
            there = file.found()
            instead = {Found.NOTHING: "", Found.SAME: " is there already"}.get(there, f", instead of {there.value}")
            terminal.echo(f"# {file.path}{instead}")
            if file in starting:  # the others are long, and run nothing by themselves
                terminal.echo(file.content().decode())
        for sentence in installer.gnome_extension(install_extension, dry_run=True):
            terminal.echo(f"# {sentence}")
        return
    changes = 0
    superseded = {} if packaged is None else installer.packaged_for_all(places)
    own = [*starting, *helping]
    for sentence in installer.install(own, systemd, user_paths(), start=not no_start, superseded=superseded):
        terminal.echo(sentence)
        changes += 1
    if not changes:
        terminal.echo("nothing to change: mousetrackd is installed")


@click.command(epilog=example("mousetrackd uninstall", "mousetrackd uninstall --purge"))
@click.option("--purge", is_flag=True, help="Also delete all counts, pictures and settings.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--allow-root", is_flag=True, help="Allow root, if root is the desktop's user, as in a container.")
def uninstall(purge: bool, yes: bool, allow_root: bool) -> None:
    """Stop the daemon and remove what install wrote. Your counts and pictures stay, unless you use --purge."""
    from mousetrackd.desktop import autostart, installer  # noqa: PLC0415

    if not allow_root:
        refuse_root("uninstall")
    paths = user_paths()
    if purge and not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "purging cannot be undone, and there is no terminal to ask for confirmation", "To confirm: --yes"
            )
        if not click.confirm(f"Delete every count and picture in {printable(str(paths.data_dir))}, and the settings?"):
            raise MousetrackError("Nothing was removed.")
    for sentence in installer.uninstall(autostart.user_places(), paths, purge=purge):
        terminal.echo(sentence)


@click.command(epilog=example("mousetrackd doctor", "mousetrackd doctor --json"))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON for bug reports, without your name, your machine's name or your folders.",
)
def doctor(as_json: bool) -> None:
    """Check everything that could be wrong, and report what to do. Exits with 1 if there is a problem."""
    from mousetrackd.core.findings import Level  # noqa: PLC0415
    from mousetrackd.desktop import autostart, doctor  # noqa: PLC0415

    paths = user_paths()
    findings = doctor.examine(paths, autostart.user_places())
    report = json.dumps(doctor.as_json(findings, paths), indent=1) if as_json else "\n".join(doctor.lines(findings))
    terminal.echo(report)
    if any(finding.level is Level.PROBLEM for finding in findings):
        sys.exit(ExitCode.COULD_NOT)
