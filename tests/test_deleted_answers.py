"""Answers that somebody deleted: others come under their names, and no verdict on the old ones may count for them."""

import json
from pathlib import Path
from typing import Any

import pytest

from distill.files import Log
from distill.recipe import Accept
from distill.records import Problem, Sampling, Trace, Verdict
from teachers.ledger import Ledger


def verdict(name: str) -> Verdict:
    return Verdict(trace_id=name, verdict="correct", extracted="1", reason="equal numbers", kind="math")


def trace(name: str, response: str) -> Trace:
    said = {"reasoning": "", "response": response, "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1}
    return Trace(id=name, problem_id=name[0], request=name, model="m", sampling=Sampling(), **said)


def all_right(path: Path, every: int = 1) -> int:
    """Turn each verdict into praise, so that an old one is known where it is used again."""
    lines = [json.loads(line) | {"verdict": "correct", "extracted": "7"} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return len(lines)


@pytest.mark.parametrize("torn", [b"", b'{"trace_id": "x'])
def test_records_are_left_out_and_the_log_goes_on(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "verdicts.jsonl"
    Log(path).append(map(verdict, "abcd"))
    kept = path.read_bytes().splitlines(keepends=True)[1::2]
    path.write_bytes(path.read_bytes() + torn)
    log = Log(path)
    log.leave_out(Verdict, lambda v: v.trace_id in "ac")
    assert path.read_bytes() == b"".join(kept)
    log.append([verdict("e")])
    assert [v.trace_id for v in Log(path).read(Verdict)] == ["b", "d", "e"]


def test_a_log_without_stale_records_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    Log(path).append(map(verdict, "ab"))
    before = path.stat()
    Log(path).leave_out(Verdict, lambda v: False)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("left", [0, 2])
def test_an_evaluation_judges_the_new_answers(distill: Any, tiny_model: Path, tmp_path: Path, left: int) -> None:
    """All of them are deleted, and asked for at another temperature; or some are."""
    sums, out = tmp_path / "sums.jsonl", tmp_path / "out"
    sums.write_text("".join(json.dumps({"question": f"{i} + {i}?", "answer": 2 * i}) + "\n" for i in range(4)))
    command = ["evaluate", tiny_model, "--problems", sums, "--out", out, "max_tokens=4"]
    assert distill(*command, "temperature=0.7").code == 0
    samples, verdicts = (out / f"sums/model.{part}.jsonl" for part in ("samples", "verdicts"))
    assert all_right(verdicts) == 4
    lines = samples.read_bytes().splitlines(keepends=True)
    if left:
        samples.write_bytes(b"".join(lines[:left]))
    else:
        samples.unlink()
    done = distill(*command, "temperature=0.7" if left else "temperature=1.5")
    assert done.code == 0, done.err
    figures = json.loads((out / "summary.json").read_text())["sets"]["sums"]["figures"]["model"]
    assert figures["accuracy"] == left / 4
    assert sorted(v.trace_id for v in Log(verdicts).read(Verdict)) == [f"sums-{i}/0" for i in range(4)]


def test_a_curve_judges_the_new_answers(distill: Any, tiny_model: Path, tmp_path: Path) -> None:
    sums, out = tmp_path / "sums.jsonl", tmp_path / "curve"
    sums.write_text("".join(json.dumps({"question": f"{i} + {i}?", "answer": 2 * i}) + "\n" for i in range(3)))
    command = ["scale", tiny_model, "--problems", sums, "--out", out, "--budgets", "4", "answer_tokens=4"]
    assert distill(*command).code == 0
    (samples,), (verdicts,) = (list(out.glob(f"*.{part}.jsonl")) for part in ("samples", "verdicts"))
    assert all_right(verdicts) == 3
    samples.unlink()
    assert distill(*command).code == 0
    assert {v.verdict for v in Log(verdicts).read(Verdict)} <= {"wrong", "unknown"}


def test_a_harvest_forgets_them(tmp_path: Path) -> None:
    problems = {n: Problem(id=n, question="q", answer="1", kind="math", source="t") for n in "ab"}
    samples, verdicts = Log(tmp_path / "samples.jsonl"), Log(tmp_path / "verdicts.jsonl")
    samples.append([trace("a/0", "\\boxed{1}")])
    verdicts.append([verdict("a/0"), verdict("b/0"), verdict("b/0").model_copy(update={"by": "judge"})])
    ledger = Ledger(verdicts, problems, 2, lambda *told: None, Accept())
    assert [(t.id, accepted) for t, accepted in ledger.resume(samples)] == [("a/0", True)]
    ledger.judge([trace("b/0", "\\boxed{2}")])
    assert [(v.trace_id, v.verdict) for v in verdicts.read(Verdict)] == [("a/0", "correct"), ("b/0", "wrong")]
