"""An endpoint's harvest through the command: recipe to curated set, full disks, a hundred thousand problems."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stub_server import DONE, USAGE, StubServer, answer, opening, piece
from test_accept import sums

from distill.files import Log
from distill.problems import make_problems
from distill.records import Trace, derived_seed
from teachers.harvest import harvest


def test_a_recipe_with_an_endpoint(tmp_path: Path, tiny_model: Path) -> None:
    """From the command line: harvested, judged, curated; a wrong answer and a cut one are thrown away."""

    def script(body: dict[str, Any], _: int) -> list[Any]:
        a, b = re.findall(r"\d+", body["messages"][0]["content"])
        text = f"<think>\n{a} and {b}\n</think>\n\n\\boxed{{{int(a) + int(b) + (a == '3')}}}"
        return [opening(), piece("length" if a == "4" else "stop", content=text), USAGE, DONE]

    with StubServer(script) as server:
        teacher = {"kind": "endpoint", "model": "r1", "base_urls": [server.url], "api_key_env": "SUMS_KEY"}
        recipe = written_sums(tmp_path, server.url, 45, tiny_model, teacher=teacher)
        command = ["-m", "distill", "run", str(recipe), "--until", "curate"]
        done = distilled(*command, cwd=tmp_path)
        assert done.returncode == 2
        assert "SUMS_KEY, and that variable is not set" in done.stderr
        assert not server.bodies
        done = distilled(*command, cwd=tmp_path, SUMS_KEY="sk-1234")
        assert done.returncode == 0, done.stderr
        asked = {body["messages"][0]["content"] for body in server.bodies}
        assert len(server.bodies) == len(asked) == 35
    bad = sum(f"is {n} plus" in question for question in asked for n in (3, 4))
    assert f"curate: {35 - bad} of 35 traces chosen" in done.stderr
    for path in (tmp_path / "runs").rglob("*"):
        assert path.is_dir() or b"sk-1234" not in path.read_bytes()


SMALL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from distill.cli import main
main(sys.argv[2:])
"""
"""A limit on file sizes plays the full disk in a real process."""


def written_sums(tmp_path: Path, url: str, problems: int, student: Path, **sections: Any) -> Path:
    rows = [{"question": f"What is {i} plus {i + 1}?", "answer": str(2 * i + 1)} for i in range(problems)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = {
        "name": "sums",
        "problems": {"source": "file", "path": str(tmp_path / "sums.jsonl"), "held_out": 10},
        "teacher": {"kind": "endpoint", "model": "r1", "base_urls": [url]},
        "student": {"model": str(student)},
        "train": {"max_length": 512},
        "evaluate": {"max_tokens": 64},
        **sections,
    }
    (tmp_path / "sums.yaml").write_text(json.dumps(recipe))
    return tmp_path / "sums.yaml"


def distilled(*command: str, cwd: Path, seconds: float = 300, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])} | variables
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, env=environment, timeout=seconds
    )


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_full_disk_loses_nothing(tmp_path: Path, tiny_model: Path, adaptive: bool) -> None:
    """What was on disk is not asked again; with room the same command finishes, every sample once."""
    sections = {"harvest": {"accepted_per_problem": 1}} if adaptive else {}
    with StubServer(lambda body, _: sum_of(body)) as server:
        recipe = written_sums(tmp_path, server.url, 310, tiny_model, **sections)
        arguments = ["run", str(recipe), "--until", "harvest"]
        done = distilled("-c", SMALL_DISK, "40000", *arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "cannot be written" in done.stderr
        assert "Traceback" not in done.stderr
        log = tmp_path / "runs" / "sums" / "traces" / "samples.jsonl"
        kept = len(log.read_bytes().split(b"\n")) - 1
        assert 0 < kept < 300
        asked = len(server.bodies)
        done = distilled("-m", "distill", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert len(server.bodies) == asked + 300 - kept
    traces = Log(log).read(Trace)
    assert len({t.id for t in traces}) == len(traces) == 300


def sum_of(body: dict[str, Any]) -> list[Any]:
    a, b = re.findall(r"\d+", body["messages"][0]["content"])
    return answer(f"\\boxed{{{int(a) + int(b)}}}")


@pytest.mark.parametrize("covered", [2000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_hundred_thousand_problems(tmp_path: Path, tiny_model: Path, covered: int) -> None:
    """Through the command."""
    with StubServer(lambda body, _: sum_of(body)) as server:
        recipe = written_sums(
            tmp_path,
            server.url,
            100_010,
            tiny_model,
            teacher={"kind": "endpoint", "model": "r1", "base_urls": [server.url], "concurrency": 512},
            harvest={"samples_per_problem": 4, "accepted_per_problem": 1, "covered_problems": covered},
        )
        done = distilled("-m", "distill", "run", str(recipe), "--until", "harvest", cwd=tmp_path, seconds=550)
        assert done.returncode == 0, done.stderr
        assert covered <= len(server.bodies) <= min(covered + 512, 100_000)
    ids = set()
    for trace in Log(tmp_path / "runs" / "sums" / "traces" / "samples.jsonl").each(Trace):
        number = int(trace.problem_id.rsplit("-", 1)[1])
        assert trace.response == f"\\boxed{{{2 * number + 1}}}"
        ids.add(trace.id)
    assert len(ids) == len(server.bodies)


def test_a_harvest_that_stops_at_the_first_accepted_answer(tmp_path: Path) -> None:
    """Right or wrong by the sample's seed alone, so the samples that one by one would give are known."""

    def script(body: dict[str, Any], _: int) -> list[Any]:
        a, b = re.findall(r"\d+", body["messages"][0]["content"])
        return answer(f"\\boxed{{{int(a) + int(b) + (body['seed'] % 3 > 0)}}}")

    with StubServer(script) as server:
        parsed = sums(tmp_path, server.url, harvest={"samples_per_problem": 8, "accepted_per_problem": 1})
        made = make_problems(parsed.problems, parsed.seed)
        counts = harvest(parsed, made, tmp_path / "traces", lambda *_: None)
        asked = len(server.bodies)
        again = harvest(parsed, made, tmp_path / "traces", lambda *_: None)
        assert len(server.bodies) == asked, "a finished harvest asks for nothing"
    expected = 0
    for problem in (p for p in made if not p.held_out):
        good = [i for i in range(8) if derived_seed(parsed.seed, problem.id, i) % 3 == 0]
        expected += good[0] + 1 if good else 8
    assert counts["samples"] == asked == expected < 8 * 50
    assert counts == again
