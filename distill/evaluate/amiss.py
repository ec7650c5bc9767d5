"""What a reader must know before the figures are believed, and a box that nobody overlooks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distill.evaluate.answers import Pair
from distill.verify import NOTHING_SAID, NOTHING_THOUGHT
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


MOST_EMPTY = 0.03
"""Share of answers that may hold nothing without a word."""


def empty_answers(name: str, answers: Mapping[str, list[Pair]]) -> list[str]:
    """A sentence for each model that ended more than `MOST_EMPTY` of its answers without a word in them."""
    told = []
    for who, pairs in answers.items():
        reasons = [verdict.reason for _, verdict in pairs]
        said, thought = (reasons.count(reason) / len(pairs) for reason in (NOTHING_SAID, NOTHING_THOUGHT))
        if said + thought > MOST_EMPTY:
            told.append(
                f"{100 * (said + thought):.1f} % of the answers of {who} on {name} are empty "
                f"({100 * thought:.1f} % hold reasoning alone) and count as wrong: read some of them, for a chat "
                f"template or a server that takes the text away looks like this, too."
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
