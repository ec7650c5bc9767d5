"""Servers of ours: nothing of them is left, however they or we end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from distill import guard
from teachers import child_server
from teachers.child_server import MARK, ChildServer, ServerFailed, end_strays

# A front end with an engine in a session of its own, as vLLM has them; the engine ignores polite requests.
SERVER = """
import http.server, os, subprocess, sys
engine = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(600)"
subprocess.Popen([sys.executable, "-c", engine, "engine"], start_new_session=True)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
    def log_message(self, *_): pass
print("serving with key", bool(os.environ["VLLM_API_KEY"]), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""


def server(log: Path, script: str = SERVER, start_timeout: float = 20) -> ChildServer:
    return ChildServer(lambda port: [sys.executable, "-c", script, str(port)], {}, log, start_timeout)


def processes_of(log: Path) -> list[psutil.Process]:
    return [p for p in psutil.process_iter() if child_server._mark_of(p) == str(log)]


def test_it_starts_is_healthy_and_leaves_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        it = server(tmp_path / "log")
        url = await it.start()
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/v1")
        assert len(processes_of(tmp_path / "log")) == 4  # two of the guard, front end, engine
        await it.stop()
        assert processes_of(tmp_path / "log") == []

    asyncio.run(run())
    assert (tmp_path / "log").read_text() == "serving with key True\n"


@pytest.mark.parametrize("victim", ["front end", "engine's guard"])
def test_when_it_is_killed_that_is_noticed_and_it_starts_again(tmp_path: Path, victim: str) -> None:
    log = tmp_path / "log"

    async def run() -> None:
        it = server(log)
        await it.start()
        found = {p.cmdline()[-1]: p for p in processes_of(log) if p.cmdline()[-1] != "engine"}
        front_ends = [p for p in found.values() if "guard.py" not in " ".join(p.cmdline())]
        killed = front_ends[0] if victim == "front end" else psutil.Process(it._process.pid)
        killed.kill()
        assert "ended with status" in await asyncio.wait_for(it.ended(), 30)
        await it.start()
        assert len(processes_of(log)) == 4, "the old engine is gone, the new one there"
        await it.stop()
        assert processes_of(log) == []

    asyncio.run(run())


PARENT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_guard import server
async def run():
    it = server(Path(sys.argv[1]))
    await it.start()
    print("up", flush=True)
    await asyncio.sleep(600)
asyncio.run(run())
"""


def test_it_ends_with_us_even_when_we_are_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = PARENT.format(tests=str(Path(__file__).parent))
    parent = subprocess.Popen([sys.executable, "-c", code, str(log)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    end = time.monotonic() + 3 * guard.GRACE
    while processes_of(log) and time.monotonic() < end:
        time.sleep(0.1)
    assert processes_of(log) == []


def test_nothing_stays_when_whoever_started_it_kills_its_children_alone(tmp_path: Path) -> None:
    """As Ray does when an actor ends."""

    async def run() -> None:
        it = server(tmp_path / "log")
        await it.start()
        assert it._process is not None
        it._process.kill()
        end = time.monotonic() + 3 * guard.GRACE
        while processes_of(tmp_path / "log") and time.monotonic() < end:
            await asyncio.sleep(0.1)
        assert processes_of(tmp_path / "log") == []

    asyncio.run(run())


def test_strays_of_another_run_are_left_alone(tmp_path: Path) -> None:
    def stray(log: str) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, MARK: log})

    mine, other = stray("/a/log"), stray("/b/log")
    end_strays("/a/log")
    mine.wait(60)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_server_that_does_not_come_up_tells_its_last_error(tmp_path: Path) -> None:
    script = "print('loading'); print('ValueError: no such model'); print('bye'); raise SystemExit(3)"
    with pytest.raises(ServerFailed, match="did not start: ValueError: no such model") as caught:
        asyncio.run(server(tmp_path / "log", script).start())
    assert str(tmp_path / "log") in caught.value.hint


def test_one_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    async def run() -> None:
        it = server(tmp_path / "log", "import time; print('loading', flush=True); time.sleep(600)", start_timeout=2)
        with pytest.raises(ServerFailed, match="not ready within 2 s; its last words: loading"):
            await it.start()
        await it.stop()
        assert processes_of(tmp_path / "log") == []

    asyncio.run(run())


def test_one_that_hangs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_server, "HEALTH_EVERY", 0.2)
    log = tmp_path / "log"

    async def run() -> None:
        it = server(log)
        await it.start()
        for process in processes_of(log):
            if "guard.py" not in " ".join(process.cmdline()):
                process.suspend()
        assert "did not answer" in await asyncio.wait_for(it.ended(), 30)
        await it.stop()
        assert processes_of(log) == []

    asyncio.run(run())
