"""What a run has cost: time, tokens and money of each stage, as its seals tell."""

from typing import Any, NamedTuple

from distill.console import duration, in_money, summary
from distill.report.told import DASH, count
from distill.run import Seal


class Cost(NamedTuple):
    """A line of the table, ready to be shown."""

    stage: str
    made: str
    time: str
    tokens: str
    money: str


def costs(
    seals: dict[str, Seal], evaluation: dict[str, Any] | None, epochs: float | None, taken: int = 0
) -> list[Cost]:
    """A line a stage; `epochs` are how often training went over its rows, where its metrics tell; `taken` the files of
    answers that the evaluation took over from an earlier recipe of the run."""
    return [
        Cost(
            stage,
            _made(stage, seal, evaluation, taken),
            duration(seal.seconds),
            _tokens(stage, seal, evaluation, epochs),
            _money(stage, seal),
        )
        for stage, seal in seals.items()
    ]


def total(seals: dict[str, Seal]) -> Cost:
    """Time and money of all stages; tokens of teachers and students are not one sum."""
    bills = [bill for seal in seals.values() if (bill := money_of(seal)) is not None]
    return Cost(
        "together",
        "",
        duration(sum(seal.seconds for seal in seals.values())),
        "",
        in_money(sum(bills)) if bills else DASH,
    )


def money_of(seal: Seal) -> float | None:
    """The bills of a stage, its judges' included; None where no price was named."""
    parts = [seal.counts, seal.counts.get("judge"), seal.counts.get("domains")]
    bills = [float(part["cost"]) for part in parts if isinstance(part, dict) and "cost" in part]
    return sum(bills) if bills else None


def _money(stage: str, seal: Seal) -> str:
    bill = money_of(seal)
    return DASH if bill is None else in_money(bill)


def _made(stage: str, seal: Seal, evaluation: dict[str, Any] | None, taken: int) -> str:
    if stage != "evaluate":
        return summary(stage, seal.counts)
    if evaluation is None:
        return ""
    sets = evaluation["sets"]
    answers = sum(f["n"] * f["k"] for found in sets.values() for f in found["figures"].values())
    before = "; those of an earlier recipe were taken over, and what they took is not counted here" if taken else ""
    return f"{answers:,} answers of {', '.join(evaluation['models'])} on {', '.join(sets)}{before}"


def _tokens(stage: str, seal: Seal, evaluation: dict[str, Any] | None, epochs: float | None) -> str:
    counts = seal.counts
    if stage == "harvest":
        unit = "" if counts["unit"] == "tokens" else f" {counts['unit']}"
        about = "about " if counts["estimated_tokens"] else ""
        return f"{about}{count(counts['prompt_tokens'] + counts['completion_tokens'])}{unit}"
    if stage == "curate" and isinstance(counts.get("domains"), dict):
        return count(counts["domains"]["prompt_tokens"] + counts["domains"]["completion_tokens"])
    if stage == "train" and epochs is not None:
        return f"about {count(counts['tokens'] * epochs)}"
    if stage == "on_policy":
        return f"about {count(counts['answers'] * counts['mean_tokens'])}"
    if stage == "evaluate" and evaluation is not None:
        return count(sum(f["tokens"] for s in evaluation["sets"].values() for f in s["figures"].values()))
    return DASH
