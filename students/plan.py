"""What training will need: memory before a byte of the model is loaded.

A step of the real model is simulated with two and with three of its layers (`students/simulate.py`), and each segment
of it (a layer's forward pass, the loss, a layer's backward pass, the update) drawn out to all layers: in every segment
the bytes grow by the same amount with each layer. The highest one is the peak. `docs/memory.md` tells how good it is.
"""

import copy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from distill import models
from distill.errors import Refused
from distill.free_memory import free_memory
from distill.recipe import Train

if TYPE_CHECKING:
    from students.simulate import Device, Simulated, Step

LAYERS = 2
"""Of so many layers, and of one period more, a step is simulated: the first and the last have their own peaks."""

LIBRARIES = 3 << 28
"""Bytes of Python, torch and the libraries on a CPU before any tensor, as `benchmarks/memory.py` finds them."""

KEPT = 0.3
"""On a CPU, of the tensors that come and go: what kernels take beside them and glibc keeps between them where it has no
cache of small blocks (`distill/heap.py`). It was 0.1 to 0.4 (`docs/memory.md`), and is taken so that the process is not
predicted more than 5 % too small."""

CONTEXT = 5 << 27
"""Bytes of a CUDA context with the kernels of PyTorch and cuBLAS' workspace; assumed, not measured."""

GAPS = 0.05
"""On a GPU, of the tensors that come and go: gaps between them in the caching allocator; assumed, not measured."""


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that training is expected to hold at its peak."""

    parameters: int
    """Of the frozen model."""
    adapter_parameters: int
    """That are trained; all of them with train.method=full."""
    weights: int
    """Of the frozen model, with the constants of its quantisation."""
    adapter: int
    """What is trained, with gradients and both AdamW moments as far as they are held at the peak."""
    activations: int
    """What the backward pass still needs, and what the operation at the peak makes."""
    logits: int
    """Logits, loss and their gradients."""
    passing: int
    """Activations and logits where they are the most together: at the peak, or where less is held beside them."""
    libraries: int
    """What is held beside tensors: libraries, kernels' own buffers, what the allocator keeps (`beside`)."""
    layer: int
    """Weights of one layer as the computation wants them: what sharding gathers."""
    root: int
    """Weights outside the layers, likewise: embeddings and output."""
    at: str
    """Where in the step the peak is: forward, loss, backward or update."""

    @property
    def tensors(self) -> int:
        return self.weights + self.adapter + self.activations + self.logits

    @property
    def total(self) -> int:
        return self.tensors + self.libraries


def memory_plan(
    config: Any,
    train: Train,
    bytes_per_weight: int,
    device: "Device | None" = None,
    labelled: int | None = None,
    sharded: bool = False,
) -> MemoryPlan:
    """Predict the peak of training at full rows of max_length, on this machine's device or the given one.

    Without `labelled`, positions of a packed row that are in the loss, the worst case of it counts. `sharded` it is
    one device of several as far as activations go; `students/fit.py` parts the rest.
    """
    import torch

    where = device or device_here()
    dtype = torch.float32 if bytes_per_weight == 4 else torch.bfloat16
    steps = [step._replace(sharded=sharded) for step in _steps(config, train, labelled)]
    plans = [_plan(config, train, dtype, step, where) for step in steps]
    most = max(plan.passing for plan in plans)
    return replace(max(plans, key=lambda plan: plan.total), passing=most)


