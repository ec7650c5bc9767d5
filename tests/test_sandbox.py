"""Programs that attack the sandbox: each reaches nothing, leaves nothing, and is never `correct`."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from isolation import absent, attacks, judged

from distill.errors import Refused
from distill.verify import code
from distill.verify.sandbox import Limits, Sandbox, Unavailable, bubble, prove
from distill.verify.sandbox.properties import SMALL

pytestmark = pytest.mark.skipif(bool(absent()), reason=absent() or "isolation is at hand")


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    """Limits that attacks reach soon."""
    before, code.runner.limits = code.runner.limits, replace(SMALL, wall=100)
    yield
    code.runner.limits = before


def never_correct(program: str) -> str:
    found = judged(program)
    assert found.verdict in ("wrong", "unknown"), program
    return f"{found.verdict}: {found.reason}"


def test_every_property_holds() -> None:
    sandbox = Sandbox()
    try:
        assert {name: why for name, why in prove(sandbox).items() if why} == {}
    finally:
        sandbox.close()


EXHAUSTING = attacks("Using up everything")


@pytest.mark.parametrize("name", EXHAUSTING)
def test_what_uses_up_everything(name: str) -> None:
    found, program = never_correct(EXHAUSTING[name]), EXHAUSTING[name]
    expected = program.rpartition("# expected ")[2].strip() if "# expected " in program else found
    assert found == expected
    assert judged("def f(x): return x + 1").verdict == "correct"


RIGHT = "def f(x): return x + 1"


def test_one_that_waits_is_wrong() -> None:
    code.runner.limits = replace(code.runner.limits, wall=1)
    assert never_correct("import threading\nthreading.Event().wait()") == "wrong: waits without end"
    assert never_correct("import time\ndef f(x): time.sleep(10**6)") == "wrong: waits without end"


def test_daemons_end_with_the_run() -> None:
    """Threads that are left compute on, until the run has its report; then nothing of it is there."""
    left = "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin).start()\n" + RIGHT
    assert judged(left).verdict == "correct"
    assert children_of(code.runner.sandbox()) == 0
    forks = (
        "import os\ndef f(x):\n    if os.fork() == 0:\n        os.setsid()\n        while True: pass\n    return x + 1"
    )
    assert never_correct(forks) == "wrong: OSError"
    assert children_of(code.runner.sandbox()) == 0


def children_of(sandbox: Sandbox) -> int:
    """Processes below the first one in the sandbox."""
    assert sandbox._child is not None
    return len(descendants(sandbox._child.pid)) - 2  # bubblewrap's second process and the nursery


def descendants(pid: int) -> list[int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def test_nothing_of_this_machine_is_changed(tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.write_text("x")
    tmp_path.chmod(0o777)
    target.chmod(0o666)
    tries = [
        f"open({str(target)!r}, 'w').write('pwned')",
        f"import os\nos.symlink({str(target)!r}, '/tmp/a')\nopen('/tmp/a', 'w').write('pwned')",
        f"import os\nos.chdir('/tmp')\nopen('../..' + {str(target)!r}, 'w').write('pwned')",
        f"import os\nos.symlink('/proc/1/root', '/tmp/root')\nopen('/tmp/root' + {str(target)!r}, 'w').write('pwned')",
        "import os\nfound = 0\nfor n in range(64):\n    try: found += os.open('"
        f"{target}'[1:], os.O_WRONLY, dir_fd=n)\n    except OSError: pass\nif not found: raise OSError",
        "import os\nos.chmod('/python', 0o777)",
        "import os\nos.mknod('/tmp/disk', 0o60666, os.makedev(254, 0))",
        "import os\nos.rename('/inside/inside/tester.py', '/inside/inside/t.py')",
        "open('/inside/inside/tester.py', 'a').write('x')",
        "import os, ctypes\nassert ctypes.CDLL(None).mount(b'/', b'/tmp', b'', 4096, 0) == 0",
        "import os, ctypes\nassert ctypes.CDLL(None).umount2(b'/proc', 2) == 0",
        "import os\nos.chroot('/tmp')",
    ]
    for program in tries:
        assert never_correct(f"{program}\n{RIGHT}").startswith("wrong"), program
    assert target.read_text() == "x"
    assert os.listdir(tmp_path) == ["there"]


@pytest.mark.parametrize(
    "program",
    [
        "open('/etc/passwd')",
        "open('/etc/shadow')",
        "open('/proc/self/environ')",
        "open('/proc/1/mem', 'rb')",
        "open('/proc/self/status')",
        "import os\nos.listdir('/home')",
        "import os\nos.listdir('/sys')",
        "import os\nos.environ['HF_TOKEN']",
        "import pathlib\nif not pathlib.Path.home().joinpath('.ssh').exists(): raise OSError",
        "import pwd\npwd.getpwuid(0)",
        "import os\nos.readlink('/proc/self/exe')",
        "import os\nos.kill(1, 9)",
        "import os\nos.kill(-1, 9)",
        "import os\nos.killpg(0, 9)",
        "import os\nos.kill(os.getppid(), 9)",
        "import resource, os\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))",
        "import ctypes\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0",
        "import ctypes\nassert ctypes.CDLL(None).process_vm_readv(1, 0, 0, 0, 0, 0) >= 0",
        "import os\nos.pidfd_open(1)",
        "import socket\nsocket.create_connection(('127.0.0.1', 22))",
        "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)",
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0x')",
        "import socket\nsocket.getaddrinfo('localhost', 80) and socket.socket()",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:8000')",
        "import os\nos.execv('/python/bin/python3', ['python3'])",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))",
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6))",
        "import os\nos.setuid(0)",
        "import fcntl, os\nfcntl.fcntl(os.pipe()[0], 8, os.getppid())",
        "import fcntl, os\nfcntl.fcntl(os.pipe()[0], 10, 9)",
        "import distill",
        "import fcntl\nfcntl.ioctl(0, 0x5401, bytes(64))",
    ],
)
def test_what_is_not_there_or_not_allowed(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert judged(RIGHT).verdict == "correct"
    assert never_correct(f"{program}\n{RIGHT}").startswith("wrong")


def test_programs_share_nothing() -> None:
    left = f"""
