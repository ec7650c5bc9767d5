"""The stage of a run: base and student on the same problems, same prompts, same sampling, side by side.

Where a second stage of training follows (`on_policy`), the student of the first stands between them as `sft`. With
`evaluate.teacher` the recipe's teacher stands beside them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from distill import models
from distill.errors import Refused
from distill.evaluate.engines import Life, Member, as_teacher, endpoint, local, told_of_engine, vllm
from distill.evaluate.protocols import Protocol, protocol_of
from distill.evaluate.sampling import OnProgress
from distill.evaluate.sets import ProblemSet, problem_sets
from distill.evaluate.work import Work, carry_out
from distill.folders import held
from distill.recipe import EndpointTeacher, LocalTeacher, ProgramTeacher, Recipe, VLLMTeacher
from distill.recipe_evaluate import HELD_OUT, EndpointEngine, VLLMEngine
from distill.records import Problem
from distill.verify import configure
from teachers.program import CountdownProgram


def evaluate(
    recipe: Recipe,
    problems: list[Problem],
    students: dict[str, Path],
    folder: Path,
    on_progress: OnProgress,
    trained: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Sample the base and all students, judge, compare; writes `summary.json` beside the answers and returns it.

    `students` are checkpoint folders by name, `student` last: the one that is compared with those before it. The
    adapter of `evaluate.engine.adapter` lies beside its checkpoint. `trained` are the fingerprints of their training.
    Answers that earlier recipes of the run have left (`evaluation.1a2b3c4d/`) are not sampled again.

    Raises:
        Refused: a gold answer that its own verifier does not accept, no problem, no room for an answer.
        TeacherError: a request got no answer; all others are on disk.
    """
    configure(recipe.verify)
    sets = problem_sets(recipe.evaluate.sets, [p for p in problems if p.held_out], recipe.seed)
    protocols = protocols_of(recipe, sets)
    dtype = next(iter(protocols.values())).dtype
    lives = [*_lives(recipe, students, dtype, folder), *_teacher(recipe, folder)]
    work = Work(
        spec=recipe.evaluate,
        seed=recipe.seed,
        sets=sets,
        protocols=protocols,
        lives=lives,
        folder=folder,
        on_progress=on_progress,
        verify=recipe.verify,
        warnings={asked.name: list(_not_kept_apart(recipe, asked)) for asked in sets},
        trained=trained or {},
        earlier=sorted(folder.parent.glob(f"{folder.name}.{'[0-9a-f]' * 8}")),
        if_mixed=f"Install and set what it was, or delete {folder}: then all is sampled anew.",
    )
    with held(folder, "An evaluation of a model without a recipe may be writing there."):
        return carry_out(work)


def protocols_of(recipe: Recipe, sets: list[ProblemSet]) -> dict[str, Protocol]:
    """How each set is asked, by name."""
    prompt = recipe.student_prompt()
    return {asked.name: protocol_of(recipe.evaluate, asked, recipe.student.dtype, prompt) for asked in sets}


