"""Bad input: exit 2, one sentence, nothing half done."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import refused

BAD = [
    (["train.learning_rat=1"], "unknown key 'train.learning_rat', did you mean 'learning_rate'?"),
    (["train.lora_r=many"], "'train.lora_r' is 'many'"),
    (["curate.traces_per_problem=2"], "more than harvest.samples_per_problem=1"),
    (["student.model=./nowhere"], "there is no model folder './nowhere'"),
    (["student.model=nowhere.gguf"], "there is no model file 'nowhere.gguf'"),
    (["student.model=package:no_such_package/x.gguf"], "'no_such_package', which is not installed"),
    (["student.model=package:json/x.gguf"], "holds no file 'x.gguf'"),
    (["student.model=someone/not-cached"], "neither a local folder nor to be had from the hub"),
    (["train.max_length=513"], "train.max_length=513 exceeds the context"),
    (["evaluate.max_tokens=512"], "evaluate.max_tokens=512 exceeds the context"),
    (["train.lora_target_modules=[nope]"], "has no layer 'nope'."),
    (["train.lora_target_modules=[q_proj, lm_head]"], "'lm_head' gives the scores of"),
    (["train.lora_target_modules=[]"], "should have at least 1 item"),
    (["student.dtype=float16"], "dtype=float16 needs a GPU"),
    (["problems.max_target=1000000000"], "should be less than or equal to 1000000"),
    (["train.lora_alpha=" + "9" * 400], "on the command line: 'train.lora_alpha' is 999"),
    (["train.lora_alpha=" + "9" * 5000], "override 'train.lora_alpha="),
    (["problems.count=yes"], "'problems.count' is True, but input should be a valid integer"),
    (["problems.count=1:30"], "'problems.count' is '1:30'"),
    (["problems.count=010"], "'problems.count' is '010'"),
    (["seed=true"], "'seed' is True"),
    (["evaluate.confidence=0.9999999999999999"], "evaluate.confidence"),
    (["student.model=~nobody-of-that-name/x"], "is no path"),
    (["student.model=" + "x" * 300 + "/y"], "is no path"),
    (["name=" + "x" * 300], "at most 100 characters"),
    (["...=1"], "'...' is no key"),
    (["train.max_length=64"], "rows exceed train.max_length=64 tokens"),
    (["teacher.budget=1", "teacher.strategy=bfs"], "all 48 traces were rejected"),
    (["problems.count=100000"], "ask for more Countdown problems than there are"),
    (["publish.hub_id=me/model"], "HF_TOKEN is not set"),
    (["train.learning_rate=1e-5"], "is far below what is known for lora"),
    (["train.learning_rate=0.01"], "nearly all such runs diverge"),
    (["curate.evaluation_sets=[nowhere.jsonl]"], "there is no file 'nowhere.jsonl'"),
    (["curate.mix=[{path: nowhere.jsonl, share: 0.2}]"], "curate.mix.path 'nowhere.jsonl' is no file"),
    (
        ["curate.domains={by: judge, judge: {model: m, base_urls: [http://h/v1], api_key_env: NO_SUCH_KEY}}"],
        "curate.domains.judge.api_key_env=NO_SUCH_KEY",
    ),
]


@pytest.mark.parametrize(("overrides", "said"), BAD, ids=[o[0][:40] for o, _ in BAD])
def test_bad_input_is_refused_and_leaves_no_half_stage(
    distill: Any, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], said: str
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    run = tmp_path / "run"
    refused(distill("run", recipe_file, *overrides, "--run-dir", run), said)
    for stage, output in (("curate", "curated"), ("train", "student/merged"), ("evaluate", "evaluation")):
        if not (run / "stages" / f"{stage}.json").exists():
            assert not (run / output).exists()


def file_recipe(tiny_recipe: dict[str, Any], tmp_path: Path, rows: list[dict[str, Any]]) -> Path:
    problems = tmp_path / "problems.jsonl"
    problems.write_text("".join(json.dumps(r) + "\n" for r in rows))
    tiny_recipe["problems"] = {
        "source": "file",
        "path": str(problems),
        "layout": "gsm8k",
        "count": 4,
        "held_out": 2,
        "id_key": "id",
    }
    tiny_recipe["teacher"] = {
        "kind": "local",
        "model": tiny_recipe["student"]["model"],
        "dtype": "float32",
        "batch_size": 4,
    }
    tiny_recipe["harvest"] = {"max_tokens": 8}
    path = tmp_path / "file.yaml"
    path.write_text(json.dumps(tiny_recipe))
    return path


def gsm(i: int) -> dict[str, Any]:
    return {"id": i, "question": f"What is {i} plus 1?", "answer": f"It is <<{i}+1={i + 1}>>.\n#### {i + 1}"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "holds no problems"),
        ([gsm(0)] * 8, "ids that occur more than once"),
        ([gsm(i) for i in range(3)], "has 3 problems, fewer than"),
        ([{"id": 1, "q": "?"}], "row 1: 'question' is missing (there are: id, q)"),
        ([{"id": i, "question": "?", "answer": "4"} for i in range(9)], "has no '####'"),
    ],
)
def test_bad_problem_files(
    distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path, rows: list[dict[str, Any]], said: str
) -> None:
    path = file_recipe(tiny_recipe, tmp_path, rows)
    refused(distill("run", path, "--run-dir", tmp_path / "run"), said)
    assert not (tmp_path / "run" / "problems.parquet").exists()


def test_missing_problem_file(distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    path = file_recipe(tiny_recipe, tmp_path, [gsm(0)])
    refused(
        distill("run", path, "problems.path=nowhere.jsonl", "--run-dir", tmp_path / "run"), "'nowhere.jsonl' is no file"
    )


def test_a_real_teacher_on_real_problems(distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    """Nothing is made for Countdown alone: a model in process teaches from a file in GSM8K's layout."""
    path = file_recipe(tiny_recipe, tmp_path, [gsm(i) for i in range(8)])
    run = tmp_path / "run"
    accept = "curate.require_verdict=any_i_accept_wrong_traces"  # a random model is never right
    none_finished = distill("run", path, accept, "--run-dir", run)
    refused(none_finished, "no trace is left after the step 'finished'")
    verdicts = [json.loads(line) for line in (run / "traces" / "verdicts.jsonl").open()]
    assert {(v["verdict"], v["reason"]) for v in verdicts} == {("wrong", "cut at max_tokens")}
    assert not list((run / "stages").glob("train*"))


def test_no_memory_for_the_student(
    distill: Any, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("students.plan.available_memory", lambda: (1 << 20, "memory"))
    outcome = distill("run", recipe_file, "--run-dir", tmp_path / "run")
    refused(outcome, "the student needs about")
    assert "gradient_checkpointing" in outcome.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("arguments", [["nonsense"], ["run"], ["run", "x", "--nonsense"], ["verify", "x"]])
def test_usage_errors_exit_2(distill: Any, arguments: list[str]) -> None:
    refused(distill(*arguments), "")
