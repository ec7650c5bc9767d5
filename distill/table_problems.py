"""Problems from rows with a question and an answer: a jsonl or parquet file, or a data set on the hub."""

import math
import random
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distill.choice_problems import lettered
from distill.errors import DistillError, Refused
from distill.files import read_rows
from distill.given_paths import existing
from distill.hub_reach import asking_hub
from distill.recipe import FileProblems, HubProblems
from distill.recipe_problems import Rows
from distill.records import CONTROL_TOKEN, Problem
from distill.verify.suites import COLUMNS

LONGEST_CLASS = 40
"""Characters of a text that names a level or a subject; of a longer one only the length tells something."""

LIKELY = {
    "question_key": ("problem", "prompt", "instruction", "query", "task"),
    "answer_key": ("final_answer", "expected_answer", "gold", "target", "label", "solution"),
}
"""Columns under which data sets keep what a key names, told where ours is missing."""


def table_problems(spec: FileProblems | HubProblems, seed: int) -> list[Problem]:
    """Training problems, then held-out ones, both drawn with the seed.

    Raises:
        Refused: a missing or empty file, missing columns, duplicated ids, fewer rows than asked for.
    """
    return _from_file(spec, seed) if isinstance(spec, FileProblems) else _from_hub(spec, seed)


def file_problems(name: str, columns: dict[str, Any], seed: int) -> list[Problem]:
    """All problems of a file, in its order; `columns` are keys of a recipe's section `problems`.

    Raises:
        Refused: a key that is none of a file's columns, a missing or empty file, missing columns, duplicated ids.
    """
    if extra := next((key for key in columns if key in ("source", "path", "held_out_path", "count", "held_out")), None):
        raise Refused(f"problems.{extra} has no meaning here: every row of every file is asked.")
    try:
        spec = FileProblems.model_validate({**columns, "source": "file", "path": name})
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        key = ".".join(["problems", *map(str, first["loc"])])
        raise Refused(f"{key}: {first['msg'][0].lower()}{first['msg'][1:]}.", "The keys are those of a recipe.") from e
    path = existing(name, "problems.path")
    return problems_of(_rows(path), spec, path.name, seed)


def _from_file(spec: FileProblems, seed: int) -> list[Problem]:
    path = existing(spec.path, "problems.path")
    pool = problems_of(_rows(path), spec, path.name, seed)
    if spec.held_out_path is None:
        return _split(pool, spec.count, spec.held_out, seed, spec.path)
    held = problems_of(
        _rows(existing(spec.held_out_path, "problems.held_out_path")), spec, Path(spec.held_out_path).name, seed
    )
    return beside(draw(pool, spec.count, seed, spec.path), draw(held, spec.held_out, seed, spec.held_out_path))


def _from_hub(spec: HubProblems, seed: int) -> list[Problem]:
    from datasets import load_dataset

    def rows(split: str) -> list[dict[str, Any]]:
        try:
            with asking_hub():
                return list(load_dataset(spec.hub_id, spec.config, split=split, revision=spec.revision))
        except (OSError, ValueError) as e:
            first = str(e).strip().splitlines()[0].rstrip(".")
            hint = "With the file on disk, use problems.source=file."
            raise Refused(f"data set '{spec.hub_id}' cannot be had from the hub ({first}).", hint) from e

    pool = problems_of(rows(spec.split), spec, spec.hub_id, seed)
    if spec.held_out_split is None:
        return _split(pool, spec.count, spec.held_out, seed, spec.hub_id)
    held = problems_of(rows(spec.held_out_split), spec, f"{spec.hub_id}:{spec.held_out_split}", seed)
    return beside(draw(pool, spec.count, seed, spec.hub_id), draw(held, spec.held_out, seed, spec.hub_id))


