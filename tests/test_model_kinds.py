"""Models that write no text, or cannot be trained: refused by name before anything is paid or loaded."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import transformers as hf
from test_model_limits import SMALL
from transformers import LlamaForSequenceClassification

from distill import models
from distill.errors import Refused
from distill.model_kind import refuse_other_kind
from distill.model_limits import refuse_recurrent
from distill.suitable import refuse_no_student, refuse_no_writer

VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
FILLS = "is an encoder, that fills gaps in a text"
CLASSIFIES = "is a classifier or reward model"
EMBEDS = "is a model without a layer that predicts tokens, such as embedding models"
SEES = "is a model of images and text"


def saved_as(architecture: str | None, config: Any) -> Any:
    config.architectures = [architecture] if architecture else None
    return config


@pytest.mark.parametrize(
    ("architecture", "config", "said"),
    [
        ("BertForMaskedLM", hf.BertConfig(), FILLS),
        ("BertForPreTraining", hf.BertConfig(), "is an encoder"),
        ("BertLMHeadModel", hf.BertConfig(is_decoder=True), FILLS),
        (None, hf.RobertaConfig(), FILLS),
        ("RobertaForMaskedLM", hf.RobertaConfig(), FILLS),
        ("ModernBertForMaskedLM", hf.ModernBertConfig(), FILLS),
        ("BertModel", hf.BertConfig(), EMBEDS),
        ("Qwen3Model", hf.Qwen3Config(**SMALL), EMBEDS),
        ("Gemma3TextModel", hf.Gemma3TextConfig(**SMALL, use_bidirectional_attention=True), "in both directions"),
        ("LlamaForCausalLM", hf.LlamaConfig(**SMALL, is_causal=False), "in both directions"),
        ("T5ForConditionalGeneration", hf.T5Config(), "is an encoder-decoder"),
        ("BartForConditionalGeneration", hf.BartConfig(), "is an encoder-decoder"),
        ("BartForCausalLM", hf.BartConfig(is_decoder=True), "is an encoder-decoder"),
        ("WhisperForConditionalGeneration", hf.WhisperConfig(), "is a model of speech"),
        ("Wav2Vec2ForCTC", hf.Wav2Vec2Config(), "is a model of speech"),
        ("ViTForImageClassification", hf.ViTConfig(), "is a model of images"),
        ("CLIPModel", hf.CLIPConfig(), "is a model of images"),
        ("LlavaForConditionalGeneration", hf.LlavaConfig(), SEES),
        ("Qwen2_5_VLForConditionalGeneration", hf.Qwen2_5_VLConfig(), SEES),
        ("LlamaForSequenceClassification", hf.LlamaConfig(**SMALL), CLASSIFIES),
        ("Qwen2ForSequenceClassification", hf.Qwen2Config(**SMALL), CLASSIFIES),
        ("Qwen2ForProcessRewardModel", hf.Qwen2Config(**SMALL), "is a model of another kind"),
        ("LlamaForTokenClassification", hf.LlamaConfig(**SMALL), "is a classifier of tokens"),
        ("LlamaForQuestionAnswering", hf.LlamaConfig(**SMALL), "marks answers in a text"),
    ],
    ids=lambda found: found if isinstance(found, str) else "",
)
def test_what_writes_no_text_is_named(architecture: str | None, config: Any, said: str) -> None:
    with pytest.raises(Refused, match=rf"^'m' {said}|^'m' .*{said}") as caught:
        refuse_other_kind(saved_as(architecture, config), "m")
    assert f"({architecture or config.model_type}), and no causal language model" in str(caught.value)
    assert caught.value.hint.startswith("student.model wants one of those")


@pytest.mark.parametrize(
    ("architecture", "config"),
    [
        (None, hf.LlamaConfig(**SMALL)),
        ("LLaMAForCausalLM", hf.LlamaConfig(**SMALL)),
        ("Qwen2ForCausalLM", hf.Qwen2Config(**SMALL)),
        ("Gemma3ForCausalLM", hf.Gemma3TextConfig(**SMALL)),
        ("Gemma3ForConditionalGeneration", hf.Gemma3Config()),
        ("GPT2LMHeadModel", hf.GPT2Config()),
        ("OPTForCausalLM", hf.OPTConfig()),
        ("Qwen3_5ForConditionalGeneration", hf.Qwen3_5Config()),
    ],
    ids=lambda found: found if isinstance(found, str) else "",
)
def test_what_writes_text_is_none_of_them(architecture: str | None, config: Any) -> None:
    refuse_other_kind(saved_as(architecture, config), "m")


def test_usual_students_are_taken() -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    refused = []
    for model_type in ("qwen2", "qwen3", "llama", "mistral", "phi3", "gemma", "gemma2", "smollm3", "olmo2", "granite"):
        config = saved_as(CAUSAL[model_type], hf.AutoConfig.for_model(model_type))
        try:
            refuse_other_kind(config, model_type)
            refuse_recurrent(config, model_type)
        except Refused as e:
            refused.append(str(e))
    assert not refused


@pytest.mark.parametrize(
    "config",
    [
        hf.MambaConfig(num_hidden_layers=2),
        hf.Qwen3NextConfig(),
        hf.Lfm2Config(num_hidden_layers=2, layer_types=["conv", "full_attention"]),
        hf.FalconH1Config(),
    ],
    ids=lambda config: str(config.model_type),
)
def test_layers_that_carry_a_state_are_no_students(config: Any) -> None:
    with pytest.raises(Refused, match="layers that carry a state on from token to token"):
        refuse_recurrent(config, "m")


def test_an_adapter_is_told_from_a_model(tiny_model: Path, tmp_path: Path) -> None:
    """transformers would load one beside weights along with them, or another base in their place."""
    told = json.dumps({"peft_type": "LORA", "base_model_name_or_path": "me/base", "r": 8})
    (tmp_path / "adapter_config.json").write_text(told)
    with pytest.raises(Refused, match=r"is an adapter for 'me/base' \(PEFT\), and no model by itself"):
        models.resolve(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(Refused, match=r"is an adapter \(PEFT\), and no model by itself"):
        models.resolve(str(tmp_path))
    shutil.copytree(tiny_model, tmp_path / "both")
    (tmp_path / "both" / "adapter_config.json").write_text(told)
    with pytest.raises(Refused, match=r"holds an adapter .* beside a model"):
        models.resolve(str(tmp_path / "both"))


def test_a_folder_of_gguf_files_is_told_which_to_name(tmp_path: Path) -> None:
    (tmp_path / "q4.gguf").write_bytes(b"GGUF")
    with pytest.raises(Refused, match=r"has no config\.json") as caught:
        models.resolve(str(tmp_path))
    assert str(tmp_path / "q4.gguf") in caught.value.hint


def test_a_part_of_large_weights_that_is_missing_is_seen(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "parts")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = folder / "model.safetensors.index.json"
    both = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index.write_text(json.dumps({"weight_map": {"a": both["a"]}}))
    models.resolve(str(folder))
    index.write_text(json.dumps({"weight_map": both}))
    with pytest.raises(Refused, match=r"1 of 2 files of weights are missing \(model-00002-of-00002\.safetensors\)"):
        models.resolve(str(folder))
    index.write_text('{"weight_map":')
    with pytest.raises(Refused, match="does not list the files of weights"):
        models.resolve(str(folder))


def test_a_tokenizer_that_transformers_makes_up_is_none(tmp_path: Path) -> None:
    """Of Qwen's class it has one token, and fits any chat template."""
    tiny.model(qwen=True).save_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(tiny.CHATML)
    with pytest.raises(Refused, match=r"has no tokenizer: none of its files \(vocab\.json, merges\.txt"):
        models.tokenizer(models.resolve(str(tmp_path)))


