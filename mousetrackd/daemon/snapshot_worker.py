"""The snapshot worker: a short-lived child of the daemon that reads the store, draws, writes, and ends.

Its end is what gives OpenCV's memory back.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2

from mousetrackd.config import parse
from mousetrackd.core.errors import MousetrackError
from mousetrackd.picture import over_image
from mousetrackd.picture.archive import keep
from mousetrackd.picture.compose import draw
from mousetrackd.picture.scene import Scene
from mousetrackd.storage.store import Store
from mousetrackd.system.files import folder_held, make_private
from mousetrackd.system.paths import Paths, user_paths

if TYPE_CHECKING:
    from mousetrackd.config import Config

_CV_NO_MEMORY: Final = -4
"""cv::Error::StsNoMem."""


def take(paths: Paths, config: Config, now: datetime) -> Path:
    """Draw the store as the configuration says: a dated picture and ``latest.png``. Returns the latter.

    Prunes old pictures by count and bytes. Raises MousetrackError; ``latest.png`` is then what it was.
    """
    make_private(paths.snapshots)
    try:
        # Whoever forgets waits for the end of this, so that no picture of what was forgotten is written after.
        with folder_held(paths.snapshots, alone=False):
            with Store.open_read_only(paths.store) as store:
                reading = store.read(config.snapshot.layers)
                scene = Scene(
                    reading,
                    store.layout(),
                    exclude=config.privacy.exclusions,
                    over=over_image.load(config.snapshot.over),
                    colormaps=config.colormaps,
                )
                picture = draw(scene, config.snapshot)
            return keep(paths.snapshots, picture.png(), now, config.snapshot.keep_count, config.snapshot.keep_mb)
    except OSError as error:
        raise MousetrackError(f"cannot use {paths.snapshots}: {error.strerror}", "Check its permissions.") from error


def main() -> None:
    """The snapshot worker. The configuration in force is read from stdin. Raises MousetrackError, MemoryError."""
    os.umask(0o077)
    paths = user_paths()
    try:
        take(paths, parse(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"), "stdin"), datetime.now(UTC))
    except cv2.error as error:
        if error.code == _CV_NO_MEMORY:
            raise MemoryError from error
        raise
