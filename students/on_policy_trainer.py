"""TRL's DistillationTrainer under a thin layer that owns what goes wrong silently.

TRL gives the loss against a local teacher (reverse KL over the whole vocabulary, in tiles), the accumulation, the
checkpoints. From here come the prompts (as serving renders them), the answers (with a seed each, on disk first) and the
loss against a served teacher.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftModel
from peft.helpers import disable_input_dtype_casting
from peft.tuners.tuners_utils import BaseTunerLayer
from trl import DistillationConfig, DistillationTrainer

from distill.errors import DistillError, Refused
from distill.recipe import OnPolicy, Train
from distill.token_scores import Score, Scored
from students.kept_scores import KeptScores
from students.loss import in_tiles
from students.own_answers import OwnAnswers
from students.reverse_kl import estimated_reverse_kl

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback

ANSWERS_STEP = 64
"""Prompts and answers are filled up to a multiple of this: oneDNN compiles a kernel for each new shape."""


class OnPolicyTrainer(DistillationTrainer):
    """Trains on answers of the model as it is, judged by a model in this process or by `score`."""

    def __init__(self, answers: OwnAnswers, score: Score | None, **theirs: Any) -> None:
        super().__init__(**theirs)
        self._answers = answers
        self._score = None if score is None else KeptScores(Path(self.args.output_dir), score)

    def _generate(self, prompts: list[int]) -> tuple[list[list[int]], list[list[int]], None, None, list[Any]]:
        """Prompts and answers as tokens; what TRL calls prompts are places in the order of the samples."""
        with self._mixed_precision():  # the arithmetic of training is that of sampling
            found = self._answers.of(prompts, self.state.global_step, self.accelerator.unwrap_model(self.model))
        lengths = [len(answer.token_ids) for answer in found]
        self._metrics["train"]["mean_tokens"].append(sum(lengths) / len(lengths))
        self._metrics["train"]["finished"].append(sum(answer.finished for answer in found) / len(found))
        return [self._answers.prompt(p) for p in prompts], [a.token_ids for a in found], None, None, []

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's batch; of a served teacher also what it says of each token, asked for once a step."""
        made = super()._generate_and_score_completions(inputs)
        if self._score is None:
            return made
        prompts, answers = (_unpadded(made, part) for part in ("prompt", "completion"))
        both = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
        told = self._score.of(both, [len(prompt) for prompt in prompts], self.state.global_step)
        return {**made, **_padded(told, made["completion_ids"])}

    def compute_loss(self, model: Any, inputs: Any, *theirs: Any, **more: Any) -> Any:
        with self._mixed_precision():
            return super().compute_loss(model, inputs, *theirs, **more)

    @contextmanager
    def _mixed_precision(self) -> Iterator[None]:
        """Autocast, which accelerate puts around the model's own forward: TRL's loss and our sampling go past that."""
        device, dtype = self.accelerator.device.type, torch.float16 if self.args.fp16 else torch.bfloat16
        with torch.autocast(device, dtype, enabled=self.args.bf16 or self.args.fp16):
            # PEFT's own casts would copy every activation to float32 and back
            casting = disable_input_dtype_casting(self.model, active=torch.is_autocast_enabled(device))
            with casting if isinstance(self.model, PeftModel) else nullcontext():
                yield

    def _compute_loss(self, student: Any, inputs: dict[str, Any], num_items_in_batch: Any) -> Any:
        """Loss, sum of the student's entropies over the answers' tokens in nats, and number of those tokens.

        With a local teacher TRL's tiles, where the logits of all places are too large to be held at once. They read the
        weights of the output layer, past what PEFT puts around it where a new end token is trained beside the adapter.
        """
        places, vocabulary = inputs["completion_ids"].numel(), student.config.get_text_config().vocab_size
        is_plain = isinstance(student.get_output_embeddings(), torch.nn.Linear)
        if self._score is None and is_plain and in_tiles(places, vocabulary):
            return super()._compute_loss(student, inputs, num_items_in_batch)
        mask = inputs["completion_mask"].bool()
        ours = self._logprobs(student, inputs)
        if self._score is None:
            with torch.no_grad():
                theirs = self._logprobs(self.teacher_model, inputs)
            each = (ours.exp() * (ours - theirs)).sum(-1)
        else:
            told = (inputs[name][mask] for name in ("completion_ids", "known", "known_logprobs", "sampled_logprobs"))
            each = estimated_reverse_kl(ours, *told)
        with torch.no_grad():
            entropy = -(ours.exp() * ours).sum()
        count = mask.sum()
        return each.sum() / (count if num_items_in_batch is None else num_items_in_batch), entropy, count

    def _logprobs(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """Of the tokens that may follow, at each place of the answers: shape (N, V), in float32."""
        mask = inputs["completion_mask"].bool()
        logits = model(
            input_ids=torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1),
            attention_mask=torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1),
            logits_to_keep=mask.shape[1] + 1,
            use_cache=False,
        ).logits
        return (logits[:, :-1][mask].float() / self.temperature).log_softmax(-1)


