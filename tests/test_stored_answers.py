"""What is there already is not sampled again: through a run whose recipe changed, and through the same folder."""

import json
import shutil
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import answered
import pytest
import tiny
from commands import refused
from stub_server import StubServer, answer, status

from distill.cli import main
from distill.evaluate import stored
from distill.evaluate.sampling import Answers
from distill.evaluate.sets import ProblemSet
from distill.files import Log
from distill.recipe_evaluate import EvaluationSet
from distill.records import Trace, Verdict
from teachers.local import LocalModel

SUMMARY_ONLY = ("evaluate.confidence=0.8", "evaluate.bootstrap=problems_and_samples", "evaluate.ties=shared")
SEVERAL = ("evaluate.samples_per_problem=2", "evaluate.temperature=0.7")


def summary(folder: Path) -> bytes:
    return (folder / "summary.json").read_bytes()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Who was asked how often, in this process."""
    found: Counter[str] = Counter()
    ask = LocalModel.answer

    async def counted(self: LocalModel, request: Any) -> Any:
        found[self.name] += 1
        return await ask(self, request)

    monkeypatch.setattr(LocalModel, "answer", counted)
    return found


@pytest.fixture(scope="module")
def finished(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe, and a run of it that is done up to the evaluation."""
    at = tmp_path_factory.mktemp("finished")
    (at / "tiny.yaml").write_text(json.dumps(tiny.recipe(tiny_model)))
    with pytest.raises(SystemExit) as ended:
        main(["run", str(at / "tiny.yaml"), *SEVERAL, "--until", "evaluate", "--run-dir", str(at / "run")])
    assert not ended.value.code
    return at


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished / "run", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def recipe_file(finished: Path) -> Path:
    return finished / "tiny.yaml"


def test_keys_of_the_summary_alone_sample_nothing(
    distill: Any, recipe_file: Path, run: Path, asked: Counter[str], tmp_path: Path
) -> None:
    """To the byte what a run has that knew them from the start; the old summary stays, and comes back."""
    old, words = summary(run / "evaluation"), [recipe_file, *SEVERAL, *SUMMARY_ONLY]
    done = distill("evaluate", *words, "--run-dir", run)
    assert done.code == 0, done.err
    assert not asked
    assert "answers are taken over from an earlier recipe: base on held_out, student on held_out\n" in done.err
    changed = summary(run / "evaluation")
    assert json.loads((run / "stages/evaluate.json").read_text())["counts"] == json.loads(changed)
    assert distill("evaluate", recipe_file, *SEVERAL, "--run-dir", run).code == 0
    assert summary(run / "evaluation") == old != changed
    assert not asked
    for made in (*run.glob("evaluation*"), *run.glob("stages/evaluate*")):
        made.rename(tmp_path / made.name)
    assert distill("evaluate", *words, "--run-dir", run).code == 0
    assert asked == {"base": 24, "student": 24}
    assert summary(run / "evaluation") == changed


def test_the_report_says_that_answers_were_there(distill: Any, recipe_file: Path, run: Path) -> None:
    """Else the seconds of a summary would stand beside thousands of answers."""
    said = "those of an earlier recipe were taken over"
    for words, there in (([], False), (SUMMARY_ONLY, True), ([], False)):
        done = distill("evaluate", recipe_file, *SEVERAL, *words, "--run-dir", run)
        assert done.code == 0, done.err
        assert distill("report", run).code == 0
        assert (said in (run / "report.html").read_text(encoding="utf-8")) == there


