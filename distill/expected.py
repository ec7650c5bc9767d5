"""What a run will have to train on, as far as it is known before it begins."""

import asyncio
from dataclasses import dataclass

from distill import models
from distill.problems import make_problems
from distill.published_sets import expected_set
from distill.recipe import ProgramTeacher, Recipe, ReplayTeacher, TracesProblems, Train
from distill.records import Problem

MOST = "the most there can be"
"""`Expected.how` where rows of no mean are known, as nothing is sampled yet."""


@dataclass(frozen=True)
class Expected:
    """Problems and rows of a run."""

    training: int
    held_out: int
    samples: int
    """Most answers that are sampled, or published ones that are looked at."""
    rows: int
    """Most rows that are trained on."""
    tokens: int
    """Mean of a row."""
    how: str
    """Where `tokens` come from."""
    problems: list[Problem]
    """Those to train on, as far as they were read."""

    @property
    def mean_tokens(self) -> int:
        """`tokens` where they are a mean; 0 where only the most that there can be is known."""
        return 0 if self.how == MOST else self.tokens

    def trained_on(self, train: Train) -> int:
        """Tokens of all passes."""
        from students.known import epochs_of

        return round(self.rows * self.tokens * epochs_of(train, self.rows))


def expected(recipe: Recipe) -> Expected:
    """By looking at the problems; of a published set that is known by its name, without downloading it.

    Raises:
        Refused: the problems cannot be had.
    """
    from teachers.harvest import most_samples

    published = published_rows(recipe)
    if published is not None:
        return published
    problems = make_problems(recipe.problems, recipe.seed)
    training = [p for p in problems if not p.held_out]
    tokens, how = _row_tokens(recipe, training)
    most = len(training) * (recipe.curate.traces_per_problem or recipe.harvest.samples_per_problem)
    return Expected(
        len(training),
        len(problems) - len(training),
        sum(most_samples(p, recipe.harvest) for p in training),
        min(most, recipe.curate.rows or most),
        tokens,
        how,
        training,
    )


def published_rows(recipe: Recipe) -> Expected | None:
    """The rows of a published set whose size is known by its name; None of others."""
    spec = recipe.problems
    if not isinstance(spec, TracesProblems) or not isinstance(recipe.teacher, ReplayTeacher):
        return None
    known = expected_set(spec.hub_id)
    if known is None:
        return None
    count = min(known.rows, spec.count or known.rows)
    held_out = spec.held_out if spec.held_out_from is None else spec.held_out_from.held_out
    tokens = min(known.tokens, recipe.train.max_length)
    rows = min(count, recipe.curate.rows or count)
    return Expected(count, held_out, count, rows, tokens, "estimated, the set is not read yet", [])


def _row_tokens(recipe: Recipe, training: list[Problem]) -> tuple[int, str]:
    """Mean tokens of a training row: measured on a few traces of a program, else the most there can be."""
    if not isinstance(recipe.teacher, ProgramTeacher):
        return min(recipe.train.max_length, recipe.harvest.max_tokens), MOST
    from distill.chat_template import turn_of
    from students.render import render
    from teachers.harvest import request_for
    from teachers.program import CountdownProgram

    program = CountdownProgram(recipe.teacher)
    asked = [request_for(p, 0, recipe.harvest, recipe.seed) for p in training[:50]]
    tokenizer = models.tokenizer(models.of_student(recipe.student))
    turn = turn_of(tokenizer, recipe.student.model)
    lengths = [len(render(tokenizer, turn, r.id, r.messages, asyncio.run(program.answer(r)).text)) for r in asked]
    return round(sum(lengths) / len(lengths)), f"mean of {len(lengths)} traces"
