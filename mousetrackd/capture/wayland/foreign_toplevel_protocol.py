"""wlr-foreign-toplevel-management-unstable-v1, as far as it is used: its interfaces, and whether there is one.

pywayland brings no classes for protocols of wlroots; these are what its own generator makes. Of the protocol only
version 1 is declared, and of what a client may request only to destroy a window's handle.
"""

from __future__ import annotations

from typing import Final

from pywayland.protocol.wayland import WlOutput
from pywayland.protocol_core.argument import Argument
from pywayland.protocol_core.interface import Interface
from pywayland.protocol_core.proxy import Proxy
from pywayland.scanner.argument import ArgumentType

from mousetrackd.capture.wayland.connection import Connection
from mousetrackd.core.errors import SourceError

IDENTIFIES_BY: Final = (
    "app_id or WM_CLASS of the focused window, wherever the pointer is (wlr-foreign-toplevel-management)"
)

_DESTROY: Final = 7
"""The number of the request of a handle that is used."""


class ToplevelHandle(Interface):
    """A window."""

    name = "zwlr_foreign_toplevel_handle_v1"
    version = 1


class ToplevelManager(Interface):
    """The list of windows."""

    name = "zwlr_foreign_toplevel_manager_v1"
    version = 1


class _Handle(Proxy[ToplevelHandle]):
    interface = ToplevelHandle

    def destroy(self) -> None:
        self._marshal(_DESTROY)
        self._destroy()


class _Manager(Proxy[ToplevelManager]):
    interface = ToplevelManager


ToplevelHandle.proxy_class = _Handle
ToplevelManager.proxy_class = _Manager

# Messages are numbered in the order in which they are declared. Of a request that is not made only that matters.
for _ in range(_DESTROY + 1):
    ToplevelHandle.request()(_Handle.destroy)


@ToplevelHandle.event(Argument(ArgumentType.String))
def _title() -> None: ...


@ToplevelHandle.event(Argument(ArgumentType.String))
def _app_id() -> None: ...


@ToplevelHandle.event(Argument(ArgumentType.Object, interface=WlOutput))
def _output_enter() -> None: ...


@ToplevelHandle.event(Argument(ArgumentType.Object, interface=WlOutput))
def _output_leave() -> None: ...


@ToplevelHandle.event(Argument(ArgumentType.Array))
def _state() -> None: ...


@ToplevelHandle.event()
def _done() -> None: ...


@ToplevelHandle.event()
def _closed() -> None: ...


@ToplevelManager.event(Argument(ArgumentType.NewId, interface=ToplevelHandle))
def _toplevel() -> None: ...


@ToplevelManager.event()
def _finished() -> None: ...


ToplevelHandle._gen_c()  # noqa: SLF001 - as pywayland's own generator does
ToplevelManager._gen_c()  # noqa: SLF001 - likewise


def identifies_by(display_name: str | None = None) -> str:
    """By what a compositor identifies windows, for status and doctor; empty where it does not, or does not answer."""
    try:
        connection = Connection(display_name)
    except SourceError:
        return ""
    try:
        return IDENTIFIES_BY if connection.find(ToplevelManager) else ""
    finally:
        connection.close()
