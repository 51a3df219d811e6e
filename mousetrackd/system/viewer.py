"""Showing a file in the program that the user's desktop has for its type."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import MousetrackError

if TYPE_CHECKING:
    from pathlib import Path

_OPENER: Final = "xdg-open"
_PATIENCE_S: Final = 5.0
"""On most desktops xdg-open ends as soon as the viewer starts; on others it ends with the viewer, maybe in hours."""


def show(path: Path) -> None:
    """Open a file in its viewer, which outlives us. Raises MousetrackError where there is none.

    Nothing that the viewer prints reaches the terminal.
    """
    by_hand = f"Open it yourself: {path}"
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        # Without a display xdg-open starts a browser in the terminal.
        raise MousetrackError("there is no display here to show it on", by_hand)
    opener = shutil.which(_OPENER)
    if opener is None:
        raise MousetrackError(f"{_OPENER} is not installed, so nothing could show it", by_hand)
    try:
        process = subprocess.Popen(
            [opener, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # closing the terminal does not close the viewer
        )
        code = process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return
    except OSError as error:
        raise MousetrackError(f"{opener} cannot be run: {error.strerror}", by_hand) from error
    if code != 0:
        raise MousetrackError(f"no program is installed that shows {path.suffix or 'such'} files", by_hand)
