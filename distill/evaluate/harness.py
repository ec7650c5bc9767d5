"""An evaluation of ours as other harnesses can run it: problems, prompts, settings, and the command.

Prompts are written as the chat template renders them, token for token what our engines send, so nothing depends on how
a harness puts system messages, examples and templates together. Whatever else shapes an answer is set and not left to
defaults: a checkpoint's own generation config often holds a repetition penalty or top-k, which a harness takes over.
"""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from distill import models
from distill.errors import Refused
from distill.evaluate.protocols import Protocol, protocol_of
from distill.evaluate.sets import problem_sets
from distill.files import write_json, write_rows
from distill.problems import read_problems
from distill.recipe import Recipe
from distill.recipe_evaluate import HELD_OUT, EvaluationSet
from distill.records import Problem
from distill.run import OUTPUTS, read_seal

Harness = Literal["lm-eval", "lighteval"]


@dataclass(frozen=True)
class Exam:
    """One model before our held-out problems."""

    who: str
    source: models.ModelSource
    recipe: Recipe
    protocol: Protocol
    problems: list[Problem]
    prompts: list[str]
    """As the chat template renders them, in the order of the problems."""
    stops: list[str]
    """Tokens that end an answer, as text."""

    @property
    def task(self) -> str:
        """Name of the task in another harness."""
        return f"distill_{self.who}"

    def sampling(self) -> dict[str, Any]:
        """Arguments of transformers' `generate` that say what the recipe does, and nothing of the checkpoint's own."""
        said = self.protocol
        chosen = {"temperature": said.temperature, "top_p": said.top_p, "top_k": 0} if said.temperature else {}
        return {"do_sample": said.temperature > 0, **chosen, "repetition_penalty": 1.0}

    def model(self) -> str:
        """The model as another program finds it."""
        return str(Path(self.source.folder).resolve()) if self.source.is_local else self.source.folder

    def revision(self) -> str | None:
        return None if self.source.is_local else self.source.revision

    def dtype(self) -> str:
        return str(models.compute_dtype(self.protocol.dtype)[0]).removeprefix("torch.")

    def rows(self) -> list[dict[str, Any]]:
        """The problems with their prompts; `data` is JSON, which tables of one schema need."""
        return [
            {"id": p.id, "prompt": prompt, "question": p.question, "answer": p.answer, "kind": p.kind}
            | {"data": json.dumps(p.data)}
            for p, prompt in zip(self.problems, self.prompts, strict=True)
        ]


def export_for(harness: Harness, run: Path, out: Path) -> list[str]:
    """Write what a harness needs to repeat a run's evaluation; returns the commands for base and student.

    A base that is a GGUF file has none: others load its weights with other arithmetic.

    Raises:
        Refused: no run, or no trained student in it.
    """
    from distill.evaluate.harness_lighteval import write_lighteval
    from distill.evaluate.harness_lm_eval import write_lm_eval

    exams = _exams(run)
    out.mkdir(parents=True, exist_ok=True)
    commands = []
    for exam in exams:
        write_rows(out / f"{exam.who}.jsonl", exam.rows())
        words = write_lm_eval(exam, out) if harness == "lm-eval" else write_lighteval(exam, out)
        commands.append(shlex.join(words))
    write_json(out / "protocol.json", _protocol(exams[-1], commands))
    return commands


def _exams(run: Path) -> list[Exam]:
    from distill.recipe_file import load

    if not (run / "recipe.yaml").is_file():
        raise Refused(f"{run} holds no run (no recipe.yaml in it).")
    recipe = load(str(run / "recipe.yaml"))
    stage = "train" if recipe.on_policy is None else "on_policy"
    if read_seal(run, stage) is None:
        raise Refused(f"{run} holds no trained student.", f"`distill run RECIPE --until {stage}` makes one.")
    held = [p for p in read_problems(run / OUTPUTS["problems"]) if p.held_out]
    student = models.resolve(str(run / OUTPUTS[stage] / "merged"))
    base = models.of_student(recipe.student)
    contestants = {"base": base, "student": student} if base.gguf_file is None else {"student": student}
    return [exam(who, source, recipe, held) for who, source in contestants.items()]


def exam(who: str, source: models.ModelSource, recipe: Recipe, problems: list[Problem]) -> Exam:
    """A model before problems, under a recipe's protocol."""
    tokenizer = models.tokenizer(source)
    spec = next((one for one in recipe.evaluate.sets if one.name == HELD_OUT), EvaluationSet(name=HELD_OUT))
    (asked,) = problem_sets([spec], problems, recipe.seed)
    protocol = protocol_of(recipe.evaluate, asked, recipe.student.dtype, recipe.student_prompt())
    prompts = [
        tokenizer.apply_chat_template(protocol.prompt.messages(p.question), add_generation_prompt=True, tokenize=False)
        for p in problems
    ]
    stops = sorted({tokenizer.eos_token, *tokenizer.convert_ids_to_tokens(sorted(models.known_stops(source)))})
    return Exam(who, source, recipe, protocol, problems, prompts, stops)


def _protocol(last: Exam, commands: list[str]) -> dict[str, Any]:
    """What the files beside it mean, for a reader."""
    return {
        "n": len(last.problems),
        "k": last.protocol.samples_per_problem,
        "max_tokens": last.protocol.max_tokens,
        "seed": last.recipe.seed,
        "sampling": last.sampling(),
        "dtype": last.dtype(),
        "stops": last.stops,
        "commands": commands,
    }
