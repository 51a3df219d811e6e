"""A picture as a file of any kind shows the same picture."""

import io

import numpy as np
import pytest
from PIL import Image

from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.picture.compose import draw
from mousetrackd.picture.encode import ENDINGS, encoded, ending_of
from mousetrackd.picture.look import Look
from mousetrackd.picture.png import Picture
from mousetrackd.picture.scene import Scene
from mousetrackd.storage.readings import Reading

SCREEN = Monitor("DP-1", 320, 200)


def drawn(**look: object) -> Picture:
    counts = {Series(SCREEN, "dwell"): Counts.from_pixels(320, 200, np.array([320 * 90 + 100, 320 * 95 + 160]))}
    return draw(Scene(Reading(counts, 0, 60), Layout([Placement(SCREEN, 0, 0)])), Look(**look))  # type: ignore[arg-type]  # values of its fields


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("layers", [["dwell"], ["dwell", "travel"]], ids="+".join)
def test_every_kind_shows_the_picture(ending: str, layers: list[str]) -> None:
    picture = drawn(layer=layers)
    with Image.open(io.BytesIO(encoded(picture, ending))) as image:
        assert image.format == {".jpg": "JPEG", ".jpeg": "JPEG"}.get(ending, ending[1:].upper())
        off = np.abs(np.asarray(image.convert("RGB")).astype(int) - picture.rgb())
    assert off.mean() <= (0 if ending == ".png" else 2)


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_what_is_transparent_stays_so(ending: str) -> None:
    picture = drawn(background="transparent", legend=False)
    with Image.open(io.BytesIO(encoded(picture, ending))) as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert (alpha[0, 0], alpha.max()) == (0, 255)


def test_a_jpeg_cannot_be_transparent() -> None:
    with pytest.raises(UsageError, match=r"a \.jpg cannot be transparent"):
        encoded(drawn(background="transparent"), ".jpg")


def test_a_picture_too_large_for_its_kind_is_refused() -> None:
    wide = Picture(np.zeros((2, 16_384, 3), np.uint8), None, {})
    with pytest.raises(UsageError, match=r"16384x2 is too large for a \.webp: 16383 px a side"):
        encoded(wide, ".webp")
    assert encoded(wide, ".jpg")


def test_the_ending_chooses_the_kind_whatever_its_case() -> None:
    assert ending_of("a.b/HEAT.JPG") == ".jpg"
    with pytest.raises(UsageError, match=r"cannot draw into heat\.bmp") as caught:
        ending_of("heat.bmp")
    assert ".webp" in caught.value.hint
