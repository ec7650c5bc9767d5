"""lm-eval (EleutherAI's lm-evaluation-harness): a task file for each model, and our verdict as its metric."""

from pathlib import Path

import yaml

from distill.evaluate.harness import Exam

_VERDICT = '''"""Written by distill: its verdicts in lm-eval. `distill` must be importable where lm-eval runs."""

from functools import partial

from distill.evaluate.harness_verdict import judged

process_results = partial(judged, {verify!r})
'''


def write_lm_eval(exam: Exam, folder: Path) -> list[str]:
    """Write a model's task; returns the words of the command that runs it."""
    spec = exam.protocol
    (folder / "verdict.py").write_text(_VERDICT.format(verify=exam.recipe.verify.model_dump_json()))
    metrics = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("correct", "exact_match")]
    take = {"function": "take_first_k", "k": spec.samples_per_problem}
    task = {
        "task": exam.task,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str((folder / f"{exam.who}.jsonl").resolve())}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "prompt",
        "doc_to_target": "answer",
        "target_delimiter": "",
        "num_fewshot": 0,
        "repeats": spec.samples_per_problem,
        "generation_kwargs": {"until": exam.stops, "max_gen_toks": spec.max_tokens, **exam.sampling()},
        "filter_list": [{"name": "all", "filter": [take]}],
        "metric_list": metrics,
        "metadata": {"version": 1},
    }
    text = yaml.safe_dump(task, sort_keys=False, allow_unicode=True)
    (folder / f"{exam.task}.yaml").write_text(f"{text}process_results: !function verdict.process_results\n")
    model = [f"pretrained={exam.model()}", *([f"revision={exam.revision()}"] if exam.revision() else [])]
    model += [f"dtype={exam.dtype()}", "add_bos_token=False"]  # the prompt has whatever begins it
    return [
        *("lm_eval", "run", "--model", "hf", "--model_args", *model, "--tasks", exam.task),
        *(
            "--include_path",
            str(folder),
            "--batch_size",
            str(exam.recipe.evaluate.batch_size),
            "--seed",
            str(exam.recipe.seed),
        ),
        *("--output_path", str(folder / "results"), "--log_samples"),
    ]
