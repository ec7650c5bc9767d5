"""FSDP2 through accelerate: the student parted among devices, a decoder layer gathered at a time.

What is trained is kept and reduced in float32, and computed in the dtype of mixed precision. Only the first process
of a machine reads weights from disk, onto the CPU; the others get their parts from it.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from students.devices import Layout

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl import SFTConfig, SFTTrainer


def read_once(layout: Layout, can_be_sent: bool) -> None:
    """Let transformers read the weights in one process of a machine only, where they can be sent to the others."""
    if layout.sharding == "fsdp2":
        os.environ["ACCELERATE_USE_FSDP"] = "true"
        os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = str(can_be_sent).lower()


def holds_weights(trainer: "SFTTrainer") -> bool:
    """Before training: has this process read the weights, or will it get its part from another?"""
    read_once = trainer.is_fsdp_enabled and trainer.accelerator.state.fsdp_plugin.cpu_ram_efficient_loading
    return trainer.accelerator.is_local_main_process or not read_once


def arguments(layout: Layout, gradient_checkpointing: bool) -> dict[str, Any]:
    """What TRL's arguments take on top for several devices."""
    if layout.devices == 1:
        return {}
    if layout.sharding == "none":
        return {"ddp_find_unused_parameters": False}
    config = {
        "version": 2,
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "reshard_after_forward": True,
        "cpu_ram_efficient_loading": os.environ.get("FSDP_CPU_RAM_EFFICIENT_LOADING", "false"),
        "activation_checkpointing": gradient_checkpointing,
        "state_dict_type": "FULL_STATE_DICT",
    }
    return {"fsdp": True, "fsdp_config": config}


def settle(args: "SFTConfig", layout: Layout) -> "SFTConfig":
    """What accelerate would choose otherwise: to reduce gradients in the compute dtype, and not to part on a CPU."""
    if layout.sharding == "none":
        return args
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType
    from torch.distributed.fsdp import MixedPrecisionPolicy

    compute = torch.bfloat16 if args.bf16 else torch.float16 if args.fp16 else None
    policy = MixedPrecisionPolicy(param_dtype=compute, reduce_dtype=torch.float32)
    args.fsdp_plugin_args["mixed_precision_policy"] = policy
    if args.use_cpu:
        # accelerate parts models on accelerators alone; it goes by this name, and FSDP2 itself runs on gloo as well
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
    return args


def save_trained(trainer: "SFTTrainer", tokenizer: "PreTrainedTokenizerBase", at: Path) -> None:
    """Write what was trained, an adapter or all weights, as one ordinary checkpoint. All processes must call it."""
    model: PreTrainedModel = trainer.accelerator.unwrap_model(trainer.model)
    state = _whole_state(model) if trainer.is_fsdp_enabled else None
    if trainer.is_world_process_zero():
        model.save_pretrained(at, state_dict=state)
        tokenizer.save_pretrained(at)
    trainer.accelerator.wait_for_everyone()


def _whole_state(model: "PreTrainedModel") -> dict[str, torch.Tensor]:
    """All that was trained, gathered on the CPU of the first process; an adapter's frozen base is left where it is."""
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import CheckpointWrapper
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    state = get_model_state_dict(model, options=options)
    for tied in model.all_tied_weights_keys:  # gathered twice, and written once
        state.pop(tied, None)
    for name, module in list(model.named_modules()):
        if isinstance(module, CheckpointWrapper):  # PEFT finds weights by the names of modules, and would find none
            model.set_submodule(name, module._checkpoint_wrapped_module)
    return state