def device_here() -> "Device":
    """Of this machine."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _steps(config: Any, train: Train, labelled: int | None) -> list["Step"]:
    """The steps that may have the peak: where the loss is taken in tiles, so does the largest one that is not."""
    from students.loss import MAX_LOGITS_BYTES, in_tiles
    from students.simulate import step_of

    most, vocabulary = step_of(train, labelled), config.get_text_config().vocab_size
    if labelled is not None or not in_tiles(most.rows * most.labelled, vocabulary):
        return [most]
    return [most, most._replace(labelled=MAX_LOGITS_BYTES // (4 * vocabulary * most.rows))]


def _plan(config: Any, train: Train, dtype: Any, step: "Step", device: "Device") -> MemoryPlan:
    layers = config.get_text_config().num_hidden_layers
    small, large = sizes(config)
    low, high = (_simulated(_Cut(config, n), _relevant(train), dtype, step, device) for n in (small, large))
    times = (layers - small) / (large - small) if large > small else 0.0

    def drawn_out(one: int, other: int) -> int:
        return round(one + times * (other - one))

    peaks = {
        name: {kind: drawn_out(size, high.peaks[name][kind]) for kind, size in kinds.items()}
        for name, kinds in low.peaks.items()
        if name in high.peaks
    }
    name, kinds = max(peaks.items(), key=lambda item: sum(item[1].values()))
    twice = 2 if low.layer_dtype == "float32" and dtype.itemsize == 2 else 1
    return MemoryPlan(
        parameters=models.parameter_count(config),
        adapter_parameters=drawn_out(low.trained, high.trained),
        weights=kinds["weights"],
        adapter=kinds["trained"] + kinds["gradients"] + kinds["optimizer"],
        activations=kinds["activations"],
        logits=kinds["logits"],
        passing=max(one["activations"] + one["logits"] for one in peaks.values()),
        libraries=beside(device, sum(kinds.values()), kinds["activations"] + kinds["logits"]),
        layer=low.layer // twice,
        root=low.root // twice,
        at=name[0],
    )


def beside(device: "Device", tensors: int, passing: int) -> int:
    """Bytes held beside the tensors, of which `passing` come and go within a step."""
    if device == "cuda":
        return CONTEXT + round(GAPS * passing)
    return LIBRARIES + round(KEPT * passing)


def sizes(config: Any) -> tuple[int, int]:
    """Numbers of layers to simulate: two that end as the whole does, or the whole twice where it is small."""
    text = config.get_text_config()
    if text.num_hidden_layers < 1:
        raise Refused(f"the model's config has num_hidden_layers={text.num_hidden_layers}: there is nothing to train.")
    layers, period = text.num_hidden_layers, _period(config)
    small = LAYERS + (layers - LAYERS) % period
    return (small, small + period) if small + period < layers else (layers, layers)


def _period(config: Any) -> int:
    """After how many layers their kinds repeat, such as sliding and full attention."""
    lists = list(_by_layer(config).values())
    layers: int = config.get_text_config().num_hidden_layers
    return next(
        (p for p in range(1, layers) if all(one[i] == one[i + p] for one in lists for i in range(layers - p))), layers
    )


def _by_layer(config: Any) -> dict[str, list[Any]]:
    """What a config tells of each layer."""
    text = config.get_text_config()
    return {k: v for k, v in vars(text).items() if isinstance(v, list) and len(v) == text.num_hidden_layers}


def cut(config: Any, layers: int) -> Any:
    """The same model with fewer layers."""
    made = copy.deepcopy(config)
    text = made.get_text_config()
    for name, values in _by_layer(config).items():
        setattr(text, name, values[:layers])
    text.num_hidden_layers = layers
    return made


class _Cut:
    """A cut config that is hashed by what stands in it: a plan asks for the same simulation several times."""

    def __init__(self, config: Any, layers: int) -> None:
        self.config = cut(config, layers)
        self.text = self.config.to_json_string(use_diff=False)

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Cut) and self.text == other.text


_RELEVANT = (
    "method gradient_checkpointing lora_r lora_alpha lora_dropout lora_target_modules use_dora use_rslora "
    "max_grad_norm optim attn_implementation"
)


def _relevant(train: Train) -> str:
    """What of the section a simulated step depends on, beside its shape; JSON."""
    return train.model_dump_json(include=set(_RELEVANT.split()))


@lru_cache(maxsize=256)
def _simulated(key: _Cut, train: str, dtype: Any, step: "Step", device: "Device") -> "Simulated":
    from students.simulate import simulate

    return simulate(key.config, Train.model_validate_json(train), dtype, step, device)


def refuse_unknown_modules(config: Any, train: Train, name: str) -> None:
    """
    Raises:
        Refused: a name in lora_target_modules that no layer of the model has, or the layer of the scores: the loss is
            computed from its weight, so that an adapter on it would not be trained.
    """
    if isinstance(train.lora_target_modules, str):
        return
    named = models.layer_names(config)
    layers = [layer for layer in named if "." in layer]
    for module in train.lora_target_modules:
        if module in named and module not in layers:
            raise Refused(
                f"train.lora_target_modules: '{module}' gives the scores of '{name}'; an adapter on it would not be "
                "trained.",
                "Leave it out; the stop token's row is trained where the student has not learnt it.",
            )
        if not any(layer == module or layer.endswith(f".{module}") for layer in layers):
            known = ", ".join(sorted({layer.rsplit(".", 1)[-1] for layer in layers if not layer[-1].isdigit()}))
            raise Refused(f"train.lora_target_modules: '{name}' has no layer '{module}'.", f"It has {known}.")


def available_memory() -> tuple[int, str]:
    """Bytes that training may take, and of what."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0], "GPU memory"
    return free_memory(), "memory"


def told(plan: MemoryPlan) -> str:
    """What the peak is made of."""
    parts = ("weights", "adapter", "activations", "logits", "libraries")
    return ", ".join(f"{name} {gib(getattr(plan, name))}" for name in parts)


def gib(count: float) -> str:
    return f"{count / 2**30:.1f} GiB"