def test_an_embedding_model_that_was_saved_as_a_causal_one(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "embedding")
    refuse_no_student(models.resolve(str(folder)))
    (folder / "config_sentence_transformers.json").write_text("{}")
    with pytest.raises(Refused, match="is an embedding model") as caught:
        refuse_no_writer(models.resolve(str(folder)), "teacher.model")
    assert "teacher.model" in caught.value.hint


def test_code_of_a_repository_whose_architecture_is_known_is_not_needed(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "known")
    told = json.loads((folder / "config.json").read_text()) | {"auto_map": {"AutoConfig": "mine.Config"}}
    (folder / "config.json").write_text(json.dumps(told))
    refuse_no_student(models.resolve(str(folder)))


def test_every_verb_refuses_a_reward_model_before_it_does_anything(
    distill: Any, recipe_file: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """One that was made of the student itself: its weights lack but the output layer."""
    LlamaForSequenceClassification(tiny.model().config).save_pretrained(tmp_path / "reward")
    tiny.tokenizer().save_pretrained(tmp_path / "reward")
    run, named = ("--run-dir", tmp_path / "run"), f"student.model={tmp_path / 'reward'}"
    assert distill("run", recipe_file, "--until", "curate", *run).code == 0
    before = sorted(tmp_path.rglob("*"))
    for verb in (("plan",), ("run",), ("check", *run), ("train", *run), ("evaluate", *run)):
        done = distill(verb[0], recipe_file, named, *verb[1:])
        assert done.code == 2, verb
        assert "is a classifier or reward model (LlamaForSequenceClassification)" in done.err
        assert len(done.err.splitlines()) == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_what_writes_no_text_is_not_loaded_to_write(tmp_path: Path) -> None:
    hf.RobertaForMaskedLM(
        hf.RobertaConfig(**{key: SMALL[key] for key in ("vocab_size", *VISION)}, max_position_embeddings=64)
    ).save_pretrained(tmp_path)
    with pytest.raises(Refused, match=FILLS):
        models.load(models.resolve(str(tmp_path)), "float32")
