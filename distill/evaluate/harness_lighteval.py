"""lighteval (Hugging Face): a task and a model file for each model, and our verdict as the metric."""

import shutil
from pathlib import Path

import yaml

from distill.errors import Refused
from distill.evaluate.harness import Exam
from distill.files import write_rows

_TASK = '''"""Written by distill: a task for lighteval. `distill` must be importable where it runs."""

import numpy as np
from lighteval.metrics.metrics_sample import SampleLevelComputation
from lighteval.metrics.utils.metric_utils import SampleLevelMetric
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod

from distill.evaluate.harness_verdict import correct_share


class Verdict(SampleLevelComputation):
    def compute(self, doc, model_response, **kwargs):
        return correct_share({verify!r}, doc.specific, list(model_response.text))


def asked(line, task_name=None):
    return Doc(task_name=task_name, query=line["prompt"], choices=[line["answer"]], gold_index=0, specific=dict(line))


TASKS_TABLE = [
    LightevalTaskConfig(
        name={name!r},
        prompt_function=asked,
        hf_repo={data!r},
        hf_subset="default",
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        generation_size={max_tokens},
        stop_sequence={stops!r},
        num_samples=[{samples}],
        metrics=[
            SampleLevelMetric(
                metric_name="correct",
                higher_is_better=True,
                category=SamplingMethod.GENERATIVE,
                sample_level_fn=Verdict(),
                corpus_level_fn=np.mean,
            )
        ],
    )
]
'''


def write_lighteval(exam: Exam, folder: Path) -> list[str]:
    """Write a model's task, its problems and its model file; returns the words of the command that runs it.

    Raises:
        Refused: one sampled answer a problem, where lighteval leaves it to the checkpoint whether it samples at all.
    """
    spec = exam.protocol
    if spec.temperature > 0 and spec.samples_per_problem == 1:
        raise Refused(
            "lighteval samples one answer a problem only where the checkpoint's own generation config does.",
            "Set evaluate.samples_per_problem to 2 or more, or evaluate.temperature to 0.",
        )
    data = folder / f"{exam.who}_data"
    data.mkdir(exist_ok=True)
    write_rows(data / "test.jsonl", exam.rows())
    task = _TASK.format(
        verify=exam.recipe.verify.model_dump_json(),
        name=exam.task,
        data=str(data.resolve()),
        max_tokens=spec.max_tokens,
        stops=exam.stops,
        samples=spec.samples_per_problem,
    )
    (folder / f"{exam.task}.py").write_text(task)
    model = {
        "model_name": _model(exam, folder),
        **({"revision": exam.revision()} if exam.revision() else {}),
        "dtype": exam.dtype(),
        "batch_size": exam.recipe.evaluate.batch_size,
        "add_special_tokens": False,  # the prompt has whatever begins it
        "override_chat_template": False,  # the prompt is rendered already
        # the limit stands in the task: max_new_tokens here would cut prompts to as many tokens (lighteval 0.13)
        "generation_parameters": {
            "temperature": spec.temperature,
            "top_p": spec.top_p,
            "repetition_penalty": 1.0,
            **({"top_k": 0} if spec.temperature else {}),
        },
    }
    settings = folder / f"{exam.task}.model.yaml"
    settings.write_text(yaml.safe_dump({"model_parameters": model}, sort_keys=False))
    return [
        *(
            "lighteval",
            "accelerate",
            str(settings),
            f"{exam.task}|0",
            "--custom-tasks",
            str(folder / f"{exam.task}.py"),
        ),
        *("--output-dir", str(folder / "results"), "--save-details"),
    ]


def _model(exam: Exam, folder: Path) -> str:
    """Name of the model; a folder of links to its files, since lighteval writes its cache into that of the model."""
    if not exam.source.is_local:
        return exam.model()
    at = (folder / f"{exam.who}_model").resolve()
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir()
    for file in Path(exam.model()).iterdir():
        (at / file.name).symlink_to(file)
    return str(at)
