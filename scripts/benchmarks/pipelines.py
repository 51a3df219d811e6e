"""Ways to a picture. ``python -m benchmarks.pipelines WAY COUNTS.npy SIGMA OUT.png`` takes one in a process of its own.

``python -m benchmarks.pipelines compare SCREEN TURNS FOLDER`` takes all in turns in one process, and prints as JSON
the CPU seconds of each, imports and the making of the counts left out.
"""

import io
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Dense = NDArray[np.float32]


def original(counts: Dense, sigma_px: float, out: Path) -> None:
    """The answer this project began with: scipy's filter, imshow, a colour bar, savefig at the screen's size."""
    import matplotlib as mpl  # noqa: PLC0415 - what a way does not need, it does not import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415

    height_px, width_px = counts.shape
    blurred = gaussian_filter(counts, sigma=sigma_px)
    figure = plt.figure(figsize=(width_px / 100, height_px / 100), dpi=100)
    image = plt.imshow(blurred, cmap="jet")
    plt.colorbar(image)
    plt.savefig(out, dpi=100)
    plt.close(figure)


def bare_cv2(counts: Dense, sigma_px: float, out: Path) -> None:
    """OpenCV at full size, and nothing but the picture."""
    import cv2  # noqa: PLC0415

    blurred = cv2.GaussianBlur(counts, (0, 0), sigma_px)
    levels = (blurred * (255 / float(blurred.max()))).astype(np.uint8)
    cv2.imwrite(str(out), cv2.applyColorMap(levels, cv2.COLORMAP_JET))


def compare(screen: str, turns: int) -> None:
    """Ours, the others, and the floor: encoding the finished picture, in true colour and as one byte a pixel."""
    import cv2  # noqa: PLC0415

    from benchmarks import motion  # noqa: PLC0415
    from mousetrackd.picture.compose import draw  # noqa: PLC0415
    from mousetrackd.picture.look import Look  # noqa: PLC0415
    from mousetrackd.picture.scene import Scene  # noqa: PLC0415
    from mousetrackd.storage.readings import Reading  # noqa: PLC0415

    layout = motion.SCREENS[screen]
    tally = motion.day(screen)
    now_s = int(time.time())
    reading = Reading({series: c for series, c in tally.counts.items() if series.layer == "dwell"}, now_s - 3600, now_s)
    dense, sigma_px = motion.dense(tally, layout), motion.sigma_px(layout)
    out = Path("picture.png")
    scene = Scene(reading, layout)
    picture = draw(scene, Look())
    bgr = np.ascontiguousarray(picture.rgb()[..., ::-1])

    def ours() -> None:
        out.write_bytes(draw(scene, Look()).png())

    ways: dict[str, Callable[[], Any]] = {
        "ours": ours,
        "original": lambda: original(dense, sigma_px, out),
        "bare cv2": lambda: bare_cv2(dense, sigma_px, out),
        "our encoding alone": picture.png,
        "cv2's encoding alone": lambda: cv2.imencode(".png", bgr),
        "cv2's of the levels": lambda: cv2.imencode(".png", picture.pixels),
    }
    used: dict[str, list[float]] = defaultdict(list)
    for turn in range(turns + 1):
        for name, way in ways.items():
            before_s = time.process_time()
            way()
            if turn:  # the first finds its imports and its memory cold
                used[name].append(time.process_time() - before_s)
    print(json.dumps(used))


def main() -> None:
    """One way, or all."""
    way, *words = sys.argv[1:]
    if way == "compare":
        os.chdir(words[2])
        compare(words[0], int(words[1]))
        return
    counts: Dense = np.load(io.BytesIO(Path(words[0]).read_bytes()))
    {"original": original, "bare": bare_cv2}[way](counts, float(words[1]), Path(words[2]))


if __name__ == "__main__":
    main()
