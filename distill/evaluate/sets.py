"""The sets of problems that an evaluation asks: a recipe's own, known ones by their definition, files, the hub."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.errors import DistillError, Refused
from distill.evaluate.known_sets import DEFINITIONS, Definition, Row
from distill.files import read_rows
from distill.given_paths import content_digest, existing
from distill.hub_reach import asking_hub
from distill.recipe_evaluate import HELD_OUT, EvaluationSet
from distill.recipe_problems import Rows
from distill.records import Problem, digest
from distill.table_problems import LONGEST_CLASS, draw, problems_of
from distill.wording import verb

SECTION = "evaluate.sets"

GROUPED = ("level", "subject", "domain", "type")
"""Keys of `Problem.known` that sort problems; data sets name subjects in three ways."""

NAMED = ("id", "unique_id", "problem_id", "task_id")
"""Columns by which data sets call a problem."""


@dataclass(frozen=True)
class ProblemSet:
    """Problems that are asked and judged together."""

    name: str
    spec: EvaluationSet
    problems: list[Problem]
    definition: Definition | None = None
    """Of a known set."""

    @property
    def kind(self) -> str:
        """Which verifier judges it; of mixed sets the most frequent."""
        kinds = [p.kind for p in self.problems]
        return max(sorted(set(kinds)), key=kinds.count)


def problem_sets(specs: Sequence[EvaluationSet], held_out: Sequence[Problem], seed: int) -> list[ProblemSet]:
    """Read all sets, in their order.

    Raises:
        Refused: a set that is empty, lacks a column, has an id twice, or cannot be had.
    """
    found = []
    for spec in specs:
        if spec.name == HELD_OUT:
            if not held_out:
                raise Refused("there is no held-out problem to evaluate on.", f"Set problems.held_out, or {SECTION}.")
            found.append(ProblemSet(HELD_OUT, spec, list(held_out)))
        else:
            found.append(_read(spec, seed))
    return found


def sets_fingerprint(specs: Sequence[EvaluationSet]) -> str:
    """Changes when a file of a set does.

    Raises:
        Refused: one is not there.
    """
    return digest([content_digest(existing(spec.path, SECTION)) for spec in specs if spec.path is not None])


def expected_size(spec: EvaluationSet, held_out: int) -> int | None:
    """Problems that a set will have, as far as that can be told without reading it."""
    if spec.name == HELD_OUT:
        return held_out
    known = DEFINITIONS.get(spec.name or "")
    return spec.count or (known.problems if known else None)


def _read(spec: EvaluationSet, seed: int) -> ProblemSet:
    name, definition = spec.called(), DEFINITIONS.get(spec.name or "")
    with _told_of(spec):
        rows = _rows_of(spec, definition)
        columns: Rows = _usual(spec, rows)
        if definition is not None:
            columns, rows = definition.rows, _shaped(rows, definition, name)
            if columns.id_key and any(row.get(columns.id_key) in (None, "") for row in rows):
                columns = columns.model_copy(update={"id_key": None})
        problems = problems_of(rows, columns, name, seed)
        drawn = problems if spec.count is None else draw(problems, spec.count, seed, name)
    licence = spec.licence
    source = spec.hub_id or (Path(spec.path).name if spec.path else definition.hub.hub_id if definition else name)
    told = {"source": source, "licence": licence, "held_out": True}
    return ProblemSet(name, spec, [p.model_copy(update=told) for p in drawn], definition)


def _usual(spec: EvaluationSet, rows: list[Row]) -> EvaluationSet:
    """With the columns for ids, levels and subjects that the rows themselves have, where no key names others."""
    usual: dict[str, Any] = {}
    if spec.id_key is None:
        usual["id_key"] = next((key for key in NAMED if _names_all(rows, key)), None)
    if not spec.known_keys:
        usual["known_keys"] = tuple(key for key in GROUPED if _sort_all([row.get(key) for row in rows]))
    return spec.model_copy(update=usual)


def _names_all(rows: list[Row], key: str) -> bool:
    """Does each row have a name of its own there?"""
    names = [row.get(key) for row in rows]
    if any(isinstance(name, bool) or not isinstance(name, int | str) or name == "" for name in names):
        return False
    return len(set(map(str, names))) == len(names)


def _sort_all(values: list[Any]) -> bool:
    """Are they numbers or short texts, by which problems go together? Of a list or a long text its length would be."""
    told = [value for value in values if value is not None]
    longest = max((len(value.strip()) for value in told if isinstance(value, str)), default=1)
    return longest <= LONGEST_CLASS and not any(isinstance(v, list) for v in told) and any(map(_sorts, told))


def _sorts(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    with suppress(OverflowError):  # of four hundred digits
        return isinstance(value, int | float) and math.isfinite(value)
    return False


def _shaped(rows: list[Row], definition: Definition, name: str) -> list[Row]:
    found = []
    for number, row in enumerate(rows, 1):
        try:
            shaped = definition.shape(row)
        except ValueError as e:
            raise Refused(f"{name}, row {number}: {e}.") from e
        if shaped is not None:
            found.append({key: value for key, value in shaped.items() if value is not None or key in row})
    return found


def _rows_of(spec: EvaluationSet, definition: Definition | None) -> list[Row]:
    if spec.path is not None:
        path = existing(spec.path, SECTION)
        try:
            return read_rows(path)
        except DistillError as e:
            raise Refused(str(e), e.hint) from e
    if definition is not None and definition.files:
        return [row for file in definition.files for row in _hub_file(definition.hub.hub_id, file, spec.revision)]
    if definition is not None:
        hub = definition.hub
        return _hub_rows(hub.hub_id, hub.config, hub.split or "test", spec.revision)
    assert spec.hub_id is not None
    return _hub_rows(spec.hub_id, spec.config, spec.split, spec.revision)


def _hub_rows(hub_id: str, config: str | None, split: str, revision: str | None) -> list[Row]:
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    try:
        with asking_hub():
            return [dict(row) for row in load_dataset(hub_id, config, split=split, revision=revision)]
    except (OSError, ValueError, RuntimeError) as e:
        raise _not_to_be_had(hub_id, e) from e


def _hub_file(hub_id: str, file: str, revision: str | None) -> list[Row]:
    from huggingface_hub import hf_hub_download

    try:
        with asking_hub():
            path = hf_hub_download(hub_id, file, repo_type="dataset", revision=revision)
    except (OSError, ValueError) as e:
        raise _not_to_be_had(hub_id, e) from e
    return read_rows(Path(path))


def _not_to_be_had(hub_id: str, error: Exception) -> Refused:
    first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return Refused(
        f"the data set '{hub_id}' cannot be had from the hub ({first}).",
        "With its rows in a file: {name: NAME, path: FILE}. HF_TOKEN opens sets that want a licence accepted.",
    )


@contextmanager
def _told_of(spec: EvaluationSet) -> Iterator[None]:
    """Name the keys of a set as they are called in this section, or on the command line."""
    name, on_line = spec.called(), verb().section == "evaluate"
    spoken = "rows." if on_line else f"{SECTION}: "

    def named(said: str) -> str:
        return re.sub(r"\bproblems\.(?=\w)", spoken, said)

    try:
        yield
    except Refused as e:
        sentence = named(str(e))
        hint = named(e.hint)
        if spec.name in DEFINITIONS and re.search(r"\bproblems\.", e.hint):  # no key of theirs may be given
            alone = "--problems FILE" if on_line else "{path: FILE}"
            hint = f"{name} is read by its own definition, and its columns are fixed; {alone} asks a file with others."
        if spec.name is None and spec.path is not None and name in DEFINITIONS:
            known = f"{name}={spec.path}" if on_line else f"{{name: {name}, path: {spec.path}}}"
            hint = f"{hint}\n{known} reads it by that set's own definition.".strip()
        raise Refused(sentence if name in sentence else f"{name}: {sentence}", hint) from e


def as_stored(problems: Sequence[Problem]) -> list[Any]:
    """What a fingerprint of the problems is made of: all that shapes a question or a verdict."""
    return [[p.id, p.question, p.answer, p.data] for p in problems]
