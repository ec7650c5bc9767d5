"""One training step of the real model without its memory: every operation on fake tensors, that have a shape only.

Model, adapters, losses and optimiser are the real ones (transformers, PEFT, `students/trainer.py`, AdamW), so what the
backward pass keeps is not guessed. What is modelled instead of run, each for a reason:

- weights of 4 bits: bitsandbytes quantises real bytes only, and is not installed everywhere;
- attention and tiles of the loss on a GPU: a build of torch for processors knows its own kernels only;
- kernels that take memory within themselves: no operation is seen there (all in `students/stand_ins.py`).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from distill.errors import Refused
from distill.model_limits import exact_attention, without_weights
from distill.recipe import Train
from students.attention import MASKED, VARLEN, attention, unable_apart
from students.experts import refuse_experts, refuse_experts_in_float32
from students.loss import in_tiles, summed_loss
from students.stand_ins import HIDDEN, AdamW8bit, gpu_kernels, quantise
from students.tensor_peak import LiveTensors, Peak

Device = Literal["cpu", "cuda"]

BLOCK = {"cpu": 64, "cuda": 512}
"""Bytes to which PyTorch's allocators round."""


class Step(NamedTuple):
    """The shape of a training step."""

    length: int
    """Tokens of a packed row on one device."""
    rows: int
    """Packed rows in one forward pass."""
    labelled: int
    """Positions in the loss of one packed row."""
    accumulated: bool
    """Does a forward pass run while gradients of an earlier one are held?"""
    sharded: bool = False
    """Are all weights trained over several devices? Then they are gathered in the dtype of the computation, layer by
    layer; on one device autocast keeps a copy of each in it until the forward pass is over."""


def step_of(train: Train, labelled: int | None = None) -> Step:
    """The largest step of a recipe; without `labelled` all positions count as in the loss."""
    rows = train.per_device_train_batch_size
    length = train.max_length // train.sequence_parallel  # of a row that devices share each has a piece
    inside = length if labelled is None else min(labelled, length)
    accumulated = train.rows_per_batch is not None or train.packed_rows_per_batch > rows
    return Step(length, rows, inside, accumulated)


class Simulated(NamedTuple):
    """What a simulated step would hold."""

    peaks: dict[tuple[Any, ...], dict[str, int]]
    """Bytes by kind (`tensor_peak.KINDS`) at the highest moment of each segment: ("loss",), ("update",), and
    ("forward", "first", 0) of the first layer to ("backward", "last", 0) of the last one, counted from both ends."""
    trained: int
    """Parameters that are trained."""
    layer: int
    """Bytes of the last layer's weights and constants, adapter left out."""
    root: int
    """Bytes of the weights outside the layers."""
    layer_dtype: str
    """In which the weights are held."""


def simulate(config: Any, train: Train, dtype: torch.dtype, step: Step, device: Device) -> Simulated:
    """An optimiser step on one device; the longest one where gradients of an earlier forward pass are held.

    Raises:
        Refused: see `students/experts.py`; a step that cannot be computed.
    """
    refuse_experts(config, train)
    refuse_experts_in_float32(config, dtype)
    model = meta_model(config, train, torch.float32 if train.method == "full" and not step.sharded else dtype)
    if unable_apart(config) or not model._supports_attention_backend:
        train = train.model_copy(update={"attn_implementation": MASKED})
    layers = decoder_layers(model)
    try:
        with FakeTensorMode():
            materialise(model)
            peaks = _run(model, train, dtype, step, device)
    except (RuntimeError, ValueError) as e:  # shapes that do not fit, or what a layer computes depends on numbers
        said = " ".join(str(e).split())[:200].rstrip(".")
        raise Refused(
            f"what a training step of this model would hold cannot be predicted: {said}.",
            "Is its config damaged? Else this architecture is not supported.",
        ) from e
    last, whole = _weights(layers[-1], train), _weights(model, train)
    return Simulated(
        {_from_its_end(name, len(layers)): peak.kinds for name, peak in peaks.items()},
        sum(p.numel() for p in model.parameters() if p.requires_grad),
        last,
        whole - sum(_weights(layer, train) for layer in layers),
        str(next(model.parameters()).dtype).removeprefix("torch."),
    )


def _weights(module: nn.Module, train: Train) -> int:
    """Bytes of parameters and buffers of the base model."""
    own = [p for p in module.parameters() if train.method == "full" or not p.requires_grad]
    return sum(t.numel() * t.element_size() for t in [*own, *module.buffers()])


def _from_its_end(segment: tuple[Any, ...], layers: int) -> tuple[Any, ...]:
    """A layer is named by its distance from the nearer end, so that models of different depth compare."""
    if len(segment) == 1:
        return segment
    name, i = segment
    return (name, "first", i) if i < layers // 2 else (name, "last", layers - 1 - i)


def meta_model(config: Any, train: Train, dtype: torch.dtype) -> nn.Module:
    """The student as the trainer gets it, its weights in `dtype`, with its adapter, on the meta device."""
    from peft import get_peft_model

    from students.methods import adapter_config

    with torch.device("meta"):
        model: Any = without_weights(config, dtype=dtype, attn_implementation=exact_attention(config))
        if train.method == "qlora":
            quantise(model)
        adapter = adapter_config(train, model, [])
        if adapter is not None:
            model = get_peft_model(model, adapter)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        if train.gradient_checkpointing:
            model.enable_input_require_grads()
            model.gradient_checkpointing_enable({"use_reentrant": False})
    trained: nn.Module = model.train()
    return trained


