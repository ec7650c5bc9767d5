"""General chats beside the reasoning: rows of any file, drawn with the seed, kept out of the evaluation."""

import heapq
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from distill.chats import ASSISTANT, USER, answer_in, blocks, content, thoughts, turns
from distill.curate.decontamination.decontaminate import Decontaminator
from distill.curate.decontamination.questions import AT_ONCE, Question
from distill.curate.files.short_names import short_names
from distill.curate.selections.mix import shares
from distill.curate.text.text_hash import text_hash
from distill.errors import DistillError, Refused
from distill.files import each_row, user_path
from distill.given_paths import content_digest
from distill.recipe_curate import Curate, Mix
from distill.records import CONTROL_TOKEN, joined
from distill.wording import counted, key, setting

CHATS = ("messages", "conversations")
PAIRS = (("instruction", "output"), ("instruction", "response"), ("prompt", "completion"), ("prompt", "response"))


class Chat(NamedTuple):
    """One row of general data."""

    messages: list[dict[str, str]]
    completion: str
    row: int
    """From 1."""

    @property
    def asked(self) -> str:
        return "\n".join(turn["content"] for turn in self.messages if turn["role"] == "user")

    @property
    def text(self) -> int:
        """A hash of all that is said."""
        return text_hash(repr(self.messages), self.completion)


class Drawn(NamedTuple):
    """What is taken of a file."""

    chats: list[Chat]
    asked: int
    """Chats that ask something of the evaluation, which are left out."""


def mixed_files(spec: Curate) -> list[tuple[str, str]]:
    """The files of `curate.mix`: what they are called in rows and card, and the SHA-256 of each."""
    files = [user_path(part.path) for part in spec.mix]
    return [(name, content_digest(file)) for name, file in zip(short_names(files), files, strict=True)]


def mixed_in(spec: Curate, traces: int, evaluation: Sequence[Question], seed: int) -> tuple[list[dict[str, Any]], str]:
    """The rows of `curate.mix`, so many that each part has its share of all rows beside so many traces; and what the
    funnel tells of them.

    Raises:
        Refused: a file that cannot be read, or has fewer rows than its share, unless `curate.fill` is `less`.
    """
    if not spec.mix:
        return [], ""
    weights = {str(place): Fraction(str(part.share)) for place, part in enumerate(spec.mix)}
    weights["traces"] = 1 - sum(weights.values(), Fraction(0))
    counts = shares(weights, dict.fromkeys(weights, 1 << 40) | {"traces": traces})
    rows: list[dict[str, Any]] = []
    notes = []
    names = short_names([user_path(part.path) for part in spec.mix])
    held: set[int] = set()
    for place, (part, name) in enumerate(zip(spec.mix, names, strict=True)):
        wanted = counts[str(place)]
        chats, asked = drawn(part, wanted, evaluation, seed, spec.drop_changed, held)
        held.update(chat.text for chat in chats)
        if len(chats) < wanted and spec.fill == "refuse":
            raise Refused(
                f"{key('curate.mix')} wants {counted(wanted, 'row')} of {part.path}; {len(chats)} can be used.",
                f"A smaller share, or {setting('curate.fill', 'less')} for those that there are.",
            )
        rows += as_rows(chats, part, name)
        of = f" of {wanted:,} for its share" if len(chats) < wanted else ""
        gone = f", {asked:,} that ask for the evaluation left out" if asked else ""
        notes.append(f"{counted(len(chats), 'row')}{of} of {name}{gone}")
    return rows, "; ".join(notes)


def merged(
    traces: Iterator[dict[str, Any]], count: int, others: Sequence[dict[str, Any]], seed: int
) -> Iterator[dict[str, Any]]:
    """So many traces in their order, the other rows between them at places that seed and text decide."""
    placed = sorted((text_hash(str(seed), row["trace_id"]) * (count + 1) >> 64, row["trace_id"], row) for row in others)
    waiting = iter(placed)
    following = next(waiting, None)
    for place in range(count + 1):
        while following is not None and following[0] == place:
            yield following[2]
            following = next(waiting, None)
        if place < count:
            yield next(traces)


