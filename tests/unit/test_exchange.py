"""Tables that other programs read and write: what goes out comes in again, and what is read is what was meant."""

import contextlib
import gzip
import io
import json
import os
import tracemalloc
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.monitors import SIDE_MAX_PX, Monitor
from mousetrackd.exchange.formats import read, writer_for
from mousetrackd.exchange.reading import Options
from mousetrackd.exchange.table import Table, monitor_of
from mousetrackd.system.content import opened

A = Monitor("DP-1", 4, 3)
B = Monitor("HDMI-1", 2, 2, "0123abcd")


def counts(screen: Monitor, cells: dict[tuple[int, int], int]) -> Counts:
    index = np.array([y * screen.width_px + x for x, y in cells], np.int64)
    return Counts.from_pixels(screen.width_px, screen.height_px, index, np.array([*cells.values()], np.int64))


def dump(table: Table, ending: str) -> bytes:
    return writer_for(Path(f"a.{ending}"))({"dwell": table}, "")


def load(file: Path, output: str, size: tuple[int, int] | None) -> Table:
    return read(file, Options(output=output, size=size)).counts


def load_bytes(folder: Path, name: str, content: bytes, size: tuple[int, int] | None = None) -> Table:
    file = folder / name
    file.write_bytes(content)
    return load(file, "imported", size)


def test_csv_names_the_screen_and_counts_from_the_top_left() -> None:
    table = {A: counts(A, {(3, 0): 5, (0, 2): 6}), B: counts(B, {(1, 1): 7})}
    assert dump(table, "csv").decode() == (
        "monitor,x,y,count\nDP-1@4x3,3,0,5\nDP-1@4x3,0,2,6\nHDMI-1@2x2#0123abcd,1,1,7\n"
    )


def test_json_is_pairs_of_one_screen() -> None:
    assert json.loads(dump({A: counts(A, {(3, 0): 5, (0, 2): 6})}, "json")) == {
        "monitor": "DP-1@4x3",
        "layer": "dwell",
        "unit": "ms",
        "counts": {"3,0": 5, "0,2": 6},
    }
    with pytest.raises(UsageError, match="2: DP-1@4x3, HDMI-1@2x2#0123abcd"):
        dump({A: counts(A, {(0, 0): 1}), B: counts(B, {(0, 0): 1})}, "json")


def test_npz_is_an_array_per_screen_y_down() -> None:
    content = dump({A: counts(A, {(3, 0): 5, (0, 2): 6})}, "npz")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        assert arrays.files == ["DP-1@4x3"]
        assert arrays["DP-1@4x3"].tolist() == [[0, 0, 0, 5], [0, 0, 0, 0], [6, 0, 0, 0]]


@pytest.mark.parametrize("ending", ["csv", "json", "npz"])
def test_nothing_counted_is_an_empty_table(ending: str, tmp_path: Path) -> None:
    assert load_bytes(tmp_path, f"a.{ending}", dump({}, ending)) == {}


def test_an_unknown_ending_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot export to a\.xlsx"):
        dump({}, "xlsx")
    with pytest.raises(MousetrackError, match=r"a\.xlsx: it is empty"):
        load_bytes(tmp_path, "a.xlsx", b"")


CELLS = st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 2)), st.integers(1, COUNT_MAX), min_size=1)


WRITTEN = [
    *("csv", "json", "npz", "csv.gz"),
    pytest.param("parquet", marks=pytest.mark.skipif(not find_spec("pyarrow"), reason="pyarrow is not installed")),
]


@pytest.mark.parametrize("ending", WRITTEN)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=CELLS)
def test_whatever_goes_out_comes_in_the_same(ending: str, cells: dict[tuple[int, int], int], tmp_path: Path) -> None:
    table = {A: counts(A, cells)}
    file = tmp_path / f"a.{ending}"
    file.write_bytes(dump(table, ending))
    assert load(file, A.output, (4, 3)) == table


LAYER_CELLS = st.dictionaries(st.sampled_from(LAYERS), CELLS, min_size=2)


@pytest.mark.parametrize("ending", [WRITTEN[0], WRITTEN[-1]])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layers=LAYER_CELLS)
def test_each_layer_of_a_wide_file_comes_in_the_same(
    ending: str, layers: dict[str, dict[tuple[int, int], int]], tmp_path: Path
) -> None:
    tables = {layer: {A: counts(A, cells)} for layer, cells in layers.items()}
    file = tmp_path / f"a.{ending}"
    file.write_bytes(writer_for(file)(tables, ""))
    for layer, table in tables.items():
        assert read(file, Options(layer=layer)).counts == table


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_a_format_of_one_layer_refuses_several(ending: str) -> None:
    with pytest.raises(UsageError, match=f".{ending} holds one layer"):
        writer_for(Path(f"a.{ending}"))({"dwell": {}, "travel": {}}, "")


