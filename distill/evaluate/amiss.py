"""What a reader must know before the figures are believed, and a box that nobody overlooks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distill.evaluate.answers import Pair
from distill.wording import key

if TYPE_CHECKING:
    from rich.panel import Panel

MOST_CUT = 0.03
"""Share of answers that may be cut by max_tokens without a word."""


def cut_answers(name: str, answers: Mapping[str, list[Pair]], max_tokens: int) -> list[str]:
    """A sentence for each model of which more than `MOST_CUT` of the answers were cut by the token limit."""
    told = []
    for who, pairs in answers.items():
        cut = sum(ending.finish_reason == "length" for ending, _ in pairs) / len(pairs)
        right = sum(v.verdict == "correct" for _, v in pairs) / len(pairs)
        if cut > MOST_CUT:
            told.append(
                f"{100 * cut:.1f} % of the answers of {who} on {name} were cut at max_tokens={max_tokens} and count as "
                f"wrong: its accuracy of {100 * right:.1f} % may be up to {100 * cut:.1f} points too low. "
                f"Raise {key('evaluate.max_tokens')} before it is compared with anything."
            )
    return told


def warnings_of(summary: Mapping[str, Any]) -> list[str]:
    """All warnings of a summary, set by set."""
    return [said for told in summary["sets"].values() for said in told["warnings"]]


def warning_box(summary: Mapping[str, Any]) -> "Panel | None":
    """The warnings in a box of their own, None where there is none."""
    from rich.panel import Panel
    from rich.text import Text

    told = warnings_of(summary)
    if not told:
        return None
    text = Text("\n".join(f"! {said}" for said in told))
    return Panel(text, title="WARNING", title_align="left", border_style="bold red")
