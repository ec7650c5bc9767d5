"""An evaluation carried out: every model asked every set, judged, compared; killed at any moment, it goes on.

<folder>/summary.json
<folder>/<set>/problems.parquet  <who>.samples.jsonl  <who>.verdicts.jsonl
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distill import models
from distill.errors import Refused
from distill.evaluate.amiss import cut_answers, empty_answers
from distill.evaluate.answers import Method, SetResult, refuse_broken_set
from distill.evaluate.engines import Life, Member, told_of_engine
from distill.evaluate.gold import refuse_broken_gold
from distill.evaluate.looks import PARTS, level_of, looks_of, reach_of
from distill.evaluate.note import Entry, entry_of, facts, note_place, read_note, together
from distill.evaluate.protocols import Protocol, lines_of
from distill.evaluate.sampling import Answers, OnProgress, requests_for
from distill.evaluate.sets import ProblemSet, as_stored
from distill.evaluate.stored import prepare
from distill.evaluate.summary import summarise
from distill.files import write_json
from distill.model_limits import context_of
from distill.problems import read_problems, write_problems
from distill.recipe_evaluate import Evaluate
from distill.recipe_verify import Verify
from distill.records import digest
from distill.wording import key
from teachers.local import prompt_ids

logger = logging.getLogger(__name__)

PROBLEMS = "problems.parquet"


@dataclass(frozen=True)
class Work:
    """What is to be done."""

    spec: Evaluate
    seed: int
    sets: list[ProblemSet]
    protocols: Mapping[str, Protocol]
    """By the names of the sets."""
    lives: Sequence[Life]
    """One after another, in the order in which the models are told."""
    folder: Path
    on_progress: OnProgress
    verify: Verify
    """How answers are judged."""
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What is known amiss beforehand, by set."""
    trained: Mapping[str, str] = field(default_factory=dict)
    """How students came about, by who: a run's fingerprint of their training."""
    earlier: Sequence[Path] = ()
    """Where earlier recipes of a run have left answers."""
    if_mixed: str = "Choose another place with --out; the command as it was goes on."
    """What is to be done where the folder holds answers that were sampled otherwise."""

    def members(self) -> list[Member]:
        return [member for life in self.lives for member in life.members]

    def looks(self, name: str) -> list[int]:
        """Samples a problem at which a set is looked at."""
        k = self.protocols[name].samples_per_problem
        return [k] if self.spec.until_interval is None else looks_of(k)


def carry_out(work: Work) -> dict[str, Any]:
    """Sample what is missing, judge, compare; writes `summary.json` beside the answers and returns it.

    Raises:
        Refused: a gold answer that its own verifier does not accept; a prompt that leaves max_tokens no room.
        TeacherError: a request got no answer; all others are on disk.
    """
    for asked in work.sets:
        refuse_broken_set(asked.problems, work.spec.cluster_by)
        _refuse_unsound(asked, work.folder / asked.name)
        for line in lines_of(work.protocols[asked.name], asked.name):
            logger.info("%s", line)
    longest = {member.who: _longest(work, member) for member in work.members()}
    prepare(work.folder, _wanted(work), work.earlier, work.if_mixed)
    for asked in work.sets:
        _store_problems(asked, work.folder / asked.name)
    results = _sampled(work, longest)
    summary = summarise(results)
    write_json(work.folder / "summary.json", summary)
    return summary


def _sampled(work: Work, longest: Mapping[str, int]) -> dict[str, SetResult]:
    """All answers, look after look; one look is all where nobody wants to stop early."""
    found: dict[str, SetResult] = {}
    going = list(work.sets)
    for number in range(len(PARTS)):
        going = [asked for asked in going if number < len(work.looks(asked.name))]
        reached = {asked.name: work.looks(asked.name)[number] for asked in going}
        for life in work.lives if going else ():
            with told_of_engine(life.keys):
                asyncio.run(_live(work, life, going, reached, max(longest[m.who] for m in life.members)))
        for asked in going:
            stopped = _narrow_enough(work, asked, reached[asked.name])
            found[asked.name] = _result(work, asked, reached[asked.name], stopped)
            if stopped is not None:
                logger.info("%s: %s", asked.name, stopped)
        going = [asked for asked in going if found[asked.name].protocol.get("stopped") is None]
    return {asked.name: found[asked.name] for asked in work.sets}


def _wanted(work: Work) -> dict[str, dict[str, Entry]]:
    """What the answers are to be sampled with, by set and model."""
    return {
        asked.name: {
            m.who: entry_of(m, asked, work.protocols[asked.name], work.seed, work.verify, work.trained.get(m.who, ""))
            for m in work.members()
        }
        for asked in work.sets
    }


def _refuse_unsound(asked: ProblemSet, folder: Path) -> None:
    """
    Raises:
        Refused: a gold answer of a set is not sound, or other problems were asked here before.
    """
    path = folder / PROBLEMS
    if not path.exists():
        refuse_broken_gold(asked.problems)
    elif as_stored(read_problems(path)) != as_stored(asked.problems):
        raise Refused(
            f"{folder} holds answers to other problems than those of {asked.name} now.",
            "Name another folder, or delete this one.",
        )


def _store_problems(asked: ProblemSet, folder: Path) -> None:
    """The problems as they are asked; what is known of them may have become more."""
    path = folder / PROBLEMS
    if not path.exists() or read_problems(path) != asked.problems:
        folder.mkdir(parents=True, exist_ok=True)
        write_problems(path, asked.problems)


