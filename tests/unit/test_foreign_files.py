"""Files of other people and programs: each is read as what was meant, or refused with what it is and what to give."""

import codecs
import collections
import contextlib
import gzip
import io
import json
import pickle
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mousetrackd.core.errors import MousetrackError
from mousetrackd.exchange.formats import read
from mousetrackd.exchange.reading import FileCounts, Options

SIZE = (1920, 1080)
PIXELS = {(480, 270): 3, (481, 270): 1}
"""What most of the files below mean."""
POINTS = {(480, 270): 2, (481, 270): 1}
STAYS = {(480, 270): 24, (481, 270): 8}

Cells = dict[tuple[int, int], int]


def cells_of(found: FileCounts) -> Cells:
    ((monitor, counts),) = found.counts.items()
    y, x = np.divmod(counts.index, monitor.width_px)
    return dict(zip(zip(x.tolist(), y.tolist(), strict=True), counts.count.tolist(), strict=True))


def npy(array: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    return file.getvalue()


def npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})
    return file.getvalue()


def savetxt(array: object, **options: Any) -> bytes:
    file = io.BytesIO()
    np.savetxt(file, np.asarray(array), **options)
    return file.getvalue()


def grid() -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    array = np.zeros((270, 480), np.int64)
    array[67, 120] = 32
    return array


