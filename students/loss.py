"""The loss over labelled positions, and when its logits are too large to be held; no heavy import."""

import torch
from torch.nn import functional as F

from students.render import IGNORED

MAX_LOGITS_BYTES = 1 << 30
"""Float32 logits of one forward pass, at most."""


def in_tiles(positions: int, vocabulary: int) -> bool:
    """Are the logits of so many positions too large to be held, so that TRL's loss in tiles is taken?"""
    return positions * vocabulary * 4 > MAX_LOGITS_BYTES


def summed_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats of logits (B, K, V) and targets (B * K,), summed over the targets that count."""
    return F.cross_entropy(logits.flatten(0, 1).float(), targets, ignore_index=IGNORED, reduction="sum")


def next_labels(labels: torch.Tensor) -> torch.Tensor:
    """(B, T): of each position the label of the next one; `IGNORED` of the last."""
    return F.pad(labels[:, 1:], (0, 1), value=IGNORED)
