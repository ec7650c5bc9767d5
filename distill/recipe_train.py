"""How the student is taught."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from distill.recipe_base import Count, Section


class Train(Section):
    """Supervised fine-tuning: LoRA, QLoRA, or all weights. Names are those of TRL and PEFT."""

    method: Literal["lora", "qlora", "full"] = "lora"
    """What is trained: an adapter, one on a model of 4 bits (NF4, double quantisation), or all weights."""
    learning_rate: float | None = Field(None, gt=0, le=10)
    """Peak; null takes what is known for method, size and rows, and says so."""
    accept_learning_rate: bool = False
    """Train with a rate that is far from what is known for this size; otherwise it is refused."""
    accept_long_traces: bool = False
    """Teach a student of up to 3 billion parameters with few long traces; otherwise it is refused: they make such a one
    worse (arXiv 2502.12143)."""
    lr_scheduler_type: Literal["cosine", "cosine_with_min_lr", "linear", "constant", "constant_with_warmup"] = "cosine"
    """Shape of the schedule after the warm-up; all but the constant ones end at 0, or at min_lr_ratio."""
    min_lr_ratio: float | None = Field(None, gt=0, lt=1)
    """With cosine_with_min_lr: share of the peak that the rate falls to (DeepSeek-R1-Distill: 0.1); null elsewhere."""
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    """Share of the steps over which the rate rises from 0."""
    num_train_epochs: float | None = Field(None, gt=0, le=10**4)
    """Passes over the curated set; null takes what is known for as many rows: 5 up to 2,000, then 3, 2 from 100,000."""
    stop_at_token_accuracy: float | None = Field(None, gt=0, lt=1)
    """End once the tokens of a whole pass are predicted this well: small sets want many passes (arXiv 2602.11149)."""
    max_length: int = Field(2048, ge=16, le=10**8)
    """Longest row in tokens, prompt and trace. A longer one is refused, never cut."""
    drop_long: bool = False
    """True leaves rows longer than max_length out and counts them, instead of refusing the run."""
    drop_unfit: bool = False
    """True leaves rows out that cannot be trained on (broken thinking, marks of the chat template or letters that the
    tokenizer does not have in the answer) and counts them, instead of refusing the run."""
    devices: Literal["auto"] | Count = "auto"
    """Processes that train together, one a GPU; auto takes all GPUs of this machine, or all that a launcher started."""
    sharding: Literal["auto", "none", "fsdp2"] = "auto"
    """Whether several devices part the weights (fsdp2) or hold a copy each (none); auto parts what one cannot hold."""
    sequence_parallel: Count = 1
    """So many devices share each packed row, a piece of its tokens each: for rows that are too long for one."""
    packed_rows_per_batch: Count = 8
    """Packed rows of max_length tokens in one optimiser step, over all devices; nothing where rows_per_batch is set."""
    rows_per_batch: Count | None = None
    """Traces in one optimiser step, over all devices, as published recipes count; each pass deals them out anew."""
    per_device_train_batch_size: Count = 1
    """Packed rows in one forward pass on one device."""
    weight_decay: float = Field(0.0, ge=0, le=10)
    """AdamW's decoupled decay."""
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    """AdamW's decay of the mean of the gradients, a step."""
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    """AdamW's decay of the mean of their squares, a step; s1 took 0.95."""
    adam_epsilon: float = Field(1e-8, gt=0, le=1)
    """Added to the root of that mean, so that nothing is divided by 0."""
    max_grad_norm: float = Field(1.0, gt=0, le=10**6)
    """Gradients are scaled down to this norm."""
    lora_r: int = Field(32, ge=1, le=10**5)
    """Rank. About: adapter parameters should not be fewer than the tokens in the loss."""
    lora_alpha: int = Field(32, ge=1, le=10**6)
    """Scale: the update counts lora_alpha / lora_r."""
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before the adapter."""
    lora_target_modules: Literal["all-linear"] | Annotated[list[str], Field(min_length=1)] = "all-linear"
    """Which layers get an adapter; all-linear leaves out the output layer only."""
    use_dora: bool = False
    """Train magnitude and direction of the weights apart (DoRA); slower, and at low ranks often better."""
    use_rslora: bool = False
    """Scale by lora_alpha / sqrt(lora_r) instead."""
    merge_into: Literal["auto", "clean", "quantised"] = "auto"
    """With qlora: merge the adapter into the base of 16 bits, or into that of 4 bits which it has seen, made dense.
    auto keeps the one whose outputs are nearer to what was trained; both are measured in any case."""
    attn_implementation: Literal["auto", "flash_attention_2", "varlen", "sdpa"] = "auto"
    """auto takes flash-attn where it is there, else kernels for rows of unequal length, else a block-diagonal mask."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    activation_offloading: bool = False
    """Keep activations in the machine's memory instead of the GPU's until the backward pass."""
    optim: Literal["adamw_torch", "adamw_8bit", "paged_adamw_8bit"] = "adamw_torch"
    """AdamW with moments of 32 or of 8 bits (2 bytes a trained parameter instead of 8); paged may leave the GPU."""
    use_liger_kernel: bool | None = None
    """Fused norms, rotations and gated products; null: on a GPU where liger-kernel is installed and knows the model."""
    torch_compile: bool = False
    """Compile the model first: minutes before the first step."""
    probe: Literal["auto", "always", "never"] = "auto"
    """Two steps at full rows before the run, undone again, whose peak of memory is told beside the predicted one. auto:
    on a GPU, and on a processor where more than 60 % of the free memory is predicted to be needed."""
    save_steps: Count = 50
    """Optimiser steps between checkpoints that a killed run goes on from."""

    @model_validator(mode="after")
    def _method(self) -> "Train":
        adapters = ("lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora", "use_dora")
        defaults = {name: Train.model_fields[name].default for name in adapters}
        changed = [name for name in adapters if getattr(self, name) != defaults[name]]
        if self.method == "full" and changed:
            raise ValueError(f"{changed[0]} is about an adapter, and train.method=full trains all weights")
        if self.method != "qlora" and self.merge_into != "auto":
            raise ValueError("merge_into is about train.method=qlora, which alone has two bases to merge into")
        return self

    @model_validator(mode="after")
    def _schedule(self) -> "Train":
        if (self.lr_scheduler_type == "cosine_with_min_lr") != (self.min_lr_ratio is not None):
            raise ValueError(
                "lr_scheduler_type=cosine_with_min_lr and min_lr_ratio go together: "
                f"they are {self.lr_scheduler_type} and {'null' if self.min_lr_ratio is None else self.min_lr_ratio}"
            )
        return self

    @model_validator(mode="after")
    def _batch(self) -> "Train":
        if self.rows_per_batch is None and self.packed_rows_per_batch % self.per_device_train_batch_size:
            raise ValueError(
                f"packed_rows_per_batch={self.packed_rows_per_batch} is not a multiple of "
                f"per_device_train_batch_size={self.per_device_train_batch_size}"
            )
        if self.devices != "auto" and self.devices % self.sequence_parallel:
            raise ValueError(
                f"sequence_parallel={self.sequence_parallel} lets so many devices share each row, and "
                f"devices={self.devices} cannot be put in such groups"
            )
        if self.devices == 1 and self.sharding == "fsdp2":
            raise ValueError("sharding=fsdp2 parts the weights among several devices, and devices=1 is one")
        return self