import builtins, os, sys
open("/tmp/left", "w").write("x")
builtins.left = sys.left = os.left = 1
{RIGHT}
"""
    found = f"""
import builtins, os, sys
if any(hasattr(module, "left") for module in (os, sys, builtins)) or os.listdir("/tmp"):
    raise RuntimeError
{RIGHT}
"""
    assert judged(left).verdict == judged(found).verdict == "correct"


def test_threads_may_ask_at_once() -> None:
    found: list[str] = []
    programs = [f"def f(x): return x + {i % 2}" for i in range(16)]
    threads = [threading.Thread(target=lambda p=p: found.append(judged(p).verdict + p[-1])) for p in programs]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["correct1"] * 8 + ["wrong0"] * 8


def test_a_killed_sandbox_costs_one_unknown_at_most() -> None:
    assert judged(RIGHT).verdict == "correct"
    child = code.runner.sandbox()._child
    assert child is not None
    child.kill()
    child.wait()
    assert judged(RIGHT).verdict == "correct"
    killer = threading.Timer(0.5, lambda: code.runner.sandbox()._child.kill())  # type: ignore[union-attr]
    killer.start()
    found = judged("def f(x):\n    while True: pass")
    assert (found.verdict, found.reason[:7]) == ("unknown", "sandbox")
    assert judged(RIGHT).verdict == "correct"


OWNER = """
import sys
from distill.verify.sandbox import Limits, Sandbox
tests = {"before": "", "setup": "", "checks": ["assert f(1)"], "under_test": ["f"], "entry": ""}
sandbox = Sandbox()
sandbox.call("def f(x): return 1", tests, Limits())
print(sandbox._child.pid, flush=True)
sandbox.call("import threading\\ndef f(x):\\n    threading.Event().wait()", tests, Limits())
"""


def test_all_of_it_ends_with_us() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    first = int(owner.stdout.readline())
    deadline = time.monotonic() + 30
    while len(all_of := descendants(first)) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(all_of) >= 4
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    while any(alive(pid) for pid in [first, *all_of]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in [first, *all_of])
    owner.stdout.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_refused_where_there_is_no_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubble, "bubblewrap", lambda: "/nonexistent/bwrap")
    fresh = code.Runner()
    with pytest.raises(Refused, match="cannot be run in isolation here"):
        fresh.sandbox()
    with pytest.raises(Unavailable):
        Sandbox().call("", {}, Limits())


def test_a_thread_that_ends_takes_no_program_with_it() -> None:
    code.runner.close()
    first = threading.Thread(target=judged, args=(RIGHT,))
    first.start()
    first.join()
    sandbox = code.runner.sandbox()
    before = sandbox.pid()
    time.sleep(0.2)
    assert judged(RIGHT).verdict == "correct"
    assert sandbox.pid() == before


def test_threads_have_a_sandbox_each() -> None:
    """One that waits does not hold the others up; and closing ends them all."""
    code.runner.close()
    assert judged(RIGHT).verdict == "correct"
    naps = "import time\ntime.sleep(2)\n" + RIGHT
    found: list[str] = []
    ends: list[float] = []

    def nap() -> None:
        found.append(judged(naps).verdict)
        ends.append(time.monotonic())

    threads = [threading.Thread(target=nap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["correct"] * 4
    assert max(ends) - min(ends) < 3 * 2, "one after the other, each ends a nap after the one before"
    waiting = threading.Thread(target=lambda: found.append(judged("import time\ntime.sleep(90)").reason))
    waiting.start()
    time.sleep(1)
    code.runner.close()
    waiting.join()
    assert found[4].startswith("sandbox")
    assert judged(RIGHT).verdict == "correct"


def test_output_that_grows_on_its_way_is_too_much() -> None:
    data = {"input_output": {"inputs": [""], "outputs": ["x"]}}
    code.runner.limits = Limits()
    for program in ("while True: print('\\0' * 10**6)", "print('\\0' * (15 << 20))"):
        assert judged(program, data)[::2] == ("wrong", "output limit")