def materialise(model: nn.Module) -> None:
    """Meta tensors become fake ones of the CPU, tied ones stay tied; call under a FakeTensorMode."""
    made: dict[nn.Parameter, nn.Parameter] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                if parameter not in made:
                    fake = torch.empty(parameter.shape, dtype=parameter.dtype)
                    made[parameter] = nn.Parameter(fake, requires_grad=parameter.requires_grad)
                module._parameters[name] = made[parameter]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


def _run(model: nn.Module, train: Train, dtype: torch.dtype, step: Step, device: Device) -> dict[tuple[Any, ...], Peak]:
    trained = [p for p in model.parameters() if p.requires_grad]
    plain = train.optim == "adamw_torch"
    optimizer: Any = torch.optim.AdamW(trained, fused=True) if plain else AdamW8bit(trained)
    for parameter in trained:
        parameter.grad = torch.empty_like(parameter)
    optimizer.step()
    live = LiveTensors(BLOCK[device], HIDDEN)
    live.hold([p for p in model.parameters() if not p.requires_grad], "weights")
    live.hold(model.buffers(), "weights")
    live.hold(trained, "trained")
    live.hold((t for state in optimizer.state.values() for t in state.values()), "optimizer")
    if step.accumulated:
        live.hold((p.grad for p in trained if p.grad is not None), "gradients")
    else:
        optimizer.zero_grad()
    follow(model, live)
    for parameter in trained:
        parameter.register_post_accumulate_grad_hook(lambda p: live.hold([p.grad], "gradients"))
    name = exact_attention(model.config) if train.attn_implementation == MASKED else VARLEN
    with live, gpu_kernels() if device == "cuda" else nullcontext(), attention(model, name):
        loss = _loss(model, train, dtype, step, device)
        live.enter("loss", made_as="logits")
        loss.backward()
        live.enter("update")
        torch.nn.utils.clip_grad_norm_(trained, train.max_grad_norm)
        optimizer.step()
    return live.peaks


def follow(model: nn.Module, live: LiveTensors) -> None:
    """Tell `live` when the step enters a layer, in the forward pass and in the backward one."""
    layers = decoder_layers(model)

    def recomputed() -> bool:
        return torch._C._current_graph_task_id() != -1  # a backward pass is under way

    def forward(i: int) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any) -> None:
            if not recomputed():
                live.enter("forward", i)

        return hook

    def after(i: int) -> Callable[..., None]:
        def backward(gradient: torch.Tensor) -> None:
            live.enter("backward", i)

        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if recomputed():
                return
            hidden = output[0] if isinstance(output, tuple) else output
            if hidden.requires_grad:
                hidden.register_hook(backward)
            if i == len(layers) - 1:
                live.enter("loss", made_as="logits")

        return hook

    for i, layer in enumerate(layers):
        layer.register_forward_pre_hook(forward(i))
        layer.register_forward_hook(after(i))


def decoder_layers(model: nn.Module) -> nn.ModuleList:
    """The longest list of modules in the model: its layers."""
    return max((m for m in model.modules() if isinstance(m, nn.ModuleList)), key=len)


def _loss(model: Any, train: Train, dtype: torch.dtype, step: Step, device: Device) -> torch.Tensor:
    """As the trainer computes it: forward under accelerate's autocast, outputs in float32."""
    from accelerate.utils.operations import convert_to_fp32
    from peft.helpers import disable_input_dtype_casting

    ids = torch.zeros(step.rows, step.length, dtype=torch.long)
    inputs = {"input_ids": ids, "position_ids": torch.zeros_like(ids), "use_cache": False}
    if train.attn_implementation != MASKED:
        inputs |= _borders(step)
    autocast: AbstractContextManager[Any] = torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32)
    base = model.get_base_model() if train.method != "full" else model
    vocabulary = base.config.get_text_config().vocab_size
    if not in_tiles(step.rows * step.labelled, vocabulary):
        keep = torch.arange(step.labelled)
        casting = disable_input_dtype_casting(model, active=dtype != torch.float32 and train.method != "full")
        with autocast, casting:
            logits = model(**inputs, logits_to_keep=keep).logits
        logits = convert_to_fp32(logits)
        return summed_loss(logits, torch.zeros(step.rows * step.labelled, dtype=torch.long))
    from trl.trainer import utils

    with autocast:
        hidden = base.base_model(**inputs).last_hidden_state[:, :-1]
        flat = hidden.reshape(-1, hidden.size(-1))
        if device == "cuda":  # there only the labelled positions are looked at
            flat = flat[torch.arange(min(step.rows * step.labelled, len(flat)))]
        head = base.get_output_embeddings()
        targets = torch.zeros(len(flat), dtype=torch.long)
        outputs = ("log_probs", "entropy", "is_top1")
        chunk = utils._CHUNKED_LOGPROB_CHUNK_SIZE
        apply = utils._ChunkedLogProbFunction.apply
        log_probs = apply(flat, head.weight, head.bias, targets, 1.0, chunk, None, 1.0, outputs)[0]
    return -log_probs.float().sum()


def _borders(step: Step) -> dict[str, Any]:
    """Of two rows in each packed one; into how many rows it is parted hardly changes what is held."""
    half = step.length // 2
    ends = torch.zeros(2 * step.rows + 1, dtype=torch.int32)
    return {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends, "max_length_q": half, "max_length_k": half}
