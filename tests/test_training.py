"""Training invariants on a tiny model: packed = padded = accumulated, isolated rows, resumed = uninterrupted, and our
loss = TRL's."""

import time
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file
from trl import SFTTrainer

from distill.chat_template import turn_of
from distill.errors import DistillError, Refused
from distill.recipe import Train
from students.loss import next_labels
from students.operations import operations_of, peak_of, squares_of
from students.pack import PackedRow, collate, pack
from students.render import IGNORED, Row, render
from students.train import build_trainer, fit, mark_complete, newest_checkpoint, schedule
from students.trainer import POSITIONS_STEP, labelled_positions, tokens_of_rows

TOK = tiny.tokenizer()
TRAIN = Train(
    learning_rate=1e-3,
    num_train_epochs=3,
    max_length=128,
    packed_rows_per_batch=2,
    per_device_train_batch_size=1,
    lora_r=4,
    save_steps=2,
)


def rows(n: int = 12) -> list[Row]:
    return [
        render(
            TOK,
            turn_of(TOK, "tiny"),
            f"r{i}",
            [{"role": "user", "content": f"Make {i}."}],
            f"<think>\n{'7+1=8, ' * (i % 5 + 1)}\n</think>\n\n{i}",
        )
        for i in range(n)
    ]


def batch(packed: list[PackedRow]) -> dict[str, torch.Tensor]:
    return collate([{"input_ids": p.input_ids, "labels": p.labels, "position_ids": p.position_ids} for p in packed])


def trainer_for(packed: list[PackedRow], tmp: Path, train: Train = TRAIN, qwen: bool = False) -> SFTTrainer:
    trainer = build_trainer(tiny.model(qwen=qwen), TOK, packed, train, 0, tmp, lambda _: None)
    for name, p in trainer.model.named_parameters():
        if "lora_B" in name:  # zero at the start, which would hide every gradient of A
            torch.manual_seed(len(name))
            torch.nn.init.normal_(p, std=0.05)
    trainer.model.train()
    return trainer


def gradients(trainer: SFTTrainer, batches: list[dict[str, torch.Tensor]]) -> tuple[float, torch.Tensor]:
    """Loss and adapter gradient over micro-batches that make one optimiser step."""
    total = sum(int((b["labels"] != IGNORED).sum()) for b in batches)
    trainer.model.zero_grad()
    loss = 0.0
    for b in batches:
        part = trainer.compute_loss(trainer.model, dict(b), num_items_in_batch=torch.tensor(total))
        part.backward()
        loss += part.item()
    grads = [p.grad.flatten() for p in trainer.model.parameters() if p.requires_grad]
    return loss, torch.cat(grads)


@pytest.mark.parametrize("qwen", [False, True], ids=["llama", "qwen2"])
def test_packed_equals_padded_equals_accumulated(tmp_path: Path, qwen: bool) -> None:
    all_rows = rows()
    packed = pack(all_rows, 128, TOK.pad_token_id, 0)
    alone = [pack([row], 128, TOK.pad_token_id, 0)[0] for row in all_rows]
    assert len(packed) < len(alone)
    trainer = trainer_for(packed, tmp_path, qwen=qwen)
    ways = {
        "packed, one batch": [batch(packed)],
        "packed, accumulated": [batch([p]) for p in packed],
        "padded, one batch": [batch(alone)],
        "padded, accumulated": [batch([p]) for p in alone],
    }
    expected_loss, expected = gradients(trainer, ways.pop("packed, one batch"))
    assert expected.abs().max() > 1e-3
    for name, batches in ways.items():
        loss, found = gradients(trainer, batches)
        assert loss == pytest.approx(expected_loss, rel=1e-5), name
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6, msg=name)


def test_loss_and_gradients_equal_plain_transformers(tmp_path: Path) -> None:
    """The oracle: the model's own loss on single rows, weighted by their labels."""
    all_rows = rows(5)
    trainer = trainer_for(pack(all_rows, 128, TOK.pad_token_id, 0), tmp_path)
    loss, found = gradients(trainer, [batch(pack(all_rows, 128, TOK.pad_token_id, 0))])
    trainer.model.zero_grad()
    total = sum(lbl != IGNORED for r in all_rows for lbl in r.labels)
    expected = 0.0
    for row in all_rows:
        ids, labels = torch.tensor([row.input_ids]), torch.tensor([row.labels])
        n = sum(lbl != IGNORED for lbl in row.labels)
        part = trainer.model(input_ids=ids, labels=labels).loss * n / total
        part.backward()
        expected += part.item()
    assert loss == pytest.approx(expected, rel=1e-5)
    grads = torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.requires_grad])
    torch.testing.assert_close(found, grads, rtol=1e-4, atol=1e-6)


