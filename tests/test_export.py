"""GGUF files of tiny models of each architecture: what transformers and, where installed, llama.cpp read in them."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tiny
import torch
from commands import refused
from tokenizers import Regex, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from distill import models
from distill.errors import DistillError, Refused
from students import export as exporting
from students import gguf_writer, llama_cpp
from students.export import export, report
from students.gguf_vocabulary import pre_tokenizer_name
from students.gguf_writer import _llama3_factors

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 128,
}


class Case(NamedTuple):
    """An architecture, and what is peculiar in it."""

    name: str
    kind: type[PreTrainedModel]
    config: type
    settings: dict[str, Any]


CASES = [
    Case("llama", LlamaForCausalLM, LlamaConfig, {"tie_word_embeddings": False}),
    Case(
        "llama3",
        LlamaForCausalLM,
        LlamaConfig,
        {"tie_word_embeddings": True, "rope_parameters": LLAMA3_ROPE, "head_dim": 64},
    ),
    Case("qwen2", Qwen2ForCausalLM, Qwen2Config, {"tie_word_embeddings": True}),
    Case("qwen2-untied", Qwen2ForCausalLM, Qwen2Config, {"tie_word_embeddings": False}),
    Case("qwen3", Qwen3ForCausalLM, Qwen3Config, {"tie_word_embeddings": True, "head_dim": 64}),
]


def checkpoint(case: Case, folder: Path, **changed: Any) -> Path:
    """Random weights, norms and biases too; eight embeddings more than tokens, as Qwen's models have."""
    torch.manual_seed(0)
    fields = {
        "vocab_size": 328,
        "hidden_size": 128,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    model = case.kind(case.config(**fields | case.settings | changed))
    for name, weight in model.named_parameters():
        if "norm" in name or "bias" in name:
            torch.nn.init.normal_(weight, mean=float("norm" in name), std=0.3)
        elif "proj" in name:
            torch.nn.init.normal_(weight, std=0.15)
    model.generation_config.update(do_sample=True, temperature=0.6, top_p=0.95, top_k=20)
    model.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Path, Path]:
    """A case, its checkpoint, and its file in float32."""
    folder = tmp_path_factory.mktemp(request.param.name)
    (found,) = export(checkpoint(request.param, folder / "model"), folder / "gguf", ["f32"], "tiny")
    assert found.divergence.mean < 1e-9
    return request.param, folder / "model", folder / "gguf" / found.file


IDS = torch.arange(3, 260).view(1, -1)
"""Longer than what Llama's rotary embeddings were scaled from."""


def test_transformers_finds_the_same_model_in_the_file(made: tuple[Case, Path, Path]) -> None:
    """Config and weights from the file alone; only that it does not read scaled rotary embeddings."""
    case, folder, file = made
    found, expected = AutoConfig.from_pretrained(file.parent, gguf_file=file.name), AutoConfig.from_pretrained(folder)
    for field in (
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "max_position_embeddings",
        "rms_norm_eps",
        "tie_word_embeddings",
    ):
        assert getattr(found, field) == pytest.approx(getattr(expected, field)), field
    assert found.rope_parameters["rope_theta"] == expected.rope_parameters["rope_theta"]
    own = {"config": expected} if case.name in ("llama3", "qwen3") else {}  # nor the size of a head
    read = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True), **own
    )
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(read.eval()(IDS).logits, model.eval()(IDS).logits, rtol=1e-5, atol=1e-5)


def test_transformers_finds_the_same_tokenizer_in_the_file(made: tuple[Case, Path, Path]) -> None:
    _, folder, file = made
    expected, found = (
        AutoTokenizer.from_pretrained(folder),
        AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name),
    )
    text = "<|im_start|>user\nMake 33 from 3 7 12; it's  über 100€!\n\n\t<|im_end|>\n<think>3*7=21</think> 你好 🙂"
    assert found(text)["input_ids"] == expected(text)["input_ids"]
    assert found.chat_template == expected.chat_template
    assert (found.eos_token_id, found.pad_token_id) == (expected.eos_token_id, expected.pad_token_id)


