"""Libraries that cannot be loaded, as on a system without libGL: a sentence each, and never a traceback."""

import pytest
from support.program import Home

from mousetrackd.daemon import child_start

pytest_plugins = ("support.fixtures",)

BREAKS = "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
HINT = "apt install libgl1"


@pytest.fixture
def without_opencv(home: Home) -> Home:
    """A user who has counts, and an OpenCV that lacks a library of the system's."""
    (home.folder / "dots.csv").write_text("x,y,count\n3,4,5\n")
    home.run_ok("import", home.folder / "dots.csv", "--size", "20x10")
    package = home.folder / "broken" / "cv2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(BREAKS)
    home.variables["PYTHONPATH"] = str(package.parent)
    return home


@pytest.mark.parametrize(
    "command",
    [("render", "out.png"), ("timelapse", "out.gif"), ("latest", "--open")],
    ids=lambda command: command[0],
)
def test_a_command_that_draws_names_the_package_to_install(without_opencv: Home, command: tuple[str, ...]) -> None:
    result = without_opencv.run_process(*command)
    assert result.code == 1
    first, second = result.err.splitlines()
    assert first.startswith("mousetrackd: cv2 cannot be loaded, so no picture can be drawn: libGL.so.1")
    assert HINT in second


def test_install_names_it_before_the_first_picture_fails(without_opencv: Home) -> None:
    without_opencv.variables["PATH"] = str(without_opencv.folder)
    result = without_opencv.run_process("install", "--allow-root")
    assert result.code == 0
    assert "no picture can be drawn" in result.out
    assert HINT in result.out


@pytest.mark.parametrize(
    ("name", "said"), [("cv2", "cv2 cannot be loaded, so no picture can be drawn"), ("unheard_of", None)]
)
def test_a_child_of_the_daemon_replies_with_the_same_sentence(name: str, said: str | None) -> None:
    reply = child_start.explanation(ImportError("libGL.so.1: cannot open", name=name))
    assert (reply is not None) == (said is not None)
    assert said is None or (reply is not None and reply["message"].startswith(said) and HINT in reply["hint"])
