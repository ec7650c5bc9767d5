"""Where problems come from: generated Countdown, a jsonl or parquet file, a data set on the hub, reasoning_gym.

Every source ends in a list of `Problem`, some of them held out for the evaluation.
"""

import hashlib
import math
import random
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from distill.errors import DistillError, Refused
from distill.files import read_rows, user_path
from distill.recipe import (
    CountdownProblems,
    FileProblems,
    GymProblems,
    HubProblems,
    Problems,
    TableProblems,
    TracesProblems,
)
from distill.records import CONTROL_TOKEN, Problem, digest

FRUITLESS_DRAWS = 200_000
"""So many draws in a row without a new Countdown problem mean that there are no more to be had."""

LONGEST_CLASS = 40
"""Characters of a text that names a level or a subject; of a longer one only the length tells something."""


def make_problems(spec: Problems, seed: int) -> list[Problem]:
    """Training problems first, then the held-out ones; the same seed gives the same list anywhere.

    Raises:
        Refused: a missing or empty file, missing columns, duplicated ids, fewer rows than asked for, data sets of
            reasoning_gym that are unknown or not used.
    """
    if isinstance(spec, CountdownProblems):
        return countdown_problems(spec, seed)
    if isinstance(spec, FileProblems):
        return _from_file(spec, seed)
    if isinstance(spec, TracesProblems):
        return _from_traces(spec, seed)
    if isinstance(spec, GymProblems):
        from distill.gym_problems import gym_problems

        return gym_problems(spec, seed)
    return _from_hub(spec, seed)


def source_fingerprint(spec: Problems) -> str:
    """Changes when the content of the source does: digest of the files, the hub revision, a generator's version."""
    if isinstance(spec, GymProblems):
        from distill.gym_problems import required_version

        return digest([spec.model_dump(), required_version()])
    if isinstance(spec, TracesProblems) and spec.path:
        beside = [source_fingerprint(spec.held_out_from)] if spec.held_out_from else []
        return digest([*beside, _content(_existing(spec.path, "problems.path"))])
    if isinstance(spec, FileProblems):
        paths = {"path": spec.path, "held_out_path": spec.held_out_path}
        return digest([_content(_existing(p, f"problems.{k}")) for k, p in paths.items() if p])
    return digest(spec.model_dump())


def write_problems(path: Path, problems: list[Problem]) -> None:
    """Write problems as parquet; `data` and `known` are JSON columns, since their keys differ by kind and source."""
    import io
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    from distill.files import write_atomically

    rows = [{**p.model_dump(), "data": json.dumps(p.data), "known": json.dumps(p.known)} for p in problems]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    write_atomically(path, buffer.getvalue())


def read_problems(path: Path) -> list[Problem]:
    import json

    try:
        return [
            Problem(**{**row, **{key: json.loads(row[key]) for key in ("data", "known")}}) for row in read_rows(path)
        ]
    except (DistillError, KeyError, ValueError, TypeError) as e:
        raise DistillError(f"{path} is damaged.", "Delete it; the same command makes it again.") from e


