"""A GGUF file of a checkpoint, written with the `gguf` package: Llama, Qwen2 and Qwen3.

One tensor at a time is in memory. Names come from the package's own tables; shapes and values from the checkpoint, but
for the rows of Llama's query and key projections: llama.cpp turns neighbouring pairs where transformers turns halves
(RoFormer's and GPT-NeoX's way of rotary embeddings), so their rows are interleaved.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from distill.errors import Refused
from students.gguf_vocabulary import write_vocabulary

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFWriter
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

ARCHITECTURES = {"llama": "LLAMA", "qwen2": "QWEN2", "qwen3": "QWEN3"}
"""transformers' model_type -> llama.cpp's architecture."""

TYPES = {
    "f32": "ALL_F32",
    "f16": "MOSTLY_F16",
    "bf16": "MOSTLY_BF16",
    "q8_0": "MOSTLY_Q8_0",
    "q5_1": "MOSTLY_Q5_1",
    "q5_0": "MOSTLY_Q5_0",
    "q4_1": "MOSTLY_Q4_1",
    "q4_0": "MOSTLY_Q4_0",
}
"""Name of a type -> that of a whole file of it."""


class Checkpoint(NamedTuple):
    """A folder as save_pretrained writes it, opened."""

    folder: Path
    config: "PreTrainedConfig"
    tokenizer: "PreTrainedTokenizerBase"
    generation: dict[str, Any]
    """`generation_config.json`, empty where there is none."""

    def stops(self) -> list[int]:
        """The tokens at which a server is to stop, the end of a turn first."""
        told = self.generation.get("eos_token_id") or []
        return list(dict.fromkeys([self.tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])]))


def refuse_unknown_model(config: "PreTrainedConfig") -> None:
    """
    Raises:
        Refused: an architecture, an activation or a rotary embedding that is not written here.
    """
    hint = "llama.cpp's own converter may know it: set LLAMA_CPP to the folder of its sources."
    if config.model_type not in ARCHITECTURES:
        raise Refused(
            f"models of type {config.model_type} cannot be written as GGUF here, only llama, qwen2, qwen3.", hint
        )
    if config.hidden_act != "silu" or getattr(config, "use_sliding_window", False):
        raise Refused(
            "a model with a sliding window, or another activation than silu, cannot be written as GGUF.", hint
        )
    kind = config.rope_parameters["rope_type"]
    if kind not in ("default", "linear", "yarn") and not (kind == "llama3" and config.model_type == "llama"):
        raise Refused(f"rotary embeddings of type {kind} cannot be written as GGUF here.", hint)


def write_gguf(checkpoint: Checkpoint, path: Path, kind: str) -> None:
    """Write the checkpoint's weights as `kind` (a key of `TYPES`), with metadata and tokenizer, to `path`.

    Raises:
        Refused: see `refuse_unknown_model` and `write_vocabulary`.
    """
    from gguf import GGUFWriter

    config = checkpoint.config
    refuse_unknown_model(config)
    writer = GGUFWriter(path, ARCHITECTURES[config.model_type].lower())
    try:
        _write_settings(writer, checkpoint, kind)
        write_vocabulary(writer, checkpoint.tokenizer, config.vocab_size, checkpoint.stops())
        laid_out = list(_layout(checkpoint, kind))
        for tensor in laid_out:
            writer.add_tensor_info(tensor.name, *tensor.info())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in laid_out:
            writer.write_tensor_data(tensor.data())
    finally:
        writer.close()


def _write_settings(writer: "GGUFWriter", checkpoint: Checkpoint, kind: str) -> None:
    """Shape of the model, in llama.cpp's words, and how it is to be sampled."""
    import gguf

    config = checkpoint.config
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(checkpoint.folder.name)
    writer.add_file_type(gguf.LlamaFileType[TYPES[kind]])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_key_length(_head_size(config))
    writer.add_value_length(_head_size(config))
    writer.add_rope_dimension_count(_head_size(config))
    _write_rope(writer, config.rope_parameters)
    _write_sampling(writer, checkpoint.generation)


def _head_size(config: "PreTrainedConfig") -> int:
    """Of one attention head; Qwen2 has no setting for it."""
    given: int | None = config.to_dict().get("head_dim")
    return given or config.hidden_size // config.num_attention_heads


def _write_rope(writer: "GGUFWriter", rope: dict[str, Any]) -> None:
    """Base and scaling of the rotary embedding; that of Llama 3 is a tensor (`_llama3_factors`)."""
    from gguf import RopeScalingType

    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] not in ("linear", "yarn"):
        return
    writer.add_rope_scaling_type(RopeScalingType[rope["rope_type"].upper()])
    writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "linear":
        return
    writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    for key, add in {
        "attention_factor": writer.add_rope_scaling_yarn_attn_factor,
        "beta_fast": writer.add_rope_scaling_yarn_beta_fast,
        "beta_slow": writer.add_rope_scaling_yarn_beta_slow,
    }.items():
        if rope.get(key) is not None:
            add(rope[key])


