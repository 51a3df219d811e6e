"""Pictures of somebody's file: no store is opened, and none is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mousetrackd.cli.reading_options import read_file
from mousetrackd.core.errors import UsageError

if TYPE_CHECKING:
    from mousetrackd.config import Config, SnapshotConfig
    from mousetrackd.picture.scene import Scene

_OF_THE_STORE: Final = ("since", "until", "hours", "weekdays", "application", "window", "monitor", "store")
_OF_A_FILE: Final = ("unit", "size", "columns", "each", "time_unit", "transpose", "drop_outside")


def check_options(options: dict[str, Any]) -> None:
    """Raise UsageError for options that only a picture of the store has, or only one of a file."""
    is_file = options["file"] is not None
    for name in _OF_THE_STORE if is_file else _OF_A_FILE:
        if options[name]:
            option = f"--{name.replace('_', '-')}"
            why = f"{option} selects counts of the store" if is_file else f"{option} is about a file"
            raise UsageError(
                f"{why}, and --from {'draws a file' if is_file else 'names none'}", "Leave one of them out."
            )


def scene_of_file(
    file: Path, options: dict[str, Any], conf: Config, look: SnapshotConfig
) -> tuple[Scene, SnapshotConfig]:
    """What a file holds, to be drawn, and the look with its layer.

    Raises UsageError for options that cannot be meant, MousetrackError for a file that cannot be read.
    """
    from mousetrackd.core.layers import COUNTS, DWELL, LAYERS  # noqa: PLC0415
    from mousetrackd.core.layout import Layout  # noqa: PLC0415
    from mousetrackd.core.monitors import Placement  # noqa: PLC0415
    from mousetrackd.core.series import Series  # noqa: PLC0415
    from mousetrackd.picture import over_image  # noqa: PLC0415
    from mousetrackd.picture.scene import Scene  # noqa: PLC0415
    from mousetrackd.storage.readings import Reading  # noqa: PLC0415

    named, colon, colormap = options["layer"][0].partition(":") if options["layer"] else ("", "", "")
    if len(options["layer"]) > 1 or named not in ("", *LAYERS):
        raise UsageError("a file is drawn as one layer", f"Name one, or none. There are: {', '.join(LAYERS)}")
    found = read_file(file, options, layer=named or DWELL, output="screen", assume_size=True)
    unit = options["unit"]
    layer = COUNTS if unit is not None else named or found.layer or COUNTS
    counts = {Series(monitor, layer): counted for monitor, counted in found.counts.items() if counted.pixels}
    placed = [Placement(monitor, 0, 0) for monitor in found.counts] if len(found.counts) == 1 else []
    scene = Scene(
        Reading(counts, left_out=found.notes),
        Layout(placed),
        over=over_image.load(look.over),
        colormaps=conf.colormaps,
        unit=found.unit if unit is None else unit,
    )
    return scene, replace(look, layer=[f"{layer}{colon}{colormap}"])
