"""How many bytes of tensors live at once, and when: counted, not sampled.

A dispatch mode sees every operation below autograd and notes the storages that come out of it; a weak reference to
each tells when it is gone. With real tensors that measures a step; with fake ones (`students/simulate.py`) it predicts
one, for the same operations are dispatched. Buffers that a kernel takes and frees within itself are seen by neither.
"""

import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

KINDS = ("weights", "trained", "gradients", "optimizer", "activations", "logits")
"""What a storage holds: frozen and trained parameters, their gradients and moments, what the forward pass keeps, and
what is made between the last layer and its backward pass: logits and the loss."""


class Peak(NamedTuple):
    """Bytes at the highest moment of one segment of a step, by kind."""

    total: int
    kinds: dict[str, int]


class LiveTensors(TorchDispatchMode):
    """Counts bytes of live storages; keeps the peak of each segment that `enter` names.

    `block`: each storage is rounded up to a multiple of so many bytes, as an allocator does (CUDA's: 512).
    `hidden`: bytes that a kernel takes within itself, by the operation's name; they count at that operation only.
    """

    def __init__(self, block: int = 64, hidden: dict[str, Callable[..., int]] | None = None) -> None:
        super().__init__()
        self.block = block
        self.hidden = hidden or {}
        self.live = dict.fromkeys(KINDS, 0)
        self.total = 0
        self.segment: tuple[Any, ...] = ("start",)
        self.peaks: dict[tuple[Any, ...], Peak] = {}
        self.made_as = "activations"
        """The kind of what operations make from here on."""
        self._known: dict[int, tuple[weakref.ref[torch.UntypedStorage], str, int]] = {}

    def enter(self, *segment: Any, made_as: str = "activations") -> None:
        """From here on the peak counts for another segment of the step."""
        self.segment, self.made_as = segment, made_as
        self._note(0)

    def hold(self, tensors: Iterable[torch.Tensor], kind: str) -> None:
        """Count tensors that were made elsewhere, or count them as another kind from here on."""
        for tensor in tensors:
            self._see(tensor, kind, again=True)

    @property
    def highest(self) -> Peak:
        return max(self.peaks.values(), key=lambda peak: peak.total)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is DEVICE:
            return args[0].fake_device
        out = func(*args, **(kwargs or {}))
        if func in VIEWS:
            return out
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self._see(leaf, self.made_as)
        name = func.name()
        if name in self.hidden:
            self._note(self.hidden[name](*args))
        return out

    def _see(self, tensor: torch.Tensor, kind: str, again: bool = False) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            if again:
                self._forget(key)
            else:
                return
        size = -(-storage.nbytes() // self.block) * self.block
        self._known[key] = (weakref.ref(storage, lambda _: self._forget(key)), kind, size)
        self.live[kind] += size
        self.total += size
        self._note(0)

    def _forget(self, key: int) -> None:
        _, kind, size = self._known.pop(key)
        self.live[kind] -= size
        self.total -= size

    def _note(self, hidden: int) -> None:
        known = self.peaks.get(self.segment)
        if known is None or self.total + hidden > known.total:
            kinds = dict(self.live)
            kinds["activations"] += hidden
            self.peaks[self.segment] = Peak(self.total + hidden, kinds)


VIEWS = frozenset(
    getattr(torch.ops.aten, name).default
    for name in ("view", "t", "detach", "alias", "expand", "permute", "unsqueeze", "_unsafe_view", "squeeze")
)
"""Often called, and never with a storage of their own: not looked at."""

DEVICE = torch.ops.prim.device.default
"""Where is a tensor? Only fake ones ask by an operation, two thirds of all operations of a step are that question."""
