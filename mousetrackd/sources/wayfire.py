"""Wayfire: its IPC answers ``window-rules/get_cursor_position``, where the plugins ipc and ipc-rules are on."""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from mousetrackd.errors import SourceError
from mousetrackd.sources.listening import ListeningSource
from mousetrackd.sources.polling import ANSWER_TIMEOUT_S, MOVING_INTERVAL_S, PollingEar

if TYPE_CHECKING:
    from mousetrackd.sources.polling import Position

_LENGTH = struct.Struct("=I")
"""Before each message: how many bytes of JSON follow."""

_LONGEST_BYTES = 1 << 16

_HOW_TO_TURN_ON = 'Add "ipc ipc-rules" to plugins in wayfire.ini and log in again.'


def make_source(*, moving_interval_s: float = MOVING_INTERVAL_S) -> ListeningSource:
    """The pointer of the Wayfire at $WAYFIRE_SOCKET."""
    return ListeningSource(
        "Wayfire (Wayland)", lambda source: PollingEar(source, _Ipc(), moving_interval_s=moving_interval_s)
    )


class _Ipc:
    """A connection that stays open. See ``polling.Question``."""

    def __init__(self) -> None:
        path = os.environ.get("WAYFIRE_SOCKET", "")
        if not path:
            raise SourceError("there is no Wayfire to ask: WAYFIRE_SOCKET is not set", _HOW_TO_TURN_ON)
        self._peer = socket.socket(socket.AF_UNIX)
        self._peer.settimeout(ANSWER_TIMEOUT_S)
        try:
            self._peer.connect(path)
        except OSError as error:
            self._peer.close()
            raise SourceError(f"cannot open Wayfire's socket {path}: {error}", "Waiting for it.") from error

    def ask(self) -> Position:
        question = json.dumps({"method": "window-rules/get_cursor_position", "data": {}}).encode()
        try:
            self._peer.sendall(_LENGTH.pack(len(question)) + question)
            answer = self._receive()
        except (OSError, ValueError) as error:
            raise SourceError(f"Wayfire does not answer: {error}", "Waiting for it.") from error
        match answer:
            case {"pos": {"x": int() | float() as x, "y": int() | float() as y}}:
                return x, y
            case {"error": error}:
                raise SourceError(f"Wayfire does not say where the pointer is: {error}", _HOW_TO_TURN_ON)
        raise SourceError(
            f"Wayfire does not say where the pointer is, but: {str(answer)[:80]}",
            "This version of it is not known; please report it.",
        )

    def close(self) -> None:
        self._peer.close()

    def _receive(self) -> Any:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > _LONGEST_BYTES:
            raise ValueError(f"a message of {length} bytes")
        return json.loads(self._exactly(length))

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._peer.recv(length - len(data))
            if not more:
                raise ConnectionResetError("it hung up")
            data += more
        return data
