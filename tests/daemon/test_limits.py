"""A daemon that may open no more files: nothing that was counted is lost, and it goes on when it may again."""

import resource
import signal
import time

import pytest
from support.program import Home
from support.xserver import LEFT, Pointer

pytest_plugins = ("support.fixtures",)


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("asked", [signal.SIGALRM, signal.SIGHUP], ids=["picture", "configuration"])
def test_with_too_many_open_files_it_keeps_its_counts_and_recovers(home: Home, asked: signal.Signals) -> None:
    home.configure("checkpoint_interval_s = 1\n")
    with home.running() as daemon, Pointer() as pointer:
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        pointer.move((10, 10))
        pointer.click(LEFT)
        daemon.send(asked)
        daemon.await_log("Too many open files")
        assert not daemon.has_ended()
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
        asked_ns = time.monotonic_ns()  # the status of before may still be there
        daemon.send(signal.SIGHUP)
        daemon.await_status(
            lambda status: status["state"] == "tracking" and status["looked_ns"] >= asked_ns, "it tracks again"
        )
        pointer.move((20, 20))
        pointer.click(LEFT)
        home.run_ok("stop")
    assert home.cells("clicks.left") == {(10, 10): 1, (20, 20): 1}


@pytest.mark.parametrize("limits", ["-n 5", "-n 8", pytest.param("-f 1", marks=pytest.mark.without_coverage)])
def test_a_command_that_meets_a_limit_ends_with_a_sentence(home: Home, limits: str) -> None:
    (home.folder / "a.csv").write_text("monitor,x,y,count\nA@9x9,1,1,5\n")
    result = home.shell(f"ulimit {limits}; {{0}} import a.csv --unit ms && exec {{0}} render a.png")
    assert "Traceback" not in result.err
    assert result.code in (0, 1)
    assert len(result.err_lines) == (2 if result.code else 0)
