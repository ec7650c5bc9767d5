"""What the kernel takes from a process: namespaces, limits, capabilities, system calls. Linux only, no privileges."""

import ctypes
import os
import platform
import resource
import signal
import struct

NEW_USER, NEW_PID, NEW_MOUNTS, NEW_IPC = 0x10000000, 0x20000000, 0x20000, 0x08000000
_NO_SUID, _NO_DEVICES, _READ_ONLY = 2, 4, 1
_SET_DUMPABLE, _SET_SECCOMP, _SET_NO_NEW_PRIVS, _FILTER_MODE = 4, 22, 38, 2
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522

_CLONE = {"x86_64": 56, "aarch64": 220}

_libc = ctypes.CDLL(None, use_errno=True)
_python = ctypes.PyDLL(None, use_errno=True)  # its calls keep the interpreter's lock


def _checked(result: int | bool, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def fork_into_namespaces() -> int:
    """As `os.fork`, but the child is the first process of new user, process, mount and IPC namespaces.

    `os.unshare` would do that for the child of a child only, and forks are what a short program costs.
    """
    number = _CLONE.get(platform.machine())
    if number is None:
        raise OSError(f"no namespaces are known for {platform.machine()}")
    uid, gid = os.geteuid(), os.getegid()
    _python.PyOS_BeforeFork()
    child = _python.syscall(number, NEW_USER | NEW_PID | NEW_MOUNTS | NEW_IPC | signal.SIGCHLD, 0, 0, 0, 0)
    if child:
        _python.PyOS_AfterFork_Parent()
        _checked(child < 0, "clone")
        return child
    _python.PyOS_AfterFork_Child()
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)
    return 0


def mount_fresh(scratch: str, size: int, inodes: int) -> None:
    """An empty folder of limited size, and nothing where the process list was."""
    options = f"size={size},nr_inodes={inodes},mode=700".encode()
    flags = _NO_SUID | _NO_DEVICES
    _checked(_libc.mount(b"tmpfs", scratch.encode(), b"tmpfs", flags, options), "mount")
    _checked(_libc.mount(b"tmpfs", b"/proc", b"tmpfs", flags | _READ_ONLY, b"size=4k,nr_inodes=1,mode=555"), "mount")


def set_dumpable(yes: bool) -> None:
    """Whether processes of the same user may look into this one."""
    _libc.prctl(_SET_DUMPABLE, int(yes), 0, 0, 0)


def drop_capabilities() -> None:
    """Nothing that this process does from now on is privileged, in any namespace."""
    _checked(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    number = _CAPSET.get(platform.machine())
    if number is None:
        raise OSError(f"capabilities cannot be dropped on {platform.machine()}")
    _checked(_libc.syscall(number, header, struct.pack("=6I", *[0] * 6)), "capset")


def limit(cpu_seconds: float, memory: int, threads: int, files: int, file_size: int) -> None:
    """Bounds of this process; soft and hard, so that it cannot raise them."""
    seconds = max(1, round(cpu_seconds + 0.499))
    wanted = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),  # SIGXCPU first, then SIGKILL
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NPROC: (threads, threads),
        resource.RLIMIT_NOFILE: (files, files),
        resource.RLIMIT_FSIZE: (file_size, file_size),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
    }
    for what, (soft, hard) in wanted.items():
        try:
            resource.setrlimit(what, (soft, hard))
        except ValueError:  # a stricter limit holds already
            most = resource.getrlimit(what)[1]
            resource.setrlimit(what, (min(soft, most), min(hard, most)))


_X86_64 = 0xC000003E
_ALLOWED = {
    "files": (0, 1, 2, 3, 4, 5, 6, 8, 17, 18, 19, 20, 21, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86),
    "more of files": (
        87,
        88,
        89,
        90,
        91,
        95,
        137,
        138,
        217,
        257,
        258,
        262,
        263,
        264,
        265,
        266,
        267,
        268,
        269,
        280,
        332,
    ),
    "pipes and waiting": (7, 22, 23, 32, 33, 213, 232, 233, 270, 271, 281, 284, 290, 291, 292, 293, 436, 439),
    "sockets of its own": (44, 45, 46, 47, 48, 51, 52, 54, 55),
    "memory": (9, 10, 11, 12, 25, 26, 28),
    "signals": (13, 14, 15, 34, 36, 37, 38, 127, 128, 130, 131),
    "time": (35, 96, 201, 228, 229, 230),
    "itself": (24, 39, 60, 63, 97, 98, 99, 100, 102, 104, 107, 108, 110, 111, 115, 118, 120, 121, 124, 186),
    "threads": (158, 202, 204, 218, 231, 273, 274, 309, 318, 324, 334),
}
"""Numbers of system calls on x86-64 that computing needs. What is absent fails as on a kernel that does not know it."""

