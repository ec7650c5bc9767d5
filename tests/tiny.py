"""Tiny models built in process: a byte-level tokenizer with a ChatML template and a random two-layer Llama."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIAL = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
CORPUS = ["Make 33 from 3 7 12 with + - * /, each number once.", "<think>\n3+7=10\n</think>\n\n<answer>3*7+12</answer>"]


def tokenizer(template: str = CHATML, pad: str | None = "<|pad|>") -> PreTrainedTokenizerFast:
    """A byte-level BPE of 320 tokens."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    inner.train_from_iterator(CORPUS, trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>", pad_token=pad)
    made.chat_template = template
    return made


def model(
    seed: int = 0, qwen: bool = False, hidden_size: int = 32, tied: bool = False
) -> LlamaForCausalLM | Qwen2ForCausalLM:
    """Two layers with four heads in float32, context 512."""
    torch.manual_seed(seed)
    fields = {
        "vocab_size": 320,
        "hidden_size": hidden_size,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "tie_word_embeddings": tied,
    }
    made = Qwen2ForCausalLM(Qwen2Config(**fields)) if qwen else LlamaForCausalLM(LlamaConfig(**fields))
    return made.eval()


def folder(at: Path, seed: int = 0, hidden_size: int = 32) -> Path:
    """A checkpoint folder as save_pretrained writes it."""
    model(seed, hidden_size=hidden_size).save_pretrained(at)
    tokenizer().save_pretrained(at)
    return at


def recipe(model: Path) -> dict[str, Any]:
    """A recipe with that student which walks all stages in about two seconds."""
    return {
        "name": "tiny",
        "problems": {"source": "countdown", "count": 48, "held_out": 12, "max_number": 12, "max_target": 60},
        "teacher": {"kind": "program", "budget": 10},
        "harvest": {"prompt": {"system": "Think in <think>, answer in <answer>."}},
        "student": {"model": str(model), "dtype": "float32"},
        "train": {
            "learning_rate": 0.001,
            "num_train_epochs": 2,
            "max_length": 400,
            "packed_rows_per_batch": 4,
            "per_device_train_batch_size": 2,
            "lora_r": 4,
            "save_steps": 2,
        },
        "evaluate": {"max_tokens": 12, "batch_size": 6},
    }
