"""Answers that are there already: kept from being mixed with others, and taken over from earlier recipes of a run.

A changed recipe moves what another one has made aside (`evaluation.1a2b3c4d/`). Of that all answers are taken over that
would be sampled just so again; verdicts too, where they would be given by the same rules.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from distill.evaluate.note import Entry, Note, read_note, refuse_mixing, write_note
from distill.files import replacing

logger = logging.getLogger(__name__)


class Logs(NamedTuple):
    """Where the answers of one model to one set lie, and their verdicts."""

    samples: Path
    verdicts: Path

    @property
    def name(self) -> str:
        return self.samples.parent.name

    @property
    def who(self) -> str:
        return self.samples.name.partition(".")[0]

    def hold_answers(self) -> bool:
        return self.samples.is_file() and self.samples.stat().st_size > 0


def logs(folder: Path, name: str, who: str) -> Logs:
    """Of a model's answers to a set, in the folder of an evaluation."""
    return Logs(folder / name / f"{who}.samples.jsonl", folder / name / f"{who}.verdicts.jsonl")


def prepare(folder: Path, wanted: dict[str, dict[str, Entry]], earlier: Sequence[Path], hint: str) -> Note:
    """Note what answers are sampled with, and make those ready that are there; returns the note.

    Raises:
        Refused: the folder holds answers that were sampled otherwise.
    """
    before, taken = read_note(folder), list[tuple[Logs, Logs, bool]]()
    note = before.model_copy(deep=True)
    for name, who, now in _each(wanted):
        there, here = before.answers.get(name, {}).get(who), logs(folder, name, who)
        if here.hold_answers():
            there = there or now  # of a run of an earlier version, whose seal says what shaped them
            refuse_mixing(folder, there, now, hint)
            if there.judged != now.judged:
                here.verdicts.unlink(missing_ok=True)
        elif (other := _sampled_so(earlier, name, who, now)) is not None:
            there = read_note(other).answers[name][who].model_copy(update={"taken_over": True})
            taken.append((logs(other, name, who), here, there.judged == now.judged))
        else:
            there = now
        note.answers.setdefault(name, {})[who] = now.model_copy(update={"on": there.on, "taken_over": there.taken_over})
    if note != before:
        write_note(folder, note)
    for source, target, judged_alike in taken:
        _take_over(source, target, judged_alike)
    if taken:
        told = ", ".join(f"{target.who} on {target.name}" for _, target, _ in taken)
        logger.info("evaluate: answers are taken over from an earlier recipe: %s", told)
    return note


def _each(wanted: dict[str, dict[str, Entry]]) -> Iterator[tuple[str, str, Entry]]:
    return ((name, who, entry) for name, by_model in wanted.items() for who, entry in by_model.items())


def _sampled_so(earlier: Sequence[Path], name: str, who: str, now: Entry) -> Path | None:
    """Of the folders the one with most answers that were sampled like this."""
    found = [
        (held.samples.stat().st_size, folder)
        for folder in earlier
        if (held := logs(folder, name, who)).hold_answers()
        and (entry := read_note(folder).answers.get(name, {}).get(who)) is not None
        and entry.sampled == now.sampled
    ]
    return max(found)[1] if found else None


def _take_over(source: Logs, target: Logs, judged_alike: bool) -> None:
    """Copies, verdicts first: where there are answers, a kill has left nothing out."""
    target.samples.parent.mkdir(exist_ok=True)
    target.verdicts.unlink(missing_ok=True)
    if judged_alike and source.verdicts.is_file():
        _copy(source.verdicts, target.verdicts)
    _copy(source.samples, target.samples)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, replacing(target) as written:
        shutil.copyfileobj(read, written, 1 << 20)
