"""What starts the daemon with the session: the text of a systemd unit and of an autostart entry.

The unit is the better of the two: systemd restarts a daemon that crashed or hangs, and lets it save before the
session ends. But not every desktop starts graphical-session.target, and not every system has systemd, so there
is always the entry as well. It asks systemd to start the unit, and starts the daemon itself where nobody answers.
Where both start it there is still one daemon: the lock ensures that.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata, resources
from pathlib import Path

import platformdirs

from mousetrackd.capture.wayland import kwin_effect
from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.wording import printable
from mousetrackd.desktop.managed_files import OwnFile
from mousetrackd.desktop.systemctl import UNIT, UserSystemd
from mousetrackd.system.paths import APPLICATION_ID

_SESSION = (
    "DISPLAY XAUTHORITY WAYLAND_DISPLAY XDG_SESSION_TYPE XDG_CURRENT_DESKTOP HYPRLAND_INSTANCE_SIGNATURE WAYFIRE_SOCKET"
)
"""What a desktop that does not start graphical-session.target may not have passed to systemd either."""

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
    usr: Path = Path("/usr")
    """Where a package of the distribution has its files."""

    @property
    def unit(self) -> Path:
        """The user's own unit; it goes before one of the distribution."""
        return self.config_home / "systemd" / "user" / UNIT

    def packaged_unit(self, launch: Launch) -> Path | None:
        """The unit that a package brings for the program that ``launch`` starts; None where there is no such package.

        With it come all the other files that are the same for every user. Root, and who has other folders, need a
        unit of their own.
        """
        unit = self.usr / "lib" / "systemd" / "user" / UNIT
        return unit if launch == Launch((str(self.usr / "bin" / "mousetrackd"), "run")) and unit.is_file() else None

    @property
    def entry(self) -> Path:
        """What a desktop starts at login."""
        return self.config_home / "autostart" / "mousetrackd.desktop"

    @property
    def man_page(self) -> Path:
        """Where man looks, when ~/.local/bin is in the PATH."""
        return self.data_home / "man" / "man1" / "mousetrackd.1"

    @property
    def kwin_effect(self) -> dict[str, Path]:
        """Where KWin looks for what sees clicks: each file by its name in our package."""
        return {name: kwin_effect.folder(self.data_home) / place for name, place in kwin_effect.FILES.items()}

    @property
    def launcher(self) -> Path:
        """What the menu of applications shows."""
        return self.data_home / "applications" / f"{APPLICATION_ID}.desktop"

    @property
    def metainfo(self) -> Path:
        """What a software centre shows about the application."""
        return self.data_home / "metainfo" / f"{APPLICATION_ID}.metainfo.xml"

    def icon(self, size: str) -> Path:
        """An icon of a size as icon themes name it: "48x48", or "scalable" for the drawing."""
        ending = ".svg" if size == "scalable" else ".png"
        return self.data_home / "icons" / "hicolor" / size / "apps" / f"{APPLICATION_ID}{ending}"

    @property
    def completions(self) -> dict[str, Path]:
        """Where each shell looks for what completes our commands. zsh has to be configured (``fpath``)."""
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
                    f"{script} is in a cache folder, and may be deleted before the next login",
                    "Install it permanently (pipx install, or uv tool install), then run: mousetrackd install",
                )
            return script
    raise MousetrackError(
        f"there is no mousetrackd command beside {interpreter}",
        "Install the package (pipx, uv or pip), and run the mousetrackd command that comes with it.",
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
        command = " ".join(_systemd_word(word, dollar) for word in for_env(launch.command))
        return line.removesuffix("mousetrackd run") + command
    if "XDG_DATA_HOME" in launch.folders and not line.startswith("#"):
        data_dir = _systemd_word(f"{launch.folders['XDG_DATA_HOME']}/mousetrackd", dollar)
        return line.replace("%h/.local/share/mousetrackd", data_dir)
    return line


def for_env(command: Sequence[str]) -> Sequence[str]:
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
    directly = shlex.join(("env", *folders, *for_env(launch.command)) if folders else launch.command)
    words = " ".join(map(entry_word, ("sh", "-c", _ENTRY_SCRIPT + directly)))
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Name=mousetrackd",
        "Comment=Heatmap of where the mouse pointer goes",
        f"TryExec={entry_value(launch.command[0])}",
        f"Exec={entry_value(words)}",
        "NoDisplay=true",
        *(["X-systemd-skip=true"] if beside_unit else []),
    ]
    return "\n".join(lines) + "\n"


def entry_word(text: str) -> str:
    """One argument of Exec=, quoted where the Desktop Entry Specification, "The Exec key", asks for it."""
    escaped = re.sub(r'(["`$\\])', r"\\\1", text).replace("%", "%%")
    return escaped if _PLAIN.fullmatch(text) else f'"{escaped}"'


def entry_value(text: str) -> str:
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
                f"the name {printable(name)} is not text (UTF-8), and nothing can start a program with it",
                "Rename the folder, or install mousetrackd in another one.",
            )
    entry = OwnFile(places.entry, entry_text(launch, beside_unit=systemd.answers))
    needs_unit = systemd.exists and places.packaged_unit(launch) is None
    return [OwnFile(places.unit, unit_text(launch)), entry] if needs_unit else [entry]
