"""Handlers of a compositor's events: what one of them raises is neither lost nor printed by a library.

pywayland prints what a handler raises, and goes on. Arguments that it cannot decode (a name that is no UTF-8) are
printed by cffi. Here the first such failure is kept for the caller of ``dispatch``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mousetrackd.core.errors import FaultError
from mousetrackd.core.wording import reason

if TYPE_CHECKING:
    from collections.abc import Callable

_UNREADABLE: Final = object()


class Failures:
    """The first failure of any handler of one connection."""

    def __init__(self) -> None:
        self._first: Exception | None = None

    def watch(self, proxy: Any) -> Any:
        """Let handlers of ``proxy`` fail here. To be called before any is set; returns the proxy."""
        proxy.dispatcher = _Dispatcher(proxy.dispatcher, self.add)
        return proxy

    def add(self, error: Exception) -> None:
        """Keep it, unless there is one already."""
        self._first = self._first or error

    def raise_first(self) -> None:
        """Raise the first failure, where there was one."""
        if self._first is not None:
            raise self._first


class _Dispatcher:
    """Stands in for a ``pywayland.dispatcher.Dispatcher``: handlers by the name or the number of an event."""

    def __init__(self, original: Any, fail: Callable[[Exception], None]) -> None:
        self._fail = fail
        self._handlers: dict[str, Callable[..., None]] = {}
        self._names = [message.name for message in original.messages]
        self.messages = [_Message(message, fail) for message in original.messages]

    def __setitem__(self, name: str, handler: Callable[..., None]) -> None:
        self._handlers[name] = handler

    def __getitem__(self, opcode: int) -> Callable[..., None] | None:
        handler = self._handlers.get(self._names[opcode])
        return None if handler is None else partial(self._handle, handler)

    def _handle(self, handler: Callable[..., None], proxy: object, *arguments: object) -> None:
        if _UNREADABLE in arguments:
            return
        try:
            handler(proxy, *arguments)
        except Exception as error:  # noqa: BLE001 - whoever dispatches raises it
            self._fail(error)


class _Message:
    """Makes arguments of what came, or a failure."""

    def __init__(self, original: Any, fail: Callable[[Exception], None]) -> None:
        self._original = original
        self._fail = fail

    def c_to_arguments(self, data: Any) -> list[Any]:
        try:
            arguments: list[Any] = self._original.c_to_arguments(data)
        except Exception as error:  # noqa: BLE001 - likewise
            failure = FaultError(
                f"the Wayland compositor sends what cannot be decoded: {reason(error)}", "It is tried again."
            )
            failure.__cause__ = error
            self._fail(failure)
            return [_UNREADABLE]
        return arguments