def test_our_loss_equals_trls(tmp_path: Path) -> None:
    packed = pack(rows(), 128, TOK.pad_token_id, 0)
    trainer = trainer_for(packed, tmp_path)
    ours = trainer.compute_loss(trainer.model, batch(packed), num_items_in_batch=torch.tensor(50))
    trls = SFTTrainer.compute_loss(trainer, trainer.model, batch(packed), num_items_in_batch=torch.tensor(50))
    assert ours.item() == pytest.approx(trls.item(), rel=1e-5)
    accuracies = trainer._metrics["train"]["mean_token_accuracy"]
    assert accuracies[0] == pytest.approx(accuracies[1])


@pytest.mark.parametrize("in_order", [True, False])
def test_a_curriculum_is_trained_in_its_order(tmp_path: Path, in_order: bool) -> None:
    packed = pack(rows(40), 64, TOK.pad_token_id, 0, in_order)
    trainer = build_trainer(tiny.model(), TOK, packed, TRAIN, 0, tmp_path, lambda _: None, in_order)
    seen = [row.tolist() for batch in trainer.get_train_dataloader() for row in batch["input_ids"]]
    wanted = [p.input_ids for p in packed]
    assert sorted(seen) == sorted(wanted)
    assert (seen == wanted) == in_order


@pytest.mark.parametrize("tied", [True, False])
def test_a_stop_token_that_is_new_to_the_model_is_learnt(tmp_path: Path, tied: bool) -> None:
    """Its logit is zero before, in a model whose embedding of it is zero: with that frozen it never rises."""
    packed = pack(rows(), 128, TOK.pad_token_id, 0)
    end = TOK.eos_token_id
    train = TRAIN.model_copy(update={"num_train_epochs": 10, "learning_rate": 0.02})
    chances, kept = {}, {}
    for new in ([], [end]):
        model = tiny.model(tied=tied)
        with torch.no_grad():
            for table in (model.get_input_embeddings(), model.get_output_embeddings()):
                table.weight[end] = 0
        before = model.get_output_embeddings().weight.detach().clone()
        trainer = build_trainer(model, TOK, packed, train, 0, tmp_path / str(new), lambda _: None, new_tokens=new)
        trained = fit(trainer).merge_and_unload().eval()
        row = next(row for row in rows())
        with torch.no_grad():
            logits = trained(torch.tensor([row.input_ids[:-1]])).logits[0, -1]
        chances[bool(new)] = float(logits.softmax(-1)[end])
        kept[bool(new)] = torch.equal(trained.get_output_embeddings().weight[3:], before[3:])
        assert logits[end] == 0 or new
    assert chances[True] > 10 * chances[False]
    assert kept == {True: True, False: True}, "no other token's embedding has moved"


@pytest.mark.parametrize(("enough", "early"), [(0.05, True), (0.999, False), (None, False)])
def test_training_ends_where_a_pass_is_learnt(tmp_path: Path, enough: float | None, early: bool) -> None:
    """Not before a pass is over, and by the mean over one: a single batch may be easy."""
    update = {"num_train_epochs": 12, "learning_rate": 0.05, "stop_at_token_accuracy": enough}
    packed = pack(rows(), 128, TOK.pad_token_id, 0)
    lines: list[dict[str, float]] = []
    train = TRAIN.model_copy(update=update)
    fit(build_trainer(tiny.model(), TOK, packed, train, 0, tmp_path, lines.append))
    each = schedule(train, len(packed)).steps // 12
    accuracies = [line["mean_token_accuracy"] for line in lines]
    means = [sum(accuracies[at - each : at]) / each for at in range(each, len(lines) + 1)]
    assert (len(lines) < 12 * each) == early
    if early:
        assert means[-1] >= 0.05
        assert all(mean < 0.05 for mean in means[:-1])


def test_tokens_are_counted_without_padding(tmp_path: Path) -> None:
    packed = pack(rows(), 128, TOK.pad_token_id, 0)
    tokens = tokens_of_rows(batch(packed)["labels"])
    assert int(tokens.sum()) == sum(map(len, rows()))
    assert int(squares_of(batch(packed)["position_ids"], tokens)) == sum(len(row) ** 2 for row in rows())
    lines: list[dict[str, float]] = []
    started = time.perf_counter()
    fit(build_trainer(tiny.model(), TOK, packed, TRAIN, 0, tmp_path, lines.append))
    least = 3 * sum(map(len, rows())) / len(lines) / (time.perf_counter() - started)
    assert all(line["tokens_per_second"] > 0 for line in lines)
    assert sum(line["tokens_per_second"] for line in lines) / len(lines) > least
    of = operations_of(tiny.model().config, TRAIN)
    for line in lines:
        operations = line["teraflops"] * 1e12 / line["tokens_per_second"]  # of a token
        assert of.of(1, 1) < operations < of.of(1, 128)
    assert "mfu" not in lines[0]


def test_labelled_positions() -> None:
    labels = torch.tensor([[IGNORED, IGNORED, 5, 6], [IGNORED, 7, IGNORED, IGNORED]])
    keep, targets = labelled_positions(next_labels(labels))
    assert len(keep) == POSITIONS_STEP
    assert keep[:3].tolist() == [0, 1, 2]
    assert targets[:, :3].tolist() == [[IGNORED, 5, 6], [7, IGNORED, IGNORED]]
    assert (targets[:, 3:] == IGNORED).all()


