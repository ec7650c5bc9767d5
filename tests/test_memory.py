"""Memory: a simulated step holds what the real one holds, any depth follows from two, and a probe leaves no trace."""

import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, TrainerCallback

from distill import models
from distill.errors import Refused
from distill.recipe import Train
from students import fit as fitting
from students.loss import MAX_LOGITS_BYTES
from students.methods import load_student
from students.pack import PackedRow, pack
from students.plan import cut, gib, memory_plan, sizes
from students.probe import probe, wanted
from students.render import IGNORED, Row
from students.simulate import simulate, step_of
from students.tensor_peak import LiveTensors
from students.train import build_trainer, fit

TOK = tiny.tokenizer()
LENGTH = 256


def config(layers: int = 2, kind: str = "llama", **fields: Any) -> Any:
    shape = {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 192, "num_attention_heads": 4}
    shape |= {"num_key_value_heads": 2, "num_hidden_layers": layers, "head_dim": 16, "bos_token_id": 1}
    return AutoConfig.for_model(kind, **(shape | {"eos_token_id": 2, "pad_token_id": 0} | fields))


def section(**fields: Any) -> Train:
    rows = fields.pop("rows", 1)
    sizes_of = {"per_device_train_batch_size": rows, "packed_rows_per_batch": rows * fields.pop("accumulate", 1)}
    rank = {} if fields.get("method") == "full" else {"lora_r": 4}
    return Train(max_length=LENGTH, num_train_epochs=1, learning_rate=1e-3, **sizes_of, **rank, **fields)


