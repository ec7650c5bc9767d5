"""The stages in their order; what is sealed is not done again.

    problems -> harvest -> curate -> train [-> on_policy] -> evaluate -> publish

Each stage is a function from files to files. Its fingerprint covers the recipe sections named in
`SECTIONS`, the seed, and the fingerprints of the stages named in `INPUTS`.
"""

import errno
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from distill import __version__
from distill.errors import DistillError, Refused
from distill.files import cannot_write
from distill.folders import FULL, UNWRITABLE
from distill.notices import doing
from distill.progress import Progress
from distill.recipe import LocalTeacher, Recipe, VLLMTeacher
from distill.records import Problem, digest
from distill.run import Run, Seal, read_seal
from distill.run_log import StageBegins, StageSealed, StageSkipped, StageStopped
from distill.token_scores import Score

SECTIONS: dict[str, tuple[str, ...]] = {
    "problems": ("problems",),
    "harvest": ("teacher", "harvest", "verify"),
    "curate": ("curate", "student.prompt"),
    "train": ("student", "train"),
    "on_policy": ("on_policy", "student.prompt"),
    "evaluate": ("student", "evaluate"),
    "publish": ("publish",),
}
INPUTS: dict[str, tuple[str, ...]] = {
    "problems": (),
    "harvest": ("problems",),
    "curate": ("problems", "harvest"),
    "train": ("curate", "problems"),
    "on_policy": ("problems", "curate", "train"),
    "evaluate": ("problems", "train", "on_policy"),
    "publish": ("problems", "curate", "train", "on_policy", "evaluate"),
}
STAGES = tuple(SECTIONS)
"""All that there can be; `stages_of` says which a recipe has."""

WITHOUT_EFFECT: dict[str, frozenset[str]] = {
    "teacher": frozenset(
        """base_urls api_key_env concurrency timeout_seconds max_answer_seconds max_retries start_timeout_seconds
        tensor_parallel_size pipeline_parallel_size data_parallel_size max_num_seqs gpu_memory_utilization
        kv_cache_memory_bytes replicas ray_address cpus_per_replica price""".split()
    ),
    "curate": frozenset({"engine", "workers"}),
    "train": frozenset({"save_steps", "accept_learning_rate", "devices", "sharding", "probe"}),
    "on_policy": frozenset({"save_steps", "accept_other_template", "teacher"}),
}
"""Keys that say how work is done and not what comes of it: to change one of them redoes nothing."""

FORMAT = 4
"""Raised when a stage's output of an earlier version must not be taken for one of this."""


def stages_of(recipe: Recipe) -> tuple[str, ...]:
    """The stages of a recipe, in their order: the second stage of training only where it has one."""
    return tuple(stage for stage in STAGES if stage != "on_policy" or recipe.on_policy is not None)


def inputs_of(recipe: Recipe, stage: str) -> tuple[str, ...]:
    """The stages whose outputs a stage reads."""
    return tuple(needed for needed in INPUTS[stage] if needed in stages_of(recipe))


def fingerprints(recipe: Recipe) -> dict[str, str]:
    """Fingerprint of every stage of a recipe.

    Raises:
        Refused: a problem file, a model, an evaluation set or general data that is not there.
    """
    from distill import models
    from distill.curate.decontamination.evaluation_sets import outside_fingerprint
    from distill.problems import source_fingerprint

    outside: dict[str, Any] = {
        "problems": source_fingerprint(recipe.problems),
        "train": models.of_student(recipe.student).fingerprint(),
    }
    if isinstance(recipe.teacher, LocalTeacher | VLLMTeacher):
        outside["harvest"] = models.resolve(recipe.teacher.model, recipe.teacher.revision).fingerprint()
    if recipe.curate.evaluation_sets or recipe.curate.mix:
        outside["curate"] = outside_fingerprint(recipe.curate)
    if recipe.on_policy is not None:
        outside["on_policy"] = _judging_teacher(recipe)
    outside["evaluate"] = _evaluated(recipe)
    found: dict[str, str] = {}
    for stage in stages_of(recipe):
        sections = {name: _section(recipe, name) for name in SECTIONS[stage]}
        inputs = [found[name] for name in inputs_of(recipe, stage)]
        found[stage] = digest([FORMAT, stage, recipe.seed, sections, inputs, outside.get(stage)])
    return found


def refuse_missing_inputs(recipe: Recipe, folder: Path, stages: tuple[str, ...]) -> None:
    """Refuse stages whose inputs are not there, before anything of the run is touched.

    Raises:
        Refused: naming the stage that has to be done first.
    """
    wanted = fingerprints(recipe)
    for stage in (stage for stage in stages if stage in wanted):
        for needed in inputs_of(recipe, stage):
            if needed not in stages and not _is_sealed(read_seal(folder, needed), wanted[needed]):
                raise _not_done(stage, needed, folder)


