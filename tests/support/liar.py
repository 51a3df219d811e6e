"""A program at a socket that says what it likes to whoever connects."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


class Liar:
    """Listens at ``path`` until ``close``; ``say`` gives, for each connection, what is sent after the first question.

    A connection is closed when its words are all said, unless ``stays``.
    """

    def __init__(self, path: Path, say: Callable[[], Iterable[bytes]], *, stays: bool = False) -> None:
        self._say = say
        self._stays = stays
        self._ended = threading.Event()
        self._peers: list[socket.socket] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self.received = b""
        self._threads = [threading.Thread(target=self._accept, name="liar", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End it, and every connection."""
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()  # from here on nobody comes
        for one in self._peers:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for one in [self._listening, *self._peers]:
            one.close()

    def dribble(self, data: bytes, every_s: float) -> Iterator[bytes]:
        """``data`` one byte after the other."""
        for number in range(len(data)):
            yield data[number : number + 1]
            self._ended.wait(every_s)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listening.accept()
                self._peers.append(peer)
                self._threads.append(threading.Thread(target=self._serve, args=(peer,), daemon=True))
                self._threads[-1].start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self.received += peer.recv(4096)
            for words in self._say():
                peer.sendall(words)
            if not self._stays:
                peer.close()
