"""``run`` with nothing but flags is understood without click, and means the same."""

import pytest

from mousetrackd.cli import daemon_commands, running


@pytest.mark.parametrize("words", [["run"], ["run", "-v"], ["run", "--allow-root", "--verbose"]])
def test_flags_alone_are_plain(words: list[str]) -> None:
    assert running.is_plain(words)


@pytest.mark.parametrize(
    "words",
    [[], ["status"], ["run", "--help"], ["run", "--source", "auto"], ["run", "run"], ["--version"], ["-v", "run"]],
)
def test_all_else_is_not(words: list[str]) -> None:
    assert not running.is_plain(words)


def test_they_are_the_flags_that_click_knows() -> None:
    flags = {name for option in daemon_commands.run.params if getattr(option, "is_flag", False) for name in option.opts}
    assert flags == {"--allow-root", "-v", "--verbose"}
    assert all(running.is_plain(["run", flag]) for flag in flags)
