"""Starting with the session: a systemd unit and an autostart entry for the user. Text first, writing second.

The unit is the better of the two: systemd restarts a daemon that crashed or hangs, and lets it save before the
session ends. But not every desktop starts graphical-session.target, and not every system has systemd, so there
is always the entry as well. It asks systemd to start the unit, and starts the daemon itself where nobody answers.
Where both come to it there is still one daemon: the lock sees to that.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from mousetrackd.capture.wayland.gnome_extension import install_extension, remove_extension
from mousetrackd.core.errors import MousetrackError, NotRunningError
from mousetrackd.core.wording import printable
from mousetrackd.daemon import client
from mousetrackd.desktop import managed_files
from mousetrackd.desktop.managed_files import OwnFile
from mousetrackd.system.files import remove_all
from mousetrackd.system.tool_output import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mousetrackd.system.paths import Paths

UNIT = "mousetrackd.service"
_SYSTEMCTL_TIMEOUT_S = 120.0
"""systemd itself gives a service 90 s to start."""

_SESSION = (
    "DISPLAY XAUTHORITY WAYLAND_DISPLAY XDG_SESSION_TYPE XDG_CURRENT_DESKTOP HYPRLAND_INSTANCE_SIGNATURE WAYFIRE_SOCKET"
)
"""What a desktop that does not start graphical-session.target may not have told systemd either."""

# Where the session is systemd's the unit has been started, or is now. Elsewhere restart, not start: a daemon left from
# an earlier login (with lingering, or within seconds of it) knows that login's display only.
_ENTRY_SCRIPT = (
    "systemctl --user -q is-active graphical-session.target 2>/dev/null && "
    "systemctl --user start mousetrackd 2>/dev/null && exit; "
    f"systemctl --user import-environment {_SESSION} 2>/dev/null; "
    "systemctl --user restart mousetrackd 2>/dev/null || exec "
)

_PLAIN = re.compile(r"[\w/.,:+@=-]+", re.ASCII)
"""Words that need quotes nowhere."""


@dataclass(frozen=True)
class Places:
    """Where the user's desktop, systemd and shells look for files, by the XDG rules."""

    config_home: Path
    data_home: Path

    @property
    def unit(self) -> Path:
        """The user's own unit; it goes before one of the distribution."""
        return self.config_home / "systemd" / "user" / UNIT

    @property
    def entry(self) -> Path:
        """What a desktop starts at login."""
        return self.config_home / "autostart" / "mousetrackd.desktop"

    @property
    def man_page(self) -> Path:
        """Where man looks, when ~/.local/bin is in the PATH."""
        return self.data_home / "man" / "man1" / "mousetrackd.1"

    @property
    def completions(self) -> dict[str, Path]:
        """Where each shell looks for what completes our commands. zsh has to be told (``fpath``)."""
        return {
            "bash": self.data_home / "bash-completion" / "completions" / "mousetrackd",
            "zsh": self.data_home / "zsh" / "site-functions" / "_mousetrackd",
            "fish": self.data_home / "fish" / "vendor_completions.d" / "mousetrackd.fish",
        }

    def base_of(self, path: Path) -> Path:
        """The one of the two folders that ``path`` lies in."""
        return self.config_home if self.config_home in path.parents else self.data_home


def user_places() -> Places:
    """The folders of the user who runs this."""
    return Places(platformdirs.user_config_path(), platformdirs.user_data_path())


# Text ---------------------------------------------------------------------------------------------------


def own_package() -> metadata.Distribution | None:
    """What pip, pipx, uv or the distribution noted about this installation; None in a bare checkout."""
    try:
        return metadata.distribution("mousetrackd")
    except metadata.PackageNotFoundError:
        return None


def console_script(package: metadata.Distribution | None, interpreter: Path) -> Path:
    """The ``mousetrackd`` that belongs to this installation: noted by its installer, or beside its Python.

    Raises MousetrackError where there is none, or only one in a cache that may be gone tomorrow.
    """
    noted = [file for file in (package.files if package else None) or [] if file.name == "mousetrackd"]
    candidates = [Path(os.path.normpath(str(file.locate()))) for file in noted if file.parent.name == "bin"]
    for script in (*candidates, interpreter.parent / "mousetrackd"):
        if script.is_file() and os.access(script, os.X_OK):
            if platformdirs.user_cache_path() in script.parents:
                raise MousetrackError(
                    f"{script} lies in a cache, and may be gone at the next login",
                    "Install it to stay: pipx install or uv tool install, then mousetrackd install.",
                )
            return script
    raise MousetrackError(
        f"there is no mousetrackd command beside {interpreter}",
        "Install the package (pipx, uv or pip), then use the mousetrackd that this gives you.",
    )


