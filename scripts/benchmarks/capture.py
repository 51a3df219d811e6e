"""Listening: a steady mouse, a still one, and a burst."""

import time
from collections import defaultdict
from collections.abc import Iterator

from support.waiting import wait_until

from benchmarks import kernel
from benchmarks.desk import TOOL, Desk, end, python
from benchmarks.table import Row, at_most, median, share, times_at_most

RATES = (125, 1000, 8000)
"""Events a second: an office mouse, a gaming mouse, and the fastest that is sold."""
_OF_BARE_C, _OF_STOCK = 2.5, 14
"""The whole daemon, which counts and saves, may take so many times the CPU time of a C client that does neither, and
must take so many times less than pynput's own listener. Both are measured in the same run, so that the machine and what
else it does matter little."""

_STOCK = "stock pynput"
_BARE_C = "C XRecord, read every 50 ms"
_OF_BARE_IMPORTS = 1.3
_PEERS = {
    _STOCK: python("peers", "stock"),
    "60 Hz poller": python("peers", "poller"),
    "C XRecord": [TOOL, "record", "0"],
    _BARE_C: [TOOL, "record", "50"],
}
_BURST_HZ = 32_000
"""Four times the fastest mouse."""
_SETTLE_S = 4.0
"""After the last event the daemon counts the rest, and saves; all of that counts."""


def steady(rate: int, *, quick: bool) -> Iterator[Row]:
    """The whole daemon and its peers, in turns, each alone with the same motion."""
    turns, ours_s, peers_s = (1, 6, 2) if quick else (3, 60, 5)
    percents: dict[str, list[float]] = defaultdict(list)
    lost = sent_in_all = late_ms = 0
    with Desk() as desk:
        desk.open_display()
        desk.has_picture()
        # A checkpoint per turn, when the last event has come: as many as by default, unless it is quick.
        desk.configure(f"checkpoint_interval_s = {ours_s + 2}\nsnapshot_interval_s = 86400\n")
        for _ in range(turns):
            with desk.daemon() as pid:
                before_s = kernel.cpu_s(pid)
                sent = desk.drive("drive", rate, ours_s, 0)
                time.sleep(_SETTLE_S)
                percents["ours"].append((kernel.cpu_s(pid) - before_s) / ours_s * 100)
            late_ms = max(late_ms, desk.late_ms)
            lost += sent - desk.status["events"]
            sent_in_all += sent
            for name, command in _PEERS.items():
                peer = desk.start_ready(command)
                time.sleep(0.5)  # the one that polls never stops starting
                before_s = kernel.cpu_s(peer.pid)
                desk.drive("drive", rate, peers_s, 0)
                percents[name].append((kernel.cpu_s(peer.pid) - before_s) / peers_s * 100)
                end(peer)
    ours = median(percents["ours"])
    beside = ", ".join(f"{name} {median(percents[name]):.2f} %" for name in _PEERS)
    yield Row(f"capture, {rate} events/s: of a core", f"{ours:.2f} %", beside)
    yield times_at_most(f"capture, {rate} events/s: against {_BARE_C}", ours, median(percents[_BARE_C]), _OF_BARE_C)
    # A busy machine holds up the mouse of this benchmark, which then sends what it is late with as one burst. No
    # listener is in time for hundreds of events at once: the X server drops what its socket does not take.
    beside = f"of {sent_in_all}; sent up to {late_ms} ms late, and then at once"
    yield Row(f"capture, {rate} events/s: events lost", str(lost), beside, "0", lost == 0)
    if rate == 1000:
        yield share("capture, 1000 events/s: against stock", ours, median(percents[_STOCK]), _OF_STOCK)


def still(*, quick: bool) -> Iterator[Row]:
    """Wake-ups and ticks while the pointer lies still."""
    seconds = 5 if quick else 60
    with Desk() as desk:
        desk.open_display()
        desk.configure("checkpoint_interval_s = 2\nsnapshot_interval_s = 2\n")
        with desk.daemon() as pid:
            desk.drive("drive", 500, 1, 0)
            wait_until(lambda: desk.status["last_snapshot"], "there is a picture", timeout_s=60)
            settle(pid)
            peers = {name: desk.start_ready(_PEERS[name]).pid for name in (_STOCK, "60 Hz poller")}
            pids = {"ours": pid, **peers}
            time.sleep(1)
            before = {name: (kernel.wake_ups(of), kernel.ticks(of)) for name, of in pids.items()}
            time.sleep(seconds)
            after = {name: (kernel.wake_ups(of), kernel.ticks(of)) for name, of in pids.items()}
    for column, what in enumerate(("wake-ups", "CPU ticks")):
        used = {name: after[name][column] - before[name][column] for name in pids}
        beside = ", ".join(f"{name} {used[name]}" for name in peers)
        yield Row(f"pointer still for {seconds} s: {what}", str(used["ours"]), beside, "0", used["ours"] == 0)


