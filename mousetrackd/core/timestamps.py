"""Times as recorders write them: in which unit they are, and what they are in milliseconds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mousetrackd.core.columns import unit_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

PER_SECOND: Final[Mapping[str, int]] = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
"""The units of time that a file may be in, and how many of them are a second."""

NAMES: Final[Mapping[str, str]] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

_EPOCH_FROM_S: Final = 5e8
_EPOCH_TO_S: Final = 1e10
"""Seconds since 1970 from 1985 until 2286: in each unit a range of its own."""

_LONGEST_STEP_S: Final = 3.0
"""A recorder of a moving pointer writes more often than this; larger steps are of a smaller unit."""


_SHORT_STEPS: Final = 0.1
"""Times with fractions, of which so many follow each other within one unit, are seconds."""


class Times(NamedTuple):
    """The times of a file's rows.

    ms: (N,) int64; since 1970 UTC where ``is_absolute``, else from the recorder's own start. assumed: a sentence
    about the unit where that was found by the numbers alone; empty where the file says it.
    """

    ms: NDArray[np.int64]
    is_absolute: bool
    assumed: str


def in_ms(values: NDArray[np.float64], name: str = "", unit: str = "") -> Times:
    """Times from numbers. name: the column's. unit: as the user says; empty to find out. Raises ValueError."""
    if values.size == 0:
        return Times(np.empty(0, np.int64), is_absolute=False, assumed="")
    if not np.isfinite(values).all():
        raise ValueError("some of its times are not numbers")
    assumed = ""
    if not unit:
        unit = unit_in(name)
    if not unit:
        unit, why = _guess(values)
        assumed = f"times are taken as {NAMES[unit]}, {why}; --time-unit says otherwise"
    seconds = values / PER_SECOND[unit]
    if float(np.abs(seconds).max()) > _EPOCH_TO_S:
        raise ValueError(f"its times reach beyond the year 2286 when taken as {NAMES[unit]}: give --time-unit")
    is_absolute = bool(float(np.median(seconds)) >= _EPOCH_FROM_S)
    return Times(np.rint(seconds * 1000).astype(np.int64), is_absolute, assumed)


def written_s(text: str) -> float | None:
    """Seconds since 1970 of a date and time (ISO 8601; local time unless it names a zone), or of a time of day.

    None for what is neither.
    """
    text = text.strip().replace("/", "-")
    for suffix in (" UTC", " GMT"):
        if text.endswith(suffix):
            text = f"{text.removesuffix(suffix)}+00:00"
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    try:
        of_day = time.fromisoformat(text)
    except ValueError:
        return None
    return (datetime.combine(datetime(1970, 1, 1, tzinfo=UTC), of_day.replace(tzinfo=UTC))).timestamp()


def _guess(values: NDArray[np.float64]) -> tuple[str, str]:
    """The unit of numbers, and by what it was found."""
    middle = float(np.median(values))
    for unit, per_second in PER_SECOND.items():
        if _EPOCH_FROM_S <= middle / per_second < _EPOCH_TO_S:
            return unit, "since 1970"
    steps = np.diff(values)
    steps = steps[steps > 0]
    if steps.size == 0:
        return "s", "for want of steps"
    step = float(np.median(steps))
    if bool((values != np.floor(values)).any()) and float((steps < 1).mean()) >= _SHORT_STEPS:
        return "s", "by their fractions"
    unit = next((unit for unit, per_second in PER_SECOND.items() if step / per_second < _LONGEST_STEP_S), "ns")
    return unit, f"by their steps of about {step:.3g}"