def test_what_the_file_tells_its_server(made: tuple[Case, Path, Path]) -> None:
    from gguf import GGUFReader

    case, _, file = made
    fields = {name: field.contents() for name, field in GGUFReader(file).fields.items()}
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    assert len(tokens) == len(types) == 328
    assert types[:3] == [3, 3, 3], "control tokens"
    assert types[3] == 1
    assert (tokens[-1], types[-1]) == ("[PAD327]", 5)
    assert fields["tokenizer.ggml.pre"] == ("qwen2" if case.config is Qwen2Config else "gpt-2"), (
        "as AutoTokenizer has it"
    )
    assert fields["tokenizer.ggml.eos_token_id"] == 2
    assert fields["tokenizer.ggml.padding_token_id"] == 0
    assert fields["tokenizer.ggml.add_bos_token"] is False
    assert fields["general.sampling.temp"] == pytest.approx(0.6)
    assert fields["general.sampling.top_k"] == 20
    assert fields["general.architecture"] == case.name.partition("-")[0].removesuffix(
        "3" if "llama" in case.name else "-"
    )


def test_llama3s_factors_are_transformers(tmp_path: Path) -> None:
    config = LlamaConfig(hidden_size=2048, num_attention_heads=32, head_dim=64, rope_parameters=LLAMA3_ROPE)
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    plain = 1 / LLAMA3_ROPE["rope_theta"] ** (torch.arange(0, 64, 2) / 64)
    factors = torch.from_numpy(_llama3_factors(64, LLAMA3_ROPE))
    torch.testing.assert_close(factors, plain / scaled, rtol=1e-5, atol=0)
    assert {1.0, 8.0} < set(factors.tolist()), "short waves stay, long ones are stretched, between them both"


def test_fewer_bits_cost_more(tmp_path: Path) -> None:
    folder = checkpoint(CASES[3], tmp_path / "model")
    kinds = ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]
    found = export(folder, tmp_path / "gguf", kinds, "m")
    costs = [one.divergence.mean for one in found]
    assert costs == sorted(costs)
    assert costs[0] < 1e-9
    assert costs[3] < 1e-3 < costs[7]
    sizes = [one.bytes for one in found]
    assert sizes[0] > sizes[1] == sizes[2] > sizes[3] > sizes[7]
    assert [one.file for one in found] == [f"m-{kind}.gguf" for kind in kinds] == list(report(tmp_path / "gguf"))


def test_files_that_are_there_are_kept_and_those_of_another_checkpoint_are_not(tmp_path: Path) -> None:
    folder = checkpoint(CASES[2], tmp_path / "model")
    export(folder, tmp_path / "gguf", ["f16"], "m")
    file = tmp_path / "gguf" / "m-f16.gguf"
    first = file.stat().st_mtime_ns
    again = export(folder, tmp_path / "gguf", ["f16", "q8_0"], "m")
    assert file.stat().st_mtime_ns == first
    assert [one.kind for one in again] == ["f16", "q8_0"]
    other = checkpoint(CASES[0], tmp_path / "other")
    export(other, tmp_path / "gguf", ["f16"], "m")
    assert file.stat().st_mtime_ns != first
    file.write_bytes(file.read_bytes()[:-1])
    torn = file.stat().st_size
    export(other, tmp_path / "gguf", ["f16"], "m")
    assert file.stat().st_size == torn + 1


