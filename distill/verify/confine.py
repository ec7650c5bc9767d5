"""What a verifier's process gives up before it sees the first answer. None of it needs privileges.

Limits bound memory, open files and written bytes; an audit hook refuses what would reach beyond the process, on every
system; on Linux (x86-64) the kernel refuses all system calls but those that computing and reading need. Nothing that
models write is meant to run here at all: this is for what slips through a library.
"""

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_READS_ONLY = {"os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.getxattr", "os.listxattr"}
_BEYOND = ("os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "fcntl.", "tempfile.", "signal.pthread_kill")

_ALLOWED = {
    "reading": (0, 3, 4, 5, 6, 7, 8, 17, 19, 21, 79, 89, 217, 262, 267, 269, 332, 439),
    "replying": (1, 20),
    "memory": (9, 10, 11, 12, 25, 28),
    "signals and time": (13, 14, 15, 35, 36, 38, 96, 131, 228, 229, 230),
    "itself": (24, 32, 33, 39, 60, 63, 72, 97, 98, 99, 100, 102, 104, 107, 108, 158, 186, 202, 204, 231, 273, 318, 334),
}
"""Numbers of system calls on x86-64. Opening a file is allowed for reading only, by whichever call a C library uses."""

_OPEN, _OPENAT, _X86_64 = 2, 257, 0xC000003E
_FLAGS_OF_OPEN, _FLAGS_OF_OPENAT = 24, 32  # where they lie in the arguments
_ALLOW, _NO_SUCH_CALL = 0x7FFF0000, 0x00050000 | 38  # libraries take ENOSYS for an old kernel and do without
_LOAD, _AND, _JUMP, _EQUAL, _RETURN = 0x20, 0x54, 0x05, 0x15, 0x06
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2


def confine(memory_bytes: int) -> None:
    """Bound this process and take from it whatever computing does not need. There is no way back."""
    _limit(memory_bytes)
    if sys.platform == "linux":
        _filter_system_calls()
    sys.addaudithook(_refuse)


def _limit(memory_bytes: int) -> None:
    import resource

    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_NPROC: 0,
    }
    for what, most in wanted.items():
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):  # macOS refuses a limit of the address space
            resource.setrlimit(what, (most, most))


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: no files written, no processes, no sockets."""
    writes = event == "open" and isinstance(args[2], int) and bool(args[2] & _WRITES)
    if writes or (event.startswith(_BEYOND) and event not in _READS_ONLY):
        raise PermissionError(f"a verifier may not do this: {event}")


def _filter_system_calls() -> None:
    """A seccomp filter; where the system knows none, or another processor, the other limits stand alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if platform.machine() != "x86_64":
        return
    program = b"".join(struct.pack("=HBBI", *step) for step in _program())
    steps = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    libc.prctl(_SET_SECCOMP, _FILTER_MODE, ctypes.create_string_buffer(header, len(header)), 0, 0)


def _program() -> list[tuple[int, int, int, int]]:
    """Steps of the filter: (code, jump if true, jump if not, value); a call is (number, processor, ..., arguments)."""
    allowed = sorted(number for numbers in _ALLOWED.values() for number in numbers)
    return [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _X86_64),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
        (_LOAD, 0, 0, 0),
        *((_EQUAL, len(allowed) - i + 6, 0, number) for i, number in enumerate(allowed)),
        (_EQUAL, 3, 0, _OPENAT),
        (_EQUAL, 0, 6, _OPEN),
        (_LOAD, 0, 0, _FLAGS_OF_OPEN),
        (_JUMP, 0, 0, 1),
        (_LOAD, 0, 0, _FLAGS_OF_OPENAT),
        (_AND, 0, 0, _WRITES),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
    ]