@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_several_screens_come_in_the_same(ending: str, tmp_path: Path) -> None:
    table = {A: counts(A, {(3, 2): COUNT_MAX}), B: counts(B, {(0, 1): 1})}
    assert load_bytes(tmp_path, f"a.{ending}", dump(table, ending)) == table


@pytest.mark.parametrize("key", ["(1, 2)", "1,2", "( 1 ,2 )"])
def test_a_pair_may_be_written_as_python_writes_it(key: str, tmp_path: Path) -> None:
    content = json.dumps({key: 9}).encode()
    screen = Monitor("imported", 4, 3)
    assert load_bytes(tmp_path, "a.json", content, (4, 3)) == {screen: counts(screen, {(1, 2): 9})}


def test_equal_pixels_add_up_and_zeros_are_nothing(tmp_path: Path) -> None:
    screen = Monitor("imported", 4, 3)
    found = load_bytes(tmp_path, "a.csv", b"x,y,count\n1,2,3\n1,2,4\n0,0,0\n", (4, 3))
    assert found == {screen: counts(screen, {(1, 2): 7})}


def test_columns_may_be_in_any_order_and_the_file_may_come_from_a_spreadsheet(tmp_path: Path) -> None:
    screen = Monitor("imported", 4, 3)
    content = b'\xef\xbb\xbfcount,"y",x,note\r\n7,2,1,hello\r\n'
    assert load_bytes(tmp_path, "a.csv", content, (4, 3)) == {screen: counts(screen, {(1, 2): 7})}


@pytest.mark.parametrize("kind", ["bool", "u1", "i2", "<i8", ">i8", "u8", "f4", "f8", "f2"])
def test_an_array_of_any_kind_of_whole_numbers_is_read(kind: str, tmp_path: Path) -> None:
    array = np.zeros((3, 4), kind)
    array[2, 1] = 1
    file = io.BytesIO()
    np.save(file, np.asfortranarray(array))
    screen = Monitor("imported", 4, 3)
    assert load_bytes(tmp_path, "a.npy", file.getvalue()) == {screen: counts(screen, {(1, 2): 1})}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0, 0.5, 2.0**63])
def test_an_array_with_what_is_no_count_is_a_sentence_and_no_warning(value: float, tmp_path: Path) -> None:
    array = np.ones((3, 4))
    array[2, 1] = value
    file = io.BytesIO()
    np.save(file, array)
    with pytest.raises(MousetrackError) as caught:
        load_bytes(tmp_path, "a.npy", file.getvalue())
    assert "a.npy" in caught.value.message


@pytest.mark.parametrize(
    ("label", "screen"),
    [
        ("DP-1@4x3", A),
        ("HDMI-1@2x2#0123abcd", B),
        ("a@b@4x3", Monitor("a@b", 4, 3)),
    ],
)
def test_a_label_describes_the_whole_screen(label: str, screen: Monitor) -> None:
    assert monitor_of(label, "imported", None) == screen
    assert screen.label == label


def test_without_a_label_the_size_has_to_be_given() -> None:
    assert monitor_of("", "imported", (4, 3)) == Monitor("imported", 4, 3)
    assert monitor_of("left one", "imported", (4, 3)) == Monitor("left one", 4, 3)
    with pytest.raises(ValueError, match="--size"):
        monitor_of("left one", "imported", None)


@pytest.mark.parametrize("size", [(0, 3), (3, 0), (SIDE_MAX_PX + 1, 1), (1, SIDE_MAX_PX + 1)])
def test_a_screen_of_an_impossible_size_has_the_same_error_for_a_label_and_for_an_array(
    size: tuple[int, int], tmp_path: Path
) -> None:
    width_px, height_px = size
    said = f"a screen is from 1x1 to {SIDE_MAX_PX}x{SIDE_MAX_PX} px, got {width_px}x{height_px}"
    with pytest.raises(ValueError, match=f"S@{width_px}x{height_px}: {said}"):
        monitor_of(f"S@{width_px}x{height_px}", "imported", None)
    if 0 not in size:  # an array of nothing has no shape
        file = io.BytesIO()
        np.save(file, np.zeros((height_px, width_px), np.int8))
        with pytest.raises(MousetrackError, match=f"the array: {said}"):
            load_bytes(tmp_path, "a.npy", file.getvalue())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60), ending=st.sampled_from(["csv", "json", "npy", "npz"]))
def test_any_bytes_are_a_table_or_a_sentence(content: bytes, ending: str, tmp_path: Path) -> None:
    with contextlib.suppress(MousetrackError):
        assert isinstance(load_bytes(tmp_path, f"a.{ending}", content, (4, 3)), dict)


# What strangers' files may hold ---------------------------------------------------------------------------


EVIL = "../../evil\x1b]0;PWN\x07/\x00C:\\..@100x100"