@pytest.mark.parametrize("fault", ["rows", "names", "values"])
def test_a_file_that_is_not_the_checkpoint_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Faults that no reader refuses: rows in another order, tensors that have changed places, a scale."""
    folder = checkpoint(CASES[0], tmp_path / "model")
    if fault == "rows":
        monkeypatch.setattr(gguf_writer, "_interleaved", lambda values, heads: values)
    elif fault == "names":
        layout = gguf_writer._layout
        swapped = {"blk.0.ffn_gate.weight": "blk.0.ffn_up.weight", "blk.0.ffn_up.weight": "blk.0.ffn_gate.weight"}
        monkeypatch.setattr(
            gguf_writer,
            "_layout",
            lambda *given: (one._replace(name=swapped.get(one.name, one.name)) for one in layout(*given)),
        )
    else:
        data = gguf_writer._Tensor.data
        monkeypatch.setattr(gguf_writer._Tensor, "data", lambda one: data(one) * 1.05)
    with pytest.raises(DistillError, match=r"is not the checkpoint: \S+ is off by"):
        export(folder, tmp_path / "gguf", ["f32"], "m")
    assert list((tmp_path / "gguf").iterdir()) == []


def test_too_little_room_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoint(CASES[0], tmp_path / "model")
    usage = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(exporting.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Refused, match=r"gguf needs about 1\.\d GB for f16, q8_0, and 0\.0 GB are free"):
        export(folder, tmp_path / "gguf", ["f16", "q8_0"], "m")
    assert not (tmp_path / "gguf").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hidden_act": "gelu"}, "another activation than silu"),
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}, "of type dynamic"),
    ],
)
def test_models_that_llama_cpp_would_compute_otherwise_are_refused(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    folder = checkpoint(CASES[0]._replace(settings=settings), tmp_path / "model")
    with pytest.raises(Refused, match=said) as caught:
        export(folder, tmp_path / "gguf", ["f16"], "m")
    assert "LLAMA_CPP" in caught.value.hint


def test_more_tokens_than_embeddings_are_refused(tmp_path: Path) -> None:
    folder = checkpoint(CASES[0], tmp_path / "model", vocab_size=300)
    with pytest.raises(Refused, match="a token 302, and the model 300 embeddings"):
        export(folder, tmp_path / "gguf", ["f16"], "m")


WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split(pattern: str) -> pre_tokenizers.PreTokenizer:
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), bytes_only])


BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)


@pytest.mark.parametrize(
    ("rule", "ignores_merges", "name"),
    [
        (BYTES, False, "gpt-2"),
        (pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), BYTES]), False, "smollm"),
        (split(WORDS % ""), False, "qwen2"),
        (split(WORDS % "{1,3}"), True, "llama-bpe"),
        (split(WORDS % "{1,3}"), False, "smaug-bpe"),
        (split(WORDS % "{1,2}"), False, None),
        (pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), BYTES]), False, None),
        (pre_tokenizers.ByteLevel(add_prefix_space=True), False, None),
        (pre_tokenizers.Whitespace(), False, None),
    ],
)
def test_how_words_are_split_has_a_name_or_is_refused(
    rule: pre_tokenizers.PreTokenizer, ignores_merges: bool, name: str | None
) -> None:
    tokenizer: PreTrainedTokenizerFast = tiny.tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = rule
    inner = json.loads(tokenizer.backend_tokenizer.to_str())
    inner["model"]["ignore_merges"] = ignores_merges
    if name is None:
        with pytest.raises(Refused, match="splits words in a way"):
            pre_tokenizer_name(inner)
    else:
        assert pre_tokenizer_name(inner) == name


# the verb


def test_the_verb_takes_a_run_or_a_checkpoint(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert distill("run", recipe_file, "--run-dir", run, "--until", "curate").code == 0
    refused(distill("export", run, "--gguf", "f16"), "holds no trained student")
    done = distill("run", recipe_file, "publish.gguf=[q8_0]", "--run-dir", run)
    assert done.code == 0, done.err
    assert (run / "published" / "tiny-q8_0.gguf").stat().st_size == (run / "gguf" / "tiny-q8_0.gguf").stat().st_size
    shown = distill("export", run, "--gguf", "Q8_0", "--gguf", "f16")
    assert shown.code == 0, shown.err
    assert "run-f16.gguf: " in shown.out
    assert "KL(checkpoint || file)" in shown.out
    other = distill("export", run / "student" / "merged", "--gguf", "f16", "--out", tmp_path / "here")
    assert other.code == 0, other.err
    assert (tmp_path / "here" / "merged-f16.gguf").is_file()
    assert stat.S_IMODE((tmp_path / "here" / "merged-f16.gguf").stat().st_mode) & 0o444 == 0o444


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gguf", "q9"], "--gguf=q9 is no type that is known"),
        (["--gguf", "f16"], "is neither a run nor a folder with a checkpoint"),
    ],
)
def test_words_that_the_verb_refuses(distill: Any, tmp_path: Path, words: list[str], said: str) -> None:
    refused(distill("export", tmp_path, *words), said)


def test_a_type_that_needs_llama_cpp_is_refused_before_training(
    distill: Any, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_cpp, "quantise_command", lambda: None)
    run = ("run", recipe_file, "--run-dir", tmp_path / "run")
    refused(distill(*run, "publish.gguf=[q4_k_m]"), "of type q4_k_m are made by llama.cpp's quantiser")
    refused(distill(*run, "publish.gguf=[f16,f16]"), "a type is named twice")
    assert not (tmp_path / "run" / "student").exists()


def test_a_file_is_no_folder_for_files(distill: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    refused(
        distill("export", tiny.folder(tmp_path / "base", hidden_size=64), "--gguf", "f16", "--out", tmp_path / "taken"),
        "taken cannot be a folder for files: File exists",
    )


def test_the_source_is_a_checkpoint(tmp_path: Path) -> None:
    assert models.resolve(str(checkpoint(CASES[0], tmp_path / "m"))).is_local
