"""Promise 1: killed at any moment, the same command goes on, with no sample twice and none missing.

Thirty SIGKILLs, five at random moments of each stage; every time the run is finished and compared with the
uninterrupted one: traces and verdicts, the curated set row by row, the adapter byte by byte, the figures.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk

from distill.pipeline import STAGES

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
    summary = json.loads((run / "evaluation" / "summary.json").read_text())
    return {
        "problems": (run / "problems.parquet").read_bytes(),
        "samples": (run / "traces" / "samples.jsonl").read_text().splitlines(),
        "verdicts": sorted((run / "traces" / "verdicts.jsonl").read_text().splitlines()),
        "curated": load_from_disk(run / "curated").to_list(),
        "adapter": (run / "student" / "adapter" / "adapter_model.safetensors").read_bytes(),
        "merged": (run / "student" / "merged" / "model.safetensors").read_bytes(),
        "student answers": sorted((run / "evaluation" / "student.samples.jsonl").read_text().splitlines()),
        "figures": {k: summary[k] for k in ("base", "student", "difference")},
        "card": (run / "published" / "README.md").read_text(),
    }


def test_killed_thirty_times_the_result_is_the_same(server: Server, recipe_file: Path, tmp_path: Path) -> None:
    rng = random.Random(20261121)
    reference = tmp_path / "reference"
    command = ["run", str(recipe_file), "train.num_train_epochs=1", "--run-dir"]
    assert server.run([*command, str(reference)]) == 0
    expected = outcome(reference)
    assert len(expected["samples"]) == len(set(expected["samples"])) == 48
    seconds = {s: json.loads((reference / "stages" / f"{s}.json").read_text())["seconds"] for s in STAGES}

    killed = dict.fromkeys(STAGES, 0)
    for stage in STAGES * KILLS_PER_STAGE:
        run = tmp_path / f"{stage}-{killed[stage]}"
        after = rng.random() * seconds[stage]
        died = server.run([*command, str(run)], {"log": str(run / "log.jsonl"), "stage": stage, "after": after}) == -9
        killed[stage] += 1
        assert died or stage == STAGES[-1]  # the last stage may have ended a moment before
        assert server.run([*command, str(run)]) == 0
        found = outcome(run)
        for name, value in expected.items():
            assert found[name] == value, f"{name} differs after a kill in {stage}, {after:.3f} s in"
    assert sum(killed.values()) == 30
