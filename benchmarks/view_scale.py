"""`distill view` over 100,000 traces: seconds to the first page and to the end of reading, memory, pages, searches.

    python benchmarks/view_scale.py --out FILE [--traces 100000] [--sizes 2000 8000]

A run is made of random words, 2,000 to 8,000 characters a trace: eight in ten of a teacher, four to a problem, the rest
of a base and its student on one tenth as many held-out problems. The verb is started as a user starts it, in a process
of its own, and asked over its port; its memory is the peak that the kernel tells. Each page is asked for five times,
and the median told; beside the clock stands the processor's time, since other work on the machine changes the one and
hardly the other. What an index of words would cost (SQLite's FTS5) is measured over the first 40 MB of the traces.
"""

import argparse
import http.client
import json
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from common import machine

from distill.problems import write_problems
from distill.recipe import Recipe
from distill.records import Problem, Sampling, Trace, Verdict
from distill.run import dump_recipe

TOPICS = ("algebra", "geometry", "number theory", "counting", "probability")
SAMPLE = 40 << 20
"""Bytes that the indices of words are built of."""

PAGES = {
    "first page": "/",
    "page 1,000": "/?page=1000",
    "verdict wrong": "/?verdict=wrong",
    "domain and length": "/?domain=algebra&least=1200&verdict=correct",
    "longest first": "/?sort=longest",
    "gained": "/?change=gained",
    "a trace, four side by side": "",
    "search: a frequent word": "/?q=alpha",
    "search: a rare formula": "/?q=%5Cboxed%7B4242%7D",
    "search: what nowhere stands": "/?q=nowhere+to+be+seen",
    "search: rare, among the wrong of the student": "/?q=%5Cboxed%7B17%7D&who=student&verdict=wrong",
}