def packed_rows(train: Train, steps: int = 2) -> list[PackedRow]:
    """Full packed rows of two traces, half of each in the loss."""
    rng, half = random.Random(0), LENGTH // 2
    labels = [IGNORED] * (half // 2) + [5] * (half // 2)
    count = 2 * steps * train.packed_rows_per_batch
    return pack([Row(str(i), [rng.randint(5, 300) for _ in range(half)], labels) for i in range(count)], LENGTH, 0, 0)


def trainer_of(made: Any, train: Train, folder: Path) -> Any:
    """In bfloat16 under autocast, as on most machines."""
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(made, dtype=torch.bfloat16).save_pretrained(folder / "base")
    model = load_student(models.ModelSource("tiny", str(folder / "base")), "bfloat16", train)
    return build_trainer(model, TOK, packed_rows(train), train, 0, folder / "checkpoints", lambda _: None)


def constants(model: Any) -> list[torch.Tensor]:
    states = [p.quant_state for p in model.parameters() if hasattr(p, "quant_state")]
    return [t for s in states for t in (s.absmax, s.code, s.offset, s.state2.absmax, s.state2.code)]


needs_bitsandbytes = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed (the extra 'gpu')"
)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"rows": 2, "gradient_checkpointing": True},
        {"method": "full"},
        {"method": "full", "gradient_checkpointing": True, "accumulate": 2},
        {"use_dora": True},
        pytest.param({"method": "qlora"}, marks=needs_bitsandbytes),
        pytest.param({"method": "qlora", "use_dora": True}, marks=needs_bitsandbytes),
    ],
    ids=str,
)
def test_a_simulated_step_holds_what_the_real_one_does(tmp_path: Path, fields: dict[str, Any]) -> None:
    """The bytes of live tensors at the peak of two real steps of the trainer, within two per cent."""
    made, train = config(), section(**fields)
    predicted = memory_plan(made, train, 2, "cpu", labelled=LENGTH // 2)
    trainer = trainer_of(made, train, tmp_path)
    live = LiveTensors()
    live.hold([*trainer.model.parameters(), *trainer.model.buffers(), *constants(trainer.model)], "weights")
    with live:
        fit(trainer)
    assert predicted.tensors == pytest.approx(live.highest.total, rel=0.02)


@pytest.mark.parametrize(
    ("device", "fields"),
    [
        ("cpu", {"method": "full"}),
        ("cuda", {}),
        ("cuda", {"gradient_checkpointing": True, "accumulate": 2}),
        ("cuda", {"method": "qlora", "gradient_checkpointing": True}),
        ("cuda", {"method": "full", "gradient_checkpointing": True}),
    ],
    ids=str,
)
def test_any_depth_follows_from_two(device: Any, fields: dict[str, Any]) -> None:
    """As simulated with all its layers, to a byte in a thousand."""
    train = section(**fields)
    whole = simulate(config(6), train, torch.bfloat16, step_of(train), device)
    plan = memory_plan(config(6), train, 2, device)
    assert plan.tensors == pytest.approx(max(sum(kinds.values()) for kinds in whole.peaks.values()), rel=1e-3)
    assert plan.adapter_parameters == whole.trained


def test_the_layers_that_stand_for_the_whole_end_as_it_does() -> None:
    kinds = (["sliding_attention"] * 5 + ["full_attention"]) * 4
    gemma = config(24, "gemma3_text", layer_types=kinds, sliding_window=64)
    assert sizes(gemma) == (6, 12)
    assert cut(gemma, 12).layer_types == kinds[:12]
    assert sizes(config(80)) == (2, 3)
    assert sizes(config(2)) == (2, 2), "all of a small model"


def test_all_weights_of_a_mixture_of_experts_are_refused() -> None:
    experts = config(2, "qwen3_moe", num_experts=4, num_experts_per_tok=2, moe_intermediate_size=64)
    with pytest.raises(Refused, match="mixture of experts"):
        memory_plan(experts, section(method="full"), 2, "cpu")


def test_bytes_are_counted_once_and_until_they_are_gone() -> None:
    live = LiveTensors(block=512)
    with live:
        a = torch.zeros(1000, dtype=torch.uint8)
        view = a[10:]
        assert live.total == 1024
        live.enter("second")
        b = a.clone()
        del a
        assert live.total == 2048, "a view holds the bytes of the whole"
        del view, b
        assert live.total == 0
    assert (live.peaks["start",].total, live.peaks["second",].total) == (1024, 2048)


def test_more_of_anything_needs_no_less() -> None:
    def total(device: Any = "cpu", **fields: Any) -> int:
        train = section(**{k: v for k, v in fields.items() if k != "max_length"})
        return memory_plan(
            config(), train.model_copy(update={"max_length": fields.get("max_length", 512)}), 2, device
        ).total

    assert total() < total(max_length=1024) < total(max_length=2048)
    assert total(gradient_checkpointing=True) < total() < total(rows=2)
    assert total("cuda") > total("cuda", gradient_checkpointing=True)
    assert total(method="full") > total()


def test_the_worst_share_of_labels_counts() -> None:
    """Beyond a gibibyte of logits the loss is taken in tiles, that may need less than the largest one that is not."""
    made = config(2, vocab_size=150_000)
    train = section().model_copy(update={"max_length": 4096, "gradient_checkpointing": True})
    most = MAX_LOGITS_BYTES // (4 * 150_000)
    worst = memory_plan(made, train, 2, "cuda").total
    assert worst == max(memory_plan(made, train, 2, "cuda", labelled=n).total for n in (most, 4096))
    assert worst >= memory_plan(made, train, 2, "cuda", labelled=most // 2).total


def adapter_of(trained: Any, folder: Path) -> dict[str, torch.Tensor]:
    trained.save_pretrained(folder)
    return {k: v for path in folder.glob("*.safetensors") for k, v in load_file(path).items()}


@pytest.mark.parametrize("fields", [{"lora_dropout": 0.2}, {"method": "full", "gradient_checkpointing": True}], ids=str)
def test_a_probe_leaves_no_trace(tmp_path: Path, fields: dict[str, Any]) -> None:
    """The same weights at the end, bit for bit, with and without; dropout draws the same numbers."""
    train, found = section(**fields, accumulate=2), []
    for probed in (False, True):
        lines: list[dict[str, Any]] = []
        folder = tmp_path / str(probed)
        trainer = trainer_of(config(), train, folder)
        before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
        if probed:
            plan = memory_plan(config(), train, 2)
            peak = probe(trainer, packed_rows(train), train, plan, str)
            assert peak > plan.tensors
            assert all(torch.equal(p, before[n]) and p.grad is None for n, p in trainer.model.named_parameters())
            assert not list((folder / "checkpoints").iterdir())
        trainer.add_callback(_Lines(lines))
        found.append((adapter_of(fit(trainer), folder / "trained"), lines))
    (plain, plain_lines), (after, lines) = found
    assert plain.keys() == after.keys()
    assert all(torch.equal(plain[name], after[name]) for name in plain)
    assert [line["loss"] for line in plain_lines if "loss" in line] == [
        line["loss"] for line in lines if "loss" in line
    ]


class _Lines(TrainerCallback):
    """Keeps what the trainer logs."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.lines = lines

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        self.lines.append(dict(logs or {}))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ..."),
    ],
    ids=["cuda", "cpu"],
)
def test_memory_that_does_not_suffice_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    train = section()
    trainer = trainer_of(config(), train, tmp_path)
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    monkeypatch.setattr(trainer, "training_step", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(Refused, match="two steps at full rows do not fit") as refused:
        probe(trainer, packed_rows(train), train, memory_plan(config(), train, 2), lambda: "Set x=1.")
    assert refused.value.hint == "Set x=1."
    assert all(torch.equal(p, before[n]) for n, p in trainer.model.named_parameters())


def test_other_errors_of_a_probe_are_not_taken_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(config(), section(), tmp_path)

    def fails(*_: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(trainer, "training_step", fails)
    with pytest.raises(RuntimeError, match="shapes"):
        probe(trainer, packed_rows(section()), section(), memory_plan(config(), section(), 2), str)


def test_when_a_probe_is_worth_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = memory_plan(config(), section(), 2, "cpu")
    for free, what, worth in ((plan.total * 2, "memory", False), (int(plan.total * 1.2), "memory", True)):
        monkeypatch.setattr("students.probe.available_memory", lambda free=free, what=what: (free, what))
        assert wanted(section(), plan) is worth
        assert wanted(section(probe="always"), plan)
        assert not wanted(section(probe="never"), plan)
    monkeypatch.setattr("students.probe.available_memory", lambda: (1 << 60, "GPU memory"))
    assert wanted(section(), plan)


def test_advice_is_computed() -> None:
    """Each change on top of the last, with its own peak, until it fits."""
    train = section(rows=2).model_copy(update={"max_length": 2048})
    other = train
    smaller = [other := fitting.changed(other, change)[0] for change in fitting._changes(config(), train, 1)]
    assert (smaller[0].per_device_train_batch_size, smaller[1].gradient_checkpointing) == (1, True)
    assert smaller[2].method == "qlora"
    needs = [memory_plan(config(), other, 2, "cuda").total for other in smaller]
    said = fitting.advice(config(), train, 2, needs[1], "cuda")
    assert said == (
        f"Set train.per_device_train_batch_size=1 ({gib(needs[0])}), and "
        f"train.gradient_checkpointing=true ({gib(needs[1])})."
    )
    assert fitting.advice(config(), train, 2, 1, "cuda").startswith("Not even train.per_device_train_batch_size=1")


def test_advice_halves_rows_as_little_as_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the longest that fits, found as trying each would find it; where weights alone are too many, none is tried."""
    monkeypatch.setattr(fitting, "_changes", lambda *_: iter([]))
    train = section().model_copy(update={"max_length": 9000})
    needs = {n: memory_plan(config(), train.model_copy(update={"max_length": n}), 2, "cuda") for n in (4500, 1125, 562)}
    for length, plan in needs.items():
        said = fitting.advice(config(), train, 2, plan.total, "cuda")
        assert said == f"Set train.max_length={length} ({gib(plan.total)})."
    least = needs[562]
    assert fitting.advice(config(), train, 2, least.total - 1, "cuda").startswith("Not even train.max_length=562")
    tried: list[int] = []
    monkeypatch.setattr(fitting, "_longest", lambda *_: tried.append(1))
    assert fitting.advice(config(), train, 2, least.weights, "cuda").startswith("Weights and adapter alone take")
    assert not tried
    assert fitting.advice(config(), section(method="full"), 2, 1, "cuda").startswith("Weights alone take")


def test_advice_tells_what_shorter_rows_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the mean row would not fit, most of the data would go; elsewhere nothing is said."""
    monkeypatch.setattr(fitting, "_changes", lambda *_: iter([]))
    train = section().model_copy(update={"max_length": 9000})
    free = memory_plan(config(), train.model_copy(update={"max_length": 4500}), 2, "cuda").total
    said = [fitting.advice(config(), train, 2, free, "cuda", tokens=n) for n in (6000, 4500, 0)]
    assert said[0] == f"{said[1]} But the mean row has 6,000 tokens: longer rows than 4,500 cannot be trained on."
    assert said[1] == said[2] == f"Set train.max_length=4500 ({gib(free)})."


@pytest.mark.parametrize("method", ["qlora", "full"])
def test_more_cards_need_less_on_each(method: Any) -> None:
    """But never less than the activations, that are not parted."""
    train = section(method=method)
    plan = memory_plan(config(2, vocab_size=32_000, hidden_size=1024, intermediate_size=4096), train, 2, "cuda")
    each = [fitting.on_each(plan, train, count) for count in fitting.COUNTS[1:]]
    assert each == sorted(each, reverse=True)
    assert each[-1] > plan.activations + plan.logits


def test_the_smallest_card_that_is_enough() -> None:
    gibibyte = fitting.GIB
    assert fitting.smallest([(1, 20 * gibibyte)]) == (24, 1, 20 * gibibyte)
    assert fitting.smallest([(1, 200 * gibibyte), (2, 11 * gibibyte)]) == (12, 2, 11 * gibibyte)
    assert fitting.smallest([(1, 999 * gibibyte), (8, 150 * gibibyte)]) == (None, 8, 150 * gibibyte)
