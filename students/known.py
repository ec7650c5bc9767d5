"""How a recipe's rank, epochs and batch compare with what published runs took, a line each: printed, never refused.

Rank: an adapter of fewer parameters than tokens to learn falls behind training all weights, and so does LoRA in batches
beyond 32 rows (Schulman et al. 2025, "LoRA Without Regret"). Epochs: s1 took 5 over 1,000 rows, LIMO 15 over 817, both
of all weights; Sky-T1 3 over 17,000, OpenThoughts 3 over 114,000, R1-Distill 2 to 3 over 800,000.
"""

from distill.recipe import Train

FEW, MANY = 2_000, 10_000
"""Rows of a small curated set at most, and of a large one at least."""

MOST = 100_000
"""Rows from which on two passes are taken: R1-Distill's 800,000."""

LARGE_BATCH = 32
"""Rows in an optimiser step beyond which LoRA falls behind training all weights."""


def rank_told(train: Train, adapter_parameters: int, tokens: int) -> str:
    """Whether the adapter is large enough for the tokens in the loss; "" where all weights are trained."""
    if train.method == "full":
        return ""
    sizes = f"rank {train.lora_r}{_origin(train, 'lora_r')}: {adapter_parameters:,} parameters for {tokens:,} tokens"
    if adapter_parameters >= tokens:
        return f"{sizes} to learn, which is enough"
    wanted = train.lora_r * -(-tokens // adapter_parameters)
    larger = f"; rank {wanted:,} would have as many" if wanted <= 512 else ""
    return f"{sizes}, fewer than the tokens to learn: expect less than of all weights{larger}"


def epochs_of(train: Train, rows: int) -> float:
    """Passes over so many rows: the recipe's, or those that published runs took over as many."""
    if train.num_train_epochs is not None:
        return train.num_train_epochs
    return 5 if rows <= FEW else 3 if rows < MOST else 2


def epochs_told(train: Train, rows: int) -> str:
    """What is taken, and what is known for as many rows."""
    known = "5 to 15 over so few" if rows <= FEW else "2 to 3 over so many" if rows >= MANY else "2 to 5 over as many"
    origin = " (the default)" if train.num_train_epochs is None else ""
    return f"{epochs_of(train, rows):g} epochs{origin} over {rows:,} rows: published runs took {known}"


def batch_told(train: Train, tokens_of_a_row: int) -> str:
    """How many rows an optimiser step holds."""
    if train.rows_per_batch is not None:
        rows, origin = train.rows_per_batch, _origin(train, "rows_per_batch")
    else:
        space = train.packed_rows_per_batch * train.max_length
        rows, origin = max(1, space // max(1, tokens_of_a_row)), _origin(train, "packed_rows_per_batch")
    told = f"about {rows:,} rows in an optimiser step{origin}"
    large = train.method != "full" and rows > LARGE_BATCH
    return f"{told}: LoRA learns less from batches beyond {LARGE_BATCH}" if large else told


def _origin(train: Train, key: str) -> str:
    return "" if key in train.model_fields_set else " (the default)"
