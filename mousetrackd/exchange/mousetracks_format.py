"""Profiles of MouseTracks 2 (.mtk): an archive with an array for each resolution and kind of count.

Their paths are those of huntfx/MouseTracks 2.5, ``mousetracks2/file.py``. It keeps how often the path entered a pixel
and where each button went down, and no time at a pixel. The CSV files of version 1 are grids, as any other.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import TRAVEL, UNITS
from mousetrackd.core.monitors import Monitor
from mousetrackd.exchange.numpy_format import read_array
from mousetrackd.exchange.reading import FileCounts
from mousetrackd.exchange.table import SCREENS_MAX, check_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mousetrackd.exchange.reading import Options
    from mousetrackd.exchange.table import Table
    from mousetrackd.system.content import Content

_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    TRAVEL: ("data/mouse/cursor/density/",),
    "clicks.left": ("data/mouse/clicks/1/single/",),
    "clicks.right": ("data/mouse/clicks/2/single/",),
    "clicks.middle": ("data/mouse/clicks/4/single/",),
    "clicks.other": ("data/mouse/clicks/5/single/", "data/mouse/clicks/6/single/"),
}
"""The folder of each layer; buttons have the numbers of Windows' virtual keys."""

_RESOLUTION: Final = re.compile(r"([0-9]{1,5})x([0-9]{1,5})\.npy")
_FIRST_MEMBER: Final = slice(30, 37)
"""Where the name of the first member of a zip file is; MouseTracks writes ``version`` first."""


def recognises(head: bytes) -> bool:
    """An archive that begins with MouseTracks' version."""
    return head.startswith(b"PK\3\4") and head[_FIRST_MEMBER] == b"version"


def read(content: Content, options: Options) -> FileCounts:
    """One layer of a profile, with a screen for each resolution. Raises ValueError."""
    parts = _PARTS.get(options.layer)
    if parts is None:
        raise ValueError(
            f"it is a profile of MouseTracks, which keeps no {options.layer}: give --layer {TRAVEL}, or clicks.left,"
            " .middle, .right or .other"
        )
    table: Table = {}
    with zipfile.ZipFile(content.file) as archive:
        for member in archive.infolist():
            folder, _, name = member.filename.rpartition("/")
            resolution = _RESOLUTION.fullmatch(name)
            if f"{folder}/" not in parts or resolution is None:
                continue
            width_px, height_px = int(resolution[1]), int(resolution[2])
            check_size(width_px, height_px, member.filename)
            with archive.open(member) as file:
                array = read_array(member.filename, file, member.file_size)
            if array.shape != (height_px, width_px) or array.dtype.kind not in "iu":
                raise ValueError(f"{member.filename}: expected whole numbers, {height_px} rows of {width_px}")
            if int(array.min()) < 0 or int(array.max()) > np.iinfo(np.int64).max:
                raise ValueError(f"{member.filename}: its counts are too large")
            monitor = Monitor("MouseTracks", width_px, height_px)
            counts = Counts.from_dense(array.astype(np.int64))
            table[monitor] = Counts.merge([table[monitor], counts]) if monitor in table else counts
            if len(table) > SCREENS_MAX:
                raise ValueError(f"there are more than {SCREENS_MAX} resolutions in it")
    return FileCounts(table, unit=UNITS[options.layer], layer=options.layer)
