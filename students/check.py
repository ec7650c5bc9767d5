"""The gate before training: render every row as training will, and refuse what would teach wrongly."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distill.chat_template import turn_of
from distill.errors import Refused
from distill.recipe import Train
from students.render import IGNORED, Row, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


DATED = "the chat template writes the day into the prompt: a server will show the student other days than its training"
"""As Llama-3.2's does."""


@dataclass(frozen=True)
class Checked:
    """Rows that may be trained on, and what was found out about them."""

    rows: list[Row]
    too_long: int
    """Rows left out because drop_long is set."""
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
            "longest": self.longest,
            "tokens": self.tokens,
            "tokens_in_loss": self.tokens_in_loss,
        }


def check(curated: Iterable[dict[str, Any]], tokenizer: "PreTrainedTokenizerBase", train: Train) -> Checked:
    """Render all curated rows and look at template, mask, stop token and length.

    Raises:
        Refused: see `render`; rows longer than max_length without drop_long; nothing left.
    """
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise Refused(
            f"the tokenizer pads with its end-of-turn token {tokenizer.eos_token!r}.",
            "Training would hide the end of every answer from the loss.",
        )
    turn = turn_of(tokenizer, tokenizer.name_or_path)
    traces = list(curated)
    rows = [render(tokenizer, turn, r["trace_id"], r["messages"], r["completion"]) for r in traces]
    fitting = [row for row in rows if len(row) <= train.max_length]
    too_long = len(rows) - len(fitting)
    if too_long and not train.drop_long:
        raise Refused(
            f"{too_long} of {len(rows)} rows exceed train.max_length={train.max_length} tokens "
            f"(longest {max(map(len, rows)):,}). Cutting them would remove the answer and the stop token.",
            "Raise train.max_length, or leave them out with train.drop_long=true.",
        )
    if not fitting:
        raise Refused(f"all {len(rows)} rows exceed train.max_length={train.max_length} tokens; nothing is left.")
    return Checked(
        rows=fitting,
        too_long=too_long,
        longest=max(map(len, fitting)),
        tokens=sum(map(len, fitting)),
        tokens_in_loss=sum(len(row) - row.labels.count(IGNORED) for row in fitting),
        end=turn.end,
        thinks=2 * sum("</think>" in r["completion"] for r in traces) > len(traces),
        notes=(DATED,) if turn.tells_date else (),
    )


def coloured(row: Row, tokenizer: "PreTrainedTokenizerBase") -> list[tuple[str, bool]]:
    """A row as pieces of text, each with whether it is in the loss."""
    pieces: list[tuple[str, bool]] = []
    start = 0
    for i in range(1, len(row) + 1):
        if i == len(row) or (row.labels[i] == IGNORED) != (row.labels[start] == IGNORED):
            pieces.append((tokenizer.decode(row.input_ids[start:i]), row.labels[start] != IGNORED))
            start = i
    return pieces