@dataclass(frozen=True)
class Launch:
    """How a daemon is started. command: its words. folders: XDG variables, where the user has other folders.

    The folders are passed on because systemd and the desktop need not know what the user's shell does, and the
    daemon has to count where the commands look.
    """

    command: tuple[str, ...]
    folders: Mapping[str, str] = field(default_factory=dict)


def own_launch() -> Launch:
    """How the daemon of this installation is started. Raises MousetrackError as ``console_script``."""
    script = str(console_script(own_package(), Path(sys.executable)))
    command = (script, "run", "--allow-root") if os.geteuid() == 0 else (script, "run")
    given = {name: Path(os.environ.get(name, "")) for name in _USUAL_FOLDERS}
    unusual = {n: path for n, path in given.items() if path.is_absolute() and path != Path.home() / _USUAL_FOLDERS[n]}
    return Launch(command, {name: str(path) for name, path in unusual.items()})


_USUAL_FOLDERS = {"XDG_CONFIG_HOME": ".config", "XDG_DATA_HOME": ".local/share", "XDG_STATE_HOME": ".local/state"}


def unit_text(launch: Launch) -> str:
    """The packaged unit, made to start this installation."""
    packaged = resources.files(__package__).joinpath(UNIT).read_text("utf-8")
    lines = ["# mousetrackd as a service of the user. To change it: systemctl --user edit mousetrackd"]
    for line in packaged[packaged.index("[Unit]") :].splitlines():
        lines.append(_unit_line(line, launch))
        if line == "[Service]":
            lines += [f"Environment={_systemd_word(f'{name}={path}')}" for name, path in launch.folders.items()]
    return "\n".join(lines) + "\n"


def _unit_line(line: str, launch: Launch) -> str:
    dollar = "$$" if line.startswith("Exec") else "$"
    if line.startswith("ExecStart=") and line.endswith("mousetrackd run"):
        command = " ".join(_systemd_word(word, dollar) for word in _for_env(launch.command))
        return line.removesuffix("mousetrackd run") + command
    if "XDG_DATA_HOME" in launch.folders and not line.startswith("#"):
        data_dir = _systemd_word(f"{launch.folders['XDG_DATA_HOME']}/mousetrackd", dollar)
        return line.replace("%h/.local/share/mousetrackd", data_dir)
    return line


def _for_env(command: Sequence[str]) -> Sequence[str]:
    """A command as env(1) takes it, which sets a variable where the name of the program has a "=" in it."""
    return ("sh", "-c", 'exec "$0" "$@"', *command) if "=" in command[0] else command


def _systemd_word(text: str, dollar: str = "$") -> str:
    """One word of a setting, quoted where systemd.syntax(7) asks for it. dollar: a command's is doubled."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = re.sub(r'[\x00-\x1f\x7f"\\]', lambda found: f"\\x{ord(found[0]):02x}", text)
    return f'"{escaped.replace("%", "%%").replace("$", dollar)}"'


def entry_text(launch: Launch, *, beside_unit: bool) -> str:
    """The autostart entry. beside_unit: a systemd that starts entries itself need not start this one."""
    folders = [f"{name}={path}" for name, path in launch.folders.items()]
    directly = shlex.join(("env", *folders, *_for_env(launch.command)) if folders else launch.command)
    words = " ".join(map(_entry_word, ("sh", "-c", _ENTRY_SCRIPT + directly)))
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Name=mousetrackd",
        "Comment=Heatmap of where the mouse pointer goes",
        f"TryExec={_entry_value(launch.command[0])}",
        f"Exec={_entry_value(words)}",
        "NoDisplay=true",
        *(["X-systemd-skip=true"] if beside_unit else []),
    ]
    return "\n".join(lines) + "\n"


def _entry_word(text: str) -> str:
    """One argument of Exec=, quoted where the Desktop Entry Specification, "The Exec key", asks for it."""
    escaped = re.sub(r'(["`$\\])', r"\\\1", text).replace("%", "%%")
    return escaped if _PLAIN.fullmatch(text) else f'"{escaped}"'


def _entry_value(text: str) -> str:
    """A value of type string, which has escapes of its own."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _is_text(name: str) -> bool:
    """Do systemd and desktops read it? They ignore a line with bytes that are not UTF-8, or with a noncharacter."""
    return not any(
        0xD800 <= code <= 0xDFFF or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE for code in map(ord, name)
    )


def files(places: Places, systemd: UserSystemd, launch: Launch) -> list[OwnFile]:
    """What makes the daemon start with the session here. Raises MousetrackError for names that cannot be written."""
    for name in (*launch.command, *launch.folders.values()):
        if not _is_text(name):
            raise MousetrackError(
                f"the name {printable(name)} is not text (UTF-8), and nothing starts a program by such a name",
                "Give the folder another name, or install mousetrackd in another one.",
            )
    entry = OwnFile(places.entry, entry_text(launch, beside_unit=systemd.answers))
    return [OwnFile(places.unit, unit_text(launch)), entry] if systemd.exists else [entry]


