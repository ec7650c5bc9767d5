"""LoRA, DoRA, QLoRA and all weights, each through the whole journey with a tiny model."""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from commands import refused
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from distill import models
from distill.errors import Refused
from distill.files import read_json
from distill.models import ModelSource
from distill.recipe import Train
from students.fit import fits
from students.methods import _unpack, adapter_config, load_student
from students.plan import memory_plan
from students.rates import rate_of

needs_bitsandbytes = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed (the extra 'gpu')"
)


def walked(distill: Any, recipe_file: Path, run: Path, *keys: str) -> dict[str, Any]:
    done = distill("run", recipe_file, *keys, "--run-dir", run, "--until", "evaluate")
    assert done.code == 0, done.err
    counts: dict[str, Any] = read_json(run / "stages" / "train.json")["counts"]
    return counts


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return dict(found.named_parameters())


def moved(run: Path, base: Path) -> set[str]:
    before, after = weights(base), weights(run / "student" / "merged")
    return {name for name in before if not torch.allclose(before[name], after[name], atol=1e-6)}


def test_all_weights_move_and_there_is_no_adapter(
    distill: Any, recipe_file: Path, tiny_recipe: dict[str, Any], tmp_path: Path
) -> None:
    tiny_recipe["train"].pop("lora_r")
    recipe_file.write_text(json.dumps(tiny_recipe))
    counts = walked(distill, recipe_file, tmp_path / "run", "train.method=full", "train.learning_rate=1e-4")
    assert not (tmp_path / "run" / "student" / "adapter").exists()
    names = moved(tmp_path / "run", Path(tiny_recipe["student"]["model"]))
    assert {"model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"} <= names
    assert abs(counts["merge_kl"]) < 1e-6, "saved in the precision in which it was trained"


def test_dora_is_merged_as_it_was_trained(
    distill: Any, recipe_file: Path, tiny_recipe: dict[str, Any], tmp_path: Path
) -> None:
    counts = walked(distill, recipe_file, tmp_path / "run", "train.use_dora=true")
    assert read_json(tmp_path / "run" / "student" / "adapter" / "adapter_config.json")["use_dora"] is True
    assert abs(counts["merge_kl"]) < 1e-5
    assert moved(tmp_path / "run", Path(tiny_recipe["student"]["model"]))


@needs_bitsandbytes
@pytest.mark.parametrize("into", ["clean", "quantised", "auto"])
def test_qlora_tells_what_merging_costs(
    distill: Any, recipe_file: Path, tiny_recipe: dict[str, Any], tmp_path: Path, into: str
) -> None:
    """Merged into the base of 4 bits made dense, it is what was trained; into the clean one it is not quite."""
    base = tiny.folder(tmp_path / "base", hidden_size=128)
    tiny_recipe["student"]["model"] = str(base)
    recipe_file.write_text(json.dumps(tiny_recipe))
    counts = walked(distill, recipe_file, tmp_path / "run", "train.method=qlora", f"train.merge_into={into}")
    assert (tmp_path / "run" / "student" / "adapter" / "adapter_model.safetensors").is_file()
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "student" / "merged")
    assert getattr(merged.config, "quantization_config", None) is None
    assert merged.dtype == torch.float32
    clean = weights(Path(tiny_recipe["student"]["model"]))["model.embed_tokens.weight"]
    assert torch.equal(dict(merged.named_parameters())["model.embed_tokens.weight"], clean), (
        "embeddings stay as they are"
    )
    costs = {base: counts[f"merge_into_{base}"] for base in ("clean", "quantised")}
    assert costs["quantised"]["mean"] < 1e-4 < costs["clean"]["mean"] < 0.1, "both are measured"
    assert costs["clean"]["largest"] > costs["clean"]["mean"]
    assert costs["clean"]["rows"] >= 8
    assert counts["merged_into"] == ("quantised" if into == "auto" else into)
    assert counts["merge_kl"] == costs[counts["merged_into"]]["mean"]
    linear = "model.layers.0.mlp.up_proj.weight"
    moved = dict(merged.named_parameters())[linear] - weights(base)[linear]
    is_low_rank = torch.linalg.matrix_rank(moved.double(), rtol=1e-4) <= tiny_recipe["train"]["lora_r"]
    assert bool(is_low_rank) == (into == "clean"), (
        "rounding to 4 bits has moved every weight, an adapter few directions"
    )


def test_qlora_without_bitsandbytes_is_a_sentence(
    distill: Any, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    refused(
        distill("run", recipe_file, "train.method=qlora", "--dry-run", "--run-dir", tmp_path / "run"),
        "train.method=qlora needs bitsandbytes",
    )


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["train.method=full"], "lora_r is about an adapter"),
        (["train.merge_into=quantised"], "merge_into is about train.method=qlora"),
        (["train.method=full", "train.lora_r=32", "publish.merged=false"], "train.method=full makes none"),
    ],
)
def test_keys_of_other_methods_are_refused(
    distill: Any, recipe_file: Path, tmp_path: Path, keys: list[str], said: str
) -> None:
    refused(distill("run", recipe_file, *keys, "--run-dir", tmp_path / "run"), said)