@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_a_name_is_cleaned_and_stays_in_its_folder_when_it_is_unpacked(ending: str, tmp_path: Path) -> None:
    screen = monitor_of(EVIL, "imported", None)
    assert screen.label.isprintable()
    table = {screen: counts(screen, {(1, 2): 3})}
    content = dump(table, ending)
    if ending == "npz":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (name,) = archive.namelist()
        assert not any(part in name for part in ("/", "\\", "..", "\0", ":"))
    assert load_bytes(tmp_path, f"a.{ending}", content) == table


@pytest.mark.parametrize("output", ["file", "50%", "%2F", ".", "...", "a.b", "args", "allow_pickle"])
def test_any_name_comes_back_from_an_archive(output: str, tmp_path: Path) -> None:
    table = {Monitor(output, 4, 3): counts(A, {(1, 2): 3})}
    assert load_bytes(tmp_path, "a.npz", dump(table, "npz")) == table


def head_of(shape: tuple[int, ...], kind: str = "<i8") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": kind})
    return file.getvalue()


def archive_of(*contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"S{number}@4x3.npy", content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (head_of((20000, 20000)), "a screen is from"),
        (head_of((16000, 16000)), "million px"),
        (head_of((8000, 8000)), "its header announces 512000000 bytes, and 0 follow"),
        (head_of((3, 4)) + bytes(97), "announces 96 bytes, and 97 follow"),
        (head_of((3, 4)) + bytes(95), "announces 96 bytes, and 95 follow"),
        (head_of((3, 4), "|O") + bytes(96), "expected numbers"),
        (head_of((3, 4), "<U99999") + bytes(96), "expected numbers"),
        (head_of((1 << 62, 4)), "a screen is from"),
        (head_of((3, 4, 1)) + bytes(96), "expected the shape"),
        (head_of((0, 4)), "expected the shape"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "damaged"),
        (b"\x93NUMPY\x09\x00" + bytes(200), "damaged"),
        (b"\x93NUMPY\x01\x00\x05\x00{'a':", "damaged"),
    ],
)
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_an_array_is_refused_by_its_header(content: bytes, why: str, ending: str, tmp_path: Path) -> None:
    with pytest.raises(MousetrackError, match=why):
        load_bytes(tmp_path, f"a.{ending}", content if ending == "npy" else archive_of(content))


def test_a_bomb_in_an_archive_is_not_inflated(tmp_path: Path) -> None:
    """What a member announces is read, and nothing of what it does not."""
    content = archive_of(head_of((3, 4)) + bytes(100_000_000))
    assert len(content) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(MousetrackError, match="announces 96 bytes"):
            load_bytes(tmp_path, "a.npz", content)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_packed_file_ends_where_it_holds_far_more_than_its_size() -> None:
    packed = gzip.compress(b"1,1,1\n" * 1_000_000)
    with (
        opened(io.BytesIO(packed), packed_free_bytes=1_000_000) as content,
        pytest.raises(ValueError, match="split it"),
    ):
        content.file.read()
    with opened(io.BytesIO(packed)) as content:
        assert len(content.file.read()) == 6_000_000


def test_two_arrays_of_one_screen_are_not_silently_one(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("DP-1@4x3.npy", "DP-1@4x3"):
            archive.writestr(name, head_of((3, 4)) + bytes(96))
    with pytest.raises(MousetrackError, match="two arrays"):
        load_bytes(tmp_path, "a.npz", file.getvalue())


@pytest.mark.parametrize("ending", ["csv", "json", "npz", "npy"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_refused_at_once(ending: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(MousetrackError, match="not a file"):
        load(path, "imported", (4, 3))


def test_a_line_that_is_too_long_is_refused_where_it_begins(tmp_path: Path) -> None:
    with pytest.raises(MousetrackError, match="line 2 is longer"):
        load_bytes(tmp_path, "a.csv", b"x,y,count\n" + b"1" * 10_000_000, (4, 3))


@pytest.mark.parametrize(
    "content",
    [b"[" * 1_000_000, b'{"1,1": ' * 100_000, b'{"1,1": [1]}', b'{"1,1": 1' + b"0" * 5000 + b"}", b'{"1,1": 1e999}'],
)
def test_nested_and_endless_json_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(MousetrackError):
        load_bytes(tmp_path, "a.json", content, (4, 3))


def test_a_table_has_not_endlessly_many_screens(tmp_path: Path) -> None:
    rows = b"".join(b"S%d@4x3,0,0,1\n" % number for number in range(300))
    with pytest.raises(MousetrackError, match="more than 256 screens"):
        load_bytes(tmp_path, "a.csv", b"monitor,x,y,count\n" + rows)
    with pytest.raises(MousetrackError, match="more than 256 arrays"):
        load_bytes(tmp_path, "a.npz", archive_of(*[head_of((3, 4)) + bytes(96)] * 300))
