"""The sparse histogram: sums are exact, order never matters, and no bytes can fool it."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mousetrackd.core.counts import COUNT_MAX, Counts

WIDTH, HEIGHT = 5, 4
PIXELS = WIDTH * HEIGHT

small_weights = st.integers(0, 10**6)
any_weights = st.one_of(small_weights, st.integers(0, COUNT_MAX), st.integers(COUNT_MAX - 3, COUNT_MAX))


def visits_of(weights: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(st.integers(0, PIXELS - 1), weights), max_size=30)


def counts_of(visits: list[tuple[int, int]]) -> Counts:
    index = np.array([pixel for pixel, _ in visits], np.int64)
    weight = np.array([weight for _, weight in visits], np.int64)
    return Counts.from_pixels(WIDTH, HEIGHT, index, weight)


def test_three_by_three_by_hand() -> None:
    counts = Counts.from_pixels(3, 3, np.array([4, 0, 4, 8, 4]))
    assert counts.index.tolist() == [0, 4, 8]
    assert counts.count.tolist() == [1, 3, 1]
    assert counts.dense().tolist() == [[1, 0, 0], [0, 3, 0], [0, 0, 1]]
    assert counts.total == 5


def test_weights_are_summed_per_pixel() -> None:
    counts = Counts.from_pixels(3, 1, np.array([2, 0, 2]), np.array([10, 5, 7]))
    assert counts.dense().tolist() == [[5, 0, 17]]


def test_a_weight_of_zero_is_no_count() -> None:
    assert Counts.from_pixels(3, 1, np.array([1]), np.array([0])) == Counts.empty(3, 1)


def test_empty_has_all_pixels_at_zero() -> None:
    assert Counts.empty(3, 2).dense().tolist() == [[0, 0, 0], [0, 0, 0]]
    assert Counts.empty(3, 2).total == 0


@pytest.mark.parametrize("pixel", [-1, 9, 1 << 40])
def test_a_pixel_outside_the_screen_is_refused(pixel: int) -> None:
    with pytest.raises(ValueError, match="3x3"):
        Counts.from_pixels(3, 3, np.array([0, pixel]))


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        Counts.from_pixels(3, 3, np.array([0, 1]), np.array([5, -1]))


@pytest.mark.parametrize("shape", [(9,), (1, 3, 3), (0, 3), (3, 0)])
def test_only_two_dimensions_are_a_screen(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        Counts.from_dense(np.zeros(shape, np.int64))


def test_only_counts_of_one_size_are_added() -> None:
    with pytest.raises(ValueError, match="size"):
        Counts.merge([Counts.empty(3, 3), Counts.empty(3, 4)])
    with pytest.raises(ValueError, match="size"):
        Counts.merge([])


def test_a_count_saturates_and_never_wraps() -> None:
    full = Counts.from_pixels(2, 1, np.array([0, 1]), np.array([COUNT_MAX, 1]))
    assert Counts.merge([full, full]).count.tolist() == [COUNT_MAX, 2]
    assert Counts.merge([full] * 5).count.tolist() == [COUNT_MAX, 5]
    assert full.total == COUNT_MAX + 1


def test_counts_of_another_size_are_not_equal() -> None:
    assert Counts.empty(2, 3) != Counts.empty(3, 2)
    assert hash(Counts.empty(2, 3)) == hash(Counts.empty(2, 3))
    assert Counts.empty(2, 3) != "counts"


@given(visits_of(small_weights))
def test_equals_numpy_bincount(visits: list[tuple[int, int]]) -> None:
    index = np.array([pixel for pixel, _ in visits], np.int64)
    weight = np.array([weight for _, weight in visits], np.int64)
    expected = np.bincount(index, weights=weight, minlength=PIXELS).astype(np.int64)
    assert counts_of(visits).dense().reshape(-1).tolist() == expected.tolist()
    unweighted = Counts.from_pixels(WIDTH, HEIGHT, index)
    assert unweighted.dense().reshape(-1).tolist() == np.bincount(index, minlength=PIXELS).tolist()


@given(st.lists(st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1)), max_size=40))
def test_equals_numpy_histogram2d(points: list[tuple[int, int]]) -> None:
    x = np.array([x for x, _ in points], np.int64)
    y = np.array([y for _, y in points], np.int64)
    expected, _, _ = np.histogram2d(y, x, bins=(HEIGHT, WIDTH), range=((0, HEIGHT), (0, WIDTH)))
    assert Counts.from_pixels(WIDTH, HEIGHT, y * WIDTH + x).dense().tolist() == expected.tolist()


@given(visits_of(any_weights))
def test_sums_are_pythons_sums_up_to_the_maximum(visits: list[tuple[int, int]]) -> None:
    sums = dict.fromkeys(range(PIXELS), 0)
    for pixel, weight in visits:
        sums[pixel] += weight
    expected = {pixel: min(total, COUNT_MAX) for pixel, total in sums.items() if total}
    counts = counts_of(visits)
    assert dict(zip(counts.index.tolist(), counts.count.tolist(), strict=True)) == expected
    assert counts.total == sum(expected.values())


@given(visits_of(any_weights), st.lists(st.integers(0, 3), min_size=30, max_size=30), st.permutations(range(4)))
def test_merge_order_never_matters(visits: list[tuple[int, int]], cards: list[int], order: list[int]) -> None:
    heaps = [[visit for visit, card in zip(visits, cards, strict=False) if card == heap] for heap in range(4)]
    whole = counts_of(visits)
    assert Counts.merge([counts_of(heaps[heap]) for heap in order]) == whole
    one_by_one = Counts.empty(WIDTH, HEIGHT)
    for heap in order:
        one_by_one = Counts.merge([one_by_one, counts_of(heaps[heap])])
    assert one_by_one == whole


@given(visits_of(any_weights))
def test_dense_round_trip(visits: list[tuple[int, int]]) -> None:
    counts = counts_of(visits)
    assert Counts.from_dense(counts.dense()) == counts


@given(visits_of(any_weights))
def test_encode_round_trip(visits: list[tuple[int, int]]) -> None:
    counts = counts_of(visits)
    decoded = Counts.decode(counts.encode())
    assert decoded == counts
    assert decoded.index.dtype == decoded.count.dtype == np.int64


@given(
    st.lists(st.integers(0, 7680 * 4320 - 1), unique=True, max_size=50),
    st.lists(st.integers(1, COUNT_MAX), min_size=50, max_size=50),
)
def test_encode_round_trip_on_a_large_screen(pixels: list[int], weights: list[int]) -> None:
    weight = np.array(weights[: len(pixels)], np.int64)
    counts = Counts.from_pixels(7680, 4320, np.array(pixels, np.int64), weight)
    assert Counts.decode(counts.encode()) == counts


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_with_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an encoded histogram"):
        Counts.decode(data)


def forged(pixels: int, delta_bytes: int, count_bytes: int, planes: bytes, size: tuple[int, int] = (5, 4)) -> bytes:
    """A header that claims what it likes; ``planes`` honestly deflated."""
    return struct.pack("<BxxxIIIBB", 1, *size, pixels, delta_bytes, count_bytes) + zlib.compress(planes)


@given(st.integers(0, 12), st.integers(0, 10), st.integers(0, 10), st.binary(max_size=64))
def test_a_forged_histogram_is_refused_or_fits_its_screen(
    pixels: int, delta_bytes: int, count_bytes: int, planes: bytes
) -> None:
    planes = (planes * (1 + pixels * (delta_bytes + count_bytes)))[: pixels * (delta_bytes + count_bytes)]
    try:
        counts = Counts.decode(forged(pixels, delta_bytes, count_bytes, planes))
    except ValueError:
        return
    assert counts.index.size == counts.count.size == pixels
    assert ((counts.index >= 0) & (counts.index < PIXELS)).all()
    assert (np.diff(counts.index) > 0).all()
    assert (counts.count > 0).all()


def test_pixel_numbers_that_wrap_around_are_refused() -> None:
    # Four steps of 2**62 from pixel 0 lead back to pixel 0, by way of pixels that are on no screen.
    steps = np.array([0, 1 << 62, 1 << 62, 1 << 62, 1 << 62], "<i8")
    planes = np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 8).T).tobytes() + b"\1" * 5
    with pytest.raises(ValueError, match="not an encoded histogram"):
        Counts.decode(forged(5, 8, 1, planes))


def test_a_header_that_claims_millions_of_pixels_costs_no_memory() -> None:
    data = forged(4_000_000, 0, 0, b"", (4000, 4000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="not an encoded histogram"):
            Counts.decode(data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000


@given(visits_of(any_weights), st.data())
def test_a_changed_byte_never_gives_counts_that_fit_no_screen(
    visits: list[tuple[int, int]], data: st.DataObject
) -> None:
    encoded = bytearray(counts_of(visits).encode())
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    try:
        counts = Counts.decode(bytes(encoded))
    except ValueError:
        return
    assert counts.index.size == 0 or int(counts.index[-1]) < counts.width_px * counts.height_px


@given(visits_of(any_weights), st.data())
def test_a_truncated_histogram_is_refused(visits: list[tuple[int, int]], data: st.DataObject) -> None:
    encoded = counts_of(visits).encode()
    with pytest.raises(ValueError, match="not an encoded histogram"):
        Counts.decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@given(visits_of(any_weights), st.binary(min_size=1, max_size=8))
def test_a_histogram_with_something_behind_it_is_refused(visits: list[tuple[int, int]], more: bytes) -> None:
    with pytest.raises(ValueError, match="not an encoded histogram"):
        Counts.decode(counts_of(visits).encode() + more)


@given(visits_of(small_weights), visits_of(small_weights))
def test_merging_does_not_change_the_parts(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    assume(one)
    first, second = counts_of(one), counts_of(other)
    Counts.merge([first, second])
    assert first == counts_of(one)
    assert second == counts_of(other)
