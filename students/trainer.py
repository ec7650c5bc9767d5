"""SFTTrainer that computes logits only where there is something to learn.

TRL's fused output layer saves memory by recomputing the logits of every position in float32; on a
CPU with a vocabulary of 49,152 that is about a quarter of a training step (`benchmarks/train_step.py`).
Prompts are outside the loss. As long as the logits of the labelled positions fit into
`loss.MAX_LOGITS_BYTES`, computing just those once is exact and faster; above it TRL's way is taken.
"""

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftModel
from peft.helpers import disable_input_dtype_casting
from torch.nn import functional as F
from trl import SFTTrainer

from students.loss import in_tiles, next_labels, summed_loss
from students.operations import Operations, peak_here, squares_of
from students.render import IGNORED
from students.sequence import Repeated, Sequence

if TYPE_CHECKING:
    from transformers import PreTrainedModel

POSITIONS_STEP = 64
"""Kept positions are filled up to a multiple of this: oneDNN compiles a kernel for each new shape."""


class LabelledTokensTrainer(SFTTrainer):
    """Same loss and gradients as SFTTrainer's, cheaper where prompts are a large share of the tokens."""

    rows: int | None = None
    """Rows that were packed; None where the data set has no others that fill up the last batch (`students.deal`)."""

    operations: Operations | None = None
    """What rows take; None: how fast they are done is not told."""

    sequence: Sequence | None = None
    """The devices that share rows with this one; None: it has rows of its own."""

    _tokens: torch.Tensor | int = 0
    """Of rows, padding left out, since the last step that was told."""
    _squares: torch.Tensor | int = 0
    """Of the lengths of those rows."""
    _since: float | None = None

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        inner = self._own_sampler(train_dataset)
        if self.sequence is None:
            return inner
        return Repeated(inner, self.args.per_device_train_batch_size, self.sequence.size)

    def _own_sampler(self, train_dataset: Any) -> Any:
        if self.rows is None or self.args.train_sampling_strategy == "sequential":
            return super()._get_train_sampler(train_dataset)
        from students.deal import FilledSampler

        def passes() -> int:
            return int((self.state.epoch or 0) + 1e-6)  # it is counted in fractions

        return FilledSampler(self.rows, len(self.train_dataset), self.args.data_seed, passes)

    def training_step(
        self,
        model: "PreTrainedModel",
        inputs: dict[str, Any],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Nothing where no device has anything to do (`students.batches`)."""
        if self._since is None:
            self._since = time.perf_counter()
        if inputs.pop("skipped", False):
            return torch.zeros((), device=self.args.device)
        if self.sequence is None or self.sequence.index == 0:  # rows that are shared count once
            tokens = tokens_of_rows(inputs["labels"])
            self._tokens = self._tokens + tokens.sum()
            self._squares = self._squares + squares_of(inputs["position_ids"], tokens)
        if self.sequence is not None:
            inputs = self.sequence.piece(inputs)
        return super().training_step(model, inputs, num_items_in_batch)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """Labels over all devices; those that share a row have counted it as often as they are."""
        counted = super()._get_num_items_in_batch(batch_samples, device)
        return counted if self.sequence is None or counted is None else counted // self.sequence.size

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """With the speed since the last step: in tokens, and in operations that the model needs on each device."""
        if "loss" in logs and self._since is not None:
            done = torch.stack([torch.as_tensor(n, device=self.args.device) for n in (self._tokens, self._squares)])
            tokens, squares = self.accelerator.reduce(done).tolist()
            logs |= self._speed(tokens, squares, time.perf_counter() - self._since)
            self.forget_speed()
            self._since = time.perf_counter()
        super().log(logs, *args, **kwargs)

    def _speed(self, tokens: float, squares: float, seconds: float) -> dict[str, float]:
        told = {"tokens_per_second": round(tokens / seconds, 1)}
        if self.operations is not None:
            each = self.operations.of(tokens, squares) / seconds / self.accelerator.num_processes
            told["teraflops"] = float(f"{each / 1e12:.4g}")
            if peak := peak_here():
                told["mfu"] = round(each / peak, 4)
        return told

    def forget_speed(self) -> None:
        """The next step is the first that counts."""
        self._tokens, self._squares, self._since = 0, 0, None

    def compute_loss(
        self,
        model: "PreTrainedModel",
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        shifted = inputs.get("shift_labels")
        keep, targets = labelled_positions(next_labels(inputs["labels"]) if shifted is None else shifted)
        if self.args.torch_compile:
            steady(inputs, keep)
        vocabulary = self.model.config.get_text_config().vocab_size
        if return_outputs or in_tiles(self._most(targets), vocabulary):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        forward = {k: v for k, v in inputs.items() if k not in ("labels", "shift_labels")}
        # autocast chooses the dtypes; PEFT's own casts would copy every activation to float32 and back
        casting = disable_input_dtype_casting(self.model, active=self.args.bf16 or self.args.fp16)
        with casting if isinstance(self.model, PeftModel) else nullcontext():
            logits = model(**forward, logits_to_keep=keep, use_cache=False).logits
        wanted = targets.flatten()
        count = (wanted != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        loss = summed_loss(logits, wanted) / count
        self._note_accuracy(logits.detach().flatten(0, 1), wanted)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return loss

    def _most(self, targets: torch.Tensor) -> int:
        """Targets of the device that has the most: all go one way, for what they tell each other differs by it."""
        if self.accelerator.num_processes == 1:
            return targets.numel()
        counted = torch.tensor(targets.numel(), device=targets.device)
        return int(self.accelerator.gather(counted).max())

    def _note_accuracy(self, logits: torch.Tensor, targets: torch.Tensor) -> None:
        """Share of labelled tokens that the model would have chosen greedily; TRL averages it into the log."""
        inside = targets != IGNORED
        hits = self.accelerator.gather_for_metrics(((logits.argmax(-1) == targets) & inside).sum()).sum()
        total = self.accelerator.gather_for_metrics(inside.sum()).sum()
        self._metrics["train"]["mean_token_accuracy"].append((hits / total.clamp(min=1)).item())


def steady(inputs: dict[str, Any], keep: torch.Tensor) -> None:
    """What differs from step to step is marked as such, or made alike, so that one compiled graph fits all steps.

    Borders, (rows + 1,), and kept positions, (K,), are of any number; the longest row is bounded by the packed row.
    """
    for differing in (inputs["cu_seq_lens_q"], inputs["cu_seq_lens_k"], keep):
        torch._dynamo.maybe_mark_dynamic(differing, 0)
    inputs |= dict.fromkeys(("max_length_q", "max_length_k"), inputs["labels"].shape[1])


def tokens_of_rows(labels: torch.Tensor) -> torch.Tensor:
    """(B,): tokens of rows in each packed one, labels of shape (B, T): all up to the last in the loss; padding is
    behind it."""
    places = torch.arange(1, labels.shape[1] + 1, device=labels.device)
    return ((labels != IGNORED) * places).amax(1)


def labelled_positions(following: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions whose next token is in the loss in any row, and those next tokens.

    Takes the label of each next token, (B, T); returns positions (K,) and targets (B, K), `IGNORED` where a row has
    no label there. K is a multiple of `POSITIONS_STEP` (filled up with the last position, ignored).
    """
    keep = (following != IGNORED).any(0).nonzero().squeeze(1)
    targets = following[:, keep]
    missing = -len(keep) % POSITIONS_STEP
    last = following.shape[1] - 1
    return F.pad(keep, (0, missing), value=last), F.pad(targets, (0, missing), value=IGNORED)
