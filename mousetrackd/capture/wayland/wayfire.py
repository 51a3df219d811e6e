"""Wayfire: its IPC answers ``window-rules/get_cursor_position``, where the plugins ipc and ipc-rules are on."""

from __future__ import annotations

import json
import os
import struct
from functools import partial
from typing import TYPE_CHECKING

from mousetrackd.capture.wayland import peer, polling
from mousetrackd.capture.wayland.polling import ANSWER_TIMEOUT_S, NOT_KNOWN
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.wording import quoted, reason
from mousetrackd.system.deadline import Deadline

if TYPE_CHECKING:
    from mousetrackd.capture.wayland.polling import Position

_LENGTH = struct.Struct("=I")
"""Before each message: how many bytes of JSON follow."""

_HOW_TO_TURN_ON = 'Add "ipc ipc-rules" to plugins in wayfire.ini and log in again.'


class Ipc:
    """A connection that stays open. See ``polling.Question``."""

    def __init__(self) -> None:
        path = os.environ.get("WAYFIRE_SOCKET", "")
        if not path:
            raise SourceError("there is no Wayfire to ask: WAYFIRE_SOCKET is not set", _HOW_TO_TURN_ON)
        try:
            self._peer = peer.connect(path, Deadline(ANSWER_TIMEOUT_S))
        except OSError as error:
            raise SourceError(
                f"cannot open Wayfire's socket {quoted(path)}: {reason(error)}", "Waiting for it."
            ) from error

    def ask(self) -> Position:
        """Where the pointer is now. Raises SourceError, FaultError for an answer that is no position."""
        deadline = Deadline(ANSWER_TIMEOUT_S)
        question = json.dumps({"method": "window-rules/get_cursor_position", "data": {}}).encode()
        try:
            peer.send(self._peer, _LENGTH.pack(len(question)) + question, deadline)
            (length,) = _LENGTH.unpack(peer.receive(self._peer, _LENGTH.size, deadline))
            if not 0 < length <= peer.ANSWER_MAX_BYTES:
                raise ValueError(f"an answer of {length} bytes")  # noqa: TRY301 - as the other nonsense
            answer = peer.receive(self._peer, length, deadline)
            match peer.parse_json(answer):
                case {"pos": {"x": x, "y": y}}:
                    return peer.position(x, y)
                case {"error": error}:
                    raise SourceError(f"Wayfire does not say where the pointer is: {quoted(error)}", _HOW_TO_TURN_ON)
        except OSError as error:
            raise SourceError(f"Wayfire does not answer: {reason(error)}", "Waiting for it.") from error
        except ValueError as error:
            raise FaultError(f"Wayfire does not say where the pointer is: {reason(error)}", NOT_KNOWN) from error
        raise FaultError(
            f"Wayfire does not say where the pointer is, but: {quoted(answer, 80) or 'nothing'}", NOT_KNOWN
        )

    def close(self) -> None:
        """Disconnect."""
        self._peer.close()


make_source = partial(polling.make_source, "Wayfire", Ipc)
"""The pointer of the Wayfire at $WAYFIRE_SOCKET, as a source."""