@pytest.mark.parametrize("copies", range(4))
def test_an_end_while_answers_are_taken_over_loses_nothing(
    distill: Any, recipe_file: Path, run: Path, asked: Counter[str], monkeypatch: pytest.MonkeyPatch, copies: int
) -> None:
    """After none, one, ... of the four files: the same command takes over the others, and samples nothing."""
    words = ["evaluate", recipe_file, *SEVERAL, *SUMMARY_ONLY, "--run-dir", run]
    copy, left = stored._copy, iter(range(copies))

    def ends(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        copy(source, target)

    monkeypatch.setattr(stored, "_copy", ends)
    assert distill(*words).code == 130
    monkeypatch.setattr(stored, "_copy", copy)
    done = distill(*words)
    assert done.code == 0, done.err
    assert not asked
    found = json.loads(summary(run / "evaluation"))["sets"]["held_out"]
    assert found["protocol"]["confidence"] == 0.8
    assert (
        found["protocol"]["machine"]
        == json.loads(summary(next(run.glob("evaluation.*"))))["sets"]["held_out"]["protocol"]["machine"]
    )


def test_more_samples_and_a_teacher_ask_only_for_these(
    distill: Any, recipe_file: Path, run: Path, asked: Counter[str]
) -> None:
    more = ["evaluate.samples_per_problem=3", "evaluate.temperature=0.7", "evaluate.teacher=true"]
    assert distill("evaluate", recipe_file, *more, "--run-dir", run).code == 0
    assert asked == {"base": 12, "student": 12}
    for who in ("base", "student", "teacher"):
        traces = Log(run / f"evaluation/held_out/{who}.samples.jsonl").read(Trace)
        assert len({t.id for t in traces}) == len(traces) == 36


def test_what_shapes_answers_samples_them_again(
    distill: Any, recipe_file: Path, run: Path, asked: Counter[str]
) -> None:
    """Of a student that was trained otherwise the base is the same."""
    for words in (["evaluate.max_tokens=11"], ["evaluate.prompt.preset=boxed"]):
        assert distill("evaluate", recipe_file, *SEVERAL, *words, "--run-dir", run).code == 0
        assert asked == {"base": 24, "student": 24}
        asked.clear()
    words = [*SEVERAL, "train.learning_rate=0.002", "--until", "evaluate", "--run-dir", run]
    assert distill("run", recipe_file, *words).code == 0
    assert asked == {"student": 24}


def test_other_rules_judge_again(distill: Any, tmp_path: Path) -> None:
    """In a folder of its own as well: answers stay, verdicts do not."""
    sums = tmp_path / "sums.jsonl"
    sums.write_text("".join(json.dumps({"question": f"{i}?", "answer": f"{i}\\%"}) + "\n" for i in range(1, 7)))
    with StubServer(lambda body, _: answer(f"\\boxed{{{body['messages'][-1]['content'].partition('?')[0]}}}")) as stub:
        command = ["evaluate", f"{stub.url}#m", "--problems", sums]
        for out in ("out", "fresh"):
            assert distill(*command, *(["verify.math.percent=hundredth"] * (out == "fresh")), "--out", tmp_path / out)
        assert len(stub.bodies) == 12
        right, wrong = ([v.verdict for v in verdicts(tmp_path / out)] for out in ("out", "fresh"))
        assert (right, wrong) == (["correct"] * 6, ["wrong"] * 6)
        done = distill(*command, "verify.math.percent=hundredth", "confidence=0.9", "--out", tmp_path / "out")
        assert done.code == 0, done.err
        assert (
            distill(*command, "verify.math.percent=hundredth", "confidence=0.9", "--out", tmp_path / "fresh").code == 0
        )
        assert len(stub.bodies) == 12
        assert [v.verdict for v in verdicts(tmp_path / "out")] == wrong
        assert summary(tmp_path / "out") == summary(tmp_path / "fresh")
        refused(
            distill(*command, "endpoint.extra_body={top_k: 3}", "--out", tmp_path / "out"),
            "the engine options of model was {} and is {'extra_body': {'top_k': 3}}",
        )


def verdicts(out: Path) -> list[Verdict]:
    return Log(out / "sums/model.verdicts.jsonl").read(Verdict)


def test_a_refusal_leaves_no_note_behind(distill: Any, tiny_model: Path, tmp_path: Path) -> None:
    """Whoever mends what was refused is not told of answers that there are none of."""
    sums, out = tmp_path / "sums.jsonl", tmp_path / "out"
    sums.write_text(json.dumps({"question": "1+1?", "answer": "2"}) + "\n")
    command = ["evaluate", tiny_model, "--problems", sums, "--out", out]
    refused(distill(*command, "max_tokens=600"), "exceed the context")
    assert distill(*command, "max_tokens=6").code == 0


def test_a_failure_before_the_first_answer_binds_nobody(distill: Any, tmp_path: Path) -> None:
    sums, out = tmp_path / "sums.jsonl", tmp_path / "out"
    sums.write_text(json.dumps({"question": "1+1?", "answer": "2"}) + "\n")
    with StubServer(lambda body, _: status(401) if body["temperature"] else answer("\\boxed{2}")) as stub:
        command = ["evaluate", f"{stub.url}#m", "--problems", sums, "--out", out]
        assert distill(*command, "temperature=0.5").code == 1
        assert distill(*command, "temperature=0").code == 0


def test_the_texts_of_answers_stay_on_disk(tmp_path: Path) -> None:
    """64 answers to each of 10,000 problems are gigabytes; a summary holds how each ended, and its verdict."""
    problem, path = answered.problem("p"), tmp_path / "s" / "model.samples.jsonl"
    path.parent.mkdir()
    for index in range(30):
        Log(path).append([answered.trace("p", index, response="so\n" + "x" * 1_000_000)])
    asked = ProblemSet("s", EvaluationSet(path="s.jsonl"), [problem])
    verdicts = [Verdict(trace_id=f"p/{i}", verdict="wrong", extracted=None, reason="r", kind="math") for i in range(30)]
    Log(tmp_path / "s" / "model.verdicts.jsonl").append(verdicts)
    answers = Answers("model", asked, tmp_path, lambda *told: None)
    tracemalloc.start()
    pairs = answers.pairs(30)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pairs) == 30
    assert held < 1_000_000
