"""Which traces teach: the steps in their order, each with its count in the funnel."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from distill.curate.decontamination.questions import Contaminated, Question, contaminated
from distill.curate.problems.gold_answers import disagreeing, told
from distill.curate.problems.question_form import malformed
from distill.curate.selections import Pool
from distill.curate.selections.pool import Ints
from distill.curate.steps.choose import chosen_of, name_of, order_of, order_told, pool_of, scores_of
from distill.curate.steps.difficulty import fitting
from distill.curate.steps.duplicates import Duplicate, asked_before, near_problems, similar_traces
from distill.curate.steps.funnel import Funnel, Step
from distill.curate.steps.problems import Ask, domains_of, tried
from distill.curate.steps.quality import by_numbers, by_texts
from distill.curate.traces.columns import VERDICTS, Columns
from distill.curate.traces.sources import Advice, Read, RunTraces
from distill.errors import Refused
from distill.notices import doing
from distill.recipe_curate import Curate
from distill.recipe_difficulty import Difficulty
from distill.recipe_quality import Quality
from distill.records import Problem
from distill.wording import counted, key, setting

ACCEPTED = {
    "correct": ("correct",),
    "correct_or_unknown": ("correct", "unknown"),
    "any_i_accept_wrong_traces": ("correct", "unknown", "wrong"),
}

SHOWN = 5
"""Problems of the evaluation that are told one by one where no other is left."""

MOST_REASONS = 6
"""That are told one by one."""

CUT = "Traces that were cut are never trained on: sample with more tokens, or take traces that end."

ReadAgain = Callable[[Sequence[int]], Iterator[Read]]
"""The traces of these places, in this order."""


@dataclass(frozen=True)
class Selection:
    """What the curation took, and how it came to that."""

    rows: list[int]
    """Of the columns, in the order in which they are trained on."""
    why: list[str]
    """Of each of them."""
    scores: list[dict[str, Any]]
    """Of each of them: what is known of its quality, its problem's difficulty and domain."""
    steps: list[Step]
    contaminated: list[Contaminated]
    """Problems that hold questions of the evaluation, with the evidence."""
    duplicates: list[Duplicate]
    """Problems and traces that are nearly others, with the evidence."""


@dataclass(frozen=True)
class Outside:
    """What a curation needs beside the traces and the recipe."""

    held_out: Sequence[Problem] = ()
    """Problems of the run's own evaluation."""
    evaluation: Sequence[Question] = ()
    """Questions of other evaluation sets."""
    ask: Ask | None = None
    """Gets domains of problems from a model."""
    read: ReadAgain | None = None
    """Reads traces once more, to compare their texts."""
    advice: Advice = RunTraces.advice
    """What to do where nothing is left."""


NOTHING = Outside()


def select(columns: Columns, spec: Curate, seed: int, outside: Outside = NOTHING) -> Selection:
    """Run the funnel. The result is the same, row by row, for the same traces and seed, in whatever order they came.

    Raises:
        Refused: a step leaves nothing, or fewer rows than are asked for.
    """
    return _Selecting(columns, spec, seed, outside).run()


