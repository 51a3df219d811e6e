"""Nobody else is let in: not by root's power, a planted link, a lenient umask or a socket."""

import os

import pytest
from support.program import Home

pytest_plugins = ["support.fixtures"]

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")


@only_root
def test_root_is_refused_without_allow_root(home: Home) -> None:
    said = home.say("run")
    assert said.code == 77
    assert len(said.err_lines) == 2
    assert "--allow-root" in said.err
    assert not home.paths.data_dir.exists()
