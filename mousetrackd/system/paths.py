"""Where the files of one user are."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import platformdirs

APP = "mousetrackd"
APPLICATION_ID = "org.mousetrackd.mousetrackd"
"""The application's name for desktops: in the style of D-Bus, as the Desktop Entry Specification wants it."""
HISTORY_NAME = "history.html"
"""Of the page to browse the past."""


@dataclass(frozen=True)
class Paths:
    """The four folders of one user. Nothing is created by making one of these."""

    config_dir: Path
    data_dir: Path
    runtime_dir: Path
    state_dir: Path

    @property
    def config_file(self) -> Path:
        """The user's configuration; it need not exist."""
        return self.config_dir / "config.toml"

    @property
    def store(self) -> Path:
        """Everything that was ever counted."""
        return self.data_dir / "heat.sqlite3"

    @property
    def snapshots(self) -> Path:
        """The folder of the pictures."""
        return self.data_dir / "snapshots"

    @property
    def latest(self) -> Path:
        """The newest picture."""
        return self.snapshots / "latest.png"

    @property
    def history(self) -> Path:
        """The page to browse the past; not there where none was made."""
        return self.snapshots / HISTORY_NAME

    @property
    def desired_state(self) -> Path:
        """Whether the user wants tracking or pause; outlives a crash, a restart and a login."""
        return self.data_dir / "wanted"

    @property
    def privacy(self) -> Path:
        """The privacy rules that the configuration last had; not there when it had none."""
        return self.data_dir / "privacy.toml"

    @property
    def clock(self) -> Path:
        """What the clock said when old counts were last rolled up, and whether it has leapt since."""
        return self.data_dir / "clock.json"

    @property
    def reserve(self) -> Path:
        """Space for the last save on a full disk; not there where little was free."""
        return self.data_dir / "reserve"

    @property
    def forgetting(self) -> Path:
        """What was begun to be forgotten and is not known to be done; not there otherwise."""
        return self.data_dir / "forgetting"

    @property
    def data_lock(self) -> Path:
        """Held by the one daemon that may write this data, whichever session it is in."""
        return self.data_dir / "lock"

    @property
    def runtime_lock(self) -> Path:
        """Held by the one daemon of this login; its text is the daemon's pid."""
        return self.runtime_dir / "lock"

    @property
    def status(self) -> Path:
        """What the daemon says about itself, for others to read."""
        return self.runtime_dir / "status.json"

    @property
    def log(self) -> Path:
        """What the daemon logs where no journal and no terminal takes it."""
        return self.state_dir / "mousetrackd.log"


def user_paths() -> Paths:
    """The folders of the user who runs this, by the XDG rules."""
    dirs = platformdirs.PlatformDirs(APP, appauthor=False)
    data_dir = dirs.user_data_path
    return Paths(dirs.user_config_path, data_dir, _runtime_dir() or data_dir / "run", dirs.user_state_path)


def _runtime_dir() -> Path | None:
    """In the folder of this login, where that is the user's own; None where there is none that can be trusted.

    Not platformdirs': where its newer versions trust a folder less than they could (in a systemd sandbox root's folders
    are nobody's) they take a name in /tmp that anyone could have taken. Our data folder is as private as this one, and
    only lives longer than need be.
    """
    named, usual = Path(os.environ.get("XDG_RUNTIME_DIR", "")), Path(f"/run/user/{os.getuid()}")
    if named.is_absolute() and _is_ours(named, missing=True):
        return named / APP
    return usual / APP if _is_ours(usual, missing=False) else None


def _is_ours(folder: Path, *, missing: bool) -> bool:
    """Whether nobody else can put anything there. missing: the answer for one that is not there."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return missing
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
