"""Calls that may never return, as those on a network mount whose server is gone, without waiting for them forever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def bounded(timeout_s: float, call: Callable[[], T], *, name: str = "bounded") -> T:
    """What ``call`` returns or raises, run in a thread called ``name``.

    Raises TimeoutError when it has not returned after ``timeout_s`` seconds. Its thread is then left behind, and keeps
    nothing alive.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {timeout_s:g} s")
    return results[0]
