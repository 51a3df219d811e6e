"""The snapshot worker: a short-lived child of the daemon that reads the store, draws, writes, and ends.

Its end is what gives OpenCV's memory back.
"""

from __future__ import annotations

import contextlib
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
from mousetrackd.system import memory
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


def renew_page(paths: Paths, config: Config, now: datetime) -> bool:
    """Write the page again where the configuration says that it is due. Raises MousetrackError."""
    if not config.page.interval_s:
        return False
    with contextlib.suppress(FileNotFoundError):
        if 0 <= now.timestamp() - paths.history.lstat().st_mtime < config.page.interval_s:
            return False
    from mousetrackd.page.making import Subject, make_history  # noqa: PLC0415 - few have a page

    memory.keep_large_blocks()
    with Store.open_read_only(paths.store) as store:
        subject = Subject(store.layout(), now, exclude=config.privacy.exclusions, colormaps=config.colormaps)
        make_history(paths, store, subject)
    return True


def main() -> None:
    """The snapshot worker. The configuration in force is read from stdin. Raises MousetrackError, MemoryError."""
    os.umask(0o077)
    paths = user_paths()
    try:
        config = parse(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"), "stdin")
        take(paths, config, datetime.now(UTC))
        try:
            renew_page(paths, config, datetime.now())  # noqa: DTZ005 - the offset of today is not that of every day
        except MousetrackError as error:  # the picture is there all the same; the daemon logs what is printed
            print(f"no new page: {error}", file=sys.stderr)  # noqa: T201
    except cv2.error as error:
        if error.code == _CV_NO_MEMORY:
            raise MemoryError from error
        raise