def binned(cells: Cells, by_px: int) -> Cells:
    """Counts of pixels, summed in squares of ``by_px``."""
    sums: collections.Counter[tuple[int, int]] = collections.Counter()
    for (x, y), count in cells.items():
        sums[x // by_px, y // by_px] += count
    return dict(sums)


ROWS = "480,270,1\n481,270,1\n480,270,2\n"
TABLE = f"x,y,count\n{ROWS}"
PRESSES = """client timestamp,button,state,x,y
8,Left,Pressed,480,270
16,Left,Released,480,270
24,Right,Pressed,9,9
32,Left,Pressed,480,270
40,Left,Pressed,481,270
"""
CASES: dict[str, tuple[bytes | str, Options, Cells]] = {
    # tables of text
    "csv": (TABLE, Options(), PIXELS),
    "csv with a BOM and CRLF": (codecs.BOM_UTF8 + TABLE.replace("\n", "\r\n").encode(), Options(), PIXELS),
    "csv, old Mac line ends": (TABLE.replace("\n", "\r"), Options(), PIXELS),
    "csv without a last line end": (TABLE.rstrip(), Options(), PIXELS),
    "csv in quotes": ('"x","y","count"\n"480","270","3"\n"481","270","1"\n', Options(), PIXELS),
    "semicolons": (TABLE.replace(",", ";"), Options(), PIXELS),
    "semicolons and decimal commas": ("x;y;count\n480,0;270,0;3,0\n481,0;270,0;1,0\n", Options(), PIXELS),
    "a spreadsheet's sep=": (f"sep=;\r\n{TABLE.replace(',', ';')}", Options(), PIXELS),
    "tabs": (TABLE.replace(",", "\t"), Options(), PIXELS),
    "spaces": (TABLE.replace(",", "   "), Options(), PIXELS),
    "capitals": (TABLE.replace("x,y,count", "X,Y,Count"), Options(), PIXELS),
    "spaces in the header": (TABLE.replace("x,y,count", " x , y , count "), Options(), PIXELS),
    "spaces everywhere": ("x, y, count\n 480, 270, 3\n 481, 270, 1\n", Options(), PIXELS),
    **{
        f"{name} for count": (TABLE.replace("count", name), Options(), PIXELS)
        for name in ("value", "frequency", "n", "weight", "hits")
    },
    "other columns": ("id,y,x,note,count\n1,270,480,a,3\n2,270,481,b,1\n", Options(), PIXELS),
    "comments and blank lines": ("# by me\n\nx,y,count\n480,270,3\n# more\n481,270,1\n\n", Options(), PIXELS),
    "no header": (ROWS, Options(), PIXELS),
    "a header in a comment": (f"# x y count\n{ROWS.replace(',', ' ')}", Options(), PIXELS),
    "x,y": ("x,y\n480,270\n481,270\n480,270\n", Options(), POINTS),
    "x,y without a header": ("480,270\n481,270\n480,270\n", Options(), POINTS),
    "whole floats": ("x,y,count\n480.0,270.0,3.0\n481.0,270,1\n", Options(), PIXELS),
    "whole floats, no count": ("480.0,270.0\n481.0,270.0\n480.0,270.0\n", Options(), POINTS),
    "exponents, as savetxt": (savetxt([[480, 270, 3], [481, 270, 1]]), Options(), PIXELS),
    "UTF-16": (TABLE.encode("utf-16"), Options(), PIXELS),
    "UTF-16 without its mark": (TABLE.encode("utf-16-le"), Options(), PIXELS),
    "gzip": (gzip.compress(TABLE.encode()), Options(), PIXELS),
    "pointer names": ("GazePointX,GazePointY\n480,270\n481,270\n480,270\n", Options(), POINTS),
    "a pair of any name": ("FPOGX,FPOGY,valid\n480,270,1\n481,270,1\n480,270,1\n", Options(), POINTS),
    "positions between pixels": ("x,y\n480.4,270.9\n481.2,270.1\n480.01,270.5\n", Options(), POINTS),
    "shares of the screen": ("x,y\n0.25,0.25\n0.2506,0.25\n0.25,0.2502\n", Options(), POINTS),
    "named by hand": (f"a,b,c\n{ROWS}", Options(columns=("x", "y", "n")), PIXELS),
    "a large count": (f"x,y,count\n1,2,{2**63 - 1}\n", Options(), {(1, 2): 2**63 - 1}),
    "pandas with its index": (",x,y,count\n0,480,270,3\n1,481,270,1\n", Options(), PIXELS),
    "--each": (
        "x,y\n480,270\n481,270\n480,270\n",
        Options(each_ms=40, has_each=True),
        {(480, 270): 80, (481, 270): 40},
    ),
    "outside, dropped": (f"{TABLE}1920,0,7\n-1,5,7\n", Options(drop_outside=True), PIXELS),
    # with times
    "x,y,t: dwell is the gaps": (
        "x,y,t\n480,270,0\n481,270,16\n480,270,24\n5,5,32\n",
        Options(),
        {(480, 270): 24, (481, 270): 8},
    ),
    "x,y,t: other layers are one each": (
        "x,y,t\n480,270,0\n481,270,16\n480,270,24\n",
        Options(layer="scroll"),
        POINTS,
    ),
    "x,y,t without a header": (
        "480,270,0\n481,270,16\n480,270,24\n5,5,32\n",
        Options(),
        {(480, 270): 24, (481, 270): 8},
    ),
    "t,x,y without a header": (
        "0,480,270\n16,481,270\n24,480,270\n32,5,5\n",
        Options(),
        {(480, 270): 24, (481, 270): 8},
    ),
    "seconds": ("t,x,y\n0.0,480,270\n0.016,481,270\n0.024,5,5\n", Options(), {(480, 270): 16, (481, 270): 8}),
    "the unit in the name": (
        "time_us,x,y\n0,480,270\n16000,481,270\n24000,5,5\n",
        Options(),
        {(480, 270): 16, (481, 270): 8},
    ),
    "--time-unit": (
        "t,x,y\n0,480,270\n2,481,270\n3,5,5\n",
        Options(time_unit="s"),
        {(480, 270): 2000, (481, 270): 1000},
    ),
    "ISO times": (
        "when,x,y\n2026-01-01T10:00:00.000Z,480,270\n2026-01-01T10:00:00.016Z,481,270\n2026-01-01T10:00:00.024Z,5,5\n",
        Options(),
        {(480, 270): 16, (481, 270): 8},
    ),
    "a long gap counts for the cap": (
        "t,x,y\n0.0,480,270\n60.5,481,270\n60.6,5,5\n",
        Options(),
        {(480, 270): 5000, (481, 270): 100},
    ),
    "a recorder's presses": (
        PRESSES,
        Options(layer="clicks.left"),
        POINTS,
    ),
    "a recorder's wheel steps are where the pointer is": (
        "time,button,state,x,y\n0,NoButton,Move,480,270\n1,Scroll,Down,0,0\n2,Scroll,Up,0,0\n",
        Options(layer="scroll"),
        {(480, 270): 2},
    ),
    "blinks, dropped": ("x,y\n480,270\nnan,nan\n481,270\n,\n480,270\n", Options(drop_outside=True), POINTS),
    # JSON
    **{
        f"JSON keys like {key.format(480, 270)}": (
            json.dumps({key.format(480, 270): 3, key.format(481, 270): 1}),
            Options(),
            PIXELS,
        )
        for key in (
            *("{},{}", "({}, {})", "( {} ,{} )", "[{}, {}]", "{} {}", "{}_{}", "{};{}", "{}:{}", "({}.0, {}.0)"),
            *("(np.int64({}), np.int64({}))", "(numpy.int32({}), {})", "(np.float64({}.0), np.float64({}.0))"),
        )
    },
    "JSON, equal keys": ('{"480,270": 1, "481,270": 1, "(480, 270)": 1, "480,270": 1}', Options(), PIXELS),
    "JSON, whole floats": ('{"480,270": 3.0, "481,270": 1.0}', Options(), PIXELS),
    "JSON, points": ("[[480, 270], [481, 270], [480, 270]]", Options(), POINTS),
    "JSON, points and counts": ("[[480, 270, 3], [481, 270, 1]]", Options(), PIXELS),
    "JSON, pairs and counts": ("[[[480, 270], 3], [[481, 270], 1]]", Options(), PIXELS),
    "JSON, records": ('[{"x": 480, "y": 270}, {"x": 481, "y": 270}, {"y": 270, "x": 480}]', Options(), POINTS),
    "JSON, records with values": (
        '[{"X": 480, "Y": 270, "value": 3}, {"X": 481, "Y": 270, "value": 1}]',
        Options(),
        PIXELS,
    ),
    "heatmap.js": (
        '{"max": 3, "data": [{"x": 480, "y": 270, "value": 3}, {"x": 481, "y": 270, "value": 1}]}',
        Options(),
        PIXELS,
    ),
    "NDJSON": ('{"x": 480, "y": 270}\n{"x": 481, "y": 270}\n{"x": 480, "y": 270}\n', Options(), POINTS),
    "NDJSON of one line": ('{"x": 480, "y": 270, "n": 4}\n', Options(), {(480, 270): 4}),
    "pandas to_json(orient=list)": ('{"x": [480, 481], "y": [270, 270], "count": [3, 1]}', Options(), PIXELS),
    "pandas to_json": (
        '{"x": {"0": 480, "1": 481}, "y": {"0": 270, "1": 270}, "n": {"0": 3, "1": 1}}',
        Options(),
        PIXELS,
    ),
    "JSON, UTF-16": (json.dumps({"480,270": 3, "481,270": 1}).encode("utf-16"), Options(), PIXELS),
    "JSON with times": ('[{"x": 480, "y": 270, "t": 0}, {"x": 5, "y": 5, "t": 16}]', Options(), {(480, 270): 16}),
    "JSON, points and times": (
        "[[480,270,0],[481,270,16],[480,270,24],[5,5,32]]",
        Options(),
        {(480, 270): 24, (481, 270): 8},
    ),
    "JSON, named by hand": ("[[0,480,270,9],[16,5,5,9]]", Options(columns=("t", "x", "y", "-")), {(480, 270): 16}),
    # what Python prints
    "a dict": ("{(480, 270): 3, (481, 270): 1}", Options(), PIXELS),
    "a dict in a variable": ("counts = {(480, 270): 3,\n  (481, 270): 1,\n}\n", Options(), PIXELS),
    "a dict of NumPy numbers": ("{(np.int64(480), np.int64(270)): np.int64(3), (481, 270): 1}", Options(), PIXELS),
    "a Counter": (repr(collections.Counter(PIXELS)), Options(), PIXELS),
    "a dict with comments": (
        "# the desk's, by hand\n{\n (480, 270): 3, # hot ...\n (481, 270): 1 # it's last, {and}\n}\n",
        Options(),
        PIXELS,
    ),
    "a Counter with comments": (
        "dots = Counter(  # mine\n  {(480, 270): 3,  # hot\n   (481, 270): 1,\n  }\n)  # end\n",
        Options(),
        PIXELS,
    ),
    "a # in a text": (
        "[{'x': 480, 'y': 270, 'count': 3, 'note': '#1'}, {'x': 481, 'y': 270, 'count': 1}]",
        Options(),
        PIXELS,
    ),
    "a defaultdict": (repr(collections.defaultdict(int, PIXELS)), Options(), PIXELS),
    "an OrderedDict": (repr(collections.OrderedDict(PIXELS)), Options(), PIXELS),
    "an OrderedDict of 3.11": ("OrderedDict([((480, 270), 3), ((481, 270), 1)])", Options(), PIXELS),
    "a list of tuples": ("[(480, 270), (481, 270), (480, 270)]", Options(), POINTS),
    "a tuple of tuples": ("((480, 270), (481, 270), (480, 270))", Options(), POINTS),
    "records in single quotes": ("[{'x': 480, 'y': 270, 'n': 3}, {'x': 481, 'y': 270, 'n': 1}]", Options(), PIXELS),
    "an array's repr": (repr(np.array([[480, 270, 3], [481, 270, 1]])), Options(), PIXELS),
    "an array's repr with its kind": (
        repr(np.array([[480, 270], [481, 270], [480, 270]], np.int16)),
        Options(),
        POINTS,
    ),
    # NumPy
    "npy, points": (npy([[480, 270], [481, 270], [480, 270]]), Options(), POINTS),
    "npy, two points are no screen": (npy([[480, 270], [481, 270]]), Options(), {(480, 270): 1, (481, 270): 1}),
    "npy, points and counts": (npy([[480, 270, 3], [481, 270, 1]]), Options(), PIXELS),
    "npy, points and times": (
        npy([[480, 270, 0], [481, 270, 16], [480, 270, 24], [5, 5, 32]]),
        Options(),
        {(480, 270): 24, (481, 270): 8},
    ),
    "npy, named by hand": (
        npy([[0, 480, 270, 9], [16, 5, 5, 9]]),
        Options(columns=("t", "x", "y", "-")),
        {(480, 270): 16},
    ),
    "npy, float points": (npy([[480.0, 270.0], [481.0, 270.0], [480.0, 270.0]]), Options(), POINTS),
    "npy, xs and ys": (npy([[480, 481, 480], [270, 270, 270]]), Options(transpose=True), POINTS),
    "npy, fields": (
        npy(np.array([(480, 270, 3), (481, 270, 1)], [("x", "i4"), ("y", "i4"), ("count", "i8")])),
        Options(),
        PIXELS,
    ),
    "npz, x and y": (npz(x=[480, 481, 480], y=[270, 270, 270]), Options(), POINTS),
    "npz, x, y and count": (npz(x=[480, 481], y=[270, 270], weights=[3, 1]), Options(), PIXELS),
    "npz with a stray": (npz(points=[[480, 270], [481, 270], [480, 270]], version=3, name="me"), Options(), POINTS),
    "gzip of npy": (gzip.compress(npy([[480, 270, 3], [481, 270, 1]])), Options(), PIXELS),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_meant_is_read(name: str) -> None:
    content, options, cells = CASES[name]
    given = Options(**{**vars(options), "size": SIZE})
    found = read(io.BytesIO(content if isinstance(content, bytes) else content.encode()), given)
    assert cells_of(found) == cells


GRIDS: dict[str, tuple[bytes | str, Options]] = {
    "npy": (npy(grid()), Options()),
    "npy of floats": (npy(grid().astype(np.float32)), Options()),
    "npy, Fortran order": (npy(np.asfortranarray(grid())), Options()),
    "histogram2d, x first": (npy(grid().T.astype(np.float64)), Options(transpose=True)),
    "npz": (npz(heat=grid()), Options()),
    "savetxt": (savetxt(grid()), Options()),
    "savetxt of integers with commas": (savetxt(grid(), fmt="%d", delimiter=","), Options()),
    "savetxt of a histogram": (savetxt(grid().T), Options(transpose=True)),
    "a CSV of MouseTracks 1": ("\n".join(",".join(map(str, row)) for row in grid().tolist()), Options()),
    "JSON": (json.dumps(grid().tolist()), Options()),
    "Python": (repr(grid().tolist()).replace("[[", "array([[") + ")", Options()),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_is_spread_over_the_screen_and_nothing_is_lost(name: str) -> None:
    content, options = GRIDS[name]
    given = Options(**{**vars(options), "size": SIZE})
    found = read(io.BytesIO(content if isinstance(content, bytes) else content.encode()), given)
    assert binned(cells_of(found), 4) == {(120, 67): 32}
    assert set(cells_of(found).values()) == {2}
    assert any("480x270 cells" in note for note in found.notes)


def test_a_grid_may_be_finer_than_the_screen() -> None:
    found = read(io.BytesIO(npy(np.ones((540, 960)))), Options(size=(480, 270)))
    assert set(cells_of(found).values()) == {4}
    assert sum(cells_of(found).values()) == 540 * 960


@pytest.mark.parametrize("shape", [(1, 1), (1, 16), (1080, 1920), (2160, 1440)])
def test_an_array_without_a_size_is_a_whole_screen(shape: tuple[int, int]) -> None:
    found = read(io.BytesIO(npy(np.ones(shape, np.uint8))))
    assert [(one.height_px, one.width_px) for one in found.counts] == [shape]


MAIN_HOUR = 490896 * 3600  # 2026-01-01T00:00Z


def test_counts_are_in_their_hours_where_the_file_has_dates() -> None:
    rows = [(MAIN_HOUR + 3599.0, 1, 1), (MAIN_HOUR + 3600.5, 2, 2), (MAIN_HOUR + 3601.0, 3, 3)]
    text = "t,x,y\n" + "".join(f"{t},{x},{y}\n" for t, x, y in rows)
    found = read(io.BytesIO(text.encode()), Options(size=SIZE))
    hours = {hour: cells_of(FileCounts(table)) for hour, table in found.hours.items()}
    assert hours == {MAIN_HOUR: {(1, 1): 1500}, MAIN_HOUR + 3600: {(2, 2): 500}}
    assert found.unit == "ms"
    assert read(io.BytesIO(b"t,x,y\n0,1,1\n16,2,2\n"), Options(size=SIZE)).hours == {}


def test_the_unit_is_what_the_file_or_the_user_says() -> None:
    def unit(text: str, options: Options) -> str:
        return read(io.BytesIO(text.encode()), Options(**{**vars(options), "size": SIZE})).unit

    assert unit(TABLE, Options()) == ""
    assert unit(TABLE, Options(each_ms=40, has_each=True)) == "ms"
    assert unit('{"layer": "scroll", "unit": "steps", "counts": {"1,1": 1}}', Options()) == "steps"


@pytest.mark.parametrize(
    ("content", "options", "note"),
    [
        ("t,x,y\n0,1,1\n16,2,2\n32,3,3\n", Options(), "times are taken as milliseconds, by their steps of about 16"),
        ("1,1,0\n2,2,16\n3,3,32\n4,4,48\n", Options(), "column 3 rises from row to row, so it is taken as the time"),
        ("x,y\n1.5,2.5\n3.5,4\n", Options(), "2 of 2 points lie between pixels"),
        ("x,y\n1,2\n-3,4\n2000,4\n", Options(drop_outside=True), "left out 2 of 3 points that lie outside"),
        (npy([[480, 270], [481, 270]]), Options(), "taken as 2 points"),
        (npy(np.ones((50, 50))), Options(), "its first axis is taken as y; --transpose"),
        (npz(heat=np.ones((1080, 1920)), who="me"), Options(), 'left out: array "who": expected numbers'),
        ("t,x,y\n0.0,1,1\n60.5,2,2\n60.6,2,2\n", Options(), "1 gaps are longer than 5000 ms"),
    ],
)
def test_what_was_assumed_or_left_out_is_reported(content: bytes | str, options: Options, note: str) -> None:
    given = Options(**{**vars(options), "size": SIZE})
    found = read(io.BytesIO(content if isinstance(content, bytes) else content.encode()), given)
    assert any(note in one for one in found.notes), found.notes


@pytest.mark.parametrize(
    ("more", "size", "note"),
    [
        ("", (1920, 1080), "taken as 1920x1080, in which all its points lie"),
        ("1919,1079,1\n", (1920, 1080), "taken as 1920x1080, in which all its points lie"),
        ("1920,9,1\n", (1921, 271), "taken as 1921x271, which just holds its points"),
        ("9,1080,1\n", (482, 1081), "taken as 482x1081, which just holds its points"),
    ],
)
def test_without_a_size_one_that_holds_all_points_is_taken_where_that_is_allowed(
    more: str, size: tuple[int, int], note: str
) -> None:
    found = read(io.BytesIO(f"{TABLE}{more}".encode()), Options(assume_size=True))
    assert [(one.width_px, one.height_px) for one in found.counts] == [size]
    assert PIXELS.items() <= cells_of(found).items()
    assert [one for one in found.notes if note in one]


REFUSED: dict[str, tuple[bytes | str, Options, str]] = {
    "empty": ("", Options(), "it is empty"),
    "one column": ("a\n1\n2\n", Options(), 'its first line is "a", which no comma, semicolon, tab or space separates'),
    "unknown columns": ("a;b;c\n1;2;3\n", Options(), "separated by semicolons, its columns: a, b, c"),
    "four numbers": ("1,2,3\n", Options(columns=("t", "x", "w")), "there is no column y"),
    "WhatPulse: no positions": ("date,keys,clicks\n2026-01-01,1,2\n", Options(), "its columns: date, keys, clicks"),
    "ActivityWatch: no positions": (
        '{"buckets": {"aw-watcher": {"events": []}}}',
        Options(),
        'got "buckets"; its keys: buckets',
    ),
    "no size": (TABLE, Options(size=(0, 0)), "give it with --size"),
    "outside": (f"{TABLE}1920,0,1\n", Options(), "line 5: 1920,0 lies outside the 1920x1080 screen"),
    "outside, what would hold it": (f"{TABLE}2559,1439,1\n", Options(), "--size 2560x1440 holds all"),
    "negative": ("x,y\n1,1\n-100,5\n", Options(), "line 3: -100,5 lies outside"),
    "not a number": ("x,y,count\n1,1,1\n2,nan,1\n", Options(), "line 3: 2,nan is no position"),
    "a fraction": ("x,y,count\n1,1,0.5\n", Options(), "a count is a whole number, got 0.5: multiply them all first"),
    "a negative count": ("x,y,count\n1,1,-5\n", Options(), "a count is from 0 to"),
    "a missing field": ("x,y,count\n1,1\n", Options(), "line 2: it has 2 columns, and 3 are needed"),
    "shares without a size": ("x,y\n0.1,0.2\n0.3,0.4\n", Options(size=(0, 0), assume_size=True), "shares of a screen"),
    "histogram2d without --transpose": (npy(grid().T), Options(), "give --transpose where x is its first axis"),
    "histogram2d without a size": (
        npy(np.ones((192, 108))),
        Options(size=(0, 0)),
        "108 wide and 192 high, as no screen is",
    ),
    "points of four numbers": ("1,2,3,4\n" * 600, Options(size=(0, 0)), "4 wide and 600 high, as no screen is"),
    "an array of four columns": (
        npy(np.ones((600, 4))),
        Options(size=(0, 0)),
        "Points? Name what they have, like --columns",
    ),
    "a longer line in a grid": ("1 2 3 4\n1 2 3 4 5\n", Options(), "line 2: expected 4 numbers, got 5"),
    "xs and ys": (npy(np.ones((2, 500))), Options(size=(0, 0)), "if its rows are x and y, give --transpose"),
    "a pickle": (pickle.dumps(PIXELS), Options(), "it is a pickle, which is never loaded"),
    "a pickle of protocol 0": (pickle.dumps(PIXELS, 0), Options(), "it is a pickle, which is never loaded"),
    "npy of objects": (npy(np.array([{}])), Options(), "expected numbers, got object"),
    "npy of complex numbers": (npy(np.ones((30, 40), complex)), Options(), "expected numbers, got complex128"),
    "npy of NaN": (npy(np.full((1080, 1920), np.nan)), Options(), "not numbers (NaN or infinite): fill them first"),
    "three dimensions": (npy(np.ones((1080, 1920, 3), np.uint8)), Options(), "expected the shape (height, width)"),
    "a shortened repr": (repr(np.zeros((2000, 2000))), Options(), 'it was shortened where it has "..."'),
    "code": ("{(1, 2): __import__('os').system('true')}", Options(), "cannot be read as one"),
    "a number that is missing": (
        "{  # hot\n    (np.int64(480), 270): 3,  # very\n    (481, 270): , (1, 2): 3\n}",
        Options(),
        "cannot be read as one: see line 3, column 17",
    ),
    "a Counter with a word": ("Counter({(480, 270): 3, (481, 270): many})", Options(), "see line 1, column 37"),
    "JSON with comments": ('{"1,2": 3, // three\n "2,2": 4}', Options(), "JSON has no comments, so remove them"),
    "JSON cut short": ('{"1,2": 3, "2,', Options(), "it is not JSON"),
    "a JSON text": ('"hello"', Options(), "it is no table"),
    "records without positions": (
        '[{"a": 1, "b": 2}]',
        Options(),
        "there is no x or y in its records; their names: a, b",
    ),
    "a broken line of NDJSON": ('{"x": 1, "y": 2}\n{"x": 1\n', Options(), "see line 2, column 8"),
    "a JPEG": (b"\xff\xd8\xff\xe0" + bytes(50), Options(), "it is a JPEG picture"),
    "a web page": ("<!DOCTYPE html><html></html>", Options(), "it is a web page"),
    "binary": (bytes(range(256)) * 4, Options(), "neither a text nor a format that is known"),
    "gzip cut short": (gzip.compress(TABLE.encode() * 1000)[:-20], Options(), "it is damaged or cut short"),
    "a ragged grid": ("1 2 3 4 5\n1 2 3 4\n", Options(), "line 2: expected 5 numbers, got 4"),
    "a word in a grid": ("1 2 3 4 5\n1 2 x 4 5\n", Options(), "line 2: expected 5 numbers, got 'x'"),
    "times beyond all years": ("t,x,y\n1e20,1,1\n2e20,1,1\n", Options(time_unit="s"), "beyond the year 2286"),
    "a time that is none": ("time,x,y\nsoon,1,1\n", Options(), "line 2: expected a time, got 'soon'"),
}

PARSER_WORDS = ("codec", "Traceback", "literal", "invalid", "NoneType", "loadtxt", "Expecting", "dtype", "Error")


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_cause(name: str) -> None:
    content, options, why = REFUSED[name]
    size = None if options.size == (0, 0) else SIZE
    given = Options(**{**vars(options), "size": size})
    with pytest.raises(MousetrackError) as raised:
        read(io.BytesIO(content if isinstance(content, bytes) else content.encode()), given, name="their file")
    message = raised.value.message
    assert message.startswith("their file: ")
    assert why in message
    assert not [word for word in PARSER_WORDS if word in message]


def test_a_spreadsheet_is_named() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    file.seek(0)
    with pytest.raises(MousetrackError, match="it looks like a spreadsheet"):
        read(file)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(MousetrackError, match="it is a folder, not a file"):
        read(tmp_path)


# Formats of their own ---------------------------------------------------------------------------------


def mtk(arrays: dict[str, object]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("version", "30")
        archive.writestr("metadata/name", "Desktop")
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", npy(array))
    return file.getvalue()


def test_a_profile_of_mousetracks_is_read_layer_by_layer() -> None:
    density = np.zeros((1080, 1920), np.uint8)
    density[270, 480] = 200
    presses = np.zeros((1080, 1920), np.uint16)
    presses[5, 6] = 1000
    profile = mtk(
        {
            "data/mouse/cursor/density/1920x1080": density,
            "data/mouse/cursor/speed/1920x1080": density,
            "data/mouse/clicks/2/single/1920x1080": presses,
            "data/keyboard/pressed": np.ones(10, np.uint8),
        }
    )
    found = read(io.BytesIO(profile), Options(layer="travel"))
    assert cells_of(found) == {(480, 270): 200}
    assert (found.layer, found.unit) == ("travel", "crossings")
    assert cells_of(read(io.BytesIO(profile), Options(layer="clicks.right"))) == {(6, 5): 1000}
    assert read(io.BytesIO(profile), Options(layer="clicks.left")).counts == {}
    with pytest.raises(MousetrackError, match="which keeps no dwell: give --layer travel"):
        read(io.BytesIO(profile))


@pytest.fixture
def inputscope(tmp_path: Path) -> Path:
    path = tmp_path / "inputscope.db"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        event = "(id INTEGER PRIMARY KEY, day DATE, stamp REAL, x INTEGER, y INTEGER, display INTEGER, button INTEGER)"
        for table in ("moves", "clicks", "scrolls"):
            database.execute(f"CREATE TABLE {table} {event}")
        database.execute("CREATE TABLE screen_sizes (id INTEGER, dt TEXT, x INT, y INT, w INT, h INT, display INT)")
        database.execute("INSERT INTO screen_sizes VALUES (1, '2026-01-01', 1920, 0, 1280, 1024, 1)")
        rows = [(MAIN_HOUR + 0.0, 1925, 7, 1, 0), (MAIN_HOUR + 0.5, 1926, 7, 1, 0)]
        database.executemany("INSERT INTO moves (stamp, x, y, display, button) VALUES (?, ?, ?, ?, ?)", rows)
        rows = [(MAIN_HOUR + 1.0, 1925, 7, 1, 1), (MAIN_HOUR + 3601.0, 1925, 7, 1, 1), (MAIN_HOUR + 2.0, 1925, 8, 1, 2)]
        database.executemany("INSERT INTO clicks (stamp, x, y, display, button) VALUES (?, ?, ?, ?, ?)", rows)
    return path


def test_a_database_of_inputscope_is_read_and_nothing_is_made_beside_it(inputscope: Path) -> None:
    before = inputscope.read_bytes()
    found = read(inputscope)
    assert [screen.label for screen in found.counts] == ["display1@1280x1024"]
    assert cells_of(found) == {(5, 7): 500}
    presses = read(inputscope, Options(layer="clicks.left"))
    assert cells_of(presses) == {(5, 7): 2}
    assert sorted(presses.hours) == [MAIN_HOUR, MAIN_HOUR + 3600]
    assert read(inputscope, Options(layer="scroll")).counts == {}
    assert [*inputscope.parent.iterdir()] == [inputscope]
    assert inputscope.read_bytes() == before


def test_another_database_is_refused_with_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE urls (id INTEGER)")
    with pytest.raises(MousetrackError, match="not InputScope's, with the tables urls"):
        read(path)
    with pytest.raises(MousetrackError, match="only be read from a plain file"):
        read(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize(("mode", "most"), [("L", 255), ("I;16", 65535)])
def test_a_grey_png_is_counts(mode: str, most: int) -> None:
    array = np.zeros((1080, 1920), np.uint8 if mode == "L" else np.uint16)
    array[270, 480] = most
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    file.seek(0)
    assert cells_of(read(file, Options(size=SIZE))) == {(480, 270): most}


def test_a_png_in_colours_is_refused() -> None:
    file = io.BytesIO()
    Image.new("RGB", (5, 5)).save(file, "png")
    file.seek(0)
    with pytest.raises(MousetrackError, match="a picture in colours, which are no counts"):
        read(file)


def test_parquet_is_read_as_csv_is() -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")

    def parquet(columns: dict[str, object]) -> io.BytesIO:
        file = io.BytesIO()
        pq.write_table(pa.table(columns), file)
        file.seek(0)
        return file

    found = read(parquet({"X": [480, 481, 480], "Y": [270, 270, 270], "n": [1, 1, 2]}), Options(size=SIZE))
    assert cells_of(found) == PIXELS
    dates = np.array([0, 16, 24], "datetime64[ms]") + MAIN_HOUR * 1000
    found = read(parquet({"time": dates, "x": [480.0, 481.0, 5.0], "y": [270, 270, 5]}), Options(size=SIZE))
    assert cells_of(found) == {(480, 270): 16, (481, 270): 8}
    assert [*found.hours] == [MAIN_HOUR]
    with pytest.raises(MousetrackError, match="no column x or y; its columns: a, b"):
        read(parquet({"a": [1], "b": [2]}))
    with pytest.raises(MousetrackError, match="it is damaged, or no Parquet file"):
        read(io.BytesIO(b"PAR1" + bytes(100)))
