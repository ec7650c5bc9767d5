"""What a sandbox promises, each proved by a program that tries the opposite."""

import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from distill.verify.sandbox.host import Limits, Sandbox, Unavailable

SMALL = Limits(cpu=1, memory=256 << 20, wall=30, threads=8, files=32, output=1 << 20, disk=4 << 20, inodes=64)

_TRIES = """
def fails(attempt, *given):
    try:
        attempt(*given)
    except (OSError, RuntimeError, ImportError, AttributeError):
        return True
    return False
"""

_NO_NETWORK = """
import socket
def holds(port):
    families, kinds = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX), (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    refused = [fails(socket.socket, family, kind) for family in families for kind in kinds]
    return all(refused) and fails(socket.create_connection, ("127.0.0.1", port), 1)
"""

_NO_FILES = """
import os
def holds(secret):
    seen = [secret, "/etc/passwd", "/etc/shadow", "/etc/hosts", "/home", "/root", "/var", "/sys", "/run"]
    return not any(map(os.path.exists, seen)) and os.listdir("/proc") == [] and fails(open, secret)
"""

_READ_ONLY = """
import os
def holds(folders):
    written, made = ([os.path.join(f, name) for f in folders] for name in ("written", "made"))
    return all(fails(open, file, "w") for file in written) and all(map(lambda f: fails(os.mkdir, f), made))
"""

_NO_PROCESSES = """
import os, subprocess
def holds():
    own = os.getpid()
    return (fails(os.fork) and fails(subprocess.run, ["/bin/true"]) and fails(os.execv, "/bin/sh", ["sh"])
            and all(fails(os.kill, pid, 0) for pid in (1, os.getppid(), own + 1, -1)))
"""

_NO_RIGHTS = """
import ctypes, os
def holds():
    calls = [lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chroot("/tmp")]
    libc = ctypes.CDLL(None)
    trace, unshare = libc.ptrace(16, 1, 0, 0), libc.unshare(0x10000000)
    mount = libc.mount(b"a", b"/tmp", b"tmpfs", 0, b"")
    return os.getuid() != 0 and trace == unshare == mount == -1 and all(map(fails, calls))
"""

_NO_ENVIRONMENT = """
import os
def holds(secret):
    return secret not in str(dict(os.environ)) and len(os.environ) < 10
"""

_NO_EXPECTED_VALUES = """
import gc, os, sys
PIECES = "expe", "cted-"
def holds(given):
    wanted = "".join(PIECES)
    frame, texts = sys._getframe(), []
    while frame:
        texts += [str(frame.f_locals), str(frame.f_globals)]
        frame = frame.f_back
    texts += [str(o) for o in gc.get_objects() if isinstance(o, (str, list, dict, tuple)) and len(o) < 1000]
    for number in range(64):
        try:
            os.set_blocking(number, False)
            texts.append(os.read(number, 1 << 16).decode("utf-8", "replace"))
        except OSError:
            pass
    return any(wanted in text.replace(given, "") for text in texts)
"""

_LIMITS = """
import os, threading
def memory(size):
    try:
        return not bytearray(size)
    except MemoryError:
        return True
def files():
    opened = []
    return fails(lambda: [opened.append(open("/dev/null")) for _ in range(100)])
def threads():
    stop, started = threading.Event(), []
    def start():
        for _ in range(100):
            started.append(threading.Thread(target=stop.wait))
            started[-1].start()
    try:
        return fails(start)
    finally:
        stop.set()
def disk():
    def fill():
        for number in range(20):
            with open(f"/tmp/{number}", "wb") as f:
                f.write(bytes(1 << 19))
    return fails(fill)
def file_size():
    with open("/tmp/large", "wb", buffering=0) as f:
        return fails(lambda: [f.write(bytes(1 << 20)) for _ in range(2)])
def inodes():
    return fails(lambda: [open(f"/tmp/n{number}", "w").close() for number in range(100)])
def nothing_there():
    return os.listdir("/tmp") == []
"""


def prove(sandbox: Sandbox) -> dict[str, str]:
    """Property -> why it does not hold, empty if it does. Takes a second, as a second is the least limit of time.

    Raises:
        Unavailable: no program can be run at all.
    """
    if not _passes(sandbox, "def holds():\n    return 1", "holds() == 1"):
        raise Unavailable("a program that returns 1 does not pass")
    return {name: _reason(proof, sandbox) for name, proof in _PROOFS.items()}


