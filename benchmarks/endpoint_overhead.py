"""What a request costs us: a harvest against a server that answers at once, client on one core, server on another.

    python benchmarks/endpoint_overhead.py --requests 200000 --out benchmarks/results/endpoint_overhead.json

The server streams an answer of four pieces. Everything a harvest does is counted: the request, parsing the stream,
watching for loops, the verdict, writing traces and verdicts to disk. Memory is this process's resident set, sampled
over the run; `collecting_seconds` is what Python's garbage collector took of it. `--adaptive` stops each problem at its
first accepted answer instead of sampling in a fixed order.
"""

import argparse
import gc
import itertools
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine

from distill.recipe import Recipe
from distill.records import Problem
from teachers.harvest import harvest

EVENTS = [
    b'data: {"choices": [{"index": 0, "delta": {"content": "It is "}, "finish_reason": null}]}\n\n',
    b'data: {"choices": [{"index": 0, "delta": {"content": "\\\\boxed{3"}, "finish_reason": null}]}\n\n',
    b'data: {"choices": [{"index": 0, "delta": {"content": "3}."}, "finish_reason": "stop"}]}\n\n',
    b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}\n\ndata: [DONE]\n\n',
]
BODY = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in EVENTS) + b"0\r\n\r\n"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY


def serve(core: int, port: "multiprocessing.Queue[int]") -> None:
    """Answer every request at once, reading no more of it than its length."""
    import asyncio

    os.sched_setaffinity(0, {core})

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.buffer = transport, b""

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
                head = self.buffer[:end].lower()
                at = head.index(b"content-length: ") + 16
                length = int(head[at:].split(b"\r\n", 1)[0])
                if len(self.buffer) < end + 4 + length:
                    return
                self.buffer = self.buffer[end + 4 + length :]
                self.transport.write(REPLY)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class Collections:
    """Seconds that the garbage collector takes."""

    def __init__(self) -> None:
        self.seconds = self._since = 0.0
        gc.callbacks.append(self._told)

    def _told(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._since = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._since


def resident() -> float:
    """Resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--adaptive", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(cores[-1], port), daemon=True)
    server.start()
    os.sched_setaffinity(0, {cores[0]})
    teacher = {"kind": "endpoint", "model": "stub", "base_urls": [f"http://127.0.0.1:{port.get()}/v1"]}
    recipe = Recipe.model_validate(
        {
            "name": "overhead",
            "problems": {"source": "file", "path": "-"},
            "teacher": {**teacher, "concurrency": args.concurrency},
            "harvest": {"accepted_per_problem": 1 if args.adaptive else None},
            "student": {"model": "-"},
        }
    )
    problems = [
        Problem(id=f"p{i}", question=f"Make 33 in way {i}.", answer="33", kind="math", source="stub")
        for i in range(args.requests)
    ]
    samples: list[dict[str, float]] = []
    collections = Collections()
    started = time.perf_counter()

    def note(done: int, wanted: int, _: dict[str, int]) -> None:
        if len(samples) < 10 * done // wanted:
            samples.append({"done": done, "seconds": time.perf_counter() - started, "mib": resident()})

    before = resident()
    with tempfile.TemporaryDirectory() as folder:
        counts = harvest(recipe, problems, Path(folder) / "traces", note)
    assert counts["correct"] == args.requests, counts
    rates = [(b["done"] - a["done"]) / (b["seconds"] - a["seconds"]) for a, b in itertools.pairwise(samples)]
    result = {
        "machine": machine(),
        "requests": args.requests,
        "concurrency": args.concurrency,
        "adaptive": args.adaptive,
        "requests_per_second": round(samples[-1]["done"] / samples[-1]["seconds"]),
        "slowest_tenth_per_second": round(min(rates)),
        "seconds": round(samples[-1]["seconds"], 1),
        "collecting_seconds": round(collections.seconds, 1),
        "mib_before": round(before),
        "mib_at_each_tenth": [round(s["mib"]) for s in samples],
    }
    print(json.dumps(result, indent=2))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
