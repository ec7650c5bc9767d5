"""Curation of many long traces: traces a second, memory, and the same rows from every engine.

    python benchmarks/curation_scale.py --traces r1_distill_traces_500.jsonl --math math_train.jsonl \\
        --gsm8k gsm8k_train.jsonl --against math500.jsonl --rows 10000 100000 1000000 --folder DIR --out FILE

Traces of 30,000 characters in parquet, made of pieces of real ones with one word in a hundred replaced; four of a
problem, whose question is a real one with some of its words replaced; one in four is judged wrong. Each size is curated
by `distill select` in a process of its own, with all steps on and s1's selection of 1,000; its peak memory is that of
the process and its children together, sampled ten times a second.
"""

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from common import machine

CHARACTERS = 30_000
PER_FILE = 20_000
PER_GROUP = 250
TRACES = 4
"""Of each problem."""


def made(sources: argparse.Namespace, count: int) -> Iterator[dict[str, Any]]:
    """So many traces of a quarter as many problems."""
    rng = random.Random(0)
    texts = [json.loads(line)["response"] for line in sources.traces.open()]
    words = " ".join(texts[:100]).split()
    questions = [json.loads(line)["problem"] for line in sources.math.open()]
    questions += [json.loads(line)["question"] for line in sources.gsm8k.open()]
    long = [joined(rng, texts) for _ in range(400)]
    question, number = "", 0
    for row in range(count):
        if row % TRACES == 0:
            question, number = noisy(rng, rng.choice(questions), words, 0.1), rng.randrange(10**6)
        trace = noisy(rng, rng.choice(long), words, 0.01)
        yield {
            "question": question,
            "answer": str(number),
            "thinking": trace,
            "response": f"The answer is \\boxed{{{number}}}.",
            "subject": f"field {number % 30}",
            "verdict": "wrong" if rng.random() < 0.25 else "correct",
        }


def joined(rng: random.Random, texts: list[str]) -> str:
    whole = ""
    while len(whole) < CHARACTERS:
        whole += rng.choice(texts).replace("</think>", "") + "\n"
    return whole[:CHARACTERS]


def noisy(rng: random.Random, text: str, words: list[str], share: float) -> str:
    """With so many of its words replaced, at least one."""
    parts = text.split(" ")
    for _ in range(max(1, int(share * len(parts)))):
        parts[rng.randrange(len(parts))] = rng.choice(words)
    return " ".join(parts)


def write(sources: argparse.Namespace, count: int, folder: Path) -> tuple[list[Path], int]:
    """The files of the first `count` traces, and how much text they hold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    size, rows, writer = 0, [], None
    for number, row in enumerate(made(sources, count)):
        if number % PER_FILE == 0:
            files.append(folder / f"part-{number // PER_FILE:04}.parquet")
            writer = None
        rows.append(row)
        size += len(row["thinking"]) + len(row["question"]) + len(row["response"])
        if len(rows) == PER_GROUP or number == count - 1:
            table = pa.Table.from_pylist(rows)
            writer = writer or pq.ParquetWriter(files[-1], table.schema, compression="zstd")
            writer.write_table(table)
            rows = []
            if (number + 1) % PER_FILE == 0 or number == count - 1:
                writer.close()
    return files, size


class Watch(threading.Thread):
    """The most memory that a process and its children held together, in MiB."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.process, self.most = process, 0.0

    def run(self) -> None:
        while self.process.is_running():
            held = 0
            for one in [self.process, *_children(self.process)]:
                try:
                    memory = one.memory_full_info()
                except psutil.Error:
                    continue
                held += memory.pss  # pages that several share count once
            self.most = max(self.most, held / 2**20)
            time.sleep(0.1)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def select(files: list[Path], against: Path, out: Path, verify: bool = False, **keys: Any) -> dict[str, Any]:
    """One `distill select`, with its time and its memory."""
    words = [f"{key}={value}" for key, value in keys.items()]
    command = [
        sys.executable,
        "-m",
        "distill",
        "select",
        *map(str, files),
        *words,
        "select=s1",
        "fill=less",
        "rows=1000",
    ]
    command += [f"evaluation_sets=[{against}]", "--out", str(out), "--thinking-key", "thinking"]
    command += ["--response-key", "response", *(["--verify"] if verify else [])]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    watch = Watch(psutil.Process(process.pid))
    watch.start()
    told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:6])} ... ended with {process.returncode}")
    seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 1),
        "mib": round(watch.most),
        "funnel": told.replace(f"{out.parent}/", "").splitlines(),
    }


def chosen(folder: Path) -> list[str]:
    from datasets import load_from_disk

    return list(load_from_disk(folder)["trace_id"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("traces", "math", "gsm8k", "against", "folder", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000])
    parser.add_argument("--engines", nargs="+", default=["1", "2", "ray"], help="processes of this machine, or ray")
    parser.add_argument("--verify", action="store_true", help="once more with every trace judged as it is read")
    options = parser.parse_args()
    results = []
    for rows in options.rows:
        files, size = write(options, rows, options.folder / str(rows))
        found = {"rows": rows, "characters": size, "bytes_on_disk": sum(f.stat().st_size for f in files)}
        ids = {}
        for engine in options.engines:
            keys = {"engine": "ray"} if engine == "ray" else {"workers": engine}
            out = options.folder / f"out-{engine}"
            found[engine] = select(files, options.against, out, **keys)
            found[engine]["rows_per_second"] = round(rows / found[engine]["seconds"])
            ids[engine] = chosen(out)
        if options.verify:
            found["verify"] = select(files, options.against, options.folder / "out-verify", verify=True)
            found["verify"]["rows_per_second"] = round(rows / found["verify"]["seconds"])
        found["same_rows"] = len({tuple(rows) for rows in ids.values()}) == 1
        results.append(found)
        print(json.dumps(found, indent=1))
        for file in files:
            file.unlink()
        options.out.write_text(json.dumps({"machine": machine(), "sizes": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
