"""What is trained: an adapter (LoRA), an adapter on a model of 4 bits (QLoRA), or all weights.

Adapters lie on all linear layers (LoRA Without Regret), the output layer left out. QLoRA is NF4 with double
quantisation (Dettmers et al. 2023). All weights are trained in float32 under autocast: steps as small as theirs are
lost in bfloat16.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill import models
from distill.errors import Refused
from distill.folders import refusal_of
from distill.model_limits import exact_attention, refuse_made_up
from distill.recipe import Train

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PreTrainedModel


def load_student(source: models.ModelSource, dtype: str, train: Train, parted: bool = False) -> "PreTrainedModel":
    """The base model as the method wants it: dense, of 4 bits, or in float32.

    One that is to be `parted` among devices is left on the CPU, and its 4 bits lie in tensors of the dtype that is
    computed in: others cannot be parted.

    Raises:
        Refused: QLoRA without bitsandbytes.
    """
    if train.method == "qlora":
        return _in_4_bits(source, dtype, parted)
    return models.load(source, "float32" if train.method == "full" else dtype, on_cpu=parted)


def loaded_as_trained(
    trained: Path, source: models.ModelSource, dtype: str, train: Train, parted: bool
) -> "PreTrainedModel":
    """What several devices have trained, in one process: all weights in float32, or the base under its adapter.

    A student that was `parted` is too large for one GPU, and taken to the CPU.
    """
    if train.method == "full":
        return models.load(models.ModelSource(str(trained), str(trained)), "float32", on_cpu=parted)
    from peft import PeftModel

    base = load_student(source, dtype, train, parted)
    return PeftModel.from_pretrained(base, trained).eval()


def refuse_without_bitsandbytes() -> None:
    """
    Raises:
        Refused: it is not installed.
    """
    try:
        import bitsandbytes  # noqa: F401
    except ImportError as e:
        raise Refused(
            "train.method=qlora needs bitsandbytes, which is not installed.", "pip install 'bitsandbytes>=0.50,<0.51'"
        ) from e


def _in_4_bits(source: models.ModelSource, dtype: str, parted: bool = False) -> "PreTrainedModel":
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    refuse_without_bitsandbytes()
    compute = models.compute_dtype(dtype)[0]
    bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
        bnb_4bit_quant_storage=compute if parted else None,
    )
    device = torch.cuda.current_device() if torch.cuda.is_available() and not parted else "cpu"
    where: dict[str, Any] = source.where()
    with tempfile.TemporaryDirectory() as folder:
        if source.gguf_file:  # transformers quantises no GGUF: unpack it first
            _unpack(source, dtype, Path(folder))
            where = {"pretrained_model_name_or_path": folder}
        with models.reading("weights", source):
            found, read = AutoModelForCausalLM.from_pretrained(
                **where,
                dtype=compute,
                quantization_config=bits,
                attn_implementation=exact_attention(models.config(source)),
                device_map={"": device},
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    refuse_made_up(read, source.name)
    if device == "cpu":
        _take_off_file(found)
    return found.eval()


def _unpack(source: models.ModelSource, dtype: str, at: Path) -> None:
    """
    Raises:
        Refused: the disk of temporary files, which TMPDIR names, is full.
    """
    try:
        models.load(source, dtype).save_pretrained(at)
    except Exception as e:
        told = refusal_of(e, at)
        if told is None:
            raise
        raise told from e


def _take_off_file(model: "PreTrainedModel") -> None:
    """Copy what still lies in the mapped file: it keeps all of it in the process, weights that now have 4 bits too."""
    from bitsandbytes.nn.modules import Params4bit

    for parameter in model.parameters():
        if not isinstance(parameter, Params4bit):
            parameter.data = parameter.data.clone()


def adapter_config(train: Train, model: "PreTrainedModel", new_tokens: Sequence[int]) -> "LoraConfig | None":
    """What PEFT puts on the model; None where all weights are trained."""
    if train.method == "full":
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=train.lora_r,
        lora_alpha=train.lora_alpha,
        lora_dropout=train.lora_dropout,
        target_modules=train.lora_target_modules,
        use_rslora=train.use_rslora,
        use_dora=train.use_dora,
        task_type="CAUSAL_LM",
        trainable_token_indices=_tables(model, new_tokens) if new_tokens else None,
    )


def save_adapter(trained: "PreTrainedModel", at: Path) -> None:
    """With the layers in alphabetical order: PEFT has them in a set, which every process writes in another one."""
    for config in trained.peft_config.values():
        if isinstance(config.target_modules, set):
            config.target_modules = sorted(config.target_modules)
    trained.save_pretrained(at)


def _tables(model: "PreTrainedModel", tokens: Sequence[int]) -> dict[str, list[int]]:
    """The tokens for each table of embeddings: the output has one of its own, unless it is tied to the input's."""
    tables = [model.get_input_embeddings()]
    if not model.config.get_text_config().tie_word_embeddings:
        tables.append(model.get_output_embeddings())
    names = {id(module): name.rpartition(".")[2] for name, module in model.named_modules()}
    return {names[id(table)]: list(tokens) for table in tables}


def merged_of(
    trained: "PreTrainedModel | None", adapter: Path, source: models.ModelSource, dtype: str, train: Train, into: str
) -> "PreTrainedModel":
    """The trained student as one model.

    An adapter of QLoRA is merged `into` the "clean" base of 16 bits, or the "quantised" one of 4 bits that it has seen,
    made dense again.
    """
    import torch

    if trained is not None:
        return trained.to(models.compute_dtype(dtype)[0]) if train.method == "full" else trained.merge_and_unload()
    from peft import PeftModel

    if into == "clean":
        base = models.load(source, dtype)
    else:
        base = _in_4_bits(source, dtype).dequantize()
        base = base.to(models.compute_dtype(dtype)[0])
    with torch.no_grad():
        return PeftModel.from_pretrained(base, adapter).merge_and_unload()