@pytest.mark.parametrize("qwen", [False, True], ids=["llama", "qwen2"])
def test_a_rows_logits_do_not_change_when_its_neighbours_do(qwen: bool) -> None:
    model = tiny.model(qwen=qwen)
    a, b, c = rows(3)
    outputs = []
    for neighbour in (a, c):
        (p,) = pack([neighbour, b], 256, TOK.pad_token_id, 0)
        start = 0 if p.trace_ids[0] == b.trace_id else len(neighbour)
        with torch.no_grad():
            ids, positions = torch.tensor([p.input_ids]), torch.tensor([p.position_ids])
            logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits
        outputs.append(logits[0, start : start + len(b)])
    with torch.no_grad():
        alone = model(input_ids=torch.tensor([b.input_ids])).logits[0]
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(outputs[0], alone, rtol=1e-5, atol=1e-6)


def test_leaky_packing_is_refused(tmp_path: Path) -> None:
    """A model that attends across rows (here: an attention that takes no mask) must not be trained packed."""
    from transformers import AttentionInterface

    def unmasked(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **_: Any) -> tuple[Any, None]:
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        out = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return out.transpose(1, 2), None

    AttentionInterface.register("unmasked", unmasked)
    model = tiny.model()
    trainer = build_trainer(model, TOK, pack(rows(), 128, TOK.pad_token_id, 0), TRAIN, 0, tmp_path, lambda _: None)
    with pytest.raises(Refused, match="packed rows see each other"):
        fit(trainer, "unmasked")


def adapter_of(trained: Any, folder: Path) -> dict[str, torch.Tensor]:
    trained.save_pretrained(folder)
    return load_file(folder / "adapter_model.safetensors")


class Stop(Exception):
    """Stands for a kill at a step."""


@pytest.mark.parametrize("at", [1, 3, 4, 6])
def test_resumed_equals_uninterrupted(tmp_path: Path, at: int) -> None:
    packed = pack(rows(), 128, TOK.pad_token_id, 0)

    def run(folder: Path, stop: int | None) -> Any:
        def on_log(line: dict[str, Any]) -> None:
            steps.append(line["step"])
            if line["step"] == stop:
                raise Stop

        return fit(build_trainer(tiny.model(), TOK, packed, TRAIN, 0, folder, on_log))

    steps: list[int] = []
    whole = adapter_of(run(tmp_path / "a", None), tmp_path / "whole")
    assert steps == list(range(1, schedule(TRAIN, len(packed)).steps + 1))
    with pytest.raises(Stop):
        run(tmp_path / "b", at)
    steps.clear()
    resumed = adapter_of(run(tmp_path / "b", None), tmp_path / "resumed")
    assert steps[0] == (at - 1) // TRAIN.save_steps * TRAIN.save_steps + 1
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_torn_checkpoints_are_not_resumed_from(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for step, complete in ((2, True), (4, True), (6, False), (8, True), (10, True)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "optimizer.pt").write_text("moments")
        if complete:
            mark_complete(tmp_path / f"checkpoint-{step}")
    (tmp_path / "checkpoint-8" / "optimizer.pt").unlink()
    (tmp_path / "checkpoint-10" / "optimizer.pt").write_text("half")
    (tmp_path / "checkpoint-x").mkdir()
    (tmp_path / "checkpoint-99").touch()
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-4"
    assert not (tmp_path / "checkpoint-6").exists()
    assert sorted(caplog.messages) == [
        f"checkpoint-{step} was damaged after it was written: it is left out" for step in (10, 8)
    ]


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    model = tiny.model()
    model.lm_head.weight.data[5] = float("nan")
    with pytest.raises(DistillError, match="the loss is nan at step 1"):
        fit(build_trainer(model, TOK, pack(rows(), 128, TOK.pad_token_id, 0), TRAIN, 0, tmp_path, lambda _: None))


def test_training_learns(tmp_path: Path) -> None:
    losses: list[float] = []
    train = TRAIN.model_copy(update={"num_train_epochs": 30, "learning_rate": 0.05})
    packed = pack(rows(), 128, TOK.pad_token_id, 0)
    fit(build_trainer(tiny.model(), TOK, packed, train, 0, tmp_path, lambda line: losses.append(float(line["loss"]))))
    assert losses[-1] < losses[0] - 0.2  # as far as a frozen random output layer lets it


def test_peaks_are_those_of_the_card() -> None:
    names = ("NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe", "NVIDIA H200", "NVIDIA A100-SXM4-80GB", "NVIDIA L40S")
    assert [peak_of(name) for name in names] == pytest.approx([989.4e12, 756.5e12, 989.4e12, 311.9e12, 362.05e12])
    assert peak_of("NVIDIA L4") == pytest.approx(121e12)
    assert peak_of("A card of tomorrow") is None
