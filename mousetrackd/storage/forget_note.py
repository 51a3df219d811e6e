"""The note of what was begun to be forgotten, in a file of its own: the daemon reads it, and forgets nothing itself."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mousetrackd.system.files import read_own, sync_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mousetrackd.system.paths import Paths


def unfinished(paths: Paths) -> list[str]:
    """The options of every ``mousetrackd forget`` that was interrupted."""
    with contextlib.suppress(OSError):
        return read_own(paths.forgetting).decode("utf-8", "replace").splitlines()
    return []


def write(paths: Paths, options: Sequence[str]) -> None:
    """Note what is to be done, until it is done; with nothing to do there is no note. Raises OSError."""
    if options:
        write_whole(paths.forgetting, "".join(f"{one}\n" for one in options).encode("utf-8", "replace"))
    elif paths.forgetting.exists():
        paths.forgetting.unlink()
        sync_folder(paths.data_dir)
