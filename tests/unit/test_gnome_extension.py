"""The GNOME Shell extension is put in place, switched on, and taken away: with stand-ins for GNOME's programs."""

import json
import os
import stat
from pathlib import Path

import pytest

from mousetrackd.capture.wayland.gnome_extension import (
    UUID,
    install_extension,
    is_installed,
    is_outdated,
    remove_extension,
)
from mousetrackd.core.errors import MousetrackError

GSETTINGS = """#!/bin/sh
[ "$2 $3" = "org.gnome.shell enabled-extensions" ] || exit 1
case $1 in get) cat "{kept}" ;; set) printf '%s\\n' "$4" >"{kept}" ;; esac
"""


class Desk:
    """A user's folder, and programs that are called like GNOME's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._enabled = folder / "enabled"
        self.place = folder / "data" / "gnome-shell" / "extensions" / UUID
        self.enable("@as []")
        self.program("gsettings", GSETTINGS.format(kept=self._enabled))
        self.be_version("43.9")

    def program(self, name: str, text: str) -> None:
        path = self._folder / name
        path.write_text(text)
        path.chmod(stat.S_IRWXU)

    def be_version(self, version: str) -> None:
        self.program("gnome-shell", f"#!/bin/sh\necho GNOME Shell {version}\n")

    def enable(self, uuids: str) -> None:
        self._enabled.write_text(uuids + "\n")

    def enabled(self) -> str:
        return self._enabled.read_text().strip()

    def files(self) -> list[Path]:
        return sorted(path for path in self._folder.rglob("*") if path.is_file())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("version", "is_module", "versions"),
    [
        ("42.0", False, ["42", "43", "44"]),
        ("44.9", False, ["42", "43", "44"]),
        ("45.beta", True, ["45", "46", "47", "48", "49", "50", "51"]),
        ("50.5", True, ["45", "46", "47", "48", "49", "50", "51"]),
    ],
)
def test_the_variant_for_this_version_is_put_in_place(
    desk: Desk, version: str, is_module: bool, versions: list[str]
) -> None:
    desk.be_version(version)
    done = install_extension()
    assert str(desk.place) in done[0]
    assert "log out and in once" in done[-1]
    assert is_installed()
    assert sorted(path.name for path in desk.place.iterdir()) == ["extension.js", "metadata.json"]
    text = (desk.place / "extension.js").read_text()
    assert text.count("class PointerReporter") == 1
    assert ("import Gio from 'gi://Gio'" in text, "imports.gi" in text) == (is_module, not is_module)
    assert ("export default class" in text, "function init()" in text) == (is_module, not is_module)
    metadata = json.loads((desk.place / "metadata.json").read_text())
    assert (metadata["uuid"], metadata["shell-version"]) == (UUID, versions)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("@as []", f"['{UUID}']"),
        ("['dash@example', 'it\\'s@example']", f"['dash@example', \"it's@example\", '{UUID}']"),
    ],
)
def test_it_is_switched_on_beside_what_was_on_and_off_again(desk: Desk, before: str, after: str) -> None:
    desk.enable(before)
    install_extension()
    assert desk.enabled() == after
    remove_extension()
    assert UUID not in desk.enabled()
    assert ("dash@example" in desk.enabled()) == ("dash@example" in before)
    assert not desk.place.exists()


def test_what_is_as_it_should_be_is_left_alone(desk: Desk) -> None:
    install_extension()
    before = desk.files()
    assert install_extension() == []
    assert desk.files() == before
    assert desk.enabled() == f"['{UUID}']"


def test_an_older_one_is_replaced(desk: Desk) -> None:
    install_extension()
    (desk.place / "extension.js").write_text("// of last year")
    done = install_extension()
    assert "class PointerReporter" in (desk.place / "extension.js").read_text()
    assert "log out and in once" in done[-1]


def test_a_dry_run_says_the_same_and_changes_nothing(desk: Desk) -> None:
    before = desk.files()
    would = install_extension(dry_run=True)
    assert desk.files() == before
    assert desk.enabled() == "@as []"
    assert install_extension() == would
    would = remove_extension(dry_run=True)
    assert desk.place.exists()
    assert UUID in desk.enabled()
    assert remove_extension() == would
    assert remove_extension() == []


@pytest.mark.parametrize("missing", ["gnome-shell", "gsettings"])
def test_where_there_is_no_gnome_nothing_is_done(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    (tmp_path / missing).unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install_extension() == []
    assert remove_extension() == []
    assert not desk.place.exists()


@pytest.mark.parametrize("version", ["41.9", "52.0"])
def test_a_shell_it_is_not_for_is_named(desk: Desk, version: str) -> None:
    desk.be_version(version)
    with pytest.raises(MousetrackError, match=f"42 to 51, and this is {version[:2]}") as raised:
        install_extension()
    assert raised.value.hint
    assert not desk.place.exists()


def test_a_failing_gsettings_is_an_error_with_its_message(desk: Desk) -> None:
    desk.program("gsettings", "#!/bin/sh\necho no such schema >&2\nexit 1\n")
    with pytest.raises(MousetrackError, match="no such schema") as raised:
        install_extension()
    assert "GNOME session" in raised.value.hint


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in its place")
    with pytest.raises(MousetrackError, match=str(desk.place)):
        install_extension()


@pytest.mark.parametrize(
    "said",
    [
        "",
        "nonsense",
        "[1, 2]",
        "{'a': 1}",
        "[" * 5000,
        "['a'",
        "5",
        "[b'x']",
        "\x1b]0;PWN\x07",
        "().__class__",
        "9" * 5000,
    ],
    ids=range(11),
)
def test_a_gsettings_that_says_something_else_is_reported_and_nothing_is_changed(desk: Desk, said: str) -> None:
    desk.enable(said)
    before = desk.enabled()
    with pytest.raises(MousetrackError, match="gsettings does not say") as raised:
        install_extension()
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 300
    assert raised.value.hint
    assert desk.enabled() == before


@pytest.mark.parametrize(
    ("program", "text", "what"),
    [
        ("gnome-shell", "#!/bin/sh\nexec yes\n", "prints more than"),
        ("gsettings", "#!/bin/sh\nexec yes\n", "prints more than"),
        ("gsettings", "#!/bin/sh\nprintf '\\033]0;PWN\\007\\nproblem  fake' >&2; exit 1\n", "PWN"),
        ("gsettings", "#!/bin/sh\nexit 7\n", "it ended with 7"),
    ],
)
def test_a_program_that_fails_is_reported_with_a_reason(desk: Desk, program: str, text: str, what: str) -> None:
    desk.program(program, text)
    with pytest.raises(MousetrackError, match=what) as raised:
        install_extension()
    assert raised.value.message.isprintable()


def test_a_bus_address_that_is_no_socket_starts_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unixexec:path=/bin/true")
    with pytest.raises(MousetrackError, match="no socket of this machine"):
        install_extension()
    assert not is_installed()
    assert desk.enabled() == "@as []"


@pytest.mark.parametrize("version", ["nothing", "9" * 5000, "-"])
def test_a_version_that_is_none_is_no_gnome_shell(desk: Desk, version: str) -> None:
    desk.be_version(f"'{version}'")
    assert install_extension() == []


@pytest.mark.parametrize("version", ["43.9", "50.5"])
def test_one_of_another_version_is_outdated_until_it_is_installed_again(desk: Desk, version: str) -> None:
    desk.be_version(version)
    assert not is_outdated()
    install_extension()
    assert not is_outdated()
    script = desk.place / "extension.js"
    script.write_text(script.read_text().partition("class Windows")[0])
    assert is_outdated()
    install_extension()
    assert not is_outdated()