def build_trainer(
    student: "PreTrainedModel",
    teacher: "PreTrainedModel | None",
    score: Score | None,
    tokenizer: "PreTrainedTokenizerBase",
    answers: OwnAnswers,
    spec: OnPolicy,
    train: Train,
    rate: float,
    seed: int,
    checkpoints: Path,
    callbacks: Sequence["TrainerCallback"],
) -> OnPolicyTrainer:
    """The trainer for `spec.steps` steps, with a teacher in this process or a served one's `score`.

    Raises:
        Refused: several processes; an adapter on the output layer; a local teacher with logits for fewer tokens.
    """
    from transformers.trainer_callback import PrinterCallback

    _refuse_adapted_output(student)
    if teacher is not None:
        _refuse_or_cut_rows(student, teacher)
    trainer = OnPolicyTrainer(
        answers,
        score,
        model=student,
        teacher_model=teacher,
        args=_arguments(student, spec, train, rate, seed, checkpoints),
        train_dataset=_positions(spec),
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
    if trainer.accelerator.num_processes > 1:
        raise Refused(
            f"on_policy runs in one process, and {trainer.accelerator.num_processes} were launched.",
            "Start it without a launcher.",
        )
    trainer.remove_callback(PrinterCallback)  # prints every log line to stdout
    return trainer


def _refuse_adapted_output(student: "PreTrainedModel") -> None:
    if isinstance(student.get_output_embeddings(), BaseTunerLayer):
        raise Refused(
            "train.lora_target_modules puts an adapter on the output layer, past which TRL's divergence is computed.",
            "Leave that layer out: train.lora_target_modules=all-linear.",
        )


def _refuse_or_cut_rows(student: "PreTrainedModel", teacher: "PreTrainedModel") -> None:
    """Models of one tokenizer may have tables of other lengths: Qwen2.5 fills them up to 151,936 rows below 7B and
    152,064 from there on. Rows that belong to no token are cut from the teacher, whose other probabilities then add up
    to 1."""
    ours, theirs = (model.config.get_text_config().vocab_size for model in (student, teacher))
    if theirs < ours:
        raise Refused(
            f"the teacher has logits for {theirs:,} tokens and the student for {ours:,}: those in between it could "
            "not judge.",
            "Choose a teacher with as many.",
        )
    if theirs > ours:
        teacher.resize_token_embeddings(ours)


def _positions(spec: OnPolicy) -> "Dataset":
    from datasets import Dataset

    return Dataset.from_dict({"prompt": list(range(spec.steps * spec.samples_per_step))})


def _arguments(
    student: "PreTrainedModel", spec: OnPolicy, train: Train, rate: float, seed: int, checkpoints: Path
) -> DistillationConfig:
    from distill import models

    on_gpu = torch.cuda.is_available()
    compute = models.compute_dtype()[0] if train.method == "full" else student.dtype
    return DistillationConfig(
        output_dir=str(checkpoints),
        learning_rate=rate,
        lr_scheduler_type="constant",
        max_steps=spec.steps,
        per_device_train_batch_size=spec.per_device_train_batch_size,
        gradient_accumulation_steps=spec.samples_per_step // spec.per_device_train_batch_size,
        weight_decay=train.weight_decay,
        max_grad_norm=train.max_grad_norm,
        gradient_checkpointing=train.gradient_checkpointing,
        bf16=compute == torch.bfloat16,
        fp16=compute == torch.float16,
        use_cpu=not on_gpu,
        seed=seed,
        shuffle_dataset=False,  # the order is the positions'
        beta=1.0,  # reverse KL
        temperature=spec.temperature,
        max_completion_length=spec.max_tokens,
        pad_to_multiple_of=ANSWERS_STEP,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=spec.save_steps,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=on_gpu,
    )


def _unpadded(batch: dict[str, Any], part: str) -> list[list[int]]:
    pairs = zip(batch[f"{part}_ids"], batch[f"{part}_mask"], strict=True)
    return [ids[mask.bool()].tolist() for ids, mask in pairs]


def _padded(told: list[Scored], answers: torch.Tensor) -> dict[str, torch.Tensor]:
    """Tensors of shape (B, T, K) and (B, T) beside answers of shape (B, T).

    Raises:
        DistillError: a probability that is no number.
    """
    rows, length = answers.shape
    k = max((len(place) for one in told for place in one.known), default=0)
    known = torch.zeros(rows, length, k, dtype=torch.long)
    known_logprobs, sampled = torch.zeros(rows, length, k), torch.zeros(rows, length)
    for row, one in enumerate(told):
        n = len(one.sampled_logprobs)
        sampled[row, :n] = torch.tensor(one.sampled_logprobs)
        if k:
            known[row, :n] = torch.tensor(one.known)
            known_logprobs[row, :n] = torch.tensor(one.known_logprobs)
    if not (sampled.isfinite().all() and known_logprobs.isfinite().all()):
        raise DistillError("the teacher gave a probability that is no number.", "Look at its server's log.")
    found = {"known": known, "known_logprobs": known_logprobs, "sampled_logprobs": sampled}
    return {name: tensor.to(answers.device) for name, tensor in found.items()}
