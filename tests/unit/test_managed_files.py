"""Files of ours among the user's: what each state of them leads to."""

import json
import os
from pathlib import Path

import pytest

from mousetrackd.desktop.managed_files import JSON_MARK, Found, OwnFile, remove


@pytest.fixture
def file(tmp_path: Path) -> OwnFile:
    return OwnFile(tmp_path / "base/below/unit", "one\ntwo\n")


def test_what_is_written_is_found_and_taken_away_with_its_folders(tmp_path: Path, file: OwnFile) -> None:
    assert file.found() is Found.NOTHING
    assert file.write() == f"wrote {file.path}"
    assert file.found() is Found.SAME
    assert file.write() == ""
    assert remove(file.path, below=tmp_path / "base") == [f"removed {file.path}"]
    assert [*tmp_path.rglob("*")] == [tmp_path / "base"]
    assert remove(file.path, below=tmp_path / "base") == []


def test_every_byte_that_a_hand_changes_is_noticed(file: OwnFile) -> None:
    file.write()
    content = file.path.read_bytes()
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1
        file.path.write_bytes(changed)
        # Within the words of the mark itself a change means nothing, and may go unnoticed; before it, never.
        expected = {Found.CHANGED, Found.FOREIGN} if at < len(file.text) else {*Found} - {Found.SAME, Found.NOTHING}
        assert file.found() in expected


@pytest.mark.parametrize("length", range(40))
def test_a_file_cut_short_is_never_taken_for_ours(file: OwnFile, length: int) -> None:
    file.write()
    file.path.write_bytes(file.path.read_bytes()[:length])
    assert file.found() is Found.FOREIGN


def test_another_version_is_updated_without_a_copy(tmp_path: Path, file: OwnFile) -> None:
    OwnFile(file.path, "as it was\n").write()
    assert file.found() is Found.OLDER
    assert file.write() == f"updated {file.path}"
    assert [path.name for path in (tmp_path / "base/below").iterdir()] == ["unit"]


@pytest.mark.parametrize(
    ("text", "older", "comment"),
    [
        (".TH X 1\n", ".TH Y 1\n", '.\\"'),
        ("let x = 1;\n", "let y = 1;\n", "//"),
        ('{"x": 1,\n', '{"y": 1,\n', JSON_MARK),
    ],
)
def test_a_comment_of_another_language_is_a_mark_as_well(file: OwnFile, text: str, older: str, comment: str) -> None:
    page = OwnFile(file.path, text, comment=comment)
    page.write()
    assert page.path.read_text().splitlines()[1].startswith(f"{comment} written by mousetrackd install")
    assert OwnFile(file.path, older, comment=comment).found() is Found.OLDER
    page.path.write_text(page.path.read_text().replace("x", "z").replace("X", "Z", 1))
    assert page.found() in (Found.CHANGED, Found.FOREIGN)


def test_a_mark_in_json_leaves_it_json(file: OwnFile) -> None:
    page = OwnFile(file.path, '{"x": 1,\n', JSON_MARK)
    page.write()
    assert json.loads(page.path.read_text()).keys() == {"x", "X-Mousetrackd"}


def test_purging_takes_what_was_kept_but_not_what_was_never_ours(tmp_path: Path, file: OwnFile) -> None:
    file.write()
    file.path.write_bytes(b"x" + file.path.read_bytes())
    file.write()  # which keeps the changed one
    assert (file.path.parent / "unit.~1~").exists()
    remove(file.path, below=tmp_path, with_kept=True)
    assert not (tmp_path / "base").exists()
    file.path.parent.mkdir(parents=True)
    file.path.write_text("theirs")
    assert remove(file.path, below=tmp_path, with_kept=True) == [f"left {file.path}, which mousetrackd did not write"]
    assert file.path.read_text() == "theirs"


def test_purging_names_what_it_removes_and_leaves_what_was_there_before_us(tmp_path: Path, file: OwnFile) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_text("theirs")
    file.write()
    file.path.write_bytes(b"x" + file.path.read_bytes())
    file.write()
    theirs, changed = (file.path.with_name(f"unit.~{number}~") for number in (1, 2))
    assert remove(file.path, below=tmp_path, with_kept=True) == [
        f"removed {file.path}",
        f"left {theirs}, which was there before mousetrackd",
        f"removed {changed}",
    ]
    assert [path.read_text() for path in file.path.parent.iterdir()] == ["theirs"]


def test_what_cannot_be_read_to_an_end_is_put_aside(tmp_path: Path, file: OwnFile) -> None:
    file.path.parent.mkdir(parents=True)
    os.mkfifo(file.path)
    file.path.with_name("unit.~1~").symlink_to(tmp_path / "nowhere")  # which is not overwritten
    assert file.found() is Found.FOREIGN
    assert file.write().endswith("it is now unit.~2~)")
    assert file.path.with_name("unit.~2~").is_fifo()
    file.path.unlink()
    file.path.symlink_to("/dev/zero")
    assert file.found() is Found.FOREIGN
    file.path.unlink()
    file.path.symlink_to(file.path)
    assert file.found() is Found.FOREIGN


def test_a_text_that_is_not_utf8_is_written_byte_for_byte(file: OwnFile) -> None:
    odd = OwnFile(file.path, b"/home/\xff/x\n".decode("utf-8", "surrogateescape"))
    odd.write()
    assert odd.path.read_bytes().startswith(b"/home/\xff/x\n# written by")
    assert odd.found() is Found.SAME