def drawn(
    mix: Mix,
    count: int,
    evaluation: Sequence[Question],
    seed: int,
    drop_changed: bool = False,
    held: Collection[int] = (),
) -> Drawn:
    """So many chats of a file that ask nothing of the evaluation, nor with `drop_changed` anything of its pattern;
    equal ones count once, and those whose `Chat.text` is `held` not at all: another file has given them.

    The draw is by a hash of seed and text: the same rows in whatever order they stand, and no more of them in memory
    than are asked for.
    """
    file = user_path(mix.path)
    finder = Decontaminator([q.text for q in evaluation], [q.set for q in evaluation]) if evaluation else None
    seen = set(held)
    asked = 0

    def keyed() -> Iterator[tuple[int, int, Chat]]:
        nonlocal asked
        for part in _parts(_chats(file)):
            flags = finder.flags([chat.asked for chat in part]) if finder else []
            gone = {flag.row for flag in flags if drop_changed or flag.match.kind != "changed"}
            asked += len(gone)
            for place, chat in enumerate(part):
                if place not in gone and (text := chat.text) not in seen:
                    seen.add(text)
                    yield text_hash(str(seed), repr(chat.messages), chat.completion), chat.row, chat

    chats = [chat for _, _, chat in heapq.nsmallest(count, keyed())]
    return Drawn(chats, asked)


def as_rows(chats: Sequence[Chat], mix: Mix, name: str) -> list[dict[str, Any]]:
    """Rows of the curated set, with the columns that traces have; `name` is the file's."""
    return [
        {
            "messages": chat.messages,
            "completion": chat.completion,
            "trace_id": f"{name}/{chat.row}",
            "problem_id": f"{name}/{chat.row}",
            "question": chat.asked,
            "answer": "",
            "source": mix.source or name,
            "licence": mix.licence,
            "file": name,
            "row": chat.row,
            "row_id": None,
            "teacher": "unknown",
            "sampling": "{}",
            "completion_tokens": len(chat.completion) // 4,
            "verdict": "unknown",
            "verdict_kind": "",
            "verdict_reason": "general data is not judged",
            "verdict_by": "nobody",
            "scores": "{}",
            "selected_as": "mix",
            "selected_because": f"drawn from {name}",
        }
        for chat in chats
    ]


def _parts(chats: Iterator[Chat]) -> Iterator[list[Chat]]:
    part: list[Chat] = []
    for chat in chats:
        part.append(chat)
        if len(part) == AT_ONCE:
            yield part
            part = []
    yield part


def _chats(file: Path) -> Iterator[Chat]:
    """
    Raises:
        Refused: unreadable, or rows of which the first holds no chat and no pair of instruction and answer.
    """
    try:
        for number, row in enumerate(each_row(file, halves=True), 1):
            if number == 1 and not any(key in row for key in CHATS) and not any({*p} <= {*row} for p in PAIRS):
                raise Refused(
                    f"{file} holds no chats that are known (its columns: {', '.join(sorted(row))}).",
                    "Rows have `messages`, or `instruction` and `output`, or `prompt` and `completion`.",
                )
            chat = _chat(row, number)
            if chat is not None:
                yield chat
    except DistillError as e:
        raise Refused(str(e), e.hint) from e


def _chat(row: dict[str, Any], number: int) -> Chat | None:
    """None for what has no answer of an assistant at its end, calls a tool, or holds marks of chat templates."""
    spoken = next((turns(row[key]) for key in CHATS if row.get(key)), [])
    for asked, told in PAIRS:
        if not spoken and isinstance(row.get(asked), str) and isinstance(row.get(told), str):
            spoken = turns([{"role": "user", "content": row[asked]}, {"role": "assistant", "content": row[told]}])
    if len(spoken) < 2 or spoken[-1][0] not in ASSISTANT or not any(who in USER for who, _ in spoken):
        return None
    last = answer_in(spoken[-1][1])
    before = [_turn(who, turn) for who, turn in spoken[:-1]]
    if last is None or not last[1].strip() or None in before:
        return None
    messages = [turn for turn in before if turn is not None]
    if any(CONTROL_TOKEN.search(text) for text in (*(turn["content"] for turn in messages), last[1])):
        return None
    return Chat(messages, joined(*last), number)


def _turn(who: str, turn: dict[str, Any]) -> dict[str, str] | None:
    said = blocks(content(turn))
    role = "user" if who in USER else "assistant" if who in ASSISTANT else who if who == "system" else None
    return None if said is None or role is None or thoughts(turn) else {"role": role, "content": said[1]}
