"""What plan and training say of rank, epochs and batch: true for the recipe at hand, and told apart from defaults."""

from pathlib import Path
from typing import Any

import pytest

from distill.recipe import Train
from students.known import batch_told, epochs_of, epochs_told, rank_told


@pytest.mark.parametrize(
    ("train", "parameters", "tokens", "said"),
    [
        (Train(), 1000, 1000, "rank 32 (the default): 1,000 parameters for 1,000 tokens to learn, which is enough"),
        (Train(lora_r=64), 1000, 1001, "rank 64: 1,000 parameters for 1,001 tokens, fewer than the tokens to learn"),
        (Train(lora_r=64), 1000, 3500, "rank 256 would have as many"),
        (Train(method="full"), 10, 10**9, ""),
    ],
)
def test_rank(train: Train, parameters: int, tokens: int, said: str) -> None:
    told = rank_told(train, parameters, tokens)
    assert said in told
    assert bool(said) == bool(told)


def test_no_rank_that_nobody_takes_is_named() -> None:
    assert "would have" not in rank_told(Train(), 1000, 10**6)


@pytest.mark.parametrize(
    ("rows", "taken", "known"),
    [
        (817, 5, "5 to 15 over so few"),
        (5_000, 3, "2 to 5 over as many"),
        (17_000, 3, "2 to 3 over so many"),
        (800_000, 2, "2 to 3 over so many"),
    ],
)
def test_epochs(rows: int, taken: int, known: str) -> None:
    assert epochs_told(Train(), rows) == f"{taken} epochs (the default) over {rows:,} rows: published runs took {known}"
    assert epochs_told(Train(num_train_epochs=7), rows) == f"7 epochs over {rows:,} rows: published runs took {known}"
    assert (epochs_of(Train(), rows), epochs_of(Train(num_train_epochs=0.5), rows)) == (taken, 0.5)


def test_batch() -> None:
    packed = Train(max_length=1000, packed_rows_per_batch=8)
    assert batch_told(packed, 500) == "about 16 rows in an optimiser step"
    assert "(the default): LoRA learns less from batches beyond 32" in batch_told(Train(max_length=1000), 100)
    assert batch_told(Train(rows_per_batch=128, method="full"), 100) == "about 128 rows in an optimiser step"
    assert "beyond 32" in batch_told(Train(rows_per_batch=128), 100)


def test_plan_and_training_tell(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    told = distill("plan", recipe_file)
    assert "tokens to learn" in told.out
    assert "rows: published runs took 5 to 15 over so few" in told.out
    done = distill("run", recipe_file, "--run-dir", tmp_path / "run", "--until", "train")
    assert done.code == 0, done.err
    assert "train: rank 4: " in done.err
    assert "rows in an optimiser step" in done.err
