"""What one would run instead of the daemon, or a part of it: ``python -m benchmarks.peers stock|poller|imports``."""

import signal
import sys
import threading
import time

from pynput import mouse


def _stock() -> None:
    """pynput as it is, and a callback that does nothing."""
    listener = mouse.Listener(on_move=lambda _x, _y: None)
    listener.start()
    listener.wait()
    print("ready", flush=True)
    threading.Thread.join(listener)


def _poller() -> None:
    """Ask where the pointer is 60 times a second, as the best known peer does: by a new Controller each time."""
    print("ready", flush=True)
    while True:
        _ = mouse.Controller().position
        time.sleep(1 / 60)


def _imports() -> None:
    """The two largest libraries that the daemon cannot do without, and nothing done with them."""
    import numpy as np  # noqa: PLC0415 - the others are measured without

    print("ready", flush=True)
    _ = np
    signal.pause()


if __name__ == "__main__":
    {"stock": _stock, "poller": _poller, "imports": _imports}[sys.argv[1]]()
