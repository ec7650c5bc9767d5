"""`distill check`: the gate before training on a curated set, and what training will see of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from distill.errors import Refused
from distill.recipe import Recipe
from distill.report.check_page import write_check_page
from distill.run import read_seal

if TYPE_CHECKING:
    from rich.text import Text
    from transformers import PreTrainedTokenizerBase

    from students.check import Checked
    from students.render import Row

SHOWN = 2
"""Rows on the terminal; the page has more."""


def check_run(recipe: Recipe, folder: Path) -> None:
    """Run the gate on a curated set, and show its first rows with the loss mask: here, and in `check.html`.

    Raises:
        Refused: no curated set yet, the gate's reasons, or what the hub would not take.
    """
    from rich.console import Console

    from distill.pipeline import fingerprints
    from students.hub_access import refuse_unpublishable
    from students.stage import gate

    refuse_unpublishable(recipe)
    seal = read_seal(folder, "curate")
    if seal is None or seal.fingerprint != fingerprints(recipe)["curate"]:
        found = "no curated set" if seal is None else "a curated set of another recipe, and none of this one"
        raise Refused(f"{folder} holds {found} to check.", "`distill run RECIPE --until curate` makes one.")
    checked, tokenizer = gate(recipe, folder / "curated")
    console = Console()
    for row in checked.rows[:SHOWN]:
        console.print(_shown(row, tokenizer, console.is_terminal), end="\n\n")
    for note in _notes(checked, tokenizer):
        console.print(f"note: {note}")
    facts = _facts(checked, tokenizer, recipe)
    page = write_check_page(folder, recipe.name, facts, checked.rows, tokenizer)
    mark = "green" if console.is_terminal else "in [[ ]]"
    console.print(f"passed: {', '.join(f'{what} {value}' for what, value in facts)} (the loss {mark})")
    console.print(f"token by token: {page}", soft_wrap=True)


def _shown(row: "Row", tokenizer: "PreTrainedTokenizerBase", in_colour: bool) -> "Text":
    """A row with what is in the loss in green, or in brackets where there are no colours."""
    from rich.text import Text

    from students.check import coloured

    text = Text()
    for piece, in_loss in coloured(row, tokenizer):
        text.append(piece if in_colour or not in_loss else f"[[{piece}]]", style="green" if in_loss else "dim")
    return text


def _notes(checked: "Checked", tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """What is to be known before training, and no reason to refuse it."""
    new = (
        f"{tokenizer.eos_token} is new to this model, so its embedding is trained too. vLLM serves the merged "
        "checkpoint; an adapter of this kind it refuses."
    )
    return [*([new] if checked.learns_end else []), *checked.notes]


def _facts(checked: "Checked", tokenizer: "PreTrainedTokenizerBase", recipe: Recipe) -> list[tuple[str, str]]:
    """What holds of all rows."""
    return [
        ("rows", f"{len(checked.rows):,}"),
        ("longest", f"{checked.longest:,} of {recipe.train.max_length:,} tokens"),
        ("too long and left out", f"{checked.too_long:,}"),
        *([("unfit and left out", f"{checked.unfit:,}")] if checked.unfit else []),
        ("tokens", f"{checked.tokens:,}"),
        ("in the loss", f"{checked.tokens_in_loss / checked.tokens:.0%}"),
        ("stop token", f"{tokenizer.eos_token} in every row"),
        ("pad", str(tokenizer.pad_token)),
    ]
