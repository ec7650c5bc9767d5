"""Promise 1: killed at any moment, the same command goes on, with no sample twice and none missing.

Thirty SIGKILLs, five at random moments of each stage; every time the run is finished and compared with the
uninterrupted one: traces and verdicts, the curated set row by row, the adapter byte by byte, the figures. Four of the
five begin with what the uninterrupted run had when that stage began, which takes half the time; the first from nothing.
"""

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk
from stub_server import StubServer, answer, piece, status

from distill.files import Log
from distill.pipeline import STAGES
from distill.records import Trace, Verdict
from distill.run import OUTPUTS

KILLS_PER_STAGE = 5
SERVER = Path(__file__).with_name("fork_server.py")


class Server:
    """The warm process of `fork_server.py`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, arguments: list[str], kill: dict[str, Any] | None = None) -> int:
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.write(json.dumps({"args": arguments, "kill": kill}) + "\n")
        self.process.stdin.flush()
        told = []
        for line in self.process.stderr:
            if line.startswith('{"code"'):
                code: int = json.loads(line)["code"]
                assert code in (0, -9), "".join(told)
                return code
            told.append(line)
        raise AssertionError("".join(told))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.process.kill()


def outcome(run: Path) -> dict[str, Any]:
    """All that must be the same, however often the run was killed."""
    held_out = json.loads((run / "evaluation" / "summary.json").read_text())["sets"]["held_out"]
    return {
        "problems": (run / "problems.parquet").read_bytes(),
        "samples": (run / "traces" / "samples.jsonl").read_text().splitlines(),
        "verdicts": sorted((run / "traces" / "verdicts.jsonl").read_text().splitlines()),
        "curated": load_from_disk(run / "curated").to_list(),
        "adapter": (run / "student" / "adapter" / "adapter_model.safetensors").read_bytes(),
        "merged": (run / "student" / "merged" / "model.safetensors").read_bytes(),
        "student answers": sorted((run / "evaluation" / "held_out" / "student.samples.jsonl").read_text().splitlines()),
        "figures": {k: held_out[k] for k in ("figures", "differences")},
        "card": (run / "published" / "README.md").read_text(),
    }


def test_killed_thirty_times_the_result_is_the_same(server: Server, recipe_file: Path, tmp_path: Path) -> None:
    rng = random.Random(20261121)
    reference = tmp_path / "reference"
    command = ["run", str(recipe_file), "train.num_train_epochs=1", "--run-dir"]
    assert server.run([*command, str(reference)]) == 0
    expected = outcome(reference)
    assert len(expected["samples"]) == len(set(expected["samples"])) == 48
    stages = [stage for stage in STAGES if (reference / "stages" / f"{stage}.json").exists()]
    seconds = {s: json.loads((reference / "stages" / f"{s}.json").read_text())["seconds"] for s in stages}

    for number, stage in enumerate(stages * KILLS_PER_STAGE):
        run = tmp_path / f"{stage}-{number}"
        after = rng.random() * seconds[stage]
        begun = stages[: stages.index(stage)] if number >= len(stages) else []
        as_far_as(reference, begun, run)
        while not _killed(server, [*command, str(run)], run, stage, after):
            as_far_as(reference, begun, run)  # it was quicker than the reference, and done before the kill
            after /= 2
        assert server.run([*command, str(run)]) == 0
        found = outcome(run)
        for name, value in expected.items():
            assert found[name] == value, f"{name} differs after a kill in {stage}, {after:.3f} s in"


def as_far_as(reference: Path, begun: list[str], run: Path) -> None:
    """A run with these stages as the reference did them."""
    shutil.rmtree(run, ignore_errors=True)
    if begun:
        (run / "stages").mkdir(parents=True)
        shutil.copy(reference / "recipe.yaml", run)
    for stage in begun:
        shutil.copy(reference / "stages" / f"{stage}.json", run / "stages")
        made = reference / OUTPUTS[stage]
        (shutil.copytree if made.is_dir() else shutil.copy)(made, run / OUTPUTS[stage])


def _killed(server: Server, command: list[str], run: Path, stage: str, after: float) -> bool:
    begins = f'"event": "stage begins", "stage": "{stage}"'
    kill = {"log": str(run / "log.jsonl"), "text": begins, "times": 1, "after": after}
    return server.run(command, kill) == -9


@pytest.mark.parametrize("target", [None, 1])
def test_a_harvest_from_a_server_killed_thirty_times(
    server: Server, tiny_recipe: dict[str, Any], tmp_path: Path, target: int | None
) -> None:
    """One harvest, killed again and again: no sample twice, none missing, none wrong; and adaptive as if never killed.

    The server answers after up to 20 ms, with a 429 now and then; whether an answer is right follows from its seed.
    """
    rows = [{"question": f"What is {i} plus {i}?", "answer": 2 * i} for i in range(260)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked: Counter[int] = Counter()

    def script(body: dict[str, Any], number: int) -> list[Any]:
        if number % 23 == 0:
            return status(429, Retry_After="0")
        asked[body["seed"]] += 1
        half = int(body["messages"][-1]["content"].split()[2])
        return [(body["seed"] % 21) / 1000, *answer(f"\\boxed{{{2 * half + body['seed'] % 3}}}")]

    with StubServer(script) as teacher:
        recipe = tiny_recipe | {
            "name": "killed",
            "problems": {"source": "file", "path": str(tmp_path / "sums.jsonl"), "held_out": 10},
            "teacher": {"kind": "endpoint", "model": "stub", "base_urls": [teacher.url], "concurrency": 16},
            "harvest": {"samples_per_problem": 3, "accepted_per_problem": target, "max_tokens": 64},
        }
        (tmp_path / "killed.yaml").write_text(json.dumps(recipe))
        command = ["harvest", str(tmp_path / "killed.yaml"), "--run-dir"]
        assert server.run([*command, str(tmp_path / "whole")]) == 0
        expected = read(tmp_path / "whole")
        assert len(expected) == 750 if target is None else 250 < len(expected) < 750
        asked.clear()
        samples, rng, kills = tmp_path / "run" / "traces" / "samples.jsonl", random.Random(20261121), 0
        for i in range(30):
            times = len(expected) * i // 31 + rng.randrange(1, len(expected) // 62)
            kill = {"log": str(samples), "text": "\n", "times": times, "after": rng.random() / 50}
            kills += server.run([*command, str(tmp_path / "run")], kill) == -9
        assert server.run([*command, str(tmp_path / "run")]) == 0
    assert kills >= 25
    assert read(tmp_path / "run") == expected
    assert set(asked) == {trace.sampling.seed for trace, _ in expected.values()}
    assert asked.total() <= len(expected) + 16 * kills, "only what was under way at a kill is asked again"


def read(run: Path) -> dict[str, tuple[Trace, str]]:
    """Traces and verdicts of a harvest by id; none twice."""
    traces = Log(run / "traces" / "samples.jsonl").read(Trace)
    verdicts = Log(run / "traces" / "verdicts.jsonl").read(Verdict)
    assert len({t.id for t in traces}) == len(traces) == len(verdicts) == len({v.trace_id for v in verdicts})
    judged = {v.trace_id: v.verdict for v in verdicts}
    for trace in traces:
        right = trace.sampling.seed % 3 == 0
        assert judged[trace.id] == ("correct" if right else "wrong")
    return {t.id: (t, judged[t.id]) for t in traces}


def test_an_evaluation_killed_again_and_again(server: Server, tmp_path: Path) -> None:
    """Adaptive, of two models; the figures are those of one that was never killed, and no answer is asked for twice
    but those under way at a kill."""
    sums = tmp_path / "sums.jsonl"
    sums.write_text(
        "".join(json.dumps({"question": f"What is {i} plus {i}?", "answer": 2 * i}) + "\n" for i in range(20))
    )
    sent: Counter[tuple[str, int]] = Counter()

    def script(body: dict[str, Any], number: int) -> list[Any]:
        sent[body["model"], body["seed"]] += 1
        half, seed = int(body["messages"][-1]["content"].split()[2]), body["seed"]
        said = answer(f"\\boxed{{{2 * half + (seed % 3 if body['model'] == 'base' else seed % 2)}}}")
        return [(seed % 21) / 1000, *(said if seed % 11 else [said[0], piece("length"), *said[-2:]])]

    with StubServer(script) as stub:
        words = ["temperature=1.0", "until_interval=0.1", "endpoint.concurrency=8", "--k", "8"]
        line = ["evaluate", f"{stub.url}#model", "--base", f"{stub.url}#base", "--problems", str(sums), *words, "--out"]
        assert server.run([*line, str(tmp_path / "whole")]) == 0
        whole, wanted = evaluated(tmp_path / "whole"), set(sent)
        sent.clear()
        kills, rng = 0, random.Random(7)
        for i in range(6):
            log = tmp_path / "torn/sums" / ("base.samples.jsonl" if i % 2 else "model.samples.jsonl")
            kill = {"log": str(log), "text": "\n", "times": 24 * i + rng.randrange(1, 24), "after": rng.random() / 50}
            kills += server.run([*line, str(tmp_path / "torn")], kill) == -9
        assert server.run([*line, str(tmp_path / "torn")]) == 0
    assert kills >= 4
    assert evaluated(tmp_path / "torn") == whole
    assert set(sent) == wanted
    assert sent.total() <= len(wanted) + 8 * kills


def evaluated(out: Path) -> Any:
    """Figures, and all answers with their verdicts, none twice."""
    found = {}
    for who in ("base", "model"):
        traces = Log(out / "sums" / f"{who}.samples.jsonl").read(Trace)
        verdicts = {v.trace_id: v for v in Log(out / "sums" / f"{who}.verdicts.jsonl").read(Verdict)}
        assert len({t.id for t in traces}) == len(traces) == len(verdicts)
        found[who] = {t.id: (t, verdicts[t.id]) for t in traces}
    return found, json.loads((out / "summary.json").read_text())
