"""Floating-point operations that training takes, and the share of a card's peak that they are done with.

A token: 2 for each weight forward; backward 2 for what flows back and 2 more for each weight that is trained (an
adapter spares those of its base); 2 again where activations are recomputed (gradient checkpointing). Causal attention
over L tokens adds 2 L x width a layer forward, twice that backward.

MFU, the utilisation that Chowdhery et al. define (PaLM, arXiv 2204.02311, appendix B), counts what the model needs: not
what is computed again, nor padding. Here attention is counted within each row of a packed one, as it is computed, and
an adapter's base without the gradients that nobody needs: of six operations a weight it is four.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from distill import models
from distill.recipe import Train

if TYPE_CHECKING:
    import torch

PEAKS = {
    "B200": 2250.0,
    "H200": 989.4,
    "H100 NVL": 835.5,
    "H100 PCIe": 756.5,
    "H100": 989.4,
    "A100": 311.9,
    "L40S": 362.05,
    "L40": 181.05,
    "L4": 121.0,
    "A10": 125.0,
    "RTX 5090": 209.5,
    "RTX 4090": 165.2,
    "RTX 3090": 71.0,
}
"""Teraflops of dense bfloat16 with float32 sums, as NVIDIA's data sheets have them. By a part of the card's name, the
first that fits."""


class Operations(NamedTuple):
    """Of training on rows, forward and backward."""

    per_token: float
    per_square: float
    """For each token of the squared length of a row."""

    def of(self, tokens: float, squares: float) -> float:
        """On so many tokens, in rows of which the squared lengths sum up to `squares`."""
        return tokens * self.per_token + squares * self.per_square


def operations_of(config: Any, train: Train, recomputed: bool = False) -> Operations:
    """From a model's config alone; `recomputed` counts what gradient checkpointing computes again."""
    text = config.get_text_config()
    looked_up = 0 if text.tie_word_embeddings else text.vocab_size * text.hidden_size
    weights = models.parameter_count(config) - looked_up
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    attention = 2 * text.num_attention_heads * head * text.num_hidden_layers
    of_trained = 2 * weights if train.method == "full" else 6 * models.adapter_size(config, train.lora_r)
    again = recomputed and train.gradient_checkpointing
    return Operations((6 if again else 4) * weights + of_trained, (4 if again else 3) * attention)


def peak_of(card: str) -> float | None:
    """Operations a second of a card at most, by its name; None where it is not known."""
    return next((1e12 * peak for part, peak in PEAKS.items() if part in card), None)


def peak_here() -> float | None:
    """Of the first device of this machine."""
    import torch

    return peak_of(torch.cuda.get_device_name()) if torch.cuda.is_available() else None


def squares_of(positions: "torch.Tensor", tokens: "torch.Tensor") -> "torch.Tensor":
    """Sum of the squared lengths of the rows in packed ones, from positions of shape (B, T), of which the first
    `tokens`, (B,), count: a row of L positions 0, 1, ... is the sum of 2 p + 1 over them."""
    import torch

    counted = torch.arange(positions.shape[1], device=positions.device) < tokens[:, None]
    return ((2 * positions + 1) * counted).sum()