def problems_of(rows: list[dict[str, Any]], spec: Rows, source: str, seed: int) -> list[Problem]:
    """Problems from the rows of a table.

    Raises:
        Refused: no rows, missing columns, options or answers that cannot be read, duplicated ids.
    """
    if not rows:
        raise Refused(f"{source} holds no problems.")
    if spec.layout == "choice":
        rows = [lettered(row, spec, seed, f"{source}, row {number}") for number, row in enumerate(rows, 1)]
    tests = COLUMNS.get(spec.layout, ())
    wanted = [spec.question_key, tests[0] if tests else spec.answer_key, *([spec.id_key] if spec.id_key else [])]
    for number, row in enumerate(rows, 1):
        absent = [key for key in wanted if _text(row.get(key)) in (None, "")]
        if absent:
            has = ", ".join(sorted(row))
            which = {spec.question_key: "question_key", spec.answer_key: "answer_key"}.get(absent[0], "id_key")
            likely = next((key for key in LIKELY.get(which, ()) if _text(row.get(key)) not in (None, "")), None)
            hint = f"Name the column with problems.{which}{f'={likely}' if likely else ''}."
            if absent[0] in tests:
                hint = f"problems.layout={spec.layout} has its tests there; another layout may be meant."
            if _is_no_number(row.get(absent[0])):
                raise Refused(f"{source}, row {number}: '{absent[0]}' is {row[absent[0]]}, which is no number.")
            lacks = "is empty or null" if absent[0] in row else f"is missing (there are: {has})"
            raise Refused(f"{source}, row {number}: '{absent[0]}' {lacks}.", hint)
        nested = [k for k in wanted if k not in tests and isinstance(row[k], bool | bytes | list | dict)]
        if nested:
            kind = {"bytes": "binary value"}.get(name := type(row[nested[0]]).__name__, name)
            raise Refused(f"{source}, row {number}: '{nested[0]}' is a {kind}, not a text or a number.")
    for number, row in enumerate(rows, 1):
        held = CONTROL_TOKEN.search(str(row[spec.question_key]))
        if held:
            raise Refused(
                f"{source}, row {number}: the question holds '{held[0]}', which would end the user's turn.",
                "Take it out of the text.",
            )
    problems = [
        Problem(
            id=str(row[spec.id_key]) if spec.id_key else f"{Path(source).stem}-{number}",
            question=str(row[spec.question_key]).strip(),
            answer=gold_answer(_gold_text(row, spec), spec.layout, f"{source}, row {number + 1}"),
            kind=spec.verifier(),
            data=_data(row, spec, tests),
            known=known_of(row, spec.known_keys),
            source=source,
            licence=spec.licence,
        )
        for number, row in enumerate(rows)
    ]
    untold = [key for key in spec.known_keys if not any(key in p.known for p in problems)]
    if untold:
        has = ", ".join(sorted(rows[0]))
        raise Refused(
            f"{source}: no row has a number or a text in '{untold[0]}' (there are: {has}).", "Mend problems.known_keys."
        )
    refuse_duplicate_ids(problems, source)
    return problems


def _data(row: dict[str, Any], spec: Rows, tests: tuple[str, ...]) -> dict[str, Any]:
    """What the verifier of the kind needs beyond the gold answer."""
    if spec.verifier() == "code":
        return {column: row[column] for column in tests if row.get(column) is not None}
    if spec.verifier() == "choice":
        options = row.get("options", row.get(spec.options_key))
        return {"options": options} if isinstance(options, list) else {}
    if spec.verifier() == "number":
        limits = {key: row.get(key, getattr(spec, key)) for key in ("tolerance", "relative_tolerance", "digits")}
        return {key: value for key, value in limits.items() if value is not None}
    return {}


def known_of(row: dict[str, Any], keys: Iterable[str]) -> dict[str, float | str]:
    """What columns tell of how hard a problem is: numbers as they are, short texts as classes, long ones by length.

    A number may be written as a text; one that is not finite tells nothing.
    """
    known: dict[str, float | str] = {}
    for key in keys:
        told = _told(row.get(key))
        if isinstance(told, str) or (told is not None and math.isfinite(told)):
            known[key] = told
    return known


