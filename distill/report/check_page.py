"""`check.html`: the first rows as training sees them, every token coloured by the loss mask; one file, no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill.files import write_atomically

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from students.render import Row

SHOWN = 8
"""Rows on the page."""


@dataclass(frozen=True)
class Shown:
    """One token."""

    id: int
    text: str
    in_loss: bool


@dataclass(frozen=True)
class ShownRow:
    trace_id: str
    tokens: list[Shown]


def write_check_page(
    folder: Path,
    name: str,
    facts: Sequence[tuple[str, str]],
    rows: "Sequence[Row]",
    tokenizer: "PreTrainedTokenizerBase",
) -> Path:
    """Write the page into a run's folder; `facts` are what else is told of all rows."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(loader=PackageLoader("distill.report"), autoescape=True)
    shown = [ShownRow(row.trace_id, tokens_of(row, tokenizer)) for row in rows[:SHOWN]]
    page = environment.get_template("check.html").render(name=name, facts=facts, rows=shown)
    target = folder / "check.html"
    write_atomically(target, page)
    return target


def tokens_of(row: "Row", tokenizer: "PreTrainedTokenizerBase") -> list[Shown]:
    """The text of each token alone; a part of a character that takes several shows its bytes' names."""
    found = []
    for token, label in zip(row.input_ids, row.labels, strict=True):
        text = tokenizer.decode([token])
        if "\N{REPLACEMENT CHARACTER}" in text:
            text = f"⟨{tokenizer.convert_ids_to_tokens(token)}⟩"
        found.append(Shown(token, text, label == token))
    return found
