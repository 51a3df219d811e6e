"""Pictures: ours, and what a user would have instead."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from benchmarks import motion
from benchmarks.desk import MOUSETRACKD, Desk, Used, python
from benchmarks.table import Row, at_most, median, ms, share
from mousetrackd.config import Config, to_toml
from mousetrackd.daemon.child_process import Job, command
from mousetrackd.storage.store import Store

TARGETS = {"1920x1080": 20, "3840x2160": 30, "2x4K": None}
"""How many times less than the original's rendering ours must cost, where there is a target."""

_WHOLE = 4
_FLOORS = 3
_WORKER_MB = 250


def render(screen: str, *, quick: bool) -> Iterator[Row]:
    """A day's picture: rendering alone, and as whole processes."""
    with Desk() as desk:
        desk.env["OPENBLAS_NUM_THREADS"] = "1"  # as the daemon starts its worker; spares the others the same
        desk.env["PYTHONPYCACHEPREFIX"] = str(desk.folder / "compiled")  # as the others' code is
        desk.env.pop("PYTHONDONTWRITEBYTECODE", None)
        said = desk.run(python("pipelines", "compare", screen, "1" if quick else "5", str(desk.folder))).said
        used: dict[str, list[float]] = json.loads(said)
        wholes = _whole(desk, screen, turns=1 if quick else 3)
    cpu_s = {name: median(values) for name, values in used.items()}
    # Each turn's own ratio: what made a turn slow made all of it slow.
    times = {name: median(o / u for o, u in zip(values, used["ours"], strict=True)) for name, values in used.items()}
    what = f"picture, {screen}"
    beside = ", ".join(f"{name} {ms(value)}" for name, value in cpu_s.items() if name != "ours")
    yield Row(f"{what}: rendering", ms(cpu_s["ours"]), beside)
    target = TARGETS[screen]
    if target is None:
        yield Row(f"{what}: against the original", f"1/{times['original']:.1f}")
    else:
        yield share(f"{what}: against the original", 1, times["original"], target)
    yield share(f"{what}: against bare cv2", 1, times["bare cv2"], 1)
    floors = 1 / min(times["cv2's encoding alone"], times["cv2's of the levels"])
    yield at_most(f"{what}: against the floor", floors, _FLOORS, "times")

    whole_s = {name: median(u.cpu_s for u in values) for name, values in wholes.items()}
    peak_mb = {name: max(u.peak_mb for u in values) for name, values in wholes.items()}
    beside = ", ".join(f"{name} {ms(whole_s[name])} and {peak_mb[name]:.0f} MB" for name in wholes if name != "ours")
    yield Row(f"{what}: whole process", f"{ms(whole_s['ours'])}", beside)
    yield share(f"{what}: whole, against the original", whole_s["ours"], whole_s["original"], _WHOLE)
    if screen == "2x4K":
        yield at_most(f"{what}: the worker's peak memory", peak_mb["the worker"], _WORKER_MB, "MB", digits=0)


def _whole(desk: Desk, screen: str, *, turns: int) -> dict[str, list[Used]]:
    """Fresh processes, from the day's counts on the disk to a picture on the disk."""
    layout, tally = motion.SCREENS[screen], motion.day(screen)
    desk.store.parent.mkdir(mode=0o700)
    now_s = int(time.time())
    with Store.open(desk.store) as store:
        store.commit(tally, now_s - 8 * 3600, now_s, layout)
    counts, out = str(desk.folder / "counts.npy"), str(desk.folder / "out.png")
    np.save(counts, motion.dense(tally, layout))
    sigma = str(motion.sigma_px(layout))
    used: dict[str, list[Used]] = defaultdict(list)
    worker = command(Job("mousetrackd.daemon.snapshot_worker", "", b""))
    for one in ([MOUSETRACKD, "render", out], worker):  # the first turn compiles
        desk.run(one, stdin=to_toml(Config(), comments=False))
    for _ in range(turns):
        used["ours"].append(desk.run([MOUSETRACKD, "render", out]))
        used["the worker"].append(desk.run(worker, stdin=to_toml(Config(), comments=False)))
        used["original"].append(desk.run(python("pipelines", "original", counts, sigma, out)))
        used["bare cv2"].append(desk.run(python("pipelines", "bare", counts, sigma, out)))
    return used
