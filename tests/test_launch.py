"""Several processes train what one process trains: same loss at each step, same weights, however they share the work.

Two gloo processes on a CPU, forked from one warm process (`rank_server.py`), which pays the imports once. Weights may
differ by the order in which float32 gradients are summed: up to 1e-5 where steps are of 0.01.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from accelerate.data_loader import SeedableRandomSampler
from safetensors.torch import load_file

from distill import models
from distill.chat_template import turn_of
from distill.errors import Refused
from distill.recipe import Recipe, Train
from students import devices
from students.batches import StepRows, in_steps
from students.deal import FilledSampler, dataset_of, filled
from students.devices import ALONE, Layout, layout_of, refuse_tied_parts
from students.fit import on_each
from students.job import TRAINED, Job, first_failure
from students.methods import load_student, loaded_as_trained
from students.metrics import read_metrics
from students.pack import PackedRow, pack
from students.plan import MemoryPlan
from students.render import IGNORED, Row, render
from students.train import build_trainer, fit

TOK = tiny.tokenizer()
LORA = {
    "learning_rate": 0.01,
    "num_train_epochs": 3,
    "max_length": 96,
    "packed_rows_per_batch": 4,
    "lora_r": 4,
    "save_steps": 2,
}
FULL = {k: v for k, v in LORA.items() if k != "lora_r"} | {"method": "full", "learning_rate": 0.001}
QLORA = LORA | {"method": "qlora", "learning_rate": 0.001}
Outcome = tuple[list[dict[str, Any]], dict[str, torch.Tensor]]


def traces() -> list[Row]:
    return [
        render(
            TOK,
            turn_of(TOK, "tiny"),
            f"r{i}",
            [{"role": "user", "content": f"Make {i}."}],
            f"<think>\n{'7+1=8, ' * (i % 5 + 1)}\n</think>\n\n{i}",
        )
        for i in range(13)
    ]


PACKED = pack(traces(), 96, TOK.pad_token_id, 0)
"""Nine: the last batch of a pass has one row for two processes."""


def material(train: Train, devices: int) -> list[PackedRow] | StepRows:
    """The packed rows, or steps of so many traces."""
    if train.rows_per_batch is None:
        return PACKED
    return in_steps(traces(), train, TOK.pad_token_id, 0, in_order=False, devices=devices)


class Ranks:
    """The warm process of `rank_server.py`."""

    def __init__(self) -> None:
        server = Path(__file__).with_name("rank_server.py")
        self.process = subprocess.Popen(
            [sys.executable, str(server)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, folder: Path, processes: int = 2, kill: list[int] | None = None, logits: int | None = None
    ) -> list[int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        command = {"folder": str(folder), "processes": processes, "kill": kill, "dtype": "float32", "logits": logits}
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        codes: list[int] = json.loads(self.process.stdout.readline())["codes"]
        return codes


@pytest.fixture(scope="module")
def ranks() -> Iterator[Ranks]:
    made = Ranks()
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """All weights are trained under autocast where a processor has bfloat16: its rounding is not what is compared."""
    monkeypatch.setattr(models, "compute_dtype", lambda name="auto": (torch.float32, "said by a test"))


def recipe_of(tiny_recipe: dict[str, Any], train: dict[str, Any], model: Path) -> Recipe:
    return Recipe.model_validate(tiny_recipe | {"train": train, "student": {"model": str(model), "dtype": "float32"}})


def alone(recipe: Recipe, folder: Path) -> Outcome:
    """What one process makes of the packed rows."""
    lines: list[dict[str, Any]] = []
    source = models.resolve(recipe.student.model)
    model = load_student(source, "float32", recipe.train)
    packed = material(recipe.train, 1)
    trained = fit(build_trainer(model, TOK, packed, recipe.train, recipe.seed, folder / "checkpoints", lines.append))
    trained.save_pretrained(folder / "one")
    return lines, weights_in(folder / "one")


def together(
    ranks: Ranks,
    recipe: Recipe,
    folder: Path,
    sharding: Any,
    kill: list[int] | None = None,
    logits: int | None = None,
) -> Outcome:
    """What two processes make of them; with `kill` one of them dies, and the same is begun again."""
    job = Job(recipe, Layout(2, sharding, "said by a test"), in_order=False, new_tokens=[])
    folder.mkdir()
    job.write(material(recipe.train, 2), folder)
    if kill is not None:
        assert ranks.run(folder, kill=kill) == [-9, -9]
        assert not (folder / TRAINED).exists()
        job.write(material(recipe.train, 2), folder)
    assert ranks.run(folder, logits=logits) == [0, 0], first_failure(folder)
    return read_metrics(folder / "metrics.jsonl"), weights_in(folder / TRAINED)


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    (file,) = folder.glob("*.safetensors")
    return load_file(file)


def assert_same(found: Outcome, expected: Outcome, weights: float = 1e-5, loss: float = 2e-6) -> None:
    assert [line["step"] for line in found[0]] == [line["step"] for line in expected[0]]
    for one, other in zip(found[0], expected[0], strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=loss)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=max(1e-5, loss))
    assert found[1].keys() == expected[1].keys()
    for name, tensor in expected[1].items():
        assert found[1][name].dtype == tensor.dtype
        torch.testing.assert_close(found[1][name], tensor, rtol=0, atol=weights, msg=name)


@pytest.mark.parametrize("logits", [None, 1], ids=["loss at once", "loss in tiles"])
def test_two_processes_train_what_one_trains(
    ranks: Ranks, tiny_recipe: dict[str, Any], tiny_model: Path, tmp_path: Path, logits: int | None
) -> None:
    """A row that fills up the last batch has nothing in the loss; its device goes the way of the other."""
    recipe = recipe_of(tiny_recipe, LORA, tiny_model)
    expected = alone(recipe, tmp_path)
    assert len(PACKED) % 4 == 1, "the last batch is to be uneven"
    assert max(t.abs().max() for name, t in expected[1].items() if "lora_B" in name) > 0.02
    assert_same(together(ranks, recipe, tmp_path / "two", "none", logits=logits), expected, weights=2e-5)


@pytest.mark.parametrize("kill", [None, [1, 4]])
def test_steps_that_count_traces(
    ranks: Ranks, tiny_recipe: dict[str, Any], tiny_model: Path, tmp_path: Path, kill: list[int] | None
) -> None:
    """Each process skips what the other skips, in a run that goes on as well."""
    recipe = recipe_of(tiny_recipe, LORA | {"rows_per_batch": 5}, tiny_model)
    assert any(not slot for slot in material(recipe.train, 2).steps.slots), "some are to be skipped"  # type: ignore[union-attr]
    assert_same(together(ranks, recipe, tmp_path / "two", "none", kill), alone(recipe, tmp_path))


SLOW = "a launch takes ten seconds of two busy cores"


@pytest.mark.slow(reason=SLOW)
@pytest.mark.parametrize("sharding", ["none", "fsdp2"])
@pytest.mark.parametrize(
    "train",
    [LORA, FULL, LORA | {"gradient_checkpointing": True}, LORA | {"use_dora": True}, LORA | {"rows_per_batch": 5}],
    ids=["lora", "full", "lora-checkpointing", "dora", "traces"],
)
def test_however_they_share_the_work(
    ranks: Ranks, tiny_recipe: dict[str, Any], tiny_model: Path, tmp_path: Path, train: dict[str, Any], sharding: Any
) -> None:
    recipe = recipe_of(tiny_recipe, train, tiny_model)
    expected = alone(recipe, tmp_path)
    assert_same(together(ranks, recipe, tmp_path / "two", sharding), expected)
    loaded = loaded_as_trained(
        tmp_path / "two" / TRAINED, models.resolve(str(tiny_model)), "float32", recipe.train, parted=False
    )
    trained = {name: p for name, p in loaded.named_parameters() if "lora_" in name or train["learning_rate"] == 0.001}
    untouched = dict(tiny.model().named_parameters())
    assert any((p != untouched.get(name, 0)).any() for name, p in trained.items())


@pytest.mark.slow(reason=SLOW)
@pytest.mark.parametrize("sharding", ["none", "fsdp2"])
def test_tied_embeddings_are_written_once(
    ranks: Ranks, tiny_recipe: dict[str, Any], tmp_path: Path, sharding: Any
) -> None:
    tiny.model(tied=True).save_pretrained(tmp_path / "tied")
    TOK.save_pretrained(tmp_path / "tied")
    recipe = recipe_of(tiny_recipe, FULL, tmp_path / "tied")
    assert_same(together(ranks, recipe, tmp_path / "two", sharding), alone(recipe, tmp_path), weights=1e-4, loss=1e-4)


@pytest.mark.slow(reason=SLOW)
@pytest.mark.parametrize("sharding", ["none", "fsdp2"])
def test_qlora(ranks: Ranks, tiny_recipe: dict[str, Any], tmp_path: Path, sharding: Any) -> None:
    pytest.importorskip("bitsandbytes", reason="QLoRA needs bitsandbytes")
    wide = tiny.folder(tmp_path / "wide", hidden_size=64)
    recipe = recipe_of(tiny_recipe, QLORA, wide)
    expected = alone(recipe, tmp_path)
    assert_same(together(ranks, recipe, tmp_path / "two", sharding), expected, weights=1e-4, loss=1e-4)


@pytest.mark.slow(reason=SLOW)
@pytest.mark.parametrize("sharding", ["none", "fsdp2"])
@pytest.mark.parametrize("kill", [[1, 5], [0, 6]], ids=["follower in a pass", "first at a pass' end"])
def test_killed_and_resumed_equals_uninterrupted(
    ranks: Ranks, tiny_recipe: dict[str, Any], tiny_model: Path, tmp_path: Path, sharding: Any, kill: list[int]
) -> None:
    recipe = recipe_of(tiny_recipe, LORA, tiny_model)
    assert_same(together(ranks, recipe, tmp_path / "two", sharding, kill), alone(recipe, tmp_path))


@pytest.mark.slow(reason=SLOW)
def test_one_process_goes_on_where_two_were(
    ranks: Ranks, tiny_recipe: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    """Sound for copies, whose checkpoints are those of one process; parts of FSDP2 are refused."""
    recipe = recipe_of(tiny_recipe, LORA, tiny_model)
    expected = alone(recipe, tmp_path)
    for sharding in ("none", "fsdp2"):
        folder = tmp_path / sharding
        folder.mkdir()
        Job(recipe, Layout(2, sharding, ""), in_order=False, new_tokens=[]).write(PACKED, folder)  # type: ignore[arg-type]
        assert ranks.run(folder, kill=[1, 5]) == [-9, -9]
    found = alone(recipe, tmp_path / "none")
    assert_same((found[0], found[1]), (expected[0][4:], expected[1]))
    with pytest.raises(Refused, match="was written by FSDP2"):
        alone(recipe, tmp_path / "fsdp2")


def test_leaky_packing_check_leaves_layers_of_4_bits_as_they_are(tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    """On some CPUs a look in evaluation mode would lay them out anew, and no gradient would pass them any more."""
    pytest.importorskip("bitsandbytes", reason="QLoRA needs bitsandbytes")
    recipe = recipe_of(tiny_recipe, QLORA | {"num_train_epochs": 0.1}, tiny.folder(tmp_path / "wide", hidden_size=64))
    model = load_student(models.resolve(recipe.student.model), "float32", recipe.train)
    trainer = build_trainer(model, TOK, PACKED, recipe.train, 0, tmp_path / "checkpoints", lambda _: None)
    seen = []

    def look(module: Any, *_: Any) -> None:
        seen.append(bool(getattr(module.weight.quant_state, "packing_format_for_cpu", False)))

    for module in model.modules():
        if type(module).__module__.startswith("bitsandbytes"):
            module.register_forward_hook(look)
    fit(trainer)
    assert seen
    assert not any(seen)
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


@pytest.mark.parametrize("rows", [4, 5, 7])
def test_rows_that_fill_up_weigh_nothing_and_come_last(rows: int) -> None:
    real = dataset_of(PACKED[:rows])
    full = filled(real, 4)
    assert len(full) % 4 == 0
    assert full[:rows] == real[:]
    assert all(set(labels) == {IGNORED} for labels in full["labels"][rows:])
    for epoch in range(3):
        one_device = SeedableRandomSampler(range(rows), data_seed=7)
        one_device.set_epoch(epoch)
        drawn = list(FilledSampler(rows, len(full), 7, lambda epoch=epoch: epoch))  # type: ignore[misc]
        assert drawn == [*one_device, *range(rows, len(full))]


def plan_of(weights: int, adapter: int = 0) -> MemoryPlan:
    passing = {"activations": 1 << 30, "logits": 1 << 30, "libraries": 1 << 30}
    return MemoryPlan(1, 1, weights, adapter, **passing, passing=2 << 30, layer=1 << 20, root=1 << 20, at="backward")


@pytest.fixture
def eight_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(devices, "memory_of_one", lambda count: (80 << 30, "GPU memory"))


@pytest.mark.parametrize(("weights", "sharding"), [(16 << 30, "none"), (140 << 30, "fsdp2")])
@pytest.mark.usefixtures("eight_gpus")
def test_what_one_gpu_cannot_hold_is_parted(weights: int, sharding: str) -> None:
    layout = layout_of(Train(), plan_of(weights))
    assert (layout.devices, layout.sharding) == (8, sharding)
    assert "80.0 GiB of GPU memory" in layout.because
    alone, parted = (on_each(plan_of(weights), Train(), count) for count in (1, 8))
    assert alone == plan_of(weights).total
    assert weights // 8 + (2 << 30) < parted < weights // 8 + (4 << 30), "each has a batch of its own"


@pytest.mark.usefixtures("eight_gpus")
def test_plan_tells_who_trains(distill: Any, recipe_file: Path) -> None:
    told = distill("plan", recipe_file, "train.packed_rows_per_batch=16")
    assert told.code == 0, told.err
    assert "devices    8 devices, a copy of the student on each (DDP): the student needs" in told.out
    refused = distill("run", recipe_file, "--dry-run", "train.packed_rows_per_batch=6")
    assert refused.code == 2
    assert "cannot be dealt out to 8 devices" in refused.err


@pytest.mark.parametrize(
    ("train", "said", "hint"),
    [
        ({"packed_rows_per_batch": 12}, "cannot be dealt out to 8 devices", "=16 would fit, or train.devices=6"),
        ({"per_device_train_batch_size": 2}, "cannot be dealt out to 8 devices", "=16 would fit, or train.devices=4"),
        ({"devices": 16, "packed_rows_per_batch": 16}, "this machine has 8 GPUs", "docs/many-gpus.md"),
        ({"devices": 7}, "cannot be dealt out to 7 devices", "=14 would fit, or train.devices=4"),
    ],
)
@pytest.mark.usefixtures("eight_gpus")
def test_layouts_that_cannot_be_are_refused(train: dict[str, Any], said: str, hint: str) -> None:
    with pytest.raises(Refused, match=said) as told:
        layout_of(Train(**train), plan_of(1))
    assert hint in told.value.hint


def test_one_device_is_alone_and_a_launcher_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert layout_of(Train(), plan_of(1)) == ALONE
    with pytest.raises(Refused, match="there is one"):
        layout_of(Train(sharding="fsdp2"), plan_of(1))
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert layout_of(Train(), plan_of(1)).devices == 4
    assert devices.is_follower()
    with pytest.raises(Refused, match=r"launcher has started 4"):
        layout_of(Train(devices=2), plan_of(1))


def test_a_tied_table_that_is_trained_in_part_is_not_parted() -> None:
    tied, parted = tiny.model(tied=True).config, Layout(2, "fsdp2", "")
    with pytest.raises(Refused, match="FSDP2 cannot part this student"):
        refuse_tied_parts(parted, tied, learns_end=True)
    refuse_tied_parts(parted, tied, learns_end=False)
    refuse_tied_parts(parted, tiny.model().config, learns_end=True)


def test_only_training_takes_several_processes(
    distill: Any, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = distill("run", recipe_file, "--run-dir", tmp_path / "run")
    assert done.code == 2
    assert "a launcher has started 2 processes" in done.err
    assert not (tmp_path / "run").exists()
