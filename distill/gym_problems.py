"""Problems of reasoning_gym. Its generators run in a process of their own, where none can hang, crash or print."""

import random
from typing import Any

from distill.errors import Refused
from distill.recipe import GymDataset, GymProblems
from distill.records import Problem, derived_seed, digest
from distill.verify.gym import Scorer, installed_version
from distill.verify.gym_rules import READ_VERSION, REFUSED
from distill.verify.process import NoReply

FRUITLESS_DRAWS = 1000
"""So many draws in a row without a new problem mean that a data set has no more to give."""

DRAW_SECONDS = 60
"""Longest time for one problem, the first of a data set with all that it loads."""

CHUNK = 500
"""Problems of one seed, as many as a data set of reasoning_gym has by default."""


def gym_problems(spec: GymProblems, seed: int) -> list[Problem]:
    """Training problems, then held-out ones, all with different questions; the same in any process.

    Held-out problems are drawn first: with more training problems they stay the same.

    Raises:
        Refused: no reasoning_gym, an unknown data set or setting, one that is not used, fewer problems than asked for.
    """
    maker = Scorer()
    try:
        return draw(spec, seed, maker)
    finally:
        maker.close()


def draw(spec: GymProblems, seed: int, maker: Scorer) -> list[Problem]:
    """The same with a process that the caller keeps."""
    sources = [_Source(d, seed, spec.min_score, maker) for d in spec.datasets]
    for source in sources:
        source.refuse_unusable()
    rng = random.Random(derived_seed(seed, "reasoning_gym"))
    found: dict[str, Problem] = {}
    while len(found) < spec.count + spec.held_out:
        source = rng.choices(sources, [d.weight for d in spec.datasets])[0]
        problem = source.next_problem(found)
        found[problem.question] = problem.model_copy(update={"held_out": len(found) < spec.held_out})
    return sorted(found.values(), key=lambda p: p.held_out)


def required_version() -> str:
    """Of reasoning_gym: its generators change from one to the next.

    Raises:
        Refused: it is not installed, or another version than the one whose scorers are known.
    """
    installed = installed_version()
    if installed is None:
        raise Refused(
            "problems.source=reasoning_gym needs the package reasoning_gym, which is not installed.",
            "pip install 'distill[gym]'",
        )
    if installed != READ_VERSION:
        raise Refused(
            f"reasoning_gym {installed} is installed; its scorers evaluate what models write, and only those of "
            f"{READ_VERSION} are known to be made safe.",
            "pip install 'distill[gym]'",
        )
    return installed


class _Source:
    """One data set and how far it has been drawn from."""

    def __init__(self, spec: GymDataset, seed: int, min_score: float, maker: Scorer) -> None:
        self._spec = spec
        self._run_seed = seed
        self._maker = maker
        self._drawn = self._used = 0
        self._data = {
            "dataset": spec.name,
            "config": spec.config,
            "version": required_version(),
            "min_score": min_score,
        }

    def refuse_unusable(self) -> None:
        name = self._spec.name
        if name in REFUSED:
            raise Refused(f"'{name}' of reasoning_gym {REFUSED[name]}.")
        wrong = self._ask(["check", name, self._spec.config])
        if wrong:
            raise Refused(*wrong)

    def next_problem(self, known: dict[str, Problem]) -> Problem:
        """The next problem whose question is not among those `known`."""
        reason = "all others were repetitions"
        for _ in range(FRUITLESS_DRAWS):
            seed, index = self._place(self._drawn)
            self._drawn += 1
            made = self._ask(["make", self._spec.name, self._spec.config, seed, index])
            if "unusable" in made:
                reason = made["unusable"]
            elif (question := made["entry"]["question"].strip("\n")) not in known:
                self._used += 1
                return self._problem(question, made["entry"], seed, index)
        raise Refused(
            f"'{self._spec.name}' of reasoning_gym gave {self._used} different problems and in {FRUITLESS_DRAWS} more "
            f"draws no new one ({reason}).",
            "Ask for fewer (problems.count, problems.held_out), or widen its config.",
        )

    def _place(self, number: int) -> tuple[int, int]:
        """Seed and index of a draw. Seeds of reasoning_gym that lie side by side share nearly all their problems."""
        chunk, index = divmod(number, CHUNK)
        return derived_seed(self._run_seed, self._spec.name, self._spec.config, chunk), index

    def _problem(self, question: str, entry: dict[str, Any], seed: int, index: int) -> Problem:
        name = self._spec.name
        return Problem(
            id=f"{name}-{digest(question, 12)}",
            question=question,
            answer=entry["answer"].strip() if isinstance(entry["answer"], str) else "",
            kind="reasoning_gym",
            data={**self._data, "seed": seed, "index": index, "entry": entry},
            source=f"reasoning_gym {self._data['version']} {name} seed {seed}",
            licence="Apache-2.0",
        )

    def _ask(self, question: list[Any]) -> Any:
        try:
            return self._maker.ask(question, DRAW_SECONDS)
        except NoReply as e:
            told = f"made no problem within {DRAW_SECONDS} s" if str(e) == "time-out" else "broke off (out of memory?)"
            raise Refused(f"'{self._spec.name}' of reasoning_gym {told}.", "Choose a smaller config.") from e
