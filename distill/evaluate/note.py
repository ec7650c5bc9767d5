"""What the answers of an evaluation were sampled with, noted beside them.

It keeps answers from being mixed with others, lets a recipe that has changed in something else find them again, and
tells on which machines they were sampled. By set and by model, in `sampled.json`.
"""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from distill.errors import DistillError, Refused
from distill.evaluate.engines import Member
from distill.evaluate.protocols import Protocol
from distill.evaluate.sets import ProblemSet
from distill.files import read_json, write_json
from distill.recipe_verify import Verify
from distill.records import Record, digest

NOTE = "sampled.json"

Facts = dict[str, str | int]
"""Of a sampling: machine, torch, batch size. They may change from one attempt to the next."""


class Entry(Record):
    """The answers of one model to one set."""

    sampled: dict[str, Any]
    """All that shapes them, by the words that an error has for it."""
    judged: str
    """Digest of all that shapes their verdicts besides."""
    on: list[Facts] = Field([])
    """Where they were sampled; with an attempt on another machine both."""
    taken_over: bool = False
    """Were they there before, of an earlier recipe of the run?"""


class Note(Record):
    """All of a folder."""

    version: Literal[1] = 1
    answers: dict[str, dict[str, Entry]] = Field({})
    """By set and model."""


def read_note(folder: Path) -> Note:
    """The note in a folder; an empty one where there is none.

    Raises:
        DistillError: it is damaged, or of another version.
    """
    path = folder / NOTE
    if not path.exists():
        return Note()
    try:
        return Note.model_validate(read_json(path))
    except DistillError as e:
        raise DistillError(
            str(e), "Nothing else tells what the answers beside it were sampled with: sample into another folder."
        ) from e
    except ValueError as e:
        raise DistillError(f"{path} is no note of this version of distill.", "Sample into another folder.") from e


def write_note(folder: Path, note: Note) -> None:
    write_json(folder / NOTE, note.model_dump(mode="json"))


def entry_of(member: Member, asked: ProblemSet, protocol: Protocol, seed: int, verify: Verify, trained: str) -> Entry:
    """What a model's answers to a set are about to be sampled with, and judged by.

    `trained` tells how a student came about, whose files are only sampled for a fingerprint; empty for other models.
    """
    told, who, name = protocol.told(), member.who, asked.name
    known = trained or (member.source.fingerprint() if member.source else member.engine)
    sampled = {
        "seed": seed,
        f"the model {who}": known if trained and member.source else f"{member.name} ({known})",
        f"the engine of {who}": f"{member.engine}, {member.dtype}, template {member.template_digest()}",
        f"the engine options of {who}": dict(member.options),
        **{f"{key} of {name}": told[key] for key in ("temperature", "top_p", "max_tokens", "prompt")},
        f"the problems of {name}": digest([[p.id, p.question, p.data] for p in asked.problems]),
    }
    rules = verify.model_dump(mode="json", exclude={"judge"})  # which no evaluation asks
    return Entry(sampled=sampled, judged=digest([rules, [[p.id, p.kind, p.answer] for p in asked.problems]]))


def refuse_mixing(folder: Path, before: Entry, now: Entry, hint: str) -> None:
    """
    Raises:
        Refused: what is in the folder was sampled otherwise.
    """
    for what, value in now.sampled.items():
        if before.sampled.get(what) != value:
            raise Refused(
                f"{folder} holds answers that were sampled otherwise: {what} was {_short(before.sampled.get(what))} "
                f"and is {_short(value)}.",
                hint,
            )


def facts(ours: bool, batch_size: int) -> Facts:
    """Of what is sampled now; `ours` where the engine is."""
    if not ours:
        return {"machine": "the server's own"}
    import torch

    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads{gpu}"
    return {"machine": machine, "torch": torch.__version__, "batch_size": batch_size}


def note_place(folder: Path, name: str, who: str, found: Facts) -> None:
    """Note where answers of a model to a set are about to be sampled."""
    note = read_note(folder)
    entry = note.answers[name][who]
    if found not in entry.on:
        entry.on.append(found)
        write_note(folder, note)


def together(entries: Sequence[Entry]) -> Mapping[str, Any]:
    """The facts of several: a value, or where answers differ in it all of them in words."""
    found: dict[str, list[str | int]] = {}
    for entry in entries:
        for of_attempt in entry.on:
            for key, value in of_attempt.items():
                found.setdefault(key, [])
                found[key] += [value] if value not in found[key] else []
    return {key: values[0] if len(values) == 1 else "; ".join(map(str, values)) for key, values in found.items()}


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
