"""Rows a CPU second and peak memory of decontamination, each way in a process of its own, and of the whole command.

Rows are written to a file and read in parts; only the search is timed. Each way is run `ROUNDS` times, in turn with the
others, since a shared machine varies by half within minutes: the median is told, with all rounds. s1's way needs all
rows at once and is not run beyond `S1_ROWS`. Of the command (a file in, two files out, reading and writing and the
start of Python included) the computing time and memory are those of its whole process.

    python benchmarks/decontamination_speed.py WAY QUESTIONS ROWS      # what `speed` starts, as it starts itself
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from made_copies import mixed
from shared_ngrams import S1, OpenR1

WAYS = ("ours", "open-r1's 8-gram", "s1's 8-gram")
PART = 8192

ROUNDS = 3

S1_ROWS = 200_000
"""Rows that s1's way is given at most: 2 GB for each 100,000."""


def parts(path: Path, size: int) -> Iterator[list[str]]:
    part: list[str] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            part.append(json.loads(line)["question"])
            if len(part) == size:
                yield part
                part = []
    if part:
        yield part


def timed(way: str, questions: list[str], rows: Path) -> dict[str, Any]:
    """In this process: seconds for the index and the search, rows flagged, memory."""
    from distill.curate.decontamination.decontaminate import Decontaminator

    size = sys.maxsize if way == WAYS[2] else PART
    started = time.process_time()
    finder: Any = Decontaminator(questions) if way == WAYS[0] else (OpenR1 if way == WAYS[1] else S1)(questions)
    index, seconds, flagged, count = time.process_time() - started, 0.0, 0, 0
    for part in parts(rows, size):
        started = time.process_time()
        if way == WAYS[0]:
            flagged += len({flag.row for flag in finder.flags(part) if flag.match.kind != "changed"})
        else:
            flagged += sum(map(bool, finder.found(part)))
        seconds += time.process_time() - started
        count += len(part)
    return {"index_s": index, "rows_per_cpu_second": round(count / seconds), "flagged": flagged, "peak_mib": peak()}


def peak() -> int:
    """MiB that this process has held at most. `getrusage` would tell those of the process that started it as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def commanded(rows: Path, questions: Path, folder: Path) -> dict[str, Any]:
    """`distill decontaminate` in a process of its own."""
    out = folder / f"kept{rows.suffix}"
    words = ["decontaminate", rows, "--against", questions, "--out", out, "--flagged", folder / "flagged.jsonl"]
    call = [sys.executable, __file__, "command", *map(str, words)]
    said = subprocess.run(call, check=True, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}).stdout
    return dict(json.loads(said.splitlines()[-1]), said=said.splitlines()[0].replace(f"{rows.parent}/", ""))


def command(arguments: list[str]) -> dict[str, Any]:
    """In this process: the command line."""
    from distill.cli import main

    try:
        main(arguments)
    except SystemExit as e:
        if e.code:
            raise
    return {"cpu_s": time.process_time(), "peak_mib": peak()}


def write(folder: Path, texts: list[str]) -> tuple[Path, Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines, table = folder / "rows.jsonl", folder / "rows.parquet"
    with lines.open("w", encoding="utf-8") as f:
        f.writelines(json.dumps({"id": at, "question": text}) + "\n" for at, text in enumerate(texts))
    columns = {"id": list(range(len(texts))), "question": texts}
    pq.write_table(pa.table(columns), table, compression="zstd", row_group_size=100_000)
    return lines, table


def speed(questions: list[str], sets: list[list[str]], counts: list[int]) -> dict[str, Any]:
    """Of each number of rows, each way and the command."""
    told: dict[str, Any] = {}
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            asked = folder / "questions.jsonl"
            asked.write_text("".join(json.dumps({"question": q}) + "\n" for q in questions), encoding="utf-8")
            lines, table = write(folder, mixed(sets, questions, count))
            told[str(count)] = found = {}
            rounds = [
                {way: _apart(way, asked, lines) for way in WAYS[: 3 if count <= S1_ROWS else 2]} for _ in range(ROUNDS)
            ]
            for way in rounds[0]:
                rates = [one[way]["rows_per_cpu_second"] for one in rounds]
                peak_mib = max(one[way]["peak_mib"] for one in rounds)
                found[way] = rounds[0][way] | {"rows_per_cpu_second": statistics.median(rates), "rounds": rates}
                found[way]["peak_mib"] = peak_mib
                print(count, way, found[way], flush=True)
            for file in (lines, table):
                found[f"command, {file.suffix}"] = one = commanded(file, asked, folder)
                one["rows_per_cpu_second"] = round(count / one["cpu_s"])
                print(count, file.suffix, one, flush=True)
    return told


def _apart(way: str, questions: Path, rows: Path) -> dict[str, Any]:
    """One way in a process of its own."""
    call = [sys.executable, __file__, way, str(questions), str(rows)]
    told: dict[str, Any] = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
    return told


if __name__ == "__main__":
    if sys.argv[1] == "command":
        print(json.dumps(command(sys.argv[2:])))
    else:
        way, asked, rows = sys.argv[1:]
        print(json.dumps(timed(way, next(parts(Path(asked), sys.maxsize)), Path(rows))))