def _longest(work: Work, member: Member) -> int:
    """Tokens of the longest prompt with its answer.

    Raises:
        Refused: the model has not room for both.
    """
    if member.source is None:
        return 0
    tokenizer, longest = models.tokenizer(member.source), 0
    context = context_of(models.config(member.source), member.source.name)
    for asked in work.sets:
        protocol = work.protocols[asked.name]
        prompts = {p.id: len(prompt_ids(tokenizer, protocol.prompt.messages(p.question))) for p in asked.problems}
        most = max(prompts, key=lambda name: prompts[name])
        longest = max(longest, prompts[most] + protocol.max_tokens)
        if prompts[most] + protocol.max_tokens > context:
            raise Refused(
                f"{key('evaluate.max_tokens')}={protocol.max_tokens} and the prompt of problem {most} of {asked.name}, "
                f"{prompts[most]} tokens, exceed the context of {member.who} ({member.name}), {context} tokens.",
                f"Set {key('evaluate.max_tokens')} to at most {max(0, context - prompts[most])}; an answer cut there "
                "counts as wrong, and the share of them is told.",
            )
    return longest


async def _live(work: Work, life: Life, going: Sequence[ProblemSet], reached: Mapping[str, int], longest: int) -> None:
    """One life of an engine: its members one after another, each over all sets; not begun where nothing is missing."""
    todo = [
        (
            member,
            Answers(member.who, asked, work.folder, work.on_progress),
            requests_for(asked.problems, work.protocols[asked.name], work.seed, reached[asked.name]),
        )
        for member in life.members
        for asked in going
    ]
    for member, answers, requests in todo:
        if answers.lacks(requests):
            note_place(work.folder, answers.name, member.who, facts(member.source is not None, work.spec.batch_size))
    if not any(answers.lacks(requests) for _, answers, requests in todo):
        for _, answers, requests in todo:
            answers.judge(requests)
        return
    teacher = life.open(max(len(requests) for *_, requests in todo), longest)
    try:
        for member, answers, requests in todo:
            life.turn_to(teacher, member.who)
            await answers.sample(teacher, requests)
    finally:
        await teacher.close()


def _narrow_enough(work: Work, asked: ProblemSet, k: int) -> str | None:
    """What is told where no more needs to be sampled; None where it goes on, or nobody asked."""
    looks = work.looks(asked.name)
    if work.spec.until_interval is None:
        return None
    result = _result(work, asked, k, None)
    half, what = reach_of(summarise({asked.name: result})["sets"][asked.name])
    if half > work.spec.until_interval:
        return None
    return (
        f"stopped after {k} of {looks[-1]} samples a problem: the {100 * result.method.confidence:.4g} % interval of "
        f"{what} reaches {100 * half:.1f} points to either side at most"
    )


def _result(work: Work, asked: ProblemSet, k: int, stopped: str | None) -> SetResult:
    """What a set's figures are made from."""
    spec, looks = work.spec, work.looks(asked.name)
    answers = {m.who: Answers(m.who, asked, work.folder, work.on_progress).pairs(k) for m in work.members()}
    protocol, confidence = protocol_of_set(work, asked, k), spec.confidence
    warnings = [*work.warnings.get(asked.name, ())]
    warnings += cut_answers(asked.name, answers, work.protocols[asked.name].max_tokens)
    warnings += empty_answers(asked.name, answers)
    if spec.until_interval is not None:
        confidence = level_of(confidence, len(looks))
        schedule = {"looks": looks, "level_of_each_look": confidence, "stopped": stopped}
        protocol |= {"until_interval": spec.until_interval, **schedule}
        if stopped is None and k == looks[-1]:
            warnings.append(
                f"after all {k} samples of every problem of {asked.name} its interval is wider than "
                f"{key('evaluate.until_interval')}={spec.until_interval:g}: more problems help, more samples hardly."
            )
    method = Method(confidence, work.seed, spec.bootstrap, spec.ties, spec.cluster_by)
    return SetResult(asked.problems, answers, protocol, method, tuple(warnings))


def protocol_of_set(work: Work, asked: ProblemSet, k: int) -> dict[str, Any]:
    """All that the figures depend on besides the answers."""
    members = work.members()
    changed = {member.who: dict(member.options) for member in members if member.options}
    options = {"engine_options": changed} if changed else {}
    return {
        "n": len(asked.problems),
        **work.protocols[asked.name].told(),
        "k": k,
        "seed": work.seed,
        "confidence": work.spec.confidence,
        "problems": digest(as_stored(asked.problems)),
        "models": {member.who: member.name for member in members},
        "engine": _together(members, lambda member: member.engine),
        "dtype": _together(members, lambda member: member.dtype),
        "template": _together(members, Member.template_digest),
        **options,
        **_places(work, asked),
    }


def _together(members: Sequence[Member], told: Callable[[Member], str]) -> str:
    """What holds for all members, or for each what holds for it."""
    found: dict[str, list[str]] = {}
    for member in members:
        found.setdefault(told(member), []).append(member.who)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(who)}: {said}" for said, who in found.items())


def _places(work: Work, asked: ProblemSet) -> Mapping[str, Any]:
    """The hardware and what else may differ from attempt to attempt, of the engines that are ours where there are."""
    noted = read_note(work.folder).answers[asked.name]
    ours = [member.who for member in work.members() if member.source] or [member.who for member in work.members()]
    return together([noted[who] for who in ours])