def run_stages(run: Run, stages: tuple[str, ...], progress: Progress) -> dict[str, Seal]:
    """Do the given stages of a run, in order, skipping those that are sealed.

    Raises:
        Refused: a stage's input is not sealed under the present recipe, or the stage refuses.
        DistillError: a stage failed; what it had done is kept.
    """
    wanted = fingerprints(run.recipe)
    return {stage: _run_stage(run, stage, wanted, progress) for stage in stages if stage in wanted}


def is_done(recipe: Recipe, folder: Path, stage: str) -> bool:
    """Is a stage sealed in a run directory, as this recipe wants it?"""
    return _is_sealed(read_seal(folder, stage), fingerprints(recipe)[stage])


def _is_sealed(seal: Seal | None, fingerprint: str) -> bool:
    return seal is not None and seal.fingerprint == fingerprint


def _not_done(stage: str, needed: str, folder: Path) -> Refused:
    return Refused(
        f"stage '{stage}' needs '{needed}', which is not done in {folder} for this recipe.",
        f"`distill run RECIPE --until {needed}` does it; `distill run RECIPE` does all.",
    )


def _run_stage(run: Run, stage: str, wanted: dict[str, str], progress: Progress) -> Seal:
    for needed in inputs_of(run.recipe, stage):
        if not _is_sealed(run.seal_of(needed), wanted[needed]):
            raise _not_done(stage, needed, run.folder)
    seal = run.seal_of(stage)
    if seal is not None and seal.fingerprint == wanted[stage]:
        run.log(StageSkipped(stage=stage, why="already done"))
        progress.skipped(stage, seal)
        return seal
    moved = run.begin(stage, wanted[stage])
    if moved:
        progress.notice(f"{stage}: what another recipe made is kept as {moved}")
    seal = run.seal_of(stage)
    if seal is not None and seal.fingerprint == wanted[stage]:
        run.log(StageSkipped(stage=stage, why="brought back from an earlier recipe"))
        progress.skipped(stage, seal, "brought back from an earlier recipe")
        return seal
    run.log(StageBegins(stage=stage, fingerprint=wanted[stage], version=__version__))
    progress.begins(stage, wanted[stage])
    started = time.monotonic()
    with _noting_time(run, stage, started):
        counts = _WORK[stage](run, progress)
        seal = run.seal(stage, wanted[stage], counts, time.monotonic() - started)
    run.log(StageSealed(stage=stage, seconds=round(seal.seconds, 2), counts=counts))
    progress.ends(stage, seal)
    return seal


