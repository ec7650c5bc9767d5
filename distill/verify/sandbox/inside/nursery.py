"""The first process in the sandbox: forks a cell for each program and waits until nothing of it is left.

It is warm, so that a program costs two forks and no start of an interpreter, and it knows nothing worth reading: a
program and its tests come through a socket of their own, which the cell gets and this process closes.
"""

import _sitebuiltins
import builtins
import gc
import json
import os
import select
import socket
import sys

from . import cell, kernel

CONTROL = 0
"""The socket on which jobs come."""

PRELOADED = (
    "typing re collections math itertools functools heapq bisect string random copy operator datetime statistics"
)
"""What solutions import most; a fork has it already."""


def main(isolation: str, uid: str) -> None:
    """Serve until the other side closes: `bubblewrap` makes namespaces for each cell; `none` does not."""
    for name in PRELOADED.split():
        __import__(name)
    for name in ("exit", "quit"):  # what `site` adds
        setattr(builtins, name, _sitebuiltins.Quitter(name, ""))
    if uid:
        os.setgroups([])
        os.setresgid(int(uid), int(uid), int(uid))
        os.setresuid(int(uid), int(uid), int(uid))
    if sys.platform == "linux":
        kernel.set_dumpable(True)  # a new user lost it, and its cells must write their maps of users
    control = socket.socket(fileno=os.dup(CONTROL))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    gc.collect()
    gc.freeze()
    control.send(b"r")
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not order:
            os._exit(0)
        child = kernel.fork_into_namespaces() if isolation == "bubblewrap" else os.fork()
        if child == 0:
            control.close()
            cell.run(descriptors[0], isolation, json.loads(order))
        os.close(descriptors[0])
        status = _wait(child, control)
        control.send(b"d" if status == 0 else b"f")


def _wait(child: int, control: socket.socket) -> int:
    """Until the child has ended; should those who sent the job go first, everything ends."""
    ended = os.pidfd_open(child)
    watch = select.poll()
    watch.register(ended, select.POLLIN)
    watch.register(control, select.POLLIN)
    while ended not in (ready := dict(watch.poll())):
        if control.fileno() in ready:
            os._exit(1)
    os.close(ended)
    return os.waitpid(child, 0)[1]
