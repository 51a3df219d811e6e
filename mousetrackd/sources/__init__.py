"""Where events come from. ``choose`` picks a source for this session."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mousetrackd.errors import BlindError, SourceError, UsageError
from mousetrackd.findings import Finding, ok, problem, warning

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


def explain(wanted: str, *, try_it: bool) -> list[Finding]:
    """What ``choose`` takes here and why; where ``try_it``, also whether it can listen, and what it cannot see."""
    source = choose(wanted)
    chosen = ok("source", f"{source.name}, {'there is no other' if wanted == 'auto' else 'as the configuration asks'}")
    if not try_it:
        return [chosen]
    try:
        source.start(lambda: None)
    except BlindError as error:
        return [problem("source", f"{source.name} would be blind: {error.message}", error.hint)]
    except SourceError as error:
        displays = os.environ.get("DISPLAY", "") + os.environ.get("WAYLAND_DISPLAY", "")
        judge = problem if displays else warning  # no desktop, nothing to listen to: that is no fault
        return [judge("source", f"{source.name} cannot listen: {error.message}", error.hint)]
    source.stop()
    return [chosen, *(warning("source", note) for note in source.notes)]
