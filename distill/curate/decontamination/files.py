"""`distill decontaminate FILE`: the rows of any file that hold no question of an evaluation set, and those that do."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distill.curate.decontamination.decontaminate import Decontaminator, Flag
from distill.curate.decontamination.evaluation_sets import KNOWN, OnHub, on_hub, place_of
from distill.curate.decontamination.questions import shortened
from distill.curate.files.asked_text import text_of
from distill.curate.files.tables import line_of, parts, writer
from distill.errors import Refused
from distill.files import user_path
from distill.files_together import replacing_together, unfinished
from distill.given_paths import output_path, refuse_no_file, unchanged
from distill.wording import counted

SHOWN = 5
"""Flagged rows that are told one by one."""

CHANGED = "changed"
"""The kind of flag with which a row is kept if nothing else is asked: another problem of the same pattern."""

Tell = Callable[[int], object]
"""Hears how many rows are done."""


class Question(NamedTuple):
    """One of an evaluation set."""

    file: str
    row: int
    """From 1."""
    text: str


class Keys(NamedTuple):
    """Columns with text; None looks for one of a usual name."""

    text: str | None = None
    against: str | None = None


class Found(NamedTuple):
    """What `distill decontaminate` tells at its end."""

    sets: dict[str, int]
    """Questions of each evaluation set."""
    questions: int
    """That differ."""
    rows: int
    kept: int
    empty: int
    """Rows without text, which are kept."""
    flagged: Counter[tuple[str, str]]
    """Kind and evaluation set -> rows, each by its likest question."""
    shown: list[str]
    """The first that are removed."""
    drop_changed: bool
    """Were `changed` ones removed too?"""


def decontaminate_file(
    file: Path,
    against: Sequence[str],
    out: Path,
    flagged: Path,
    keys: Keys = Keys(),  # noqa: B008
    tell: Tell = lambda _: None,
    drop_changed: bool = False,
) -> Found:
    """Write the rows of `file` that hold no question of `against` to `out`, unchanged and in their order.

    Evaluation sets are files, or what `evaluation_sets` finds by a name or on the hub.

    What is flagged is written to `flagged`: the row, the question, and the evidence. A row with other numbers or
    formulas than a question has (`changed`) is flagged and kept, unless `drop_changed`. Both files appear whole, or
    neither.

    Raises:
        Refused: a file that is not there or not readable, no column with text, an evaluation set without questions,
            rows that are no text, or none that would be left.
    """
    places = [_place(name) for name in against]
    out, flagged = _refuse_paths(file, places, out, flagged)
    sets = {name: list(_questions(name, place, keys.against)) for name, place in zip(against, places, strict=True)}
    questions = [question for some in sets.values() for question in some]
    finder = Decontaminator([question.text for question in questions], [question.file for question in questions])
    found = Found(
        {name: len(some) for name, some in sets.items()}, len(finder.numbers), 0, 0, 0, Counter(), [], drop_changed
    )
    try:
        with replacing_together(flagged, out) as (lines, f), writer(f, file) as kept, unchanged(file):
            for part in parts(file, keys.text, kept):
                texts = _texts(part.values, file, found.rows)
                flags = finder.flags(texts)
                removed = {flag.row for flag in flags if drop_changed or flag.match.kind != CHANGED}
                part.keep([row not in removed for row in range(len(texts))])
                lines.writelines(line_of(_told(flag, questions, texts, found.rows)) for flag in flags)
                found = _counted(found, texts, flags, questions, len(removed))
                tell(found.rows)
            if not found.kept:
                raise _none_left(found, file)
    except OSError as e:
        raise Refused(f"{out} and {flagged} cannot be written: {e.strerror}.") from e
    return found


def _none_left(found: Found, file: Path) -> Refused:
    if not found.rows:
        return Refused(f"{file} holds no rows.")
    hold = "holds a question" if found.rows == 1 else "hold questions"
    return Refused(f"all {counted(found.rows, 'row')} of {file} {hold} of the evaluation.", "\n".join(found.shown))


def _counted(found: Found, texts: list[str], flags: list[Flag], questions: list[Question], removed: int) -> Found:
    likest = {flag.row: flag for flag in reversed(flags)}.values()  # of each row the first
    for flag in reversed(likest):
        found.flagged[flag.match.kind, questions[flag.question].file] += 1
        if (found.drop_changed or flag.match.kind != CHANGED) and len(found.shown) < SHOWN:
            found.shown.append(_shown(flag, questions[flag.question], found.rows))
    return found._replace(
        rows=found.rows + len(texts),
        kept=found.kept + len(texts) - removed,
        empty=found.empty + sum(not text.strip() for text in texts),
    )


def _place(name: str) -> OnHub | Path:
    """
    Raises:
        Refused: a folder, a pipe, or nothing that can be found by this name.
    """
    file = user_path(name)
    if name not in KNOWN and (file.exists() or file.is_symlink()):
        refuse_no_file(file)
    return place_of(name)


def _questions(name: str, place: OnHub | Path, key: str | None) -> Iterator[Question]:
    """
    Raises:
        Refused: it holds none.
    """
    number, empty = 0, True
    called = name if isinstance(place, OnHub) else place.name
    values = [list(on_hub(name, place, key))] if isinstance(place, OnHub) else (p.values for p in parts(place, key))
    for part in values:
        for text in _texts(part, called, number):
            number += 1
            empty = empty and not any(map(str.isalnum, text))
            yield Question(called, number, text)
    if empty:
        raise Refused(f"{name} holds no questions.", "Its column: --against-key.")


def _texts(values: list[Any], file: Path | str, before: int) -> list[str]:
    """
    Raises:
        Refused: one of them is no text.
    """
    texts = [text_of(value) for value in values]
    for row, text in enumerate(texts, before + 1):
        if text is None:
            raise Refused(f"{file}, row {row} holds no text.", "Name the column with it: --text-key, --against-key.")
    return [text or "" for text in texts]


def _told(flag: Flag, questions: list[Question], texts: list[str], before: int) -> dict[str, Any]:
    """A line of the file of flagged rows."""
    question, match = questions[flag.question], flag.match
    return {
        "row": before + flag.row + 1,
        "kind": match.kind,
        "share": round(match.share, 4),
        "against": question.file,
        "against_row": question.row,
        "question": question.text,
        "text": texts[flag.row],
        "evidence": flag.evidence,
        "missing": match.missing,
        "instead": match.instead,
    }


def _shown(flag: Flag, question: Question, before: int) -> str:
    shown = shortened(flag.evidence)
    return f"row {before + flag.row + 1}: {flag.match.kind}, {question.file} row {question.row}: {shown!r}"


def _refuse_paths(file: Path, against: Sequence[OnHub | Path], out: Path, flagged: Path) -> tuple[Path, Path]:
    """The outputs, links followed.

    Raises:
        Refused: no input, outputs that are inputs or each other, or in another format than they can be.
    """
    refuse_no_file(file)
    if not against:
        raise Refused("nothing to compare with.", "Name evaluation sets: --against FILE.")
    sets = {place.resolve() for place in against if isinstance(place, Path)}
    outputs = [output_path(out, "--out"), output_path(flagged, "--flagged")]
    written = {*outputs, *map(unfinished, outputs)}
    if len(written) < 4 or {file.resolve(), *sets} & written or file.resolve() in sets:
        raise Refused("--out, --flagged and the inputs must be different files.")
    if (out.suffix == ".parquet") != (file.suffix == ".parquet"):
        raise Refused(f"--out={out.name}: rows are written as they are.", f"Name it as {file.name} is: {file.suffix}.")
    if flagged.suffix == ".parquet":
        raise Refused(f"--flagged={flagged.name}: it is written as JSON, one object a line.", "Name it .jsonl.")
    return outputs[0], outputs[1]


def summary(found: Found, file: Path) -> str:
    """What stands on the screen at the end."""
    lines = [f"{found.kept:,} of {counted(found.rows, 'row')} kept of {file}"]
    lines += [f"{questions:>10,}  questions of {name}" for name, questions in found.sets.items()]
    lines += [f"{found.questions:>10,}  different questions looked for"]
    for (kind, held_by), rows in sorted(found.flagged.items()):
        lines.append(
            f"{rows:>10,}  {kind:<8} {held_by}{' (kept)' if kind == CHANGED and not found.drop_changed else ''}"
        )
    if found.empty:
        lines.append(f"{found.empty:>10,}  without text (kept)")
    return "\n".join([*lines, *found.shown])
