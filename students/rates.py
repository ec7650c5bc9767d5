"""Learning rates that are known to work, by method and size: the default, and what is refused as far from them.

LoRA, from the sweep of the tinker-cookbook (`recipes/chat_sl/results/sft_sweep.md`, 35 models): the best rate is 1e-3
for Llama-3.2-1B and 3B and for Qwen3-4B and 8B, 3e-4 for Llama-3.1-8B and for dense models from 27B on; at 3e-3 nine
runs in ten diverged (72 of 80). TRL's guide to "LoRA Without Regret" takes 2e-4. The cookbook takes ten times the rate
for all weights: on SmolLM2-135M 1.5e-3 and 3e-3 reach what 2e-4 reaches for all weights, and 5e-4 does not
(`benchmarks/methods_loss.py`). All weights: R1-Distill took 1e-4 for
1.5B, 8e-5 for 7B, 7e-5 for 14B, 6e-5 for 32B, 2e-5 for 70B, with 800,000 rows; s1 and LIMO 1e-5 and 5e-6 for 32B, with
about a thousand; SmolLM2 1e-3 for 135M and 360M with half a million (the alignment handbook's `smollm2/sft`).
"""

from typing import NamedTuple

from distill.errors import Refused
from distill.recipe import Train


class Known(NamedTuple):
    """The span of rates that published runs of one method took, up to some size."""

    parameters: float
    low: float
    high: float
    default: float


LORA = (Known(1e9, 2e-4, 2e-3, 1e-3), Known(10e9, 2e-4, 1e-3, 5e-4), Known(float("inf"), 1e-4, 5e-4, 2e-4))
FULL = (Known(1e9, 2e-5, 1e-3, 2e-4), Known(10e9, 1e-5, 1e-4, 2e-5), Known(float("inf"), 5e-6, 6e-5, 1e-5))
"""Of models up to so many parameters; defaults are for thousands of rows, not for hundreds of thousands."""

MANY_ROWS = 100_000
"""From so many rows on the highest known rate is the default."""

TOO_LOW, TOO_HIGH = 10, 3
"""So many times below the lowest known rate nothing is learnt in the epochs that are usual; so many times above the
highest nearly all runs diverge."""


def known_rates(train: Train, parameters: int) -> Known:
    """What is known for the recipe's method on a model of this size."""
    return next(known for known in (FULL if train.method == "full" else LORA) if parameters < known.parameters)


def rate_of(train: Train, parameters: int, rows: int) -> tuple[float, str]:
    """The learning rate to train with, and where it comes from, to be printed."""
    if train.learning_rate is not None:
        return train.learning_rate, "set in the recipe"
    known = known_rates(train, parameters)
    rate = known.high if rows >= MANY_ROWS else known.default
    span = f"{known.low:g} to {known.high:g}"
    return rate, f"{span} are known for {train.method} on {parameters / 1e9:.2g} billion parameters; for {rows:,} rows"


def refuse_strange_rate(train: Train, parameters: int) -> None:
    """
    Raises:
        Refused: the rate is far from those that are known, and `accept_learning_rate` is not set.
    """
    rate, known = train.learning_rate, known_rates(train, parameters)
    if rate is None or train.accept_learning_rate or known.low / TOO_LOW <= rate <= known.high * TOO_HIGH:
        return
    far = "below" if rate < known.low else "above"
    consequence = "the student would hardly learn" if far == "below" else "nearly all such runs diverge"
    raise Refused(
        f"train.learning_rate={rate:g} is far {far} what is known for {train.method} on {parameters / 1e9:.2g} billion "
        f"parameters, {known.low:g} to {known.high:g}: {consequence}.",
        "Set it nearer, or train.accept_learning_rate=true if you mean it.",
    )