@dataclass
class _Selecting:
    columns: Columns
    spec: Curate
    seed: int
    outside: Outside
    contaminated: list[Contaminated] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    superficial: dict[int, float] = field(default_factory=dict)
    """Shares of superficial reflections by row, where they were asked for and can be told."""

    def run(self) -> Selection:
        columns, by_id = self.columns, _by_id(self.columns)
        self.funnel = Funnel(columns.problems, by_id, advice=self.outside.advice.nothing)
        if not len(columns) and columns.left_out:
            raise Refused(f"no row holds a trace that can be read: {left_out(columns)}.", self.outside.advice.nothing)
        self.funnel.keep("sampled", by_id, read_as(columns))
        self._verified()
        if self.spec.deduplicate:
            with doing("looks for duplicates"):
                self._deduplicated()
        if self.spec.decontaminate:
            with doing("compares with the evaluation"):
                self._decontaminated()
        self.counts = tried(columns)
        if self.spec.difficulty is not None:
            self._hard(self.spec.difficulty)
        if self.spec.quality is not None:
            with doing("measures the reasoning"):
                self._well_reasoned(self.spec.quality)
        return self._chosen()

    def _verified(self) -> None:
        """Traces with the right verdict, that are complete and well formed."""
        columns, spec, funnel = self.columns, self.spec, self.funnel
        codes = [VERDICTS.index(name) for name in ACCEPTED[spec.require_verdict]]
        accepted = np.isin(columns["verdict"], codes)
        if not accepted.any():
            undecided = (columns["verdict"] == VERDICTS.index("unknown")).any()
            advice = self.outside.advice
            raise Refused(f"{_all_rejected(columns)}.", advice.unknown if undecided else advice.nothing)
        rejected = [name for name in VERDICTS if name not in ACCEPTED[spec.require_verdict]]
        note = _rejected(columns.reasons, rejected)
        funnel.keep(f"verdict: {spec.require_verdict}", accepted[funnel.rows], note)
        self._one_gold()
        funnel.keep("finished", columns["finished"][funnel.rows], hint=CUT)
        if columns["flawed"][funnel.rows].any():
            funnel.keep("accepted by harvest.accept", ~columns["flawed"][funnel.rows])
        if spec.require_reasoning:
            funnel.keep("has reasoning", columns["thinks"][funnel.rows])

    def _one_gold(self) -> None:
        """Problems whose rows agree on the gold answer: where they do not, opposite answers are all correct."""
        left, known = self.funnel.first_of_problems(), self.columns.known
        golds = {name: some for name, some in self.columns.conflicts.golds.items() if name in left}
        found = disagreeing(golds, known)
        if found and self.spec.require_verdict == "correct":
            self._without("one gold answer", found, told(found, known))
        elif found:
            self.funnel.remark(f"{counted(len(found), 'problem')} with two gold answers, kept: {told(found, known)}")

    def _deduplicated(self) -> None:
        """The first of equal traces; of problems that ask the same the first one's and of those that nearly do."""
        columns, funnel = self.columns, self.funnel
        before = asked_before(self._problems())
        seen: set[tuple[str, int]] = set()
        kept = []
        for row in funnel.rows.tolist():
            key = (columns.problems[row], int(columns["text"][row]))
            kept.append(columns.problems[row] not in before and key not in seen)
            seen.add(key)
        funnel.keep("not a duplicate", np.array(kept, np.bool_))
        self.duplicates += [Duplicate("problem", one, other, 1.0, []) for one, other in before.items()]
        if self.spec.near_duplicates is not None:
            found = near_problems(self._problems(), self.spec.near_duplicates)
            self._without("not a near-duplicate", {one.id for one in found})
            self.duplicates += found
        if self.spec.distinct_traces is not None and self.outside.read is not None:
            found = similar_traces(funnel.rows, columns, self.outside.read, self.spec.distinct_traces)
            gone = {one.id for one in found}
            funnel.keep("distinct traces", np.array([columns.ids[row] not in gone for row in funnel.rows], np.bool_))
            self.duplicates += found

    def _decontaminated(self) -> None:
        """Problems that hold no question of the evaluation."""
        drop = self.spec.drop_changed
        self.contaminated = contaminated(self._problems(), self.outside.held_out, self.outside.evaluation)
        changed = sum(one.kind == "changed" for one in self.contaminated)
        told = f"{changed} of them with other numbers" if drop else f"{changed} more with other numbers, kept"
        notes = [self._compared_with(), *([told] if changed else [])]
        gone = [one for one in self.contaminated if drop or one.kind != "changed"]
        shown = "\n".join(one.shown for one in gone[:SHOWN])
        self._without("not in the evaluation", {one.problem_id for one in gone}, "; ".join(notes), shown)

    def _compared_with(self) -> str:
        sets = [f"{len(self.outside.held_out):,} held-out problems"] if self.outside.held_out else []
        sets += dict.fromkeys(question.set for question in self.outside.evaluation)
        if sets:
            return f"against {', '.join(sets)}"
        return f"no evaluation set is named: see {key('curate.evaluation_sets')}"

    def _hard(self, spec: Difficulty) -> None:
        """Problems that are as hard as is asked for."""
        columns = self.columns
        lengths: dict[str, list[int]] = {}
        for row in np.flatnonzero(columns["finished"]).tolist() if spec.tokens else ():
            lengths.setdefault(columns.problems[row], []).append(int(columns["tokens"][row]))
        left = self._problems()
        found = fitting(left, self.counts, lengths, spec)
        differ = columns.conflicts.told([*spec.known, *spec.panel], [p.id for p in left])
        note = "; ".join(filter(None, [found.note, *differ]))
        gone = {p.id for p in left} - found.kept
        self._without("as hard as asked for", gone, note, "\n".join(filter(None, [note, found.hint])))

    def _well_reasoned(self, spec: Quality) -> None:
        """Traces whose reasoning is as it is asked for."""
        columns, funnel, read = self.columns, self.funnel, self.outside.read
        if spec.question_form:
            self._without("form of the question", *malformed(self._problems()))
        for name, kept in by_numbers(funnel.rows, columns, spec):
            funnel.keep(name, kept(funnel.rows))
        if spec.reads_texts and read is not None:
            steps, self.superficial = by_texts(funnel.rows, columns, read, spec)
            for step in steps:
                funnel.keep(*step)

    def _chosen(self) -> Selection:
        columns, spec, seed = self.columns, self.spec, self.seed
        before = self.funnel.rows
        pool = pool_of(before, columns, domains_of(self._problems(), spec.domains, self.outside.ask, seed))
        chosen = chosen_of(pool, spec, seed)
        rows = before[np.array(chosen.rows, np.int64)]
        self.funnel.keep(name_of(spec), rows, "; ".join(chosen.notes))
        if spec.rows is not None and spec.fill == "refuse" and len(rows) < spec.rows:
            raise Refused(
                f"{key('curate.rows')}={spec.rows} asks for more rows than are left: {len(rows)}.",
                f"Ask for fewer, give more traces, or take what there is: {setting('curate.fill', 'less')}.",
            )
        order = order_of(rows.tolist(), columns, self.counts, spec, seed)
        self.funnel.remark(order_told(rows.tolist(), columns, self.counts, spec))
        thinks = int(columns["thinks"][rows].sum())
        if 0 < thinks < len(rows):
            without = f"{len(rows) - thinks:,} of {counted(len(rows), 'row')} without <think>"
            self.funnel.remark(f"{without}: see {key('curate.require_reasoning')}")
        return Selection(
            [int(rows[at]) for at in order],
            [chosen.why[at] for at in order],
            [self._scores(pool, chosen.rows[at], int(rows[at])) for at in order],
            self.funnel.steps,
            self.contaminated,
            self.duplicates,
        )

    def _scores(self, pool: Pool, at: int, row: int) -> dict[str, Any]:
        found = scores_of(pool, at, self.columns, row, self.counts)
        share = self.superficial.get(row)
        return found if share is None else {**found, "superficial": round(share, 4)}

    def _problems(self) -> list[Problem]:
        """Those of the traces that are left, by their ids."""
        return [self.columns.known[name] for name in sorted(self.funnel.first_of_problems())]

    def _without(self, name: str, problems: Collection[str], note: str = "", hint: str = "") -> None:
        kept = [self.columns.problems[row] not in problems for row in self.funnel.rows.tolist()]
        self.funnel.keep(name, np.array(kept, np.bool_), note, hint)