def idle_memory(*, quick: bool) -> Iterator[Row]:
    """What the daemon keeps to itself when it has counted and saved, beside what its two largest libraries take."""
    del quick
    with Desk() as desk:
        desk.open_display()
        desk.has_picture()
        desk.configure("checkpoint_interval_s = 3\nsnapshot_interval_s = 86400\n")
        bare = desk.start_ready(python("peers", "imports"))
        with desk.daemon() as pid:
            desk.drive("drive", 500, 1, 0)
            wait_until(lambda: desk.status["last_checkpoint"], "there is a checkpoint", timeout_s=60)
            settle(pid)
            ours_mb, bare_mb = kernel.private_mb(pid), kernel.private_mb(bare.pid)
    beside = f"{ours_mb:.1f} MB; a process that only imports numpy and pynput.mouse: {bare_mb:.1f} MB"
    yield times_at_most("idle memory, private", ours_mb, bare_mb, _OF_BARE_IMPORTS, beside=beside)


def settle(pid: int) -> None:
    """Wait until it has slept for a while."""
    for _ in range(30):
        before = kernel.wake_ups(pid)
        time.sleep(5)
        if kernel.wake_ups(pid) == before:
            return


def burst(*, quick: bool) -> Iterator[Row]:
    """Moves and presses, faster than any mouse, and as fast as the server takes them; then a C client in our place.

    Where a listener's socket is full the server itself drops events, whoever listens: a C client loses some as well.
    """
    count = 10_000 if quick else 100_000
    flat_out = 3
    with Desk() as desk:
        desk.open_display()
        desk.has_picture()
        desk.configure("checkpoint_interval_s = 4\nsnapshot_interval_s = 86400\n")
        with desk.daemon() as pid:
            desk.drive("drive", 1000, 2, 0)
            time.sleep(_SETTLE_S + 2)  # saved once, so that all of the daemon is in memory
            before_mb = kernel.peak_mb(pid)
            seen = desk.status["events"]
            paced = _lost(desk, seen, desk.drive("burst", count, _BURST_HZ))
            once_mb = kernel.peak_mb(pid)
            seen = desk.status["events"]
            flooded = _lost(desk, seen, sum(desk.drive("burst", count, 0) for _ in range(flat_out)))
            more_mb = kernel.peak_mb(pid)
        peers_paced = _peer_lost(desk, count, _BURST_HZ, 1)
        peers_flooded = _peer_lost(desk, count, 0, flat_out)
    what = f"burst of {count:,} moves and presses"
    beside = f"of {count:,}; a C XRecord client that does nothing else: {peers_paced}"
    yield Row(f"{what} at {_BURST_HZ}/s: lost", str(paced), beside, "0", paced == 0)
    beside = f"of {flat_out * count:,}; a C XRecord client that does nothing else: {peers_flooded}"
    yield Row(f"{what}, flat out: lost", str(flooded), beside)
    beside = f"{before_mb:.0f} MB before; {more_mb - before_mb:.0f} MB more after three of them flat out"
    yield at_most(f"{what}: peak memory grows by", once_mb - before_mb, 40, "MB", beside=beside, digits=0)


def _peer_lost(desk: Desk, count: int, rate: int, times: int) -> int:
    """How many events a C client has not seen."""
    peer = desk.start_ready(_PEERS["C XRecord"])
    sent = sum(desk.drive("burst", count, rate) for _ in range(times))
    time.sleep(2)
    peer.terminate()
    return sent - int(peer.stdout.read())


def _lost(desk: Desk, seen: int, sent: int) -> int:
    """How many of the events sent since the daemon had ``seen`` so many it has not counted when all is saved."""
    time.sleep(_SETTLE_S + 4)
    lost: int = sent - (desk.status["events"] - seen)
    return lost