def _write_sampling(writer: "GGUFWriter", generation: dict[str, Any]) -> None:
    """The recommended sampling, which llama.cpp takes as its default."""
    if not generation.get("do_sample"):
        return
    for key, add in {
        "temperature": writer.add_sampling_temp,
        "top_p": writer.add_sampling_top_p,
        "top_k": writer.add_sampling_top_k,
        "min_p": writer.add_sampling_min_p,
    }.items():
        if generation.get(key) is not None:
            add(generation[key])


class _Tensor(NamedTuple):
    """One tensor of the file, read and converted when it is written."""

    name: str
    shape: tuple[int, ...]
    kind: "GGMLQuantizationType"
    source: Path
    """The safetensors file that it lies in."""
    key: str
    """Its name there."""
    heads: int
    """Heads whose rows are interleaved; 0 for none."""
    values: "np.ndarray | None" = None
    """Those of a tensor that lies in no file."""

    def info(self) -> tuple[tuple[int, ...], "np.dtype", int, "GGMLQuantizationType"]:
        """Shape and dtype of what is stored, its size in bytes, and its type."""
        import numpy as np
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quant_shape_to_byte_shape

        plain = {GGMLQuantizationType.F32: np.float32, GGMLQuantizationType.F16: np.float16}
        block, size = GGML_QUANT_SIZES[self.kind]
        bytes_in_all = math.prod(self.shape) // block * size
        if self.kind in plain:
            return self.shape, np.dtype(plain[self.kind]), bytes_in_all, self.kind
        return quant_shape_to_byte_shape(self.shape, self.kind), np.dtype(np.uint8), bytes_in_all, self.kind

    def data(self) -> "np.ndarray":
        """The values as they are stored."""
        import torch
        from gguf import quants
        from safetensors import safe_open

        if self.values is not None:
            return self.values
        with safe_open(self.source, "pt") as file:
            values = file.get_tensor(self.key).to(torch.float32).numpy()
        if self.heads:
            values = _interleaved(values, self.heads)
        return quants.quantize(values, self.kind)


def _interleaved(values: "np.ndarray", heads: int) -> "np.ndarray":
    """Rows of each head, (2, half) in transformers' order, as llama.cpp has them: (half, 2)."""
    return values.reshape(heads, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def _layout(checkpoint: Checkpoint, kind: str) -> Iterator[_Tensor]:
    """All tensors in the order in which they lie in the file.

    Raises:
        Refused: a tensor that the architecture does not have.
    """
    import gguf
    from safetensors import safe_open

    config = checkpoint.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[ARCHITECTURES[config.model_type]], config.num_hidden_layers)
    rope = config.rope_parameters
    if rope["rope_type"] == "llama3":
        factors = _llama3_factors(_head_size(config), rope)
        yield _Tensor(
            "rope_freqs.weight", factors.shape, gguf.GGMLQuantizationType.F32, checkpoint.folder, "", 0, factors
        )
    for source in sorted(checkpoint.folder.glob("*.safetensors")):
        with safe_open(source, "pt") as file:
            for key in file.keys():  # noqa: SIM118 - no mapping
                if key == "lm_head.weight" and config.tie_word_embeddings:
                    continue
                name = names.get_name(key, try_suffixes=(".weight", ".bias"))
                if name is None:
                    raise Refused(
                        f"the checkpoint holds a tensor {key}, of which GGUF has none in a {config.model_type}."
                    )
                shape = tuple(file.get_slice(key).get_shape())
                yield _Tensor(name, shape, _kind_of(name, shape, kind), source, key, _turned_heads(config, key))


def _turned_heads(config: "PreTrainedConfig", key: str) -> int:
    if config.model_type != "llama":
        return 0
    part = key.rpartition(".")[0].rpartition(".")[2]
    return {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(part, 0)


def _kind_of(name: str, shape: tuple[int, ...], kind: str) -> "GGMLQuantizationType":
    """Vectors stay in float32; below 8 bits the embeddings have 8; rows that blocks do not fill stay in float16."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    if len(shape) < 2:
        return GGMLQuantizationType.F32
    few_bits = kind[:2] in ("q4", "q5")
    wanted = "q8_0" if few_bits and name in ("token_embd.weight", "output.weight") else kind
    found = GGMLQuantizationType[wanted.upper()]
    return found if shape[-1] % GGML_QUANT_SIZES[found][0] == 0 else GGMLQuantizationType.F16


def _llama3_factors(head_size: int, rope: dict[str, Any]) -> "np.ndarray":
    """By what each frequency is divided, shape (head_size / 2,): Llama 3.1's scaling (Grattafiori et al. 2024)."""
    import numpy as np

    wavelengths = 2 * math.pi * rope["rope_theta"] ** (np.arange(0, head_size, 2) / head_size)
    trained = rope["original_max_position_embeddings"]
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    smooth = ((trained / wavelengths - low) / (high - low)).clip(0, 1)  # 0 for the longest waves, 1 for the shortest
    return (1 / ((1 - smooth) / factor + smooth)).astype(np.float32)