def refuse_unfit(recipe: Recipe) -> None:
    """What can be known of the section `evaluate` before anything is done.

    Raises:
        Refused: an engine that is not installed or cannot serve this student, a key that is missing, a teacher that
            cannot be asked.
    """
    from teachers.endpoint import api_key
    from teachers.vllm import refuse_without_vllm

    spec, engine = recipe.evaluate, recipe.evaluate.engine
    if isinstance(engine, EndpointEngine):
        wanted = ["base", *(["sft"] if recipe.on_policy is not None else []), "student"]
        if missing := [who for who in wanted if who not in engine.models]:
            raise Refused(
                f"evaluate.engine.models does not tell under which name the endpoint serves {missing[0]}.",
                f"It must name {', '.join(wanted)}.",
            )
        with told_of_engine():
            api_key(as_teacher(engine, "any"))
    if isinstance(engine, VLLMEngine):
        with told_of_engine():
            refuse_without_vllm()
        if models.of_student(recipe.student).gguf_file:
            raise Refused(
                f"evaluate.engine=vllm serves model folders and hub ids, and student.model={recipe.student.model} is a "
                "GGUF file.",
                "evaluate.engine=local reads it.",
            )
        if engine.adapter and recipe.train.use_dora:
            raise Refused(
                "evaluate.engine.adapter=true serves an adapter beside its base, and vLLM serves none of DoRA.",
                "Leave it out: the merged checkpoint is served.",
            )
        if engine.adapter and recipe.train.method != "lora":
            why = "all weights are trained" if recipe.train.method == "full" else "it was trained on a base of 4 bits"
            raise Refused(
                f"evaluate.engine.adapter=true serves an adapter on the base of 16 bits, and with "
                f"train.method={recipe.train.method} {why}.",
                "Leave it out: the merged checkpoint is served.",
            )
    if spec.teacher and recipe.teacher.kind == "replay":
        raise Refused("evaluate.teacher=true asks the teacher, and teacher.kind=replay answers nothing new.")
    if spec.teacher and recipe.teacher.kind == "program" and [one.called() for one in spec.sets] != [HELD_OUT]:
        raise Refused(
            f"evaluate.teacher=true asks the teacher all of evaluate.sets, and a program knows only {HELD_OUT}."
        )


def _lives(recipe: Recipe, students: dict[str, Path], dtype: str, folder: Path) -> list[Life]:
    """An engine for each model, or one for base and adapters."""
    spec, engine = recipe.evaluate, recipe.evaluate.engine
    base = models.of_student(recipe.student)
    if isinstance(engine, EndpointEngine):
        served = {who: engine.models[who] for who in ("base", *students) if who in engine.models}
        return [endpoint(who, as_teacher(engine, one.model, one.base_urls)) for who, one in served.items()]
    if isinstance(engine, VLLMEngine) and engine.adapter:
        adapters = {who: str(path.with_name("adapter")) for who, path in students.items()}
        on_base = {who: replace(base, adapter=adapter) for who, adapter in adapters.items()}
        return [vllm({"base": base, **on_base}, engine, dtype, folder)]
    sources = {"base": base, **{who: models.resolve(str(path)) for who, path in students.items()}}
    if isinstance(engine, VLLMEngine):
        return [vllm({who: source}, engine, dtype, folder) for who, source in sources.items()]
    return [local(who, source, dtype, spec.batch_size) for who, source in sources.items()]


def _teacher(recipe: Recipe, folder: Path) -> list[Life]:
    """The teacher by its own engine, where it is asked."""
    if not recipe.evaluate.teacher:
        return []
    match recipe.teacher:
        case LocalTeacher(model=model, revision=revision, dtype=dtype, batch_size=size):
            return [local("teacher", models.resolve(model, revision), dtype, size)]
        case VLLMTeacher() as spec:
            options = {name: getattr(spec, name) for name in VLLMEngine.model_fields if name not in ("kind", "adapter")}
            source = {"teacher": models.resolve(spec.model, spec.revision)}
            return [vllm(source, VLLMEngine(kind="vllm", **options), spec.dtype, folder, "teacher")]
        case EndpointTeacher() as spec:
            return [endpoint("teacher", spec, "teacher")]
        case ProgramTeacher() as spec:
            options = {} if spec.strategy == "dfs" else {"beam_size": spec.beam_size}
            told = f"program ({spec.strategy}, budget {spec.budget})"
            member = Member("teacher", "program", told, "none", template="none", options=options)
            return [Life((member,), lambda requests, longest: CountdownProgram(spec))]
    raise Refused("evaluate.teacher=true asks the teacher, and teacher.kind=replay answers nothing new.")


def _not_kept_apart(recipe: Recipe, asked: ProblemSet) -> Iterator[str]:
    """A warning where nothing has kept a set's problems out of what the student was taught."""
    kept = set(recipe.curate.evaluation_sets)
    spec = asked.spec
    if asked.name != HELD_OUT and not kept & {asked.name, spec.path, spec.hub_id}:
        yield (
            f"{asked.name} is not among curate.evaluation_sets: nothing has kept its problems, or copies of them, out "
            "of what the student was taught."
        )