def _told(value: Any) -> float | str | None:
    """What a cell tells, NaN and infinity included."""
    match value:
        case bool() | int() | float() as number:
            return _as_float(number)
        case str() as text if 0 < len(text.strip()) <= LONGEST_CLASS:
            written = text.strip()
            return _as_float(written) if _is_number(written) else written
        case str() as text if text.strip():
            return math.log(len(text))
        case [*items] if items and all(isinstance(i, bool | int | float) for i in items):
            return sum(map(_as_float, items)) / len(items)  # a verdict a sample: the pass rate
        case [_, *_] as items:
            return float(len(items))
    return None


def _is_number(text: str) -> bool:
    """Whether a text is a number, NaN included; `1_2` is a name."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _as_float(number: float | str) -> float:
    """A number; one of four hundred digits is infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _is_no_number(value: Any) -> bool:
    """NaN, or an infinity: JSON has neither, and what writes it anyway has computed nonsense."""
    return isinstance(value, float) and not math.isfinite(value)


def _text(value: Any) -> str | None:
    """A cell as text: `1e-05` becomes 0.00001, as people write it; what is not there, or no number, is None."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f") if math.isfinite(value) else None
    return None if value is None else str(value).strip()


def _gold_text(row: dict[str, Any], spec: Rows) -> str:
    """The answer column as text; a program keeps its first indentation, HumanEval's being the body of a function."""
    value = row.get(spec.answer_key)
    return value if isinstance(value, str) and spec.layout in COLUMNS else _text(value) or ""


def gold_answer(text: str, layout: str, where: str) -> str:
    """The gold answer in an answer column; GSM8K writes it after `####`, with thousands separators."""
    if layout != "gsm8k":
        return text.strip("\n") if layout in COLUMNS else text.strip()
    match = re.search(r"####\s*(\S[^\n]*)\s*$", text)
    if not match:
        raise Refused(
            f"{where}: the answer has no '####', so it is not in GSM8K's layout.", "Set problems.layout=plain."
        )
    return match[1].strip().replace(",", "")


def refuse_duplicate_ids(problems: list[Problem], source: str) -> None:
    twice = [id_ for id_, n in Counter(p.id for p in problems).items() if n > 1]
    if twice:
        shown = ", ".join([repr(i) for i in twice[:3]] + ["..."] * (len(twice) > 3))
        raise Refused(f"{source} has ids that occur more than once: {shown}.", "Ids must be unique.")


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return read_rows(path)
    except DistillError as e:
        raise Refused(str(e), e.hint) from e


def _split(pool: list[Problem], count: int | None, held_out: int, seed: int, source: str) -> list[Problem]:
    order = random.Random(seed).sample(pool, len(pool))
    train = order[held_out:] if count is None else order[held_out : held_out + count]
    if len(order) <= held_out or (count is not None and len(train) < count):
        asked = f"{held_out} held out" + (f" and {count} to train on" if count else " and at least one to train on")
        raise Refused(
            f"{source} has {len(pool)} problems, fewer than {asked}.", "Set problems.held_out and problems.count."
        )
    return [*train, *as_held(order[:held_out])]


def draw(pool: list[Problem], count: int | None, seed: int, source: str) -> list[Problem]:
    if count is not None and count > len(pool):
        raise Refused(f"{source} has {len(pool)} problems, fewer than the {count} asked for.")
    return random.Random(seed).sample(pool, len(pool) if count is None else count)


def beside(train: list[Problem], held: list[Problem]) -> list[Problem]:
    """Training problems and held-out ones of another file, whose row numbers may be the same."""
    return [*train, *as_held([p.model_copy(update={"id": f"held-out-{p.id}"}) for p in held])]


def as_held(problems: list[Problem]) -> list[Problem]:
    return [p.model_copy(update={"held_out": True}) for p in problems]
