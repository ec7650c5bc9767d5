"""A tokenizer as a GGUF file holds it: byte-level BPE, which Qwen2, Qwen3, Llama 3 and SmolLM2 have.

What splits a text into words is no data in a GGUF file but a name that llama.cpp knows. It is found by the rule itself
(`tokenizer.json`), not by the model's name: whatever was trained with, the same is served with.
"""

import json
from typing import TYPE_CHECKING, Any

from distill.errors import Refused

if TYPE_CHECKING:
    from gguf import GGUFWriter
    from transformers import PreTrainedTokenizerBase

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|{digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_ONE, _THREE = _WORDS.replace("{digits}", r"\p{N}"), _WORDS.replace("{digits}", r"\p{N}{1,3}")
_SPACE = "Ġ"
"""How byte-level BPE writes a space; the two halves of a merge are parted by a real one."""

PRE_TOKENIZERS = {
    ("ByteLevel",): "gpt-2",
    ("Digits", "ByteLevel"): "smollm",
    (_ONE,): "qwen2",
    (_THREE, "ignore_merges"): "llama-bpe",
    (_THREE,): "smaug-bpe",
}
"""Rule -> llama.cpp's name for it (`llama-vocab.cpp`)."""


def write_vocabulary(writer: "GGUFWriter", tokenizer: "PreTrainedTokenizerBase", size: int, stops: list[int]) -> None:
    """Tokens, merges, special tokens and chat template. `size` is the number of rows in the table of embeddings.

    Raises:
        Refused: see `refuse_unknown_tokenizer`.
    """
    refuse_unknown_tokenizer(tokenizer, size)
    inner = json.loads(tokenizer.backend_tokenizer.to_str())
    name = pre_tokenizer_name(inner)
    tokens, types = _tokens(tokenizer, size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([_merge(pair) for pair in inner["model"]["merges"]])
    _write_special(writer, tokenizer, stops)
    writer.add_chat_template(tokenizer.get_chat_template())


def refuse_unknown_tokenizer(tokenizer: "PreTrainedTokenizerBase", size: int) -> None:
    """
    Raises:
        Refused: a tokenizer of another kind; more tokens than rows in the table of embeddings.
    """
    pre_tokenizer_name(json.loads(tokenizer.backend_tokenizer.to_str()))
    if (last := max(tokenizer.get_vocab().values())) >= size:
        raise Refused(
            f"the tokenizer has a token {last}, and the model {size} embeddings.",
            "Resize the model's embeddings before training.",
        )


def pre_tokenizer_name(inner: dict[str, Any]) -> str:
    """llama.cpp's name for the rule by which a tokenizer (`tokenizer.json`) splits words.

    Raises:
        Refused: llama.cpp has none that is known here.
    """
    hint = "llama.cpp's own converter may know it: set LLAMA_CPP to the folder of its sources."
    model, normalizer = inner["model"], inner["normalizer"] or {"type": "NFC"}  # llama.cpp normalises nothing
    if model["type"] != "BPE" or model.get("byte_fallback") or normalizer["type"] != "NFC":
        raise Refused("the tokenizer is no byte-level BPE, which is the only kind that is written here.", hint)
    outer = inner["pre_tokenizer"] or {"type": "none"}
    rule = tuple(_step(one) for one in outer.get("pretokenizers", [outer]))
    if len(rule) == 2 and rule[1] == "bytes":  # the pattern has split; what follows only spells bytes
        rule = rule[:1]
    if rule == (_THREE,) and model.get("ignore_merges"):
        rule = (*rule, "ignore_merges")
    if rule not in PRE_TOKENIZERS:
        raise Refused("the tokenizer splits words in a way of which llama.cpp's name is not known here.", hint)
    return PRE_TOKENIZERS[rule]


def _step(one: dict[str, Any]) -> str:
    if one["type"] == "Split" and one["behavior"] == "Isolated" and not one["invert"]:
        return str(one["pattern"].get("Regex"))
    if one["type"] == "ByteLevel" and not one["add_prefix_space"]:
        return "ByteLevel" if one["use_regex"] else "bytes"
    return "Digits" if one["type"] == "Digits" and one["individual_digits"] else "?"


def _tokens(tokenizer: "PreTrainedTokenizerBase", size: int) -> tuple[list[str], list[int]]:
    """Texts and types, one a row of the embeddings; rows beyond the vocabulary are named and marked as unused."""
    from gguf import TokenType

    known = {index: token for token, index in tokenizer.get_vocab().items()}
    added = tokenizer.added_tokens_decoder
    types = []
    for index in range(size):
        if index not in known:
            types.append(TokenType.UNUSED)
        elif index not in added:
            types.append(TokenType.NORMAL)
        else:
            control = added[index].special or _looks_special(known[index])
            types.append(TokenType.CONTROL if control else TokenType.USER_DEFINED)
    return [known.get(index, f"[PAD{index}]") for index in range(size)], [int(one) for one in types]


def _looks_special(token: str) -> bool:
    """As llama.cpp's converter has it: some models do not mark theirs."""
    return (token[:2], token[-2:]) in (("<|", "|>"), ("<｜", "｜>")) or token in ("<pad>", "<mask>")


def _merge(pair: str | list[str]) -> str:
    return pair if isinstance(pair, str) else " ".join(part.replace(" ", _SPACE) for part in pair)


def _write_special(writer: "GGUFWriter", tokenizer: "PreTrainedTokenizerBase", stops: list[int]) -> None:
    """BOS, end of turn, padding; whether plain text begins with BOS. A second stop token goes as `eot`."""
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    others = [stop for stop in stops if stop != tokenizer.eos_token_id]
    if others:
        writer.add_eot_token_id(others[0])
    if tokenizer.pad_token_id is not None:
        writer.add_pad_token_id(tokenizer.pad_token_id)
    plain = tokenizer("a")["input_ids"]
    writer.add_add_bos_token(tokenizer.bos_token_id is not None and plain[:1] == [tokenizer.bos_token_id])
    writer.add_add_eos_token(False)
