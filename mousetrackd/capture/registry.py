"""Where events come from. ``choose`` picks a source for this session, ``explain`` gives the reasons."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mousetrackd.core.errors import BlindError, SourceError, UsageError
from mousetrackd.core.findings import Finding, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.capture.recording import RecordingOptions
    from mousetrackd.core.events import Item, Source

SOURCES = {
    "pynput": "x11.source",
    "kwin": "wayland.kwin",
    "gnome": "wayland.gnome",
    "wlroots": "wayland.wlroots",
    "hyprland": "wayland.hyprland",
    "wayfire": "wayland.wayfire",
}
"""Each source by its name in the configuration: the module in this package that has its ``make_source()``.

A module is imported only when its source is chosen: who plays a recording does not pay for pynput, and who has X11
does not pay for pywayland.
"""

NAMES = ("auto", *SOURCES)
"""What a user may ask for, besides a recording."""

EXPECTED = f'{", ".join(f"{chr(34)}{name}{chr(34)}" for name in NAMES)} or "replay:FILE"'

_RECORDING = "replay:"


def is_known(name: object) -> bool:
    """Whether ``choose`` knows what is meant."""
    return name in NAMES or (isinstance(name, str) and is_recording(name) and name != _RECORDING)


def is_recording(name: str) -> bool:
    """Whether a recording is meant, whose source goes on where it was when it is started again."""
    return name.startswith(_RECORDING)


def check(name: str) -> None:
    """Raise UsageError for what ``choose`` would not know."""
    if not is_known(name):
        raise UsageError(f'unknown source "{name}"', f"Use {EXPECTED}.")


def choose(
    name: str, *, speed: float = 1.0, recording: RecordingOptions | None = None, identify_windows: bool = False
) -> Source:
    """A source that is not started yet.

    name: one of ``NAMES``, where "auto" looks at the session, or "replay:FILE". speed: how many times its own
    pace a recording is played. recording: how it is read. identify_windows: let it report windows, if it can. Raises
    UsageError for anything else.
    """
    check(name)
    if is_recording(name):
        from mousetrackd.capture.replay import ReplaySource  # noqa: PLC0415

        path = Path(os.path.expanduser(name.removeprefix(_RECORDING)))  # noqa: PTH111 - Path's raises for an unknown user
        return ReplaySource(path, speed=speed, options=recording)
    if name == "auto":
        from mousetrackd.capture import detect  # noqa: PLC0415

        choice = detect.look()
        if choice.refusal is not None:
            return NoSource(choice.refusal)
        name = choice.source
    source: Source = importlib.import_module(f"{__package__}.{SOURCES[name]}").make_source()
    if identify_windows:
        from mousetrackd.capture.applications import IdentifiesWindows  # noqa: PLC0415 - who has it off pays nothing

        if isinstance(source, IdentifiesWindows):
            source.identify_windows()
    return source


def explain_applications(name: str) -> Finding:
    """By what the source that ``choose`` takes here knows windows."""
    from mousetrackd.capture.applications import IdentifiesWindows  # noqa: PLC0415 - likewise

    source = choose(name)
    if isinstance(source, IdentifiesWindows) and source.identifies_by:
        return ok("applications", f"windows are identified by {source.identifies_by}")
    return warning(
        "applications",
        f"{source.name} does not identify windows: nothing is counted by application",
        "With names in applications.deny nothing is counted at all. X11, KDE Plasma, GNOME and sway identify windows; "
        "labwc, Hyprland, niri and Wayfire (its plugin foreign-toplevel) report the focused one.",
    )


def explain(name: str, *, try_it: bool) -> list[Finding]:
    """What ``choose`` takes here and why; where ``try_it``, also whether it can listen, and what it cannot see."""
    reasons: list[Finding] = []
    if name == "auto":
        from mousetrackd.capture import detect  # noqa: PLC0415

        choice = detect.look()
        reasons = [ok("source", str(finding)) for finding in choice.findings]
        if choice.refusal is not None:
            return [*reasons, _judge(choice.refusal, "no source fits")]
        name = choice.source
    source = choose(name)
    chosen = ok("source", f"{source.name}, {'the first that fits' if reasons else 'as configured'}")
    if not try_it:
        return [*reasons, chosen]
    try:
        source.start(lambda: None)
    except BlindError as error:
        return [*reasons, _judge(error, f"{source.name} would be blind")]
    except SourceError as error:
        return [*reasons, _judge(error, f"{source.name} cannot listen")]
    notes = source.notes
    source.stop()
    return [*reasons, chosen, *(warning("source", note) for note in notes)]


def why_not(name: str) -> SourceError | None:
    """Begin to listen as ``choose`` would, and stop: why that cannot be done here, or None where it can."""
    from mousetrackd.capture.guard import Guard  # noqa: PLC0415 - numpy costs more than "status" does

    try:
        source = Guard().make(lambda: choose(name))
        source.start(lambda: None)
    except SourceError as error:
        return error
    source.stop()
    return None


def _judge(error: SourceError, what: str) -> Finding:
    displays = os.environ.get("DISPLAY", "") + os.environ.get("WAYLAND_DISPLAY", "")
    # No desktop, nothing to listen to: that is no fault.
    judge = problem if displays or isinstance(error, BlindError) else warning
    return judge("source", f"{what}: {error.message}", error.hint)


class NoSource:
    """A session in which none can listen: to start it fails, with the reason. See ``events.Source``."""

    def __init__(self, why: SourceError) -> None:
        self._why = why

    @property
    def name(self) -> str:
        """How status calls it."""
        return "none"

    @property
    def notes(self) -> tuple[str, ...]:
        """The reason is given by ``start``."""
        return ()

    def start(self, notify: Callable[[], None]) -> None:
        """Raise the reason."""
        del notify
        raise self._why

    def catch_up(self) -> None:
        """There is nothing to wait for."""

    def drain(self) -> list[Item]:
        """Nothing."""
        return []

    def now_ms(self) -> int:
        """No clock is needed for no events."""
        return 0

    def is_alive(self) -> bool:
        """Never."""
        return False

    def ping(self) -> bool:
        """Nobody is asked."""
        return False

    def finished(self) -> bool:
        """Never: the next look at the session may find something."""
        return False

    def stop(self) -> None:
        """There is nothing to close."""
