"""Counts as arrays: of the store, and of files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from mousetrackd.api.wording import naming_keywords, warn, wrong_value
from mousetrackd.core import timerange
from mousetrackd.core.counts import Counts
from mousetrackd.core.dots import checked_size
from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import CLICKS, LAYERS, expand_layers
from mousetrackd.core.monitors import Monitor, is_within, selected

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mousetrackd.storage.readings import Range

When: TypeAlias = "str | date | datetime | None"
"""A time as the commands take it, like "yesterday", or one of datetime's; without a zone it is local."""

_EACH_MAX_MS: Final = 10**10


def counts(
    layer: str = "dwell",
    since: When = None,
    until: When = None,
    hours: str | Iterable[int] | None = None,
    weekdays: str | Iterable[int] | None = None,
    monitor: str | None = None,
    application: str | None = None,
    store: str | os.PathLike[str] | None = None,
) -> dict[str, NDArray[np.int64]]:
    """What was counted, as an (H, W) array for each monitor, by its label like "DP-1@1920x1080".

    layer: dwell (ms), travel (crossings), clicks.left, clicks.middle, clicks.right, clicks.other (presses), scroll
    (steps); "clicks" is the sum of all buttons. since, until: as the commands take them ("yesterday", "14:30"), or a
    date or datetime; the whole of an ``until`` day is meant. hours: "9-17", or numbers from 0 to 23; weekdays:
    "mon-fri", or numbers from 0, Monday, to 6. monitor: only this one, by its name in ``mousetrackd status``.
    application: only what was counted for this one, by its identity, WM_CLASS, app_id or displayed name.
    store: the file to read; None is your own.

    The store is opened read-only, also while the daemon runs: it is not changed, and none is made. (SQLite puts its
    empty journal beside your own when no daemon runs, and nothing beside another.)
    A MousetrackWarning says what is left out, for it is damaged or kept too coarsely for the range, and which hours are
    known by cells of some pixels only.
    Raises MousetrackError when there is no store, or it cannot be read, and for names and times that do not exist.
    """
    from mousetrackd.storage.recovery import readable  # noqa: PLC0415
    from mousetrackd.system.paths import user_paths  # noqa: PLC0415

    if not isinstance(application, str | None):
        raise wrong_value("application", "a name", application)
    layers = _layers(layer)
    asked = _range(since, until, hours, weekdays, monitor)
    if not isinstance(store, str | os.PathLike | None) or store == "":
        raise wrong_value("store", "a path", store)
    own = user_paths().store
    path = own if store is None else Path(store).expanduser()
    is_own = path == own or (path.exists() and own.exists() and path.samefile(own))
    with readable(path, elsewhere=not is_own) as (opened, missing):
        known = [*opened.monitors().values()]
        if monitor is not None and not selected(known, monitor):
            labels = ", ".join(sorted(one.label for one in known)) or "none yet"
            raise UsageError(f'there is no monitor "{monitor}"', f"There are: {labels}")
        if application is not None:
            from mousetrackd.storage import application_names  # noqa: PLC0415 - who has them off pays nothing

            asked = replace(asked, application=application_names.find(application, opened.applications()))
        reading = opened.read(layers, asked)
    warn(filter(None, (missing, *reading.remarks)))
    of_monitor: dict[Monitor, list[Counts]] = {}
    for series, found in sorted(reading.counts.items()):
        of_monitor.setdefault(series.monitor, []).append(found)
    return {screen.label: Counts.merge(parts).dense() for screen, parts in of_monitor.items()}


