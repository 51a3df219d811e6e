"""Draw every golden picture again: ``.venv/bin/python tests/golden/redraw.py [CASE ...]``.

For whoever changed how pictures look on purpose. Look at every .png that git shows as changed before you commit.
"""

import io
import sys
from pathlib import Path

import numpy as np
from golden_cases import CASES
from PIL import Image

HERE = Path(__file__).parent


def main(names: list[str]) -> None:
    for name in names or CASES:
        picture = CASES[name]()
        palette = np.empty((0, 4), np.uint8) if picture.palette is None else picture.palette
        np.savez_compressed(HERE / f"{name}.npz", pixels=picture.pixels, palette=palette)
        with Image.open(io.BytesIO(picture.png())) as image:
            image.save(HERE / f"{name}.png", optimize=True)  # without the facts, which name our version


if __name__ == "__main__":
    main(sys.argv[1:])
