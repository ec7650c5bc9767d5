"""Devices that share each packed row train what one device trains: same losses, gradients and weights.

Gloo processes on a CPU, forked from one warm process (`rank_server.py`), as in `test_launch.py`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from test_launch import FULL, LORA, PACKED, QLORA, SLOW, Outcome, Ranks, alone, assert_same, material, recipe_of
from test_launch import weights_in as weights_of

from distill import models
from distill.errors import Refused
from distill.recipe import Train
from students import devices
from students.devices import Layout, layout_of, refuse_uneven_pieces
from students.job import TRAINED, Job, first_failure
from students.metrics import read_metrics
from students.pack import collate
from students.plan import memory_plan
from students.render import IGNORED
from students.sequence import Repeated, Sequence


@pytest.fixture(scope="module")
def ranks() -> Iterator[Ranks]:
    made = Ranks()
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "compute_dtype", lambda name="auto": (torch.float32, "said by a test"))


def shared(
    ranks: Ranks,
    train: dict[str, Any],
    model: Path,
    tiny_recipe: dict[str, Any],
    folder: Path,
    layout: Layout,
    logits: int | None = None,
) -> Outcome:
    """What the devices of `layout` make of the packed rows."""
    recipe = recipe_of(tiny_recipe, train | {"sequence_parallel": layout.sequence}, model)
    folder.mkdir()
    Job(recipe, layout, in_order=False, new_tokens=[]).write(material(recipe.train, layout.replicas), folder)
    assert ranks.run(folder, layout.devices, logits=logits) == [0] * layout.devices, first_failure(folder)
    return read_metrics(folder / "metrics.jsonl"), weights_of(folder / TRAINED)


@pytest.mark.parametrize("logits", [None, 1], ids=["at once", "in tiles"])
def test_two_processes_share_rows(
    ranks: Ranks, tiny_recipe: dict[str, Any], tiny_model: Path, tmp_path: Path, logits: int | None
) -> None:
    expected = alone(recipe_of(tiny_recipe, LORA, tiny_model), tmp_path)
    layout = Layout(2, "none", "", sequence=2)
    found = shared(ranks, LORA, tiny_model, tiny_recipe, tmp_path / "two", layout, logits)
    assert_same(found, expected)
    assert [line["mean_token_accuracy"] for line in found[0]] == pytest.approx(
        [line["mean_token_accuracy"] for line in expected[0]]
    )


@pytest.mark.slow(reason=SLOW)
@pytest.mark.parametrize("sharding", ["none", "fsdp2"])
@pytest.mark.parametrize(
    "train",
    [
        FULL,
        LORA | {"gradient_checkpointing": True},
        LORA | {"rows_per_batch": 5},
        LORA | {"per_device_train_batch_size": 2},
    ],
    ids=["full", "checkpointing", "traces", "batches of two"],
)
def test_however_they_train(
    ranks: Ranks, tiny_recipe: dict[str, Any], tiny_model: Path, tmp_path: Path, train: dict[str, Any], sharding: Any
) -> None:
    expected = alone(recipe_of(tiny_recipe, train, tiny_model), tmp_path)
    found = shared(ranks, train, tiny_model, tiny_recipe, tmp_path / "two", Layout(2, sharding, "", sequence=2))
    assert_same(found, expected, weights=2e-5)


@pytest.mark.slow(reason=SLOW)
@pytest.mark.parametrize("sequence", [2, 4])
def test_four_processes_and_fewer_heads_of_keys_than_pieces(
    ranks: Ranks, tiny_recipe: dict[str, Any], tiny_model: Path, tmp_path: Path, sequence: int
) -> None:
    expected = alone(recipe_of(tiny_recipe, LORA, tiny_model), tmp_path)
    layout = Layout(4, "none", "", sequence=sequence)
    assert_same(shared(ranks, LORA, tiny_model, tiny_recipe, tmp_path / "four", layout), expected)


@pytest.mark.slow(reason=SLOW)
def test_qlora(ranks: Ranks, tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="QLoRA needs bitsandbytes")
    wide = tiny.folder(tmp_path / "wide", hidden_size=64)
    expected = alone(recipe_of(tiny_recipe, QLORA, wide), tmp_path)
    layout = Layout(2, "none", "", sequence=2)
    assert_same(shared(ranks, QLORA, wide, tiny_recipe, tmp_path / "two", layout), expected, weights=1e-4, loss=1e-4)


def test_pieces_lie_beside_each_other_and_know_what_comes_next() -> None:
    batch = collate(
        [{"input_ids": r.input_ids, "labels": r.labels, "position_ids": r.position_ids} for r in PACKED[:2]]
    )
    pieces = [Sequence(4, index, None).piece(batch) for index in range(4)]  # type: ignore[arg-type]
    for key in ("input_ids", "labels", "position_ids"):
        assert torch.equal(torch.cat([piece[key] for piece in pieces], 1), batch[key])
    following = torch.cat([piece["shift_labels"] for piece in pieces], 1)
    assert torch.equal(following[:, :-1], batch["labels"][:, 1:])
    assert (following[:, -1] == IGNORED).all()
    assert all(torch.equal(piece["cu_seq_lens_q"], batch["cu_seq_lens_q"]) for piece in pieces)


def test_neighbours_get_the_same_batches() -> None:
    sampler = Repeated([5, 3, 4, 1], block=2, times=3)  # type: ignore[arg-type]
    assert list(sampler) == [5, 3] * 3 + [4, 1] * 3
    assert len(sampler) == 12


@pytest.fixture
def eight_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(devices, "memory_of_one", lambda count: (80 << 30, "GPU memory"))


@pytest.mark.usefixtures("eight_gpus")
def test_groups_of_devices_have_rows_of_their_own() -> None:
    plan = memory_plan(tiny.model().config, Train(max_length=128), 4)
    layout = layout_of(Train(sequence_parallel=4, packed_rows_per_batch=2), plan)
    assert (layout.devices, layout.sequence, layout.replicas) == (8, 4, 2)
    assert "8 devices, 4 of them to a row, a copy" in devices.described(layout)
    with pytest.raises(Refused, match="cannot be dealt out to 2 groups of 4 devices") as told:
        layout_of(Train(sequence_parallel=4, packed_rows_per_batch=3), plan)
    assert "=4 would fit, or train.devices=4" in told.value.hint
    with pytest.raises(Refused, match="so many devices share each row, and 8 train"):
        layout_of(Train(sequence_parallel=3, packed_rows_per_batch=24), plan)


def test_what_cannot_be_shared_is_refused() -> None:
    config = tiny.model().config
    with pytest.raises(Refused, match="and this model has 4") as told:
        refuse_uneven_pieces(3, 96, config)
    assert "one of 2, 4, or to 1" in told.value.hint
    with pytest.raises(Refused, match="into 4 pieces of one length") as told:
        refuse_uneven_pieces(4, 97, config)
    assert "train.max_length=100" in told.value.hint
    with pytest.raises(Refused, match="there is one"):
        layout_of(Train(sequence_parallel=2), memory_plan(config, Train(max_length=64), 4))
    with pytest.raises(ValueError, match="cannot be put in such groups"):
        Train(devices=3, sequence_parallel=2)


def test_plan_refuses_what_cannot_be_shared(distill: Any, recipe_file: Path) -> None:
    refused = distill("plan", recipe_file, "train.devices=6", "train.sequence_parallel=3")
    assert refused.code == 2
    assert "deals the heads of attention out to 3 devices, and this model has 4" in refused.err


def test_a_device_holds_the_activations_of_its_piece() -> None:
    """Rows of the model that are shared by two are planned as rows of half the length."""
    config = tiny.model().config
    whole, half, piece = (
        memory_plan(config, Train(max_length=length, sequence_parallel=size), 4, "cuda", labelled=64)
        for length, size in ((512, 1), (256, 1), (512, 2))
    )
    assert piece == half
    assert piece.activations < 0.6 * whole.activations


def test_a_model_that_needs_the_mask_is_refused(tmp_path: Path) -> None:
    from students.sequence import shared as attends

    with pytest.raises(Refused, match="attends by sdpa: it caps its attention's logits"):
        attends(Sequence(2, 0, None), "sdpa", "it caps its attention's logits")  # type: ignore[arg-type]
    assert attends(None, "sdpa", "") == ("sdpa",)


@pytest.mark.usefixtures("eight_gpus")
def test_sharing_rows_is_advised_before_another_method() -> None:
    """What is advised fits by the same plan, and is told with the peak that it brings."""
    from students.fit import advice, needs, on_one_of

    config = tiny.model().config
    train = Train(max_length=512, packed_rows_per_batch=8, gradient_checkpointing=True)
    peaks = {
        size: on_one_of(config, train.model_copy(update={"sequence_parallel": size}), 4, "cuda", 8)[0]
        for size in (1, 2, 4)
    }
    assert peaks[4] < peaks[2] < peaks[1]
    said = advice(config, train, 4, peaks[4], "cuda", cards=8)
    assert said.startswith("Set train.sequence_parallel=4 (")
    assert said.count("train.") == 1  # not 2 first
    assert "sequence_parallel" not in advice(config, train, 4, peaks[4], "cuda", cards=1)
    shared = dict(needs(config, train.model_copy(update={"sequence_parallel": 4}), 4))
    assert shared[8] == peaks[4]
    assert shared[1] == on_one_of(config, train, 4, "cuda", 1)[0]