@contextmanager
def _noting_time(run: Run, stage: str, started: float) -> Any:
    """Log how a stage ended early, and turn a full disk into its sentence."""
    try:
        yield
    except OSError as e:
        with suppress(OSError):
            run.log(StageStopped(stage=stage, reason=str(e)))
        if e.errno in UNWRITABLE:
            raise cannot_write(e.filename or run.folder, e) from e
        raise
    except (Exception, KeyboardInterrupt) as e:
        full = shutil.disk_usage(run.folder).free < FULL
        if not full:
            run.log(StageStopped(stage=stage, reason=str(e) or type(e).__name__))
            run.note_time(stage, time.monotonic() - started)
        if full and not isinstance(e, DistillError | KeyboardInterrupt):  # libraries say it in many ways
            raise cannot_write(run.folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from e
        raise


def _problems(run: Run, progress: Progress) -> dict[str, Any]:
    from distill.evaluate.gold import refuse_broken_gold
    from distill.evaluate.sets import problem_sets
    from distill.problems import make_problems, write_problems
    from distill.verify import configure

    configure(run.recipe.verify)
    left_out: Counter[str] = Counter()
    with doing("reads or makes the problems"):
        problems = make_problems(run.recipe.problems, run.recipe.seed, left_out)
    held_out = [p for p in problems if p.held_out]
    for asked in problem_sets(run.recipe.evaluate.sets, held_out, run.recipe.seed):
        refuse_broken_gold(asked.problems)  # now, not after the teacher was paid
    write_problems(run.output("problems"), problems)
    held = len(held_out)
    told = {"left_out": dict(left_out.most_common())} if left_out else {}
    return {"problems": len(problems) - held, "held_out": held, **told}


def _harvest(run: Run, progress: Progress) -> dict[str, Any]:
    from distill.problems import read_problems
    from teachers.harvest import harvest, price_of

    problems = read_problems(run.output("problems"))
    told = progress.harvesting(price_of(run.recipe.teacher), run.recipe.harvest.max_cost)
    return harvest(run.recipe, problems, run.output("harvest"), told)


def _curate(run: Run, progress: Progress) -> dict[str, Any]:
    from distill.curate.stage import curate
    from distill.problems import read_problems

    problems = read_problems(run.output("problems"))
    found: dict[str, Any] = {}

    def ask(wanted: Sequence[Problem]) -> dict[str, str | None]:
        from teachers.domains import domains

        assert run.recipe.curate.domains is not None
        assert run.recipe.curate.domains.judge is not None
        folder = run.output("curate").with_name("domains")
        told = domains(run.recipe.curate.domains.judge, wanted, folder, run.recipe.seed, progress.domains)
        found["domains"] = told.counts
        return told.codes

    return curate(run.recipe, problems, run.output("harvest"), run.output("curate"), ask) | found


def _train(run: Run, progress: Progress) -> dict[str, Any]:
    from distill.problems import read_problems
    from students.stage import train_student

    held_out = [p for p in read_problems(run.output("problems")) if p.held_out]
    return train_student(run.recipe, run.output("curate"), run.output("train"), progress.trained, held_out)


def _on_policy(run: Run, progress: Progress) -> dict[str, Any]:
    from distill import models
    from distill.problems import read_problems
    from students.on_policy import distil_on_policy
    from teachers.rollout import Rollout
    from teachers.scores import served

    recipe, folder, student = run.recipe, run.output("on_policy"), run.output("train")
    assert recipe.on_policy is not None
    teacher, top = recipe.on_policy_teacher(), recipe.on_policy.top_logprobs
    held_out = {p.id for p in read_problems(run.output("problems")) if p.held_out}
    tokenizer = models.tokenizer(models.resolve(str(student / "merged")))
    rollout = Rollout(recipe.on_policy.batch_size, tokenizer.pad_token_id)

    def judge() -> AbstractContextManager[Score]:
        assert not isinstance(teacher, LocalTeacher)
        return served(teacher, top, folder / "server.log")

    curated = run.output("curate")
    return distil_on_policy(recipe, curated, student, folder, held_out, rollout, judge, progress.on_policy)


def _evaluate(run: Run, progress: Progress) -> dict[str, Any]:
    from distill.evaluate.stage import evaluate
    from distill.problems import read_problems

    problems = read_problems(run.output("problems"))
    stages = {"student": "train"} if run.recipe.on_policy is None else {"sft": "train", "student": "on_policy"}
    students = {who: run.output(stage) / "merged" for who, stage in stages.items()}
    trained = {who: seal.fingerprint for who, stage in stages.items() if (seal := run.seal_of(stage)) is not None}
    return evaluate(run.recipe, problems, students, run.output("evaluate"), progress.evaluated, trained)


def _publish(run: Run, progress: Progress) -> dict[str, Any]:
    from students.publish import publish

    return publish(run.recipe, run.folder, run.output("publish"))


_WORK: dict[str, Callable[[Run, Progress], dict[str, Any]]] = {
    "problems": _problems,
    "harvest": _harvest,
    "curate": _curate,
    "train": _train,
    "on_policy": _on_policy,
    "evaluate": _evaluate,
    "publish": _publish,
}


def _judging_teacher(recipe: Recipe) -> list[Any]:
    """Who judges the student's own answers, as far as it shapes what comes of them."""
    from distill import models

    assert recipe.on_policy is not None
    teacher, tokenizer = recipe.on_policy_teacher(), recipe.on_policy.tokenizer
    spec = {k: v for k, v in teacher.model_dump(mode="json").items() if k not in WITHOUT_EFFECT["teacher"]}
    asked = [] if teacher.kind == "endpoint" else [models.resolve(teacher.model, teacher.revision)]
    asked += [models.resolve(tokenizer)] if tokenizer is not None else []
    return [spec, *(source.fingerprint() for source in asked)]


def _evaluated(recipe: Recipe) -> list[Any]:
    """What an evaluation reads beside its section: files of problems, and the teacher where it is asked."""
    from distill import models
    from distill.evaluate.sets import sets_fingerprint

    teacher = recipe.teacher
    found: list[Any] = [sets_fingerprint(recipe.evaluate.sets)]
    if recipe.evaluate.teacher:
        found += [{k: v for k, v in teacher.model_dump(mode="json").items() if k not in WITHOUT_EFFECT["teacher"]}]
    if recipe.evaluate.teacher and isinstance(teacher, LocalTeacher | VLLMTeacher):
        found += [models.resolve(teacher.model, teacher.revision).fingerprint()]
    return found


def _section(recipe: Recipe, name: str) -> Any:
    """A section as far as it shapes what a stage leaves behind."""
    value: Any = recipe.model_dump(mode="json")
    for part in name.split("."):
        value = value[part]
    aside = WITHOUT_EFFECT.get(name, frozenset())
    if name == "verify" and value["judge"]:
        value = {**value, "judge": {k: v for k, v in value["judge"].items() if k not in WITHOUT_EFFECT["teacher"]}}
    if name == "evaluate":
        value = {**value, "engine": {k: v for k, v in value["engine"].items() if k not in WITHOUT_EFFECT["teacher"]}}
    return {k: v for k, v in value.items() if k not in aside} if aside else value