def countdown_problems(spec: CountdownProblems, seed: int) -> list[Problem]:
    """Solvable Countdown problems; a third of the targets, with number sets of their own, is held out.

    A target is the value of a random expression over the numbers, so every problem has a solution.
    """
    rng = random.Random(seed)
    targets = range(spec.min_target, spec.max_target + 1)
    held_targets = set(rng.sample(targets, max(1, len(targets) // 3)))
    owner: dict[tuple[int, ...], bool] = {}
    found: dict[bool, dict[str, Problem]] = {False: {}, True: {}}
    wanted = {False: spec.count, True: spec.held_out}
    fruitless = 0
    while any(len(found[h]) < wanted[h] for h in wanted):
        fruitless += 1
        if fruitless > FRUITLESS_DRAWS:
            have = " and ".join(f"{len(found[h])} of {wanted[h]}" for h in (False, True))
            raise Refused(
                f"problems.count and problems.held_out ask for more Countdown problems than there are with "
                f"{spec.numbers} numbers up to {spec.max_number} (found {have}).",
                "Ask for fewer, or raise problems.numbers or problems.max_number.",
            )
        numbers = [rng.randint(1, spec.max_number) for _ in range(spec.numbers)]
        target = _random_value(numbers, rng)
        if target is None or target not in targets or target in numbers:
            continue
        held = target in held_targets
        numbers_key = tuple(sorted(numbers))
        if owner.setdefault(numbers_key, held) != held or len(found[held]) == wanted[held]:
            continue
        problem = _countdown(numbers, target, held, seed)
        if problem.id not in found[held]:
            found[held][problem.id] = problem
            fruitless = 0
    return [*found[False].values(), *found[True].values()]


def _random_value(numbers: list[int], rng: random.Random) -> int | None:
    """Value of a random expression over all numbers; None where it leaves the positive integers."""
    values = list(numbers)
    while len(values) > 1:
        a = values.pop(rng.randrange(len(values)))
        b = values.pop(rng.randrange(len(values)))
        high, low = max(a, b), min(a, b)
        options = [a + b, a * b, high - low, high // low if low and high % low == 0 else None]
        value = rng.choice(options)
        if not value:
            return None
        values.append(value)
    return values[0]


def _countdown(numbers: list[int], target: int, held_out: bool, seed: int) -> Problem:
    shown = " ".join(map(str, numbers))
    return Problem(
        id=f"countdown-{'-'.join(map(str, sorted(numbers)))}-{target}",
        question=f"Make {target} from {shown} with + - * /, each number once.",
        answer="",
        kind="countdown",
        data={"numbers": numbers, "target": target},
        source=f"countdown seed {seed}",
        licence="generated",
        held_out=held_out,
    )


def _from_file(spec: FileProblems, seed: int) -> list[Problem]:
    path = _existing(spec.path, "problems.path")
    pool = _problems_of(_rows(path), spec, path.name)
    if spec.held_out_path is None:
        return _split(pool, spec.count, spec.held_out, seed, spec.path)
    held = _problems_of(
        _rows(_existing(spec.held_out_path, "problems.held_out_path")), spec, Path(spec.held_out_path).name
    )
    return _beside(_draw(pool, spec.count, seed, spec.path), _draw(held, spec.held_out, seed, spec.held_out_path))


def _from_hub(spec: HubProblems, seed: int) -> list[Problem]:
    from datasets import load_dataset

    def rows(split: str) -> list[dict[str, Any]]:
        try:
            return list(load_dataset(spec.hub_id, spec.config, split=split, revision=spec.revision))
        except (OSError, ValueError) as e:
            first = str(e).strip().splitlines()[0].rstrip(".")
            hint = "With the file on disk, use problems.source=file."
            raise Refused(f"data set '{spec.hub_id}' cannot be had from the hub ({first}).", hint) from e

    pool = _problems_of(rows(spec.split), spec, spec.hub_id)
    if spec.held_out_split is None:
        return _split(pool, spec.count, spec.held_out, seed, spec.hub_id)
    held = _problems_of(rows(spec.held_out_split), spec, f"{spec.hub_id}:{spec.held_out_split}")
    return _beside(_draw(pool, spec.count, seed, spec.hub_id), _draw(held, spec.held_out, seed, spec.hub_id))


def _from_traces(spec: TracesProblems, seed: int) -> list[Problem]:
    """A problem for each question of a published set, with the places of its traces; equal questions are one."""
    from distill.published import reader_for
    from distill.row_access import rows_of

    source = spec.hub_id or str(spec.path)
    rows = rows_of(spec)
    if not len(rows):
        raise Refused(f"{source} holds no rows.")
    read = reader_for(rows.columns, spec, source)
    found: dict[str, tuple[str, str, list[tuple[int, int]]]] = {}
    for number in range(len(rows)):
        row = read(rows[number])
        if row is None or CONTROL_TOKEN.search(row.question):
            continue
        key = digest(" ".join(row.question.split()))
        question, gold, places = found.setdefault(key, (row.question, row.answer, []))
        places += [(number, place) for place in range(len(row.traces))]
        found[key] = (question, gold or row.answer, places)
    if not found:
        raise Refused(f"{source} holds no question with one answer that could be read.")
    pool = [
        Problem(
            id=f"{Path(source).stem}-{key[:12]}",
            question=question,
            answer=gold,
            kind=spec.kind,
            data={"traces": places},
            source=source,
            licence=spec.licence,
        )
        for key, (question, gold, places) in found.items()
    ]
    return _with_held_out(pool, spec, seed, source)


def _with_held_out(pool: list[Problem], spec: TracesProblems, seed: int, source: str) -> list[Problem]:
    if spec.held_out_from is not None:
        held = [p for p in make_problems(spec.held_out_from, seed) if p.held_out]
        return _beside(_draw(pool, spec.count, seed, source), [p.model_copy(update={"held_out": False}) for p in held])
    order = random.Random(seed).sample(pool, len(pool))
    held = [p for p in order if p.answer][: spec.held_out]
    if len(held) < spec.held_out or len(held) == len(pool):
        raise Refused(
            f"{source} has {len(pool)} questions, {sum(bool(p.answer) for p in pool)} of them with a gold answer: too "
            f"few for {spec.held_out} held out and any to train on.",
            "Lower problems.held_out, or take the evaluation's problems from elsewhere: problems.held_out_from.",
        )
    names = {p.id for p in held}
    train = [p for p in order if p.id not in names]
    if spec.count is not None and len(train) < spec.count:
        raise Refused(f"{source} leaves {len(train)} questions to train on, fewer than problems.count={spec.count}.")
    return [*train[: spec.count], *_as_held(held)]


def _content(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _existing(name: str, key: str) -> Path:
    path = user_path(name)
    if not path.is_file():
        raise Refused(f"{key} '{name}' is no file.", "Paths are relative to the working directory.")
    if path.suffix not in (".jsonl", ".json", ".parquet"):
        raise Refused(f"{key} '{name}' is neither .jsonl nor .parquet, the formats that are read.")
    return path


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return read_rows(path)
    except DistillError as e:
        raise Refused(str(e), e.hint) from e


def _problems_of(rows: list[dict[str, Any]], spec: TableProblems, source: str) -> list[Problem]:
    if not rows:
        raise Refused(f"{source} holds no problems.")
    wanted = [spec.question_key, spec.answer_key, *([spec.id_key] if spec.id_key else [])]
    for number, row in enumerate(rows, 1):
        absent = [key for key in wanted if _text(row.get(key)) in (None, "")]
        if absent:
            has = ", ".join(sorted(row))
            which = {spec.question_key: "question_key", spec.answer_key: "answer_key"}.get(absent[0], "id_key")
            hint = f"Name the column with problems.{which}."
            lacks = "is empty or null" if absent[0] in row else f"is missing (there are: {has})"
            raise Refused(f"{source}, row {number}: '{absent[0]}' {lacks}.", hint)
        nested = [key for key in wanted if isinstance(row[key], bool | bytes | list | dict)]
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
            answer=gold_answer(_text(row[spec.answer_key]) or "", spec.layout, f"{source}, row {number + 1}"),
            kind=spec.kind,
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


def _text(value: Any) -> str | None:
    """A cell as text: `1e-05` becomes 0.00001, as people write it; what is not there, or no number, is None."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f") if math.isfinite(value) else None
    return None if value is None else str(value).strip()


def gold_answer(text: str, layout: str, where: str) -> str:
    """The gold answer in an answer column; GSM8K writes it after `####`, with thousands separators."""
    if layout == "plain":
        return text.strip()
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


def _split(pool: list[Problem], count: int | None, held_out: int, seed: int, source: str) -> list[Problem]:
    order = random.Random(seed).sample(pool, len(pool))
    train = order[held_out:] if count is None else order[held_out : held_out + count]
    if len(order) <= held_out or (count is not None and len(train) < count):
        asked = f"{held_out} held out" + (f" and {count} to train on" if count else " and at least one to train on")
        raise Refused(
            f"{source} has {len(pool)} problems, fewer than {asked}.", "Set problems.held_out and problems.count."
        )
    return [*train, *_as_held(order[:held_out])]


def _draw(pool: list[Problem], count: int | None, seed: int, source: str) -> list[Problem]:
    if count is not None and count > len(pool):
        raise Refused(f"{source} has {len(pool)} problems, fewer than the {count} asked for.")
    return random.Random(seed).sample(pool, len(pool) if count is None else count)


def _beside(train: list[Problem], held: list[Problem]) -> list[Problem]:
    """Training problems and held-out ones of another file, whose row numbers may be the same."""
    return [*train, *_as_held([p.model_copy(update={"id": f"held-out-{p.id}"}) for p in held])]


def _as_held(problems: list[Problem]) -> list[Problem]:
    return [p.model_copy(update={"held_out": True}) for p in problems]
