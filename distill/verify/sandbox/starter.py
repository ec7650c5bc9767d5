"""A thread that lives as long as we do, for starting what must end with us.

`--die-with-parent` ends a process with the thread that started it, not with our process: a sandbox that the short-lived
thread of one row has started would take the programs of all others with it.
"""

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future

Start = Callable[[], "subprocess.Popen[bytes]"]
Ordered = tuple[Start, "Future[subprocess.Popen[bytes]]"]


class Starter:
    """Calls what starts a process in a thread of its own, which never ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._todo: queue.SimpleQueue[Ordered] = queue.SimpleQueue()
        self._process = 0

    def start(self, start: Start) -> "subprocess.Popen[bytes]":
        """What the function returns or raises there."""
        done: Future[subprocess.Popen[bytes]] = Future()
        with self._lock:
            if self._process != os.getpid():  # the first call, or a fork, which has no threads of its parent
                self._todo, self._process = queue.SimpleQueue(), os.getpid()
                threading.Thread(target=_serve, args=(self._todo,), daemon=True, name="starts sandboxes").start()
            self._todo.put((start, done))
        return done.result()


def _serve(todo: "queue.SimpleQueue[Ordered]") -> None:
    while True:
        start, done = todo.get()
        try:
            done.set_result(start())
        except BaseException as e:  # noqa: BLE001 - whatever it is, the one who waits must hear of it
            done.set_exception(e)


starter = Starter()
