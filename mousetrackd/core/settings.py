"""Settings: fields of a dataclass, each with its default, what it is for, and the test of a good value. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[object], bool]
"""Whether a value is good. Never raises."""


def setting(default: Any, doc: str, expected: str, check: Check) -> Any:
    """A field: its default, what it is for, a sentence about good values, and the test for them."""
    metadata = {"doc": doc, "expected": expected, "check": check}
    if isinstance(default, dict | list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def whole(low: int, high: int = 10**9) -> Check:
    """A whole number from ``low`` to ``high``."""
    return lambda value: type(value) is int and low <= value <= high


def number(low: float, high: float) -> Check:
    """A number from ``low`` to ``high``."""
    return lambda value: type(value) in (int, float) and low <= value <= high  # type: ignore[operator]  # a number by the first half


def one_of(*words: str) -> Check:
    """One of these words."""
    return lambda value: value in words


def is_bool(value: object) -> bool:
    """True or False, and no number."""
    return type(value) is bool


def is_text(value: object) -> bool:
    """Text that is not empty."""
    return isinstance(value, str) and value != ""