_WAITING = (61, 247)
"""For a process that has a child."""

_CLONE_X86_64, _CLONE_THREAD = 56, 0x10000
_KILL, _TGKILL, _PRLIMIT64, _SOCKETPAIR, _UNIX = 62, 234, 302, 53, 1
_LOAD, _AND, _EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_ALLOW, _NO_SUCH_CALL = 0x7FFF0000, 0x00050000 | 38
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_FCNTL = 72
_SET_OWNER, _SET_SIGNAL, _SET_OWNER_EX = 8, 10, 15


def filter_system_calls(child: int | None = None) -> None:
    """Only `_ALLOWED` from now on: no processes, no programs, no sockets but pairs, no way into another process.

    Threads may be started; signals go to the process itself, and to `child`.
    """
    if platform.machine() != "x86_64":
        raise OSError(f"no filter of system calls is known for {platform.machine()}")
    me = os.getpid()
    by_argument = {_KILL: [me], _TGKILL: [me], _PRLIMIT64: [0], _SOCKETPAIR: [_UNIX]}
    program = _START
    if child is not None:
        by_argument[_KILL] = [me, child]
        program += _packed([step for number in _WAITING for step in _if(number)])
    program += _packed([step for number, values in by_argument.items() for step in _if(number, values)]) + _END
    steps = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    _checked(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _checked(_libc.prctl(_SET_SECCOMP, _FILTER_MODE, ctypes.create_string_buffer(header, len(header)), 0, 0), "seccomp")


Step = tuple[int, int, int, int]
"""Of a filter: code, steps to skip if true, steps to skip if not, value."""


def _packed(steps: list[Step]) -> bytes:
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _if(number: int, values: list[int] | None = None) -> list[Step]:
    """Allow a call; with `values` only where its first argument is one of them."""
    if values is None:
        return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    checks = [step for value in values for step in _if(value)]
    return [
        (_EQUAL, 0, len(checks) + 2, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *checks,
        (_RETURN, 0, 0, _NO_SUCH_CALL),
    ]


_FCNTL_BUT_FOR_SIGNALS: list[Step] = [
    (_EQUAL, 0, 6, _FCNTL),
    (_LOAD, 0, 0, _SECOND_ARGUMENT),
    (_EQUAL, 3, 0, _SET_OWNER),
    (_EQUAL, 2, 0, _SET_SIGNAL),
    (_EQUAL, 1, 0, _SET_OWNER_EX),
    (_RETURN, 0, 0, _ALLOW),
    (_RETURN, 0, 0, _NO_SUCH_CALL),
]
"""A descriptor's owner gets signals when it is ready, whoever that is: so a program could reach another process."""

_IOCTL = 16
_SET_NONBLOCKING, _SET_CLOSE_ON_EXEC, _UNSET_CLOSE_ON_EXEC = 0x5421, 0x5451, 0x5450
_IOCTL_OF_FLAGS: list[Step] = [
    (_EQUAL, 0, 6, _IOCTL),
    (_LOAD, 0, 0, _SECOND_ARGUMENT),
    (_EQUAL, 2, 0, _SET_NONBLOCKING),
    (_EQUAL, 1, 0, _SET_CLOSE_ON_EXEC),
    (_EQUAL, 0, 1, _UNSET_CLOSE_ON_EXEC),
    (_RETURN, 0, 0, _ALLOW),
    (_RETURN, 0, 0, _NO_SUCH_CALL),
]
"""How Python marks a descriptor, asyncio its own first of all; nothing that `fcntl` could not do."""

_START = _packed(
    [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _X86_64),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
        (_LOAD, 0, 0, _NUMBER),
        *(step for numbers in _ALLOWED.values() for number in numbers for step in _if(number)),
        *_FCNTL_BUT_FOR_SIGNALS,
        *_IOCTL_OF_FLAGS,
    ]
)
_END = _packed(
    [
        (_EQUAL, 0, 3, _CLONE_X86_64),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_AND, 0, 0, _CLONE_THREAD),
        (_EQUAL, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
        (_RETURN, 0, 0, _ALLOW),
    ]
)
