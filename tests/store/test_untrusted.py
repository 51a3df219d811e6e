"""A store that somebody else made or changed: nothing in it runs, no number outside our ranges is believed.

The good rows of each are kept by the rescue, and the new store is whole.
"""

import contextlib
import sqlite3
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import _HEADER, Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.core.validity import TIME_MAX_S
from mousetrackd.storage.chunks import Chunk, Key, checksum_of
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.readings import Range
from mousetrackd.storage.recovery import readable, rescue
from mousetrackd.storage.schema import ROW_MAX_BYTES, create, foreign
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import LONG_S, RollupAges

A = Monitor("DP-1", 40, 30)
NOON_S = int(datetime(2024, 5, 14, 12, tzinfo=UTC).timestamp())
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LAYOUT = Layout([Placement(A, 0, 0, 300, 200)])


def counts_of(*pixels: int) -> Counts:
    return Counts.from_pixels(40, 30, np.array(pixels, np.int64))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one good chunk of three counts."""
    path = tmp_path / "heat.sqlite3"
    with Store.open(path, zone=UTC) as store:
        store.commit(Tally({Series(A, "dwell"): counts_of(1, 2, 2)}, {A: 10.0}), NOON_S, NOON_S + 60, LAYOUT)
    return path


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def put_chunk(
    path: Path,
    blob: bytes | None = None,
    *,
    start_s: int = NOON_S + 60,
    span_s: int = 60,
    layer: str = "dwell",
    total: int = 2,
    monitor: int = 1,
) -> None:
    """Add a chunk whose checksum is right."""
    blob = counts_of(5, 6).encode() if blob is None else blob
    checksum = checksum_of(Chunk(0, start_s, span_s, Key(monitor, layer), total, blob))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(
            "INSERT INTO chunk VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, '', 0)",
            (start_s, span_s, monitor, layer, total, blob, checksum),
        )


def expect_set_aside(path: Path, *, kept: int = 1) -> None:
    """Nobody uses it; what is good in it is kept, in a store that is whole."""
    for opened in (Store.open, Store.open_read_only):
        with pytest.raises(DamagedError):
            opened(path)
    with readable(path) as (store, missing):
        assert len(store.read(["dwell"]).counts) == (1 if kept else 0)
        assert missing
    _, rescued = rescue(path, NOW)
    assert rescued.kept == kept
    with Store.open(path) as store:
        assert store.check() == []
        read = store.read(["dwell"]).counts.values()
        assert sum(one.total for one in read) == (3 if kept else 0)


# Numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE monitor SET width_px = 0",
        "UPDATE monitor SET width_px = 70000",
        "UPDATE monitor SET width_px = 16384, height_px = 16384",
        "UPDATE monitor SET output = ''",
        "UPDATE monitor SET output = 'evil' || char(27) || ']0;PWN' || char(7)",
        "UPDATE monitor SET output = replace(hex(zeroblob(10000)), '0', 'a')",
        "UPDATE monitor SET edid_hash = '../../evil'",
        "UPDATE monitor SET width_mm = -1",
        "UPDATE placement SET since_s = -1000000000000",
        "UPDATE placement SET desktop_x = 30000000",
        "UPDATE placement SET monitor = 7",
        "UPDATE path SET length_px = -1",
        "UPDATE path SET length_px = 9000000000000000000",
        "UPDATE path SET span_s = 0",
        f"INSERT INTO placement SELECT since_s, 1, value, 0 FROM placement, json_each('{[*range(16)]}')",  # noqa: S608
    ],
)
def test_a_row_that_cannot_be_makes_the_store_damaged_and_its_counts_are_kept(path: Path, statement: str) -> None:
    change(path, "PRAGMA foreign_keys = OFF", statement)
    expect_set_aside(path)


@pytest.mark.parametrize(
    "impossible",
    [
        {"start_s": 1_100_000_000_000},
        {"start_s": -(1 << 62)},
        {"start_s": TIME_MAX_S + 1},
        {"span_s": 0},
        {"span_s": -60},
        {"span_s": 1 << 62},
        {"layer": "keys"},
        {"layer": "\x1b[2J"},
        {"total": -1},
        {"monitor": 7},
    ],
)
def test_a_chunk_that_cannot_be_makes_the_store_damaged_though_its_checksum_is_right(
    path: Path, impossible: dict[str, Any]
) -> None:
    put_chunk(path, **impossible)
    with pytest.raises(DamagedError):
        Store.open(path)
    if "monitor" not in impossible:  # a chunk of a screen that is lost is kept, and its screen made again
        expect_set_aside(path)


def bomb(pixels: int, *, width_px: int = 40, height_px: int = 30) -> bytes:
    return _HEADER.pack(1, width_px, height_px, pixels, 1, 8) + zlib.compress(bytes(pixels * 9))


@pytest.mark.parametrize(
    ("blob", "total"),
    [
        (counts_of(5, 6).encode(), 3),
        (Counts.from_pixels(30, 40, np.array([5, 6])).encode(), 2),
        (bomb(1000), 0),
        (_HEADER.pack(1, 16384, 16384, 1 << 28, 4, 8) + bytes(100), 0),
        (_HEADER.pack(1, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 8, 8) + zlib.compress(bytes(1000)), 0),
        (b"", 0),
    ],
)
def test_counts_that_are_not_those_of_their_chunk_are_left_out_and_reported(
    path: Path, blob: bytes, total: int
) -> None:
    put_chunk(path, blob, total=total)
    with Store.open(path, zone=UTC) as store:
        reading = store.read(["dwell"])
        assert reading.counts[Series(A, "dwell")] == counts_of(1, 2, 2)
        assert [sentence[:16] for sentence in reading.left_out] == ["left out chunk 2"]
        assert len(store.check()) == 1
        assert store.roll_up(NOON_S + 400 * 86400, RollupAges()) == 0  # it stays where it is, and is no reason to fail
        told: list[str] = []
        assert sum(piece.counts.total for piece in store.pieces(["dwell"], told)) == 3
        assert len(told) == 1


def test_a_header_that_says_more_than_can_follow_allocates_nothing() -> None:
    with pytest.raises(ValueError, match="more than follows"):
        Counts.decode(_HEADER.pack(1, 8000, 8000, 60_000_000, 1, 8) + zlib.compress(b"a"))


@pytest.mark.parametrize("change_sum", ["another size", "another total", "no histogram"])
def test_a_sum_that_is_not_that_of_its_chunks_is_not_believed(path: Path, change_sum: str) -> None:
    with Store.open(path, zone=UTC) as store:
        store.roll_up(NOON_S + 400 * 86400, RollupAges())
        expected = store.read(["dwell"]).counts
    blob = {
        "another size": Counts.from_pixels(30, 40, np.array([5, 6])).encode(),
        "another total": counts_of(7).encode(),
        "no histogram": b"nothing",
    }[change_sum]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        monitor, layer, first_s, last_s, left_out = connection.execute(
            "SELECT monitor, layer, first_s, last_s, left_out FROM sum"
        ).fetchone()
        crc = zlib.crc32(blob, zlib.crc32(f"{monitor} {layer} {first_s} {last_s} {left_out}".encode()))
        connection.execute("UPDATE sum SET counts = ?, crc = ?", (blob, crc))
    with Store.open(path, zone=UTC) as store:
        assert len(store.check()) == 1
        if change_sum != "another total":  # whose numbers may be as they are: only the check compares them
            assert store.read(["dwell"]).counts == expected
        start_s = NOON_S + 31 * 86400
        store.commit(Tally({Series(A, "dwell"): counts_of(9)}), start_s, start_s + LONG_S)
        store.roll_up(start_s + 400 * 86400, RollupAges())
        assert sum(one.total for one in store.read(["dwell"]).counts.values()) >= 2


def test_the_clock_cannot_make_a_row_that_is_damage(path: Path) -> None:
    for moment_s in (-(1 << 40), 1 << 40, 1 << 62):
        with Store.open(path) as store:
            store.commit(Tally({Series(A, "dwell"): counts_of(3)}, {A: 1e30}), moment_s, moment_s + (1 << 50), LAYOUT)
    with Store.open(path) as store:
        assert store.check() == []


# Schemas --------------------------------------------------------------------------------------------------


ENDLESS = """CREATE VIEW chunk AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT i AS id, 1 AS start_s, 1 AS span_s, 1 AS monitor, 'dwell' AS layer, 1 AS total, x'' AS counts, 1 AS checksum,
    '' AS application, 0 AS grid FROM n"""
HIDDEN = """INSERT INTO sqlite_schema VALUES ('trigger', 'sqlite_t', 'chunk', 0,
    'CREATE TRIGGER sqlite_t AFTER INSERT ON chunk BEGIN DELETE FROM monitor; END')"""
COLUMNS = "id, start_s, span_s, monitor, layer, total, counts, checksum, application, grid"


@pytest.mark.parametrize(
    ("statements", "kept"),
    [
        (["CREATE TRIGGER t AFTER INSERT ON chunk BEGIN DELETE FROM monitor; END"], 1),
        (["CREATE TRIGGER t AFTER INSERT ON chunk BEGIN INSERT INTO path SELECT 1, 1, 1, 1; END"], 1),
        (["CREATE VIEW v AS SELECT 1"], 1),
        (["CREATE TABLE t (a)"], 1),
        (["CREATE INDEX i ON chunk (checksum)"], 1),
        (["CREATE INDEX i ON chunk (abs(checksum))"], 1),
        (["DROP TRIGGER no_sum_after_insert_of_new"], 1),
        (["DROP INDEX chunk_by_time"], 1),
        (["DROP TABLE sum"], 1),
        (["ALTER TABLE chunk ADD COLUMN more INTEGER AS (total * 2)"], 1),
        (["ALTER TABLE chunk ADD COLUMN more INTEGER"], 1),
        (["ALTER TABLE chunk RENAME COLUMN total TO sum"], 1),
        (
            ["ALTER TABLE chunk RENAME TO old", ENDLESS],
            1,  # its pages are where ours are
        ),
        (["DROP TABLE chunk", ENDLESS], 0),
        (["DROP TABLE chunk", f"CREATE TABLE chunk ({COLUMNS})"], 0),
        (["DROP TABLE chunk", f"CREATE VIRTUAL TABLE chunk USING fts5({COLUMNS})"], 0),
        (["DROP TABLE chunk", "CREATE TABLE chunk (id, start_s AS (abs(-9223372036854775807 - 1)))"], 0),
        (
            ["PRAGMA writable_schema = ON", HIDDEN],
            1,
        ),
        (["PRAGMA user_version = 0"], 1),
    ],
)
def test_what_is_not_made_as_ours_is_set_aside_and_runs_nothing(path: Path, statements: list[str], kept: int) -> None:
    change(path, *statements)
    expect_set_aside(path, kept=kept)


def test_what_analyze_leaves_behind_is_no_damage(path: Path) -> None:
    change(path, "ANALYZE", "VACUUM")
    with Store.open(path) as store:
        assert store.check() == []


@pytest.mark.parametrize("page_bytes", [512, 65536])
def test_another_page_size_is_no_damage(path: Path, page_bytes: int) -> None:
    change(path, "PRAGMA journal_mode = DELETE", f"PRAGMA page_size = {page_bytes}", "VACUUM")
    with Store.open(path) as store:
        assert store.check() == []
        assert store.read(["dwell"]).counts[Series(A, "dwell")].total == 3


def test_a_row_longer_than_any_of_ours_is_damage_and_not_read(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE chunk SET counts = zeroblob(100000)")
    with Store.open_read_only(path) as store:
        limit = store._connection.sql.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 99_999)  # noqa: SLF001 - instead of a file of 256 MB
        assert limit == ROW_MAX_BYTES
        with pytest.raises(DamagedError, match="a row of more than 256 MB"):
            store.read(["dwell"])


def test_a_reader_writes_nothing(path: Path) -> None:
    with Store.open_read_only(path) as store, pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._connection.sql.execute("DELETE FROM chunk")  # noqa: SLF001


def test_a_new_store_is_ours() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        create(connection)
        assert foreign(connection) == ""


def test_what_is_read_between_two_moments_is_of_possible_ones(path: Path) -> None:
    with Store.open_read_only(path, zone=UTC) as store:
        change(path, "UPDATE chunk SET start_s = 1100000000000")  # while it is open
        asked = Range(hours={12}, weekdays={1})
        assert store.read(["dwell"], asked).counts == {}
