"""Where events come from. ``choose`` picks a source for this session."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mousetrackd.errors import UsageError

if TYPE_CHECKING:
    from mousetrackd.events import Source


def choose(wanted: str, *, speed: float = 1.0) -> Source:
    """A source that is not started yet.

    wanted: "auto", "pynput" or "replay:FILE". speed: how many times its own pace a recording is played.
    Raises UsageError for anything else. Sources are imported only when chosen: pynput's memory is nobody's
    who plays a file.
    """
    if wanted in ("auto", "pynput"):
        from mousetrackd.sources.pynput import PynputSource  # noqa: PLC0415

        return PynputSource()
    if wanted.startswith("replay:") and wanted != "replay:":
        from mousetrackd.sources.replay import ReplaySource  # noqa: PLC0415

        return ReplaySource(Path(os.path.expanduser(wanted.removeprefix("replay:"))), speed=speed)  # noqa: PTH111 - Path's raises for an unknown user
    raise UsageError(f'unknown source "{wanted}"', 'Use "auto", "pynput" or "replay:FILE".')
