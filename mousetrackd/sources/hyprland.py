"""Hyprland: its request socket answers ``cursorpos`` with the position of the pointer.

Its cursor sessions are not used: there are reports of Hyprland crashing over them when a monitor goes away.
Written from its documentation, and never run against a real Hyprland, which does not start without a graphics card.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from mousetrackd.errors import SourceError
from mousetrackd.sources.listening import ListeningSource
from mousetrackd.sources.polling import ANSWER_TIMEOUT_S, MOVING_INTERVAL_S, PollingEar
from mousetrackd.sources.wayland import answers

if TYPE_CHECKING:
    from mousetrackd.sources.polling import Position

_ANSWER = re.compile(rb"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")


def socket_path() -> Path | None:
    """The request socket of this session's Hyprland; None where there is none.

    A service may lack HYPRLAND_INSTANCE_SIGNATURE: the only instance there is will be meant then.
    """
    folder = Path(os.environ.get("XDG_RUNTIME_DIR", ""), "hypr")
    signature = os.environ.get("HYPRLAND_INSTANCE_SIGNATURE", "")
    if signature:
        return folder / signature / ".socket.sock"
    found = [path for path in folder.glob("*/.socket.sock") if answers(path)]
    return found[0] if len(found) == 1 else None


def make_source(*, moving_interval_s: float = MOVING_INTERVAL_S) -> ListeningSource:
    """The pointer of this session's Hyprland."""
    return ListeningSource(
        "Hyprland (Wayland)", lambda source: PollingEar(source, _CursorPos(), moving_interval_s=moving_interval_s)
    )


class _CursorPos:
    """One connection per question, as hyprctl does it. See ``polling.Question``."""

    def __init__(self) -> None:
        self._path = socket_path()

    def ask(self) -> Position:
        if self._path is None:
            raise SourceError(
                "there is no Hyprland: HYPRLAND_INSTANCE_SIGNATURE is not set",
                "Under systemd: systemctl --user import-environment HYPRLAND_INSTANCE_SIGNATURE WAYLAND_DISPLAY",
            )
        try:
            answer = self._exchange(str(self._path))
        except OSError as error:
            raise SourceError(f"Hyprland does not answer at {self._path}: {error}", "Waiting for it.") from error
        said = _ANSWER.fullmatch(answer)
        if said is None:
            raise SourceError(
                f"Hyprland does not say where the pointer is, but: {answer[:80].decode(errors='replace')}",
                "This version of it is not known; please report it.",
            )
        return float(said[1]), float(said[2])

    def close(self) -> None:
        pass

    @staticmethod
    def _exchange(path: str) -> bytes:
        # Hyprland stands still from our connecting until it has answered, so nothing may come in between.
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(ANSWER_TIMEOUT_S)
            peer.connect(path)
            peer.sendall(b"cursorpos")
            answer = b""
            while len(answer) < 4096 and (more := peer.recv(4096)):
                answer += more
        return answer