def _by_id(columns: Columns) -> Ints:
    """All traces, those of one id in an order that does not depend on where they stand."""
    ranks, places = columns["rank"].tolist(), columns["place"].tolist()
    order = sorted(range(len(columns)), key=lambda row: (columns.ids[row], ranks[row], places[row]))
    return np.array(order, np.int64)


def left_out(columns: Columns) -> str:
    """What of the rows was no trace, by reason; empty where all was."""
    rows = f"{columns.left_out.total():,} of {columns.rows:,} rows left out: {_counted(columns.left_out)}"
    others = f"{'in the others' if columns.left_out else 'left out in rows'}: {_counted(columns.amiss)}"
    return "; ".join([*([rows] if columns.left_out else []), *([others] if columns.amiss else [])])


def read_as(columns: Columns) -> str:
    """The same, and what else a user may not expect of what was read."""
    systems = [f"{columns.systems:,} with a system message of their own, which is kept"] if columns.systems else []
    return "; ".join(filter(None, [left_out(columns), *systems]))


def _all_rejected(columns: Columns) -> str:
    return f"all {len(columns)} traces were rejected ({_counted(columns.reasons, 3)})"


def _rejected(reasons: Counter[str], verdicts: Sequence[str]) -> str:
    """How many traces are wrong, in one number, and how many unknown, by why."""
    some = Counter[str]()
    for reason, count in reasons.items():
        verdict = reason.partition(":")[0]
        if verdict in verdicts:
            some[verdict if verdict == "wrong" else reason] += count
    return _counted(some)


def _counted(reasons: Counter[str], most: int = MOST_REASONS) -> str:
    told = [f"{n:,} x {why}" for why, n in sorted(reasons.items(), key=lambda one: (-one[1], one[0]))]
    others = sum(sorted(reasons.values(), reverse=True)[most:])
    return ", ".join([*told[:most], *([f"{others:,} x something else"] if others else [])])
