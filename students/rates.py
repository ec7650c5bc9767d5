"""Learning rates that are known to work, by method and size; one that is far from them is refused.

LoRA, from the sweep of the tinker-cookbook (`recipes/chat_sl/results/sft_sweep.md`, 35 models): the best rate is 1e-3
for Llama-3.2-1B and 3B and for Qwen3-4B and 8B, 3e-4 for Llama-3.1-8B and for dense models from 27B on; at 3e-3 nine
runs in ten diverged (72 of 80). TRL's guide to "LoRA Without Regret" takes 2e-4.
"""

from typing import NamedTuple

from distill.errors import Refused


class Known(NamedTuple):
    """The span of rates that published runs of one method took, up to some size."""

    parameters: float
    low: float
    high: float


LORA = (Known(10e9, 2e-4, 1e-3), Known(float("inf"), 1e-4, 5e-4))
"""Of models up to so many parameters."""

TOO_LOW, TOO_HIGH = 10, 3
"""So many times below the lowest known rate nothing is learnt in the epochs that are usual; so many times above the
highest nearly all runs diverge."""


def known_rates(parameters: int) -> Known:
    """What is known for LoRA on a model of this size."""
    return next(known for known in LORA if parameters < known.parameters)


def refuse_strange_rate(rate: float, parameters: int, accepted: bool) -> None:
    """
    Raises:
        Refused: the rate is far from those that are known, and nobody has `accepted` that.
    """
    known = known_rates(parameters)
    if accepted or known.low / TOO_LOW <= rate <= known.high * TOO_HIGH:
        return
    far = "below" if rate < known.low else "above"
    consequence = "the student would hardly learn" if far == "below" else "nearly all such runs diverge"
    raise Refused(
        f"train.learning_rate={rate:g} is far {far} what is known for LoRA on {parameters / 1e9:.2g} billion "
        f"parameters, {known.low:g} to {known.high:g}: {consequence}.",
        "Set it nearer, or train.accept_learning_rate=true if you mean it.",
    )
