"""The gate before training: render every row as training will, and refuse what would teach wrongly."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from distill.chat_template import Turn, turn_of
from distill.errors import Refused
from distill.recipe import Train
from students.render import IGNORED, Row, render
from students.unfit import Unfit
from students.vocabulary import notes_of, refuse_unseen_thinking

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Checked:
    """Rows that may be trained on, and what was found out about them."""

    rows: list[Row]
    too_long: int
    """Rows left out because drop_long is set."""
    unfit: int
    """Rows left out because drop_unfit is set."""
    longest: int
    """Tokens of the longest row that stays."""
    tokens: int
    """Tokens of all rows, prompts included."""
    tokens_in_loss: int
    end: int
    """The token that ends every row."""
    thinks: bool = False
    """Do most of the traces reason in `<think>`, so that the student is a reasoner?"""
    learns_end: bool = False
    """Is that token new to the model, so that its embedding is trained too?"""
    notes: tuple[str, ...] = ()
    """What else is to be known before training."""

    def counts(self) -> dict[str, Any]:
        return {
            "rows": len(self.rows),
            "too_long": self.too_long,
            "unfit": self.unfit,
            "longest": self.longest,
            "tokens": self.tokens,
            "tokens_in_loss": self.tokens_in_loss,
        }


def check(
    curated: Iterable[dict[str, Any]],
    tokenizer: "PreTrainedTokenizerBase",
    train: Train,
    stops: Collection[int] = (),
) -> Checked:
    """Render all curated rows and look at template, mask, stop token and length. `stops` are the model's own ones.

    Raises:
        Refused: see `turn_of` and `render`; rows longer than max_length without drop_long; nothing left.
    """
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise Refused(
            f"the tokenizer pads with its end-of-turn token {tokenizer.eos_token!r}.",
            "Training would hide the end of every answer from the loss.",
        )
    traces = list(curated)
    turns = turns_of(tokenizer, traces, stops)
    if any("</think>" in r["completion"] for r in traces):
        refuse_unseen_thinking(tokenizer)
    rows, unfit = _rendered(tokenizer, turns, traces, train.drop_unfit)
    fitting = _fitting(rows, train)
    turn = turns[_roles(traces[0])]
    return Checked(
        rows=fitting,
        too_long=len(rows) - len(fitting),
        unfit=unfit,
        longest=max(map(len, fitting)),
        tokens=sum(map(len, fitting)),
        tokens_in_loss=sum(len(row) - row.labels.count(IGNORED) for row in fitting),
        end=turn.end,
        thinks=2 * sum("</think>" in r["completion"] for r in traces) > len(traces),
        notes=tuple(notes_of(tokenizer, turn, fitting[0].input_ids)),
    )


def turns_of(
    tokenizer: "PreTrainedTokenizerBase", traces: Sequence[dict[str, Any]], stops: Collection[int] = ()
) -> dict[tuple[str, ...], Turn]:
    """For the roles of each kind of chat in the set, how the template treats the turn that answers it.

    Raises:
        Refused: see `turn_of`; they end in different tokens.
    """
    name = tokenizer.name_or_path
    found = {roles: turn_of(tokenizer, name, roles) for roles in dict.fromkeys(map(_roles, traces))}
    ends = {turn.end: roles for roles, turn in found.items()}
    if len(ends) > 1:
        told = " and ".join(f"{tokenizer.convert_ids_to_tokens(end)!r} ({', '.join(of)})" for end, of in ends.items())
        raise Refused(f"the chat template ends answers with different tokens: {told}.", "A student stops at one.")
    return {roles: replace(turn, marks=turn.marks | {*stops}) for roles, turn in found.items()}


def _roles(trace: dict[str, Any]) -> tuple[str, ...]:
    return tuple(message["role"] for message in trace["messages"])


def _rendered(
    tokenizer: "PreTrainedTokenizerBase",
    turns: dict[tuple[str, ...], Turn],
    traces: Sequence[dict[str, Any]],
    drop_unfit: bool,
) -> tuple[list[Row], int]:
    """The rows, and how many were left out.

    Raises:
        Refused: there are some to be left out, and `drop_unfit` is not set; or none else.
    """
    rows: list[Row] = []
    unfit: list[Unfit] = []
    for trace in traces:
        try:
            rows.append(
                render(tokenizer, turns[_roles(trace)], trace["trace_id"], trace["messages"], trace["completion"])
            )
        except Unfit as e:
            unfit.append(e)
    if unfit and not (drop_unfit and rows):
        count = f"{len(unfit)} of {len(traces)} rows cannot be trained on. The first: " if len(traces) > 1 else ""
        way_out = " train.drop_unfit=true leaves such rows out and counts them." if rows and not drop_unfit else ""
        raise Refused(f"{count}{unfit[0]}", f"{unfit[0].hint}{way_out}") from unfit[0]
    return rows, len(unfit)


def _fitting(rows: Sequence[Row], train: Train) -> list[Row]:
    """Rows that max_length has room for.

    Raises:
        Refused: others, and `train.drop_long` is not set; or no others.
    """
    fitting = [row for row in rows if len(row) <= train.max_length]
    if len(fitting) < len(rows) and not train.drop_long:
        raise Refused(
            f"{len(rows) - len(fitting)} of {len(rows)} rows exceed train.max_length={train.max_length} tokens "
            f"(longest {max(map(len, rows)):,}). Cutting them would remove the answer and the stop token.",
            "Raise train.max_length, or leave them out with train.drop_long=true.",
        )
    if not fitting:
        raise Refused(f"all {len(rows)} rows exceed train.max_length={train.max_length} tokens; nothing is left.")
    return fitting


def coloured(row: Row, tokenizer: "PreTrainedTokenizerBase") -> list[tuple[str, bool]]:
    """A row as pieces of text, each with whether it is in the loss."""
    pieces: list[tuple[str, bool]] = []
    start = 0
    for i in range(1, len(row) + 1):
        if i == len(row) or (row.labels[i] == IGNORED) != (row.labels[start] == IGNORED):
            pieces.append((tokenizer.decode(row.input_ids[start:i]), row.labels[start] != IGNORED))
            start = i
    return pieces