def texts(rng: random.Random, sizes: list[int]) -> Iterator[str]:
    """Traces without end, each of pieces of a stock of words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)] + ["alpha", "\\frac{1}{2}", "="]
    pieces = [" ".join(rng.choices(words, k=60)) + ".\n" for _ in range(4000)]
    while True:
        length, made = rng.randint(*sizes), ""
        while len(made) < length:
            made += rng.choice(pieces)
        yield made


def make(folder: Path, count: int, sizes: list[int]) -> int:
    """Write a run of so many traces; returns the bytes of its samples."""
    rng = random.Random(0)
    held = count // 10
    told = {"name": "scale", "problems": {"source": "countdown"}, "teacher": {"kind": "program"}}
    folder.mkdir()
    (folder / "recipe.yaml").write_text(dump_recipe(Recipe.model_validate(told | {"student": {"model": "any/model"}})))
    problems = [_problem(n, n >= count // 5) for n in range(count // 5 + held)]
    write_problems(folder / "problems.parquet", problems)
    train, asked = problems[: count // 5], problems[count // 5 :]
    source = texts(rng, sizes)
    logs = [(folder / "traces", "", "teacher", [(p, i) for p in train for i in range(4)])]
    at = folder / "evaluation" / "held_out"
    logs += [(at, f"{who}.", who, [(p, 0) for p in asked]) for who in ("base", "student")]
    return sum(_log(rng, source, *log) for log in logs)


def _problem(n: int, held_out: bool) -> Problem:
    question = f"Problem {n}: how many ways are there to do what was asked of {n * 7919 % 1000} people in line?"
    known: dict[str, float | str] = {"subject": TOPICS[n % 5], "level": n % 5}
    return Problem(
        id=f"p-{n}", question=question, answer=str(n), kind="number", known=known, source="made", held_out=held_out
    )


def _log(
    rng: random.Random, texts: Iterator[str], at: Path, prefix: str, who: str, wanted: list[tuple[Problem, int]]
) -> int:
    at.mkdir(parents=True, exist_ok=True)
    with (at / f"{prefix}samples.jsonl").open("w") as samples, (at / f"{prefix}verdicts.jsonl").open("w") as verdicts:
        for problem, index in wanted:
            reasoning, right = next(texts), rng.random() < 0.6
            trace = Trace(
                id=f"{problem.id}/{index}",
                problem_id=problem.id,
                request=f"{rng.getrandbits(64):016x}",
                reasoning=reasoning,
                response=f"So it is \\boxed{{{problem.answer}}}.",
                finish_reason="stop",
                prompt_tokens=40,
                completion_tokens=len(reasoning) // 4,
                model=who,
                sampling=Sampling(),
            )
            name = "correct" if right else "wrong"
            reason = "equal" if right else "another value"
            verdict = Verdict.model_validate(
                {"trace_id": trace.id, "verdict": name, "extracted": problem.answer, "reason": reason, "kind": "number"}
            )
            samples.write(trace.model_dump_json() + "\n")
            verdicts.write(verdict.model_dump_json() + "\n")
    return (at / f"{prefix}samples.jsonl").stat().st_size


def get(port: int, target: str) -> str:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    client.request("GET", target)
    page = client.getresponse().read().decode()
    client.close()
    return page


def served(run: Path) -> dict[str, Any]:
    """Seconds and memory of the verb over a run."""
    started = time.monotonic()
    command = [sys.executable, "-m", "distill", "view", str(run), "--port", "0", "--no-browser"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert child.stdout is not None
    try:
        port = int(re.findall(r":(\d+)/", child.stdout.readline())[0])
        first = get(port, "/")
        assert first.count('class="title"') == 50, "the first page shows traces"
        found: dict[str, Any] = {"seconds_to_first_page": round(time.monotonic() - started, 2)}
        found["processor_seconds_to_first_page"] = _processor(child.pid)
        while "Being read" in get(port, "/"):  # which counts anew what there is
            time.sleep(1)
        found["seconds_to_all_read"] = round(time.monotonic() - started, 2)
        found["processor_seconds_to_all_read"] = _processor(child.pid)
        found["peak_megabytes_read"] = _peak(child.pid)
        found["pages"] = {name: _median(child.pid, port, target) for name, target in _targets(port).items()}
        found["peak_megabytes"] = _peak(child.pid)
        return found
    finally:
        child.terminate()
        child.wait()


def _targets(port: int) -> dict[str, str]:
    """Pages, that of a trace among them."""
    link = re.findall(r'class="title" href="([^"]+)"', get(port, "/?who=student"))[7].replace("&amp;", "&")
    return {name: target or link for name, target in PAGES.items()}


def _median(process: int, port: int, target: str) -> dict[str, float]:
    """Of five, by the clock and by the processor. A search is for the same in other letters each time, since what was
    found is remembered, and is asked on until it is whole or fills the page."""
    seconds, processor = [], []
    for turn in range(5):
        again, before, begin = _other(target, turn), _processor(process), time.monotonic()
        while "Look on" in get(port, again):  # a search that takes two seconds shows what it has
            pass
        seconds.append(time.monotonic() - begin)
        processor.append(_processor(process) - before)
    return {
        "seconds": round(statistics.median(seconds), 3),
        "processor_seconds": round(statistics.median(processor), 2),
    }


def _processor(process: int) -> float:
    """Seconds that a process has computed: what it would take on a machine that does nothing else."""
    times = psutil.Process(process).cpu_times()
    return round(times.user + times.system, 2)


def _other(target: str, turn: int) -> str:
    """One letter of what is sought as a capital, the first, the second and so on."""
    head, mark, tail = target.partition("q=")
    at = [found.start() for found in re.finditer(r"(?<!%)(?<!%.)[a-z]", tail.partition("&")[0])][turn:]
    return head + mark + (tail[: at[0]] + tail[at[0]].upper() + tail[at[0] + 1 :] if at else tail)


def _peak(process: int) -> int:
    told = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", told)[0]) // 1024


def words(run: Path, folder: Path) -> dict[str, Any]:
    """What indices of words take: the processor's seconds and bytes for each megabyte of traces."""
    found: dict[str, Any] = {}
    for name, options in {
        "words": "tokenize='unicode61'",
        "pieces of words": "tokenize='trigram', detail='none'",
    }.items():
        path = folder / "fts.db"
        path.unlink(missing_ok=True)
        db = sqlite3.connect(path)
        db.executescript("pragma journal_mode=off; pragma synchronous=off")
        db.execute(f"create virtual table t using fts5(x, content='', {options})")
        begin, read = time.process_time(), 0
        with (run / "traces" / "samples.jsonl").open("rb") as f:
            for number, line in enumerate(f):
                trace = json.loads(line)
                db.execute("insert into t (rowid, x) values (?, ?)", (number, trace["reasoning"] + trace["response"]))
                if (read := read + len(line)) > SAMPLE:
                    break
        db.commit()
        db.close()
        seconds, size = time.process_time() - begin, path.stat().st_size
        found[name] = {
            "processor_seconds_a_megabyte": round(seconds / read * 1e6, 3),
            "size_over_traces": round(size / read, 2),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--sizes", type=int, nargs=2, default=[2000, 8000], help="characters of a trace")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = make(folder / "run", options.traces, options.sizes)
        found = {
            "machine": machine(),
            "sqlite": sqlite3.sqlite_version,
            "traces": options.traces,
            "megabytes": size // 10**6,
        }
        found |= {"served": served(folder / "run"), "index_of_words": words(folder / "run", folder)}
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
