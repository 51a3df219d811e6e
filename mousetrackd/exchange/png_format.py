"""A grey PNG: the grey of each pixel is its count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.exchange.grid import counts_of_grid
from mousetrackd.exchange.table import check_size

if TYPE_CHECKING:
    from mousetrackd.exchange.reading import FileCounts, Options
    from mousetrackd.system.content import Content

_GREY: Final = ("1", "L", "I", "I;16", "I;16B")


def recognises(head: bytes) -> bool:
    """Any PNG."""
    return head.startswith(b"\x89PNG\r\n\x1a\n")


def read(content: Content, options: Options) -> FileCounts:
    """Counts of a grey picture of 1, 8 or 16 bits. Raises ValueError."""
    from PIL import Image  # noqa: PLC0415 - nothing else in this package needs it

    try:
        with Image.open(content.file, formats=("PNG",)) as image:
            check_size(image.width, image.height, "the picture")
            if image.mode not in _GREY:
                raise ValueError("it is a picture in colours, which are no counts: only a grey one is read")
            array = np.asarray(image)
    except (OSError, SyntaxError) as error:
        raise ValueError("the picture is damaged") from error
    return counts_of_grid(array.astype(np.int64), options, "the picture")
