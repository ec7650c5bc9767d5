"""False alarms of the test for short loops on healthy texts, cut at many places; and what it finds in runs.

    python benchmarks/short_loops.py --data FOLDER [--run RUN ...] --out FILE

FOLDER holds r1_distill_traces_500.jsonl, reasoning_messages_50.jsonl and gsm8k_model_solutions.jsonl. Of the first all
traces are looked at; of the solutions those that are correct. The program that searches for Countdown solutions is
asked with three to six numbers, depth-first and breadth-first. Python's own library stands for programs. A text is cut
about every 16 words (searches and programs at 400 places at most): none of these cuts falls into a loop, so each that
is told to is a false alarm. Of a run the answers that were cut at max_tokens are counted, and those told to loop.
"""

import argparse
import json
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import machine

from distill.countdown_problems import countdown_problems
from distill.evaluate.looping import is_looping
from distill.evaluate.short_loops import is_short_loop
from distill.files import Log
from distill.recipe import CountdownProblems
from distill.records import Trace
from teachers.countdown import think

STEP = 90
"""Characters: about 16 words."""

MOST_CUTS = 400
PROGRAMS = 150
SEARCHES = 60


def r1(data: Path) -> Iterator[tuple[str, str]]:
    for i, line in enumerate((data / "r1_distill_traces_500.jsonl").open()):
        yield f"trace {i}", json.loads(line)["response"]


def messages(data: Path) -> Iterator[tuple[str, str]]:
    for i, line in enumerate((data / "reasoning_messages_50.jsonl").open()):
        for turn in json.loads(line)["messages"]:
            if turn["role"] == "assistant":
                yield f"row {i}", "\n\n".join(part["value"] for part in turn["content"])


def solutions(data: Path) -> Iterator[tuple[str, str]]:
    for i, line in enumerate((data / "gsm8k_model_solutions.jsonl").open()):
        for model, said in json.loads(line).items():
            if isinstance(said, dict) and said["is_correct"]:
                yield f"row {i} {model}", said["solution"]


def searches(_: Path) -> Iterator[tuple[str, str]]:
    for numbers in (3, 4, 5, 6):
        spec = CountdownProblems(
            source="countdown", count=SEARCHES, held_out=1, numbers=numbers, max_number=12, max_target=99
        )
        for problem in countdown_problems(spec, seed=0)[:SEARCHES]:
            for strategy in ("dfs", "bfs"):
                text, _found = think(problem.data["numbers"], problem.data["target"], strategy, 1000)
                yield f"{problem.id} {strategy}", text


def programs(_: Path) -> Iterator[tuple[str, str]]:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:PROGRAMS]
    return ((path.name, path.read_text(encoding="utf-8")) for path in files)


SETS = {
    "R1-Distill traces": (r1, None),
    "reasoning messages": (messages, None),
    "correct GSM8K solutions": (solutions, None),
    "Countdown searches": (searches, MOST_CUTS),
    "Python's library": (programs, MOST_CUTS),
}


def false_alarms(texts: Iterator[tuple[str, str]], most: int | None) -> dict[str, Any]:
    """Texts, cuts, and at which characters of which texts a loop was told first."""
    count = cuts = 0
    told: dict[str, list[int]] = {}
    for name, text in texts:
        count += 1
        step = STEP if most is None else max(STEP, len(text) // most)
        ends = range(step, len(text) + step, step)
        cuts += len(ends)
        if found := [min(end, len(text)) for end in ends if is_short_loop(text[max(0, end - 10_000) : end])]:
            told[name] = found[:3]
    return {"texts": count, "cuts": cuts, "texts with an alarm": len(told), "where": told}


def in_run(run: Path) -> dict[str, dict[str, int]]:
    """By set and model: answers, those that were cut, and of these those that loop."""
    found = {}
    for path in sorted((run / "evaluation").glob("*/*.samples.jsonl")):
        traces = Log(path).read(Trace)
        cut = [trace for trace in traces if trace.finish_reason == "length"]
        counts = {"answers": len(traces), "cut": len(cut), "looping": sum(map(is_looping, cut))}
        found[f"{path.parent.name} {path.name.removesuffix('.samples.jsonl')}"] = counts
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    healthy = {}
    for name, (texts, most) in SETS.items():
        healthy[name] = false_alarms(texts(args.data), most)
        print(name, healthy[name], flush=True)
    runs = {run.name: in_run(run) for run in args.run}
    print(runs)
    args.out.write_text(json.dumps({"machine": machine(), "healthy": healthy, "runs": runs}, indent=2) + "\n")


if __name__ == "__main__":
    main()