# systemd ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UserSystemd:
    """The systemd of this user, as far as there is one.

    exists: there is a systemctl. answers: the user's systemd runs, and can be reached from here. has_display: it
    knows of a display, so that a service started now would find it. why: what it said when it did not answer.
    """

    exists: bool
    answers: bool
    has_display: bool
    why: str = ""


def look_at_systemd() -> UserSystemd:
    """Ask it."""
    said = systemctl("show-environment")
    if said is None:
        return UserSystemd(exists=False, answers=False, has_display=False, why="there is no systemctl")
    if said.returncode != 0:
        return UserSystemd(exists=True, answers=False, has_display=False, why=_first_line(said.stderr))
    names = {line.partition("=")[0] for line in said.stdout.splitlines()}
    return UserSystemd(exists=True, answers=True, has_display=bool(names & {"DISPLAY", "WAYLAND_DISPLAY"}))


def systemctl(*words: str) -> subprocess.CompletedProcess[str] | None:
    """Run ``systemctl --user``; None where there is none. It fails with a sentence on stderr."""
    command = ["systemctl", "--user", *words]
    try:
        done = run_tool(command, timeout_s=_SYSTEMCTL_TIMEOUT_S)
    except (TimeoutError, ValueError) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
    except OSError:
        return None
    return subprocess.CompletedProcess(command, done.code, done.stdout, done.stderr)


def show_unit() -> list[str]:
    """What systemd knows of the unit, as NAME=value lines."""
    return _asked("show", UNIT, "--property=LoadState,ActiveState,UnitFileState,Result,NRestarts").splitlines()


def _asked(*words: str) -> str:
    said = systemctl(*words)
    return said.stdout.strip() if said else ""


def _must(*words: str) -> None:
    said = systemctl(*words)
    if said is None or said.returncode != 0:
        raise MousetrackError(
            f"systemctl --user {' '.join(words)} failed: {_first_line(said.stderr if said else '')}",
            "See: systemctl --user status mousetrackd, and mousetrackd doctor",
        )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0] or "it did not say why"


# Writing ------------------------------------------------------------------------------------------------


def install(own: Sequence[OwnFile], systemd: UserSystemd, paths: Paths, *, start: bool) -> Iterator[str]:
    """Write the files, enable the unit and start it; a sentence for all that was changed, none for the rest.

    Raises MousetrackError for what cannot be done.
    """
    changed = []
    for file in own:
        did = file.write()
        if did:
            changed.append(file.path.name)
            yield did
    yield from gnome_extension(install_extension)
    if not systemd.answers:
        if changed:
            yield f"not asked systemd to start it ({systemd.why}): the autostart entry does, at the next login"
        return
    if UNIT in changed:
        _must("daemon-reload")
    if _asked("is-enabled", UNIT) != "enabled":
        _must("enable", UNIT)
        yield "enabled: it starts with every graphical session"
    if start:
        yield from _start(systemd, paths, changed=UNIT in changed)


def gnome_extension(do: Callable[..., list[str]], *, dry_run: bool = False) -> list[str]:
    """Install or remove what runs inside GNOME Shell; where that fails a sentence says so, and the rest goes on."""
    try:
        return do(dry_run=dry_run)
    except MousetrackError as error:
        return [f"GNOME Shell: {error}"]


def _start(systemd: UserSystemd, paths: Paths, *, changed: bool) -> Iterator[str]:
    if _asked("is-active", UNIT) == "active":
        if changed:
            _must("restart", UNIT)
            yield "restarted; see: mousetrackd status"
    elif (running := client.find_running(paths)) is not None:
        yield f"not started: it already runs (pid {running.pid}), and systemd takes over at the next login"
    elif not systemd.has_display:
        yield "not started now, for systemd knows of no display; it starts at the next login"
    else:
        _must("start", UNIT)
        yield "started; see: mousetrackd status"


def uninstall(places: Places, paths: Paths, *, purge: bool) -> Iterator[str]:
    """Stop the daemon and take away what ``install`` wrote; with ``purge``, all else of mousetrackd's as well.

    A sentence for all that was done. Raises MousetrackError for what cannot be done.
    """
    systemd = look_at_systemd()
    if systemd.answers and (_asked("is-enabled", UNIT) == "enabled" or _asked("is-active", UNIT) == "active"):
        _must("disable", "--now", UNIT)
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
    for path in (places.unit, places.entry, *places.completions.values(), places.man_page):
        yield from managed_files.remove(path, below=places.base_of(path), with_kept=purge)
    own_changes = places.unit.with_name(f"{UNIT}.d")
    if own_changes.is_dir():
        yield f"left {own_changes}, your own changes to the unit"
