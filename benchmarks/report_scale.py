"""The report of a run with 100,000 traces: seconds and memory to write it, and until a browser shows it.

    python benchmarks/report_scale.py [--traces 100000] [--out benchmarks/results/report_scale.json]

The run is made up as its stages leave one: traces of 2 to 8 thousand characters, four to a problem, and 4,000 answers
of base and student. `distill report` runs as a process of its own, whose largest resident memory is told. The page is
then opened from disk in headless chromium, in a fresh context each time, where playwright and chromium are there.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import DESK, PHONE, browser, chromium, opened
from common import machine
from made_runs import Size, made_run

SHORTEST, LONGEST = 2000, 8000
"""Characters of a trace."""

TIMES = 5
"""That the page is opened on each screen."""

_SHOWN = """() => ({
  load: performance.getEntriesByType('navigation')[0].loadEventEnd,
  paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null,
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        size = Size(args.traces, 4, 500, 4, steps=5000, shortest=SHORTEST, longest=LONGEST)
        run = made_run(Path(folder) / "run", size)
        found: dict[str, Any] = {"machine": machine("pydantic", "jinja2"), "traces": args.traces, **sizes(run)}
        found |= written(run)
        found["opened_ms"] = shown(run / "report.html")
    print(json.dumps(found, indent=2))
    if args.out:
        args.out.write_text(json.dumps(found, indent=2) + "\n")


def sizes(run: Path) -> dict[str, Any]:
    """Megabytes that are read."""
    logs = [*run.glob("traces/*.jsonl"), *run.glob("evaluation/*/*.jsonl"), run / "problems.parquet"]
    return {"logs_mb": round(sum(path.stat().st_size for path in logs) / 1e6, 1)}


def written(run: Path) -> dict[str, Any]:
    """Wall time, processor time and peak memory of the command that a user types."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "distill", "report", str(run)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert os.waitstatus_to_exitcode(status) == 0
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_memory_mb": round(used.ru_maxrss * 1024 / 1e6, 1),
        "page_kb": round((run / "report.html").stat().st_size / 1e3, 1),
    }


def shown(page: Path) -> dict[str, Any] | None:
    """Milliseconds from the address to the end of loading, to the first paint, and of the wall until that is known."""
    if chromium() is None:
        return None
    with browser() as started:
        return {name: _openings(started, page, size) for name, size in (("desk", DESK), ("phone", PHONE))}


def _openings(started: Any, page: Path, size: tuple[int, int]) -> dict[str, Any]:
    """Median and largest of some."""
    times: dict[str, list[float]] = {"load": [], "paint": [], "wall": []}
    for _ in range(TIMES):
        began = time.perf_counter()
        with opened(started, page, size) as seen:
            while (found := seen.page.evaluate(_SHOWN))["paint"] is None:
                time.sleep(0.01)
            times["wall"].append(1000 * (time.perf_counter() - began))
            times["load"].append(found["load"])
            times["paint"].append(found["paint"])
            assert not seen.errors
    return {name: {"median": round(statistics.median(t), 1), "most": round(max(t), 1)} for name, t in times.items()}


if __name__ == "__main__":
    main()
