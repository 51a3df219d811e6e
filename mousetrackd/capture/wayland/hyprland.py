"""Hyprland: its request socket answers ``cursorpos`` with the position of the pointer.

Its cursor sessions are not used: there are reports of Hyprland crashing over them when a monitor goes away.
Written from its documentation, and never run against a real Hyprland, which does not start without a graphics card.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mousetrackd.capture.wayland import peer, polling
from mousetrackd.capture.wayland.connection import answers
from mousetrackd.capture.wayland.polling import ANSWER_TIMEOUT_S, NOT_KNOWN
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.wording import quoted, reason
from mousetrackd.system.deadline import Deadline

if TYPE_CHECKING:
    from mousetrackd.capture.wayland.polling import Position

_ANSWER = re.compile(rb"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")

_LONGEST_BYTES = 4096
"""Of an answer."""


def socket_path() -> Path | None:
    """The request socket of this session's Hyprland; None where there is none.

    A service may lack HYPRLAND_INSTANCE_SIGNATURE: the only instance there is will be meant then. A signature that
    is no name of a folder, but leads elsewhere, is none.
    """
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}", "hypr")
    signature = os.environ.get("HYPRLAND_INSTANCE_SIGNATURE", "")
    if signature:
        is_name = Path(signature).name == signature and signature != ".." and "\0" not in signature
        return folder / signature / ".socket.sock" if is_name else None
    found = [path for path in folder.glob("*/.socket.sock") if answers(path)]
    return found[0] if len(found) == 1 else None


class CursorPos:
    """One connection per question, as hyprctl does it. See ``polling.Question``."""

    def __init__(self) -> None:
        self._path = socket_path()

    def ask(self) -> Position:
        """Where the pointer is now. Raises SourceError, FaultError for an answer that is no position."""
        if self._path is None:
            raise SourceError(
                "there is no Hyprland: HYPRLAND_INSTANCE_SIGNATURE is not set",
                "Under systemd: systemctl --user import-environment HYPRLAND_INSTANCE_SIGNATURE WAYLAND_DISPLAY",
            )
        try:
            answer = _exchange(self._path)
            found = _ANSWER.fullmatch(answer)
            if found is not None:
                return peer.position(float(found[1]), float(found[2]))
        except OSError as error:
            raise SourceError(
                f"Hyprland does not answer at {self._path}: {reason(error)}", "Waiting for it."
            ) from error
        except ValueError as error:
            raise FaultError(f"Hyprland does not say where the pointer is: {reason(error)}", NOT_KNOWN) from error
        raise FaultError(
            f"Hyprland does not say where the pointer is, but: {quoted(answer, 80) or 'nothing'}", NOT_KNOWN
        )

    def close(self) -> None:
        """Nothing stays open."""


make_source = partial(polling.make_source, "Hyprland", CursorPos)
"""The pointer of this session's Hyprland, as a source."""


def _exchange(path: Path) -> bytes:
    # Hyprland waits from our connecting until it has answered, so nothing may come in between.
    deadline = Deadline(ANSWER_TIMEOUT_S)
    with peer.connect(path, deadline) as hyprland:
        peer.send(hyprland, b"cursorpos", deadline)
        return peer.receive_all(hyprland, deadline, _LONGEST_BYTES)
