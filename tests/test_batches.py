"""Batches that count traces: the same ones in each step however they are packed, on however many devices."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_training import TOK, TRAIN, Stop, rows

from distill.recipe import Train
from students.batches import in_steps, steps_of
from students.train import build_trainer, fit

BY_ROWS = TRAIN.model_copy(update={"rows_per_batch": 5, "learning_rate": 1e-2})


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 32), min_size=1, max_size=40),
    batch=st.integers(1, 12),
    each=st.integers(1, 3),
    devices=st.integers(1, 3),
    epochs=st.sampled_from([0.5, 1.0, 2.5]),
)
def test_every_pass_deals_every_row_out_once(
    lengths: list[int], batch: int, each: int, devices: int, epochs: float
) -> None:
    fields = {"max_length": 32, "rows_per_batch": batch, "num_train_epochs": epochs}
    train = Train.model_validate({**fields, "per_device_train_batch_size": each})
    dealt, alone = steps_of(lengths, train, 0, False, devices), steps_of(lengths, train, 0, False)
    per_step = [dealt.slots[i : i + dealt.per_step] for i in range(0, len(dealt.slots), dealt.per_step)]
    members = [sorted(row for slot in step for row in slot) for step in per_step]
    ours = [alone.slots[i : i + alone.per_step] for i in range(0, len(alone.slots), alone.per_step)]
    assert members == [sorted(row for slot in step for row in slot) for step in ours]
    once = dealt.in_one_pass
    for begin in range(0, len(members) - once + 1, once):
        assert Counter(row for step in members[begin : begin + once] for row in step) == Counter(range(len(lengths)))
    assert all(
        len(step) == batch for begin in range(0, len(members), once) for step in members[begin : begin + once][:-1]
    )
    assert all(sum(lengths[row] for row in slot) <= 32 for slot in dealt.slots)
    for number, step in enumerate(per_step):
        skipped = [dealt.is_skipped(number * dealt.per_step + i, each * devices) for i in range(dealt.per_step)]
        assert skipped == sorted(skipped, reverse=True), "what is skipped comes first"
        assert not skipped[-1]
        assert not any(slot for slot, skip in zip(step, skipped, strict=True) if skip)


def test_passes_differ_and_a_curriculum_does_not() -> None:
    train = Train(max_length=16, rows_per_batch=4, num_train_epochs=2)
    drawn, ordered = (steps_of([8] * 16, train, 0, in_order) for in_order in (False, True))
    half = len(drawn.slots) // 2
    assert drawn.slots[:half] != drawn.slots[half:]
    assert ordered.slots[:half] == ordered.slots[half:]
    first = [row for slot in ordered.slots[: ordered.per_step] for row in slot]
    assert sorted(first) == [0, 1, 2, 3]


def adapter(
    folder: Path, train: Train, stop: int | None = None
) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []

    def note(line: dict[str, Any]) -> None:
        lines.append(line)
        if line["step"] == stop:
            raise Stop

    packed = in_steps(rows(), train, TOK.pad_token_id, 0, in_order=False)
    trained = fit(build_trainer(tiny.model(), TOK, packed, train, 0, folder, note))
    return {name: p.detach().clone() for name, p in trained.named_parameters() if p.requires_grad}, lines


def test_how_rows_are_packed_does_not_change_what_is_learnt(tmp_path: Path) -> None:
    """Two rows side by side, or many, and one forward pass after the other or two at once: the same steps."""
    whole, lines = adapter(tmp_path / "128", BY_ROWS)
    assert [line["step"] for line in lines] == list(range(1, 10))
    assert lines[-1]["of"] == 9
    assert [round(line["epoch"], 2) for line in lines[2::3]] == [1, 2, 3]
    for name, update in {"256": {"max_length": 256}, "two": {"per_device_train_batch_size": 2}}.items():
        other, told = adapter(tmp_path / name, BY_ROWS.model_copy(update=update))
        assert [line["loss"] for line in told] == pytest.approx([line["loss"] for line in lines], rel=1e-4)
        for key, value in whole.items():
            torch.testing.assert_close(other[key], value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("at", [2, 5])
def test_resumed_equals_uninterrupted(tmp_path: Path, at: int) -> None:
    whole, lines = adapter(tmp_path / "whole", BY_ROWS)
    with pytest.raises(Stop):
        adapter(tmp_path / "killed", BY_ROWS, stop=at)
    resumed, rest = adapter(tmp_path / "killed", BY_ROWS)
    assert rest[-1]["loss"] == pytest.approx(lines[-1]["loss"], rel=1e-5)
    for key, value in whole.items():
        torch.testing.assert_close(resumed[key], value, rtol=1e-5, atol=1e-7)
