"""Installing for the user, and uninstalling: files are written or removed, and systemd is notified."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

from mousetrackd.capture.wayland.gnome_extension import install_extension, remove_extension
from mousetrackd.core.errors import MousetrackError, NotRunningError
from mousetrackd.daemon import client
from mousetrackd.desktop import kwin, launcher, managed_files
from mousetrackd.desktop.systemctl import UNIT, answer_to, look_at_systemd, must, systemctl
from mousetrackd.system import libraries
from mousetrackd.system.files import remove_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mousetrackd.desktop.autostart import Places
    from mousetrackd.desktop.managed_files import OwnFile
    from mousetrackd.desktop.systemctl import UserSystemd
    from mousetrackd.system.paths import Paths


def install(
    own: Sequence[OwnFile], systemd: UserSystemd, paths: Paths, *, start: bool, superseded: Mapping[Path, Path]
) -> Iterator[str]:
    """Write the files, enable the unit and start it; a sentence for all that was changed, none for the rest.

    superseded: files of ours that go, because a package brings them, and the folder that each stays below. Raises
    MousetrackError for what cannot be done.
    """
    changed = []
    for name, did in _written(own, superseded):
        changed.append(name)
        yield did
    yield from kwin.advise(own, changed)
    yield from gnome_extension(install_extension)
    yield from _pictures()
    if not systemd.answers:
        if changed:
            yield f"systemd cannot be asked ({systemd.why}): the autostart entry starts mousetrackd at the next login"
        return
    if UNIT in changed:
        must("daemon-reload")
    if answer_to("is-enabled", UNIT) != "enabled":
        must("enable", UNIT)
        yield "enabled: it starts with every graphical session"
    if start:
        yield from _start(systemd, paths, changed=UNIT in changed)


def _written(own: Sequence[OwnFile], superseded: Mapping[Path, Path]) -> Iterator[tuple[str, str]]:
    """Write and remove these; the name of each file that was changed, and a sentence about it."""
    for file in own:
        did = file.write()
        if did:
            yield file.path.name, did
    for path, below in superseded.items():
        if not managed_files.is_foreign(path):
            for did in managed_files.remove(path, below=below):
                yield path.name, did


def packaged_for_all(places: Places) -> dict[Path, Path]:
    """The user's own files that are the same for every user, so that a package can bring them; the base of each."""
    paths = (places.unit, *places.completions.values(), places.man_page, *launcher.paths(places))
    return {path: places.base_of(path) for path in paths}


def _pictures() -> Iterator[str]:
    """A sentence where no picture can be drawn: better now than in the first picture's place."""
    try:
        import cv2  # noqa: F401, PLC0415
    except ImportError as error:
        explained = libraries.explained(error)
        yield str(explained or error)


def gnome_extension(do: Callable[..., list[str]], *, dry_run: bool = False) -> list[str]:
    """Install or remove what runs inside GNOME Shell; where that fails a sentence says so, and the rest goes on."""
    try:
        return do(dry_run=dry_run)
    except MousetrackError as error:
        return [f"GNOME Shell: {error}"]


def _start(systemd: UserSystemd, paths: Paths, *, changed: bool) -> Iterator[str]:
    if answer_to("is-active", UNIT) == "active":
        if changed:
            must("restart", UNIT)
            yield "restarted; see: mousetrackd status"
    elif (running := client.find_running(paths)) is not None:
        yield f"not started: it already runs (pid {running.pid}), and systemd takes over at the next login"
    elif not systemd.has_display:
        yield "not started now, because systemd knows no display; it starts at the next login"
    else:
        must("start", UNIT)
        yield "started; see: mousetrackd status"


def uninstall(places: Places, paths: Paths, *, purge: bool) -> Iterator[str]:
    """Stop the daemon and take away what ``install`` wrote; with ``purge``, all else of mousetrackd's as well.

    A sentence for all that was done. Raises MousetrackError for what cannot be done.
    """
    systemd = look_at_systemd()
    if systemd.answers and (answer_to("is-enabled", UNIT) == "enabled" or answer_to("is-active", UNIT) == "active"):
        must("disable", "--now", UNIT)
        yield "stopped and disabled the unit"
    daemon = client.find_running(paths)
    if daemon is not None:
        with contextlib.suppress(NotRunningError):  # it has just ended by itself
            daemon.send(signal.SIGTERM)
        client.wait_for_end(daemon)
        yield f"stopped mousetrackd (pid {daemon.pid})"
    yield from _remove_files(places, purge=purge)
    yield from gnome_extension(remove_extension)
    if systemd.answers:
        systemctl("daemon-reload")
        systemctl("reset-failed", UNIT)  # which fails where nothing had failed
    if purge:
        try:
            yield from remove_all(paths)
        except OSError as error:
            raise MousetrackError(f"could not remove everything: {error}", "Remove the rest by hand.") from error
    elif paths.data_dir.exists():
        yield f"your counts and pictures stay in {paths.data_dir}; to remove them: mousetrackd uninstall --purge"


def _remove_files(places: Places, *, purge: bool) -> Iterator[str]:
    for link in places.unit.parent.glob(f"*.wants/{UNIT}"):  # gone already, where there is a systemd to disable it
        if link.is_symlink():
            with contextlib.suppress(OSError):
                link.unlink()
                yield f"removed {link}"
    for wants in places.unit.parent.glob("*.wants"):
        managed_files.remove_empty(wants, below=places.config_home)
    for path in (places.entry, *places.kwin_effect.values(), *packaged_for_all(places)):
        yield from managed_files.remove(path, below=places.base_of(path), with_kept=purge)
    own_changes = places.unit.with_name(f"{UNIT}.d")
    if own_changes.is_dir():
        yield f"left {own_changes}: your own changes to the unit"