def _reason(proof: Callable[[Sandbox], bool], sandbox: Sandbox) -> str:
    try:
        return "" if proof(sandbox) else "does not hold"
    except Unavailable as e:
        return str(e)


def _passes(sandbox: Sandbox, program: str, check: str, limits: Limits = SMALL) -> bool:
    return "passed" in _report(sandbox, program, check, limits)


def _report(sandbox: Sandbox, program: str, check: str, limits: Limits) -> dict[str, Any]:
    name = check.partition("(")[0]
    tests = {"before": "", "setup": "", "checks": [f"assert {check}"], "under_test": [name], "entry": ""}
    return sandbox.call(_TRIES + program, tests, limits)


def _no_network(sandbox: Sandbox) -> bool:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return _passes(sandbox, _NO_NETWORK, f"holds({server.getsockname()[1]})")


def _no_files(sandbox: Sandbox) -> bool:
    with tempfile.NamedTemporaryFile("w") as f:
        f.write("secret")
        f.flush()
        os.chmod(f.name, 0o644)
        return _passes(sandbox, _NO_FILES, f"holds({f.name!r})")


def _read_only(sandbox: Sandbox) -> bool:
    folders = ["/", "/python", "/inside", "/inside/inside", "/usr/lib", "/dev", "/proc", "/etc", str(Path.home())]
    return _passes(sandbox, _READ_ONLY, f"holds({folders!r})")


def _no_environment(sandbox: Sandbox) -> bool:
    name = f"DISTILL_{secrets.token_hex(4)}"
    os.environ[name] = name
    try:
        fresh = Sandbox(sandbox.isolation)
        try:
            return _passes(fresh, _NO_ENVIRONMENT, f"holds({name!r})")
        finally:
            fresh.close()
    finally:
        del os.environ[name]


def _no_expected_values(sandbox: Sandbox) -> bool:
    return not _passes(sandbox, _NO_EXPECTED_VALUES, f"holds('x') or 'expected-{secrets.token_hex(8)}' == ''")


def _exit_decides_nothing(sandbox: Sandbox) -> bool:
    ways = ("import os; os._exit(0)", "import sys; sys.exit(0)", "print('passed')", "raise SystemExit")
    bodies = [way if at_once else f"def holds():\n    {way}" for way in ways for at_once in (True, False)]
    return not any(_passes(sandbox, body, "holds() == 2") for body in bodies)


def _nothing_stays(sandbox: Sandbox) -> bool:
    left = "open('/tmp/left', 'w').write('x')\ndef holds():\n    import os; return os.path.exists('/tmp/left')"
    return _passes(sandbox, left, "holds()") and _passes(sandbox, _LIMITS, "nothing_there()")


def _cpu_limit(sandbox: Sandbox) -> bool:
    endless = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef holds():\n    while True: pass"
    return _report(sandbox, endless, "holds()", SMALL).get("reason") == "time limit"


def _wall_limit(sandbox: Sandbox) -> bool:
    waits = "import threading\ndef holds():\n    threading.Event().wait()"
    return _report(sandbox, waits, "holds()", replace(SMALL, wall=0.2)).get("reason") == "waits without end"


def _output_limit(sandbox: Sandbox) -> bool:
    (found,) = sandbox.feed("while True: print('x' * 9999)", [""], SMALL)
    return found["reason"] == "output limit"


def _within(name: str) -> Callable[[Sandbox], bool]:
    return lambda sandbox: _passes(sandbox, _LIMITS, name)


_PROOFS: dict[str, Callable[[Sandbox], bool]] = {
    "no network": _no_network,
    "no files of this machine": _no_files,
    "system is read-only": _read_only,
    "no environment": _no_environment,
    "no other processes": lambda sandbox: _passes(sandbox, _NO_PROCESSES, "holds()"),
    "no privileges": lambda sandbox: _passes(sandbox, _NO_RIGHTS, "holds()"),
    "limit of processor time": _cpu_limit,
    "limit of waiting": _wall_limit,
    "limit of memory": _within("memory(300 << 20)"),
    "limit of threads": _within("threads()"),
    "limit of open files": _within("files()"),
    "limit of output": _output_limit,
    "limit of disk": lambda sandbox: all(_within(name)(sandbox) for name in ("disk()", "file_size()", "inodes()")),
    "nothing stays": _nothing_stays,
    "tests out of reach": _no_expected_values,
    "only tests decide": _exit_decides_nothing,
}