def load(
    file: str | os.PathLike[str] | BinaryIO,
    size: tuple[int, int] | None = None,
    layer: str = "dwell",
    columns: Sequence[str] = (),
    each_ms: int | None = None,
    time_unit: str | None = None,
    transpose: bool = False,
    drop_outside: bool = False,
) -> dict[str, NDArray[np.int64]]:
    r"""Read anyone's file of counts, as an (H, W) array for each screen in it, by its label.

    >>> with open("dots.csv", "w") as file:
    ...     _ = file.write("x,y,count\n640,480,3\n")
    >>> found = load("dots.csv", size=(1280, 720))
    >>> int(found["imported@1280x720"][480, 640])
    3

    file: a path, or a file that is open for reading bytes: what ``mousetrackd import`` reads. size: width and height of
    the screen in px, where the file does not contain it. layer: what to count in a recording with times: dwell, from
    the gaps; for others each point is one. columns: the names of the columns in their order, where the file's own are
    missing or unknown. each_ms: how long each point lasted. time_unit: of a time column, "s", "ms", "us" or "ns"; None
    finds out. transpose: the first axis of a grid is x. drop_outside: leave out what lies outside the screen; else it
    is an error.
    What was assumed or left out is a MousetrackWarning. Raises MousetrackError that names the line, row or key.
    """
    from mousetrackd.exchange import formats  # noqa: PLC0415
    from mousetrackd.exchange.reading import Options  # noqa: PLC0415

    if not isinstance(file, str | os.PathLike) and not hasattr(file, "read"):
        raise wrong_value("file", "a path or an open file", file)
    if not isinstance(time_unit, str | None) or time_unit not in (None, "s", "ms", "us", "ns"):
        raise wrong_value("time_unit", "s, ms, us or ns", time_unit)
    if each_ms is not None and not is_within(1, each_ms, _EACH_MAX_MS):
        raise wrong_value("each_ms", "a whole number from 1 up", each_ms)
    if not isinstance(columns, list | tuple) or not all(isinstance(name, str) for name in columns):
        raise wrong_value("columns", "the names of columns", columns)
    if len(_layers(layer)) > 1:
        raise UsageError(f'"{layer}" are several layers', "Name one, like clicks.left.")
    options = Options(
        layer=layer,
        size=None if size is None else checked_size(size),
        columns=tuple(columns),
        each_ms=1 if each_ms is None else each_ms,
        has_each=each_ms is not None,
        time_unit=time_unit or "",
        transpose=transpose,
        drop_outside=drop_outside,
    )
    with naming_keywords():
        found = formats.read(Path(file) if isinstance(file, str | os.PathLike) else file, options)
    warn(found.notes)
    return {screen.label: counted.dense() for screen, counted in found.counts.items()}


def _range(
    since: When,
    until: When,
    hours: str | Iterable[int] | None,
    weekdays: str | Iterable[int] | None,
    monitor: str | None,
) -> Range:
    from mousetrackd.storage.readings import Range  # noqa: PLC0415

    if not isinstance(monitor, str | None):
        raise wrong_value("monitor", "a name", monitor)
    since_s, until_s = timerange.parse_range(_moment("since", since), _moment("until", until))
    return Range(
        since_s,
        until_s,
        monitor,
        timerange.parse_hours(hours) if isinstance(hours, str) else _numbers("hours", hours, 23),
        timerange.parse_weekdays(weekdays) if isinstance(weekdays, str) else _numbers("weekdays", weekdays, 6),
    )


def _moment(name: str, when: When) -> str | None:
    if not isinstance(when, str | date | None):
        raise wrong_value(name, "a time", when)
    return when.isoformat() if isinstance(when, date) else when


def _numbers(name: str, given: Iterable[int] | None, last: int) -> Collection[int] | None:
    if given is None:
        return None
    try:
        numbers = frozenset(given)
    except TypeError:
        numbers = frozenset()
    if not numbers or not numbers <= frozenset(range(last + 1)):
        raise wrong_value(name, f"numbers from 0 to {last}", given)
    return numbers


def _layers(layer: str) -> tuple[str, ...]:
    """The layers of a store that ``layer`` names."""
    if not isinstance(layer, str):
        raise wrong_value("layer", "a name", layer)
    if layer not in (*LAYERS, CLICKS):
        raise UsageError(f'there is no layer "{layer}"', f"There are: {', '.join(LAYERS)}; clicks is all buttons.")
    return expand_layers([layer])