@pytest.mark.parametrize(
    ("train", "parameters", "rows", "rate"),
    [
        (Train(), 135e6, 1000, 1e-3),
        (Train(), 1.5e9, 1000, 5e-4),
        (Train(), 32e9, 1000, 2e-4),
        (Train(method="full"), 1.5e9, 1000, 2e-5),
        (Train(method="full"), 1.5e9, 800_000, 1e-4),
        (Train(method="full"), 360e6, 500_000, 1e-3),  # as SmolLM2 was
        (Train(method="full"), 32e9, 800_000, 6e-5),
        (Train(learning_rate=3e-4), 1.5e9, 1000, 3e-4),
    ],
)
def test_the_rate_that_is_taken(train: Train, parameters: float, rows: int, rate: float) -> None:
    """R1-Distill's for 800,000 rows; ten times as much for adapters."""
    taken, reason = rate_of(train, int(parameters), rows)
    assert taken == rate
    assert reason


def test_a_rate_that_is_not_set_is_told(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    counts = walked(distill, recipe_file, tmp_path / "run", "train.learning_rate=null")
    assert counts["learning_rate"] == 1e-3
    assert "are known for lora on" in counts["learning_rate_because"]


@needs_bitsandbytes
def test_gradients_through_4_bits_are_those_of_the_same_weights_made_dense(tmp_path: Path) -> None:
    source = models.resolve(str(tiny.folder(tmp_path / "base", hidden_size=128)), None)
    train = Train(method="qlora", lora_r=4)
    inputs = torch.randint(3, 300, (2, 24), generator=torch.Generator().manual_seed(0))
    found = []
    for dense in (False, True):
        model = load_student(source, "float32", train)
        model = model.dequantize().to(torch.float32) if dense else model
        adapted = get_peft_model(model, adapter_config(train, model, []))
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weight, std=0.05, generator=torch.Generator().manual_seed(len(name)))
        adapted(input_ids=inputs, labels=inputs).loss.backward()
        found.append([p.grad for p in adapted.parameters() if p.grad is not None])
    assert len(found[0]) == len(found[1]) == 28
    assert all((a - b).norm() < 0.1 * b.norm() for a, b in zip(*found, strict=True))


def llama(hidden: int, layers: int, inner: int, vocabulary: int = 32000) -> Any:
    heads = hidden // 128
    return AutoConfig.for_model(
        "llama",
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
    )


@pytest.mark.parametrize(("method", "bytes_each"), [("lora", 2), ("qlora", 0.52), ("full", 16)])
def test_memory_of_the_weights(method: Any, bytes_each: float) -> None:
    """Of 7 billion parameters about 14, 4 and 108 GiB."""
    plan = memory_plan(llama(4096, 32, 11008), Train(method=method, max_length=16), 2)
    held = plan.weights if method != "full" else plan.adapter
    assert held == pytest.approx(bytes_each * plan.parameters, rel=0.12)


def on_cards(config: Any, length: int) -> dict[str, tuple[int, int | None]]:
    found = fits(config, Train(max_length=length, gradient_checkpointing=True), 2)
    return {fit.method: (fit.cards, fit.gib) for fit in found}


def test_cards_that_a_student_would_fit_on() -> None:
    """QLoRA takes no more than LoRA, that no more than all weights; longer rows and larger students never less."""
    small, large = llama(2048, 16, 8192), llama(8192, 80, 28672)
    for config, length in ((small, 2048), (large, 8192)):
        train = Train(max_length=length, gradient_checkpointing=True)
        found = {fit.method: fit for fit in fits(config, train, 2)}
        assert found["qlora"].plan.total <= found["lora"].plan.total <= found["full"].plan.total
    cards = on_cards(small, 2048)
    assert cards["qlora"][0] == cards["lora"][0] == 1
    assert cards["lora"] <= (1, 24)
    seventy = on_cards(large, 8192)
    assert seventy["qlora"] == (1, 80), "as QLoRA's authors train 65 billion on one card of 48 GB at short rows"
    assert seventy["lora"][0] > 1
    assert seventy["full"][1] is None or seventy["full"][0] == 8


def test_the_plan_names_the_cards(distill: Any, recipe_file: Path) -> None:
    said = distill("plan", recipe_file).out
    assert "on GPUs" in said
    assert "<- this recipe" in said
    assert said.count("on one, predicted") == 3


@needs_bitsandbytes
@pytest.mark.skipif(torch.cuda.is_available(), reason="on a GPU the weights lie in its memory")
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is mapped is told by Linux")
def test_weights_of_4_bits_let_go_of_their_file(tmp_path: Path) -> None:
    """One embedding that stays in the mapped file would keep all of its 16-bit weights in the process."""
    folder = tiny.folder(tmp_path / "base")
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    model = load_student(models.resolve(str(folder), None), "bfloat16", Train(method="qlora"))
    assert model.get_input_embeddings().weight.dtype == torch.bfloat16
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def test_a_disk_of_temporary_files_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """QLoRA unpacks a GGUF file there."""

    def full(_: Any) -> None:
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("distill.models.load", lambda *_: SimpleNamespace(save_pretrained=full))
    with pytest.raises(Refused, match=rf"{tmp_path} cannot be written: No space left on device"):
        _unpack(ModelSource("m", str(tmp_path), "m.gguf"), "auto", tmp_path)
