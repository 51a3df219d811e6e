"""Makes a page of a store: reads, packs, and writes the file."""

from __future__ import annotations

import base64
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import mousetrackd
from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.exclusions import Exclusions
from mousetrackd.core.layers import LAYERS, UNITS
from mousetrackd.page import build, encode
from mousetrackd.page.collect import Collection, Screen
from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import CLASSIC, DIFFERENCE_MAPS, ColourMap, colour_map, map_names
from mousetrackd.picture.heat import GUARD, LOG_RANGE
from mousetrackd.picture.look import Look
from mousetrackd.picture.styles import STYLES
from mousetrackd.storage.readings import ALL
from mousetrackd.system import output_files
from mousetrackd.system.files import folder_held, make_private

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mousetrackd.core.layout import Layout
    from mousetrackd.core.monitors import Exclusion
    from mousetrackd.storage.readings import Range
    from mousetrackd.storage.store import Store
    from mousetrackd.system.paths import Paths

FORMAT: Final = 2
_GIVEN_UP_S: Final = 3600
"""Whoever writes a page longer than this does not any more."""
_COPIED_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Subject:
    """What a page is of.

    asked: which counts. layout: where the monitors are. exclude: where nothing is counted, shown as holes. colormaps:
    the user's own. now: when it is made, in the zone whose days and hours it has; without one it is the local clock's.
    """

    layout: Layout
    now: datetime
    asked: Range = ALL
    exclude: Sequence[Exclusion] = ()
    colormaps: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def zone(self) -> tzinfo | None:
        """Whose hours and days; None is the local clock's."""
        return self.now.tzinfo


def make(out: BinaryIO, store: Store, subject: Subject, folder: Path | None = None) -> list[str]:
    """Write the page of a store. Returns sentences about what is not in it. Raises StoreError, OSError.

    folder: for a nameless file of the same size meanwhile; None is that for temporary files.

    Where no beginning is asked for, it has the hours since the month of a year ago began, and sums of what is older.
    """
    asked = subject.asked
    is_open = asked.since_s is None and asked.until_s is None
    hours_from = subject.now.date().replace(year=subject.now.year - 1, day=1) if is_open else None
    with tempfile.TemporaryFile(dir=folder) as spool:
        with store.by_hour(asked) as found:
            of_each = {name: found.of(name) for name in ([] if asked.application else store.applications())}
            of_each = {asked.application: found} | {name: one for name, one in of_each.items() if one.parts}
            collection = Collection([*of_each.values()], subject.layout, subject.zone, hours_from)
            sizes_mm = store.sizes_mm()
            for name, block in collection.blocks():
                spool.write(build.element(name, encode.packed(block, is_long=name.startswith("h"))))
        data = [(name, encode.packed(block)) for name, block in (*collection.tables(), *collection.first())]
        spool.seek(0)
        build.write(
            out, _meta(collection, subject, sizes_mm, [*of_each]), data, iter(lambda: spool.read(_COPIED_BYTES), b"")
        )
    return collection.left_out


def make_file(out: Path, store: Store, subject: Subject) -> list[str]:
    """As ``make``, into a file that is there whole or not at all, and private. Raises MousetrackError."""
    with output_files.fresh_file(out) as fresh, fresh.open("wb") as file:
        return make(file, store, subject, fresh.parent)


def make_history(paths: Paths, store: Store, subject: Subject) -> list[str]:
    """As ``make_file``, beside the pictures. Whoever forgets waits for it, and deletes it. Raises MousetrackError."""
    try:
        make_private(paths.snapshots)
        with folder_held(paths.snapshots, alone=False):
            _drop_unfinished(paths.snapshots)
            return make_file(paths.history, store, subject)
    except OSError as error:
        raise MousetrackError(f"cannot use {paths.snapshots}: {error.strerror}", "Check its permissions.") from error


def _drop_unfinished(folder: Path) -> None:
    """Delete what writers that were killed have left: as much as a page each."""
    for left in folder.glob(f"{output_files.UNFINISHED}*"):
        if time.time() - left.lstat().st_mtime > _GIVEN_UP_S:
            shutil.rmtree(left, ignore_errors=True)


def _meta(
    collection: Collection, subject: Subject, sizes_mm: Mapping[Any, tuple[int, int]], applications: Sequence[str]
) -> dict[str, object]:
    """``Meta`` of web/types.js."""
    first_day, last_day = collection.days
    return {
        "format": FORMAT,
        "version": mousetrackd.__version__,
        "made": subject.now.astimezone(subject.zone).isoformat(timespec="seconds"),
        "first_day": first_day,
        "last_day": last_day,
        "zone": f"{subject.now.astimezone(subject.zone):%Z}",
        "monitors": [_monitor(screen, subject.exclude, subject.layout, sizes_mm) for screen in collection.screens],
        "layers": [_layer(name) for name in LAYERS],
        "maps": _maps(subject.colormaps),
        "log_range": LOG_RANGE,
        "guard": GUARD,
        "percentile": Look().percentile,
        "sums": [{"first": one.first, "last": one.last, "name": one.name, "more": one.more} for one in collection.sums],
        "blocks": collection.names,
        "applications": applications,
        "notes": collection.left_out,
    }


def _monitor(
    screen: Screen, exclude: Sequence[Exclusion], layout: Layout, sizes_mm: Mapping[Any, tuple[int, int]]
) -> dict[str, object]:
    place = screen.placement
    width_px, height_px = screen.size
    width_mm, height_mm = sizes_mm.get(place.monitor, (0, 0))
    rules = Exclusions()
    rules.rule(exclude)
    holes = []
    for left, top, right, bottom in rules.on(layout).tolist() if exclude else []:
        x, y = max(left - place.desktop_x, 0), max(top - place.desktop_y, 0)
        wide, high = min(right - place.desktop_x, width_px) - x, min(bottom - place.desktop_y, height_px) - y
        if wide > 0 and high > 0:
            holes.append([x, y, wide, high])
    return {
        "name": place.monitor.output,
        "width_px": width_px,
        "height_px": height_px,
        "x": place.desktop_x,
        "y": place.desktop_y,
        "cell_px": screen.cell_px,
        "grid_px": screen.grid_px,
        "sum_px": screen.sum_px,
        "sigma_px": STYLES[LAYERS[0]].sigma_px("auto", min(width_px, height_px)),
        "metres_per_px": (width_mm / width_px + height_mm / height_px) / 2 / 1000,
        "holes": holes,
    }


def _layer(name: str) -> dict[str, object]:
    style = STYLES[name]
    return {
        "name": name,
        "title": style.title,
        "unit": UNITS[name],
        "caption": style.caption,
        "colormap": style.colormap,
        "sigma_share": style.sigma_share,
        "plenty": style.plenty,
        "pixels_a_cell": style.pixels_a_cell,
    }


def _maps(users: Mapping[str, Sequence[str]]) -> dict[str, str]:
    names = dict.fromkeys(map_names(users))
    ordered = [*(name for name in names if name != CLASSIC)]
    ordered.insert(1, CLASSIC)
    maps = [colour_map(name, users) for name in ordered]
    # Whose zero is a colour of its own: of a difference.
    own = [ColourMap(name, colours, perceptual=True) for name, colours in DIFFERENCE_MAPS.items()]
    named = [*zip(ordered, maps, strict=True), *zip(DIFFERENCE_MAPS, own, strict=True)]
    return {name: base64.b64encode(ramp(one).tobytes()).decode() for name, one in named}
