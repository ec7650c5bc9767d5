"""Programs a second in full isolation, one after another, beside plain `python -I -S` in the same run.

    python benchmarks/sandbox_speed.py --out benchmarks/results/sandbox_speed.json

Rounds of both take turns, so that what else the machine does falls on both; the ratio is the figure to read.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from common import machine

from distill.verify import code
from distill.verify.sandbox import Limits, Sandbox
from distill.verify.sandbox.bubble import bubblewrap, interpreter

PROGRAM = """
def f(numbers, target):
    seen = {}
    for i, n in enumerate(numbers):
        if target - n in seen:
            return [seen[target - n], i]
        seen[n] = i
"""
CHECKS = [f"assert f({list(range(k + 3))}, {2 * k + 3}) == [{k + 1}, {k + 2}]" for k in range(5)]
TESTS = {"before": "", "setup": "", "checks": CHECKS, "under_test": ["f"], "entry": ""}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--programs", type=int, default=50, help="of each way in a round")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    version = subprocess.run([bubblewrap() or "bwrap", "--version"], capture_output=True, text=True).stdout.strip()
    result = {"machine": {**machine(), "bubblewrap": version, "uid": os.geteuid()}, **measured(given)}
    result["load_1min_after"] = os.getloadavg()[0]
    print(json.dumps(result, indent=2))
    if given.out:
        given.out.write_text(json.dumps(result, indent=2) + "\n")


def measured(given: argparse.Namespace) -> dict[str, Any]:
    began = time.perf_counter()
    code.runner.sandbox()
    proof = time.perf_counter() - began
    began = time.perf_counter()
    sandbox = Sandbox()
    isolated(sandbox, 1)
    first = time.perf_counter() - began
    rounds = [
        {"plain": rate(plain, given.programs), "sandbox": rate(lambda n: isolated(sandbox, n), given.programs)}
        for _ in range(given.rounds)
    ]
    inputs = rate(lambda n: fed(sandbox, n), given.programs)
    cpu_plain, cpu_sandbox = cpu_of_plain(given.programs), cpu_of_sandbox(sandbox, given.programs)
    ratios = [r["sandbox"] / r["plain"] for r in rounds]
    return {
        "proof_of_properties_s": proof,
        "start_and_first_program_s": first,
        "programs_per_s": {way: statistics.median(r[way] for r in rounds) for way in ("plain", "sandbox")},
        "best_round_per_s": {way: max(r[way] for r in rounds) for way in ("plain", "sandbox")},
        "ratio": {"median": statistics.median(ratios), "quartiles": statistics.quantiles(ratios, n=4)},
        "inputs_per_s_of_one_program": inputs,
        "cpu_ms_a_program": {"plain": cpu_plain, "sandbox": cpu_sandbox},
        "rounds": rounds,
    }


def rate(run: Any, programs: int) -> float:
    began = time.perf_counter()
    run(programs)
    return programs / (time.perf_counter() - began)


def plain(programs: int) -> None:
    command = [interpreter(), "-I", "-S", "-c", PROGRAM + "\n".join(CHECKS)]
    for _ in range(programs):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def isolated(sandbox: Sandbox, programs: int) -> None:
    for _ in range(programs):
        assert sandbox.call(PROGRAM, TESTS, Limits()) == {"passed": len(CHECKS)}


def fed(sandbox: Sandbox, inputs: int) -> None:
    outputs = sandbox.feed("print(int(input()) + 1)", ["1"] * inputs, Limits())
    assert [o["output"] for o in outputs] == ["2\n"] * inputs


def cpu_of_plain(programs: int) -> float:
    before, own = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
    plain(programs)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (spent + time.process_time() - own) / programs * 1000


def cpu_of_sandbox(sandbox: Sandbox, programs: int) -> float:
    """Ours and that of every process below the sandbox's first, those that have ended included."""
    before, own = _below(sandbox), time.process_time()
    isolated(sandbox, programs)
    return (_below(sandbox) - before + time.process_time() - own) / programs * 1000


def _below(sandbox: Sandbox) -> float:
    stats = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stats[int(folder.name)] = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
    first = sandbox.pid()
    members = [first]
    for one in members:
        members += [pid for pid, stat in stats.items() if int(stat[1]) == one]
    return sum(int(n) for pid in members if pid in stats for n in stats[pid][11:15]) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
