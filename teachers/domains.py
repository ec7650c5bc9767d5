"""Domains of problems by a language model behind an endpoint: asked once a problem, and never twice for the same.

What is asked and how a reply is read stands in `distill.curate.problems.domains`. Replies are logged as traces are,
before they count: after a kill the same command goes on, and problems with the same question are one request. A reply
that ends in no code leaves its problem without a domain; it is counted, and not asked again, since a greedy model would
repeat it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distill.curate.problems.domains import domain_of, messages
from distill.files import Log
from distill.recipe_judge import DomainJudge
from distill.records import Problem, Sampling, Trace, derived_seed
from teachers.base import Request, TeacherError, in_section
from teachers.budget import Spent
from teachers.earlier import Earlier
from teachers.endpoint import Endpoint
from teachers.sampler import InOrder, follow

LOG = "domains.jsonl"

OnProgress = Callable[[int, int], None]
"""Called with the replies that there are, and how many there will be."""


class Domains(NamedTuple):
    codes: dict[str, str | None]
    """By the id of every problem; None where the reply was none, or there was none."""
    counts: dict[str, Any]


def domains(
    spec: DomainJudge, problems: Sequence[Problem], folder: Path, seed: int, on_progress: OnProgress
) -> Domains:
    """Ask about every problem whose question was not asked before. `spec.max_tokens` must leave room for a sentence.

    Raises:
        TeacherError: the model failed on more requests than `spec.allow_unanswered`. What it replied is on disk, and
            the same command asks the rest.
        Refused: the recipe names a variable for the key that is not set.
    """
    with in_section("curate.domains.judge"):
        model = Endpoint(spec, cut_loops=False)
    folder.mkdir(parents=True, exist_ok=True)
    log = Log(folder / LOG)
    wanted = {problem.id: _request(problem, spec, seed).digest(model.name) for problem in problems}
    digests = set(wanted.values())
    heard: dict[str, Trace] = {}

    def hear(traces: list[Trace]) -> None:
        heard.update((trace.request, trace) for trace in traces if trace.request in digests)
        on_progress(len(heard), len(digests))

    hear(log.read(Trace))
    todo = _todo(problems, spec, seed, model.name, set(heard))
    failures = asyncio.run(_ask(model, todo, log, hear, spec, Earlier(folder, log=LOG)))
    codes = {number: _code(heard.get(request)) for number, request in wanted.items()}
    return Domains(codes, _counts(spec, codes, heard, len(failures)))


def _request(problem: Problem, spec: DomainJudge, seed: int) -> Request:
    """Greedy, with a seed that is the same for all: equal questions are equal requests."""
    sampling = Sampling(temperature=0, top_p=1, max_tokens=spec.max_tokens, seed=derived_seed(seed, "domain"))
    return Request(f"{problem.id}/domain", problem, messages(problem.question), sampling)


def _todo(problems: Sequence[Problem], spec: DomainJudge, seed: int, model: str, held: set[str]) -> Iterator[Request]:
    """Made as they are asked: a million of them would be gigabytes."""
    for problem in problems:
        request = _request(problem, spec, seed)
        if (digest := request.digest(model)) not in held:
            held.add(digest)
            yield request


async def _ask(
    model: Endpoint,
    todo: Iterator[Request],
    log: Log,
    hear: Callable[[list[Trace]], None],
    spec: DomainJudge,
    earlier: Earlier,
) -> list[TeacherError]:
    try:
        with in_section("curate.domains.judge", "the judge of domains: "):
            return await follow(model, InOrder(todo), log, hear, spec.allow_unanswered, earlier)
    finally:
        await model.close()


def _code(trace: Trace | None) -> str | None:
    """A reply that was cut says nothing, whatever stands at its end."""
    return domain_of(trace.response) if trace is not None and trace.finish_reason == "stop" else None


def _counts(spec: DomainJudge, codes: dict[str, str | None], heard: dict[str, Trace], failures: int) -> dict[str, Any]:
    spent = Spent(sum(t.prompt_tokens for t in heard.values()), sum(t.completion_tokens for t in heard.values()))
    found = Counter(code for code in codes.values() if code is not None)
    return {
        "model": spec.model,
        "problems": len(codes),
        "replies": len(heard),
        "without_domain": len(codes) - found.total(),
        "cut": sum(trace.finish_reason == "length" for trace in heard.values()),
        "unanswered": failures,
        "domains": dict(sorted(found.items())),
        "prompt_tokens": spent.prompt,
        "completion_tokens": spent.completion,
        **({"cost": spent.cost(spec.price)} if spec.price else {}),
    }
