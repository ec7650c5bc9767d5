"""PEFT adapters as models: which base they are for, and the weights of both together."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import Refused
from distill.files import read_json
from distill.given_paths import content_digest
from distill.records import digest

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONFIG = "adapter_config.json"


def is_adapter(folder: Path) -> bool:
    """Does a folder hold an adapter and no model?"""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def adapter_config(folder: Path) -> dict[str, Any]:
    """What PEFT has written beside an adapter."""
    found = read_json(folder / CONFIG)
    if not isinstance(found, dict) or found.get("peft_type") != "LORA":
        raise Refused(f"{folder} holds no LoRA adapter.", "Name the folder that save_pretrained of PEFT wrote.")
    return found


def base_of(folder: Path) -> str | None:
    """The model that an adapter was trained on, None where it does not tell."""
    return adapter_config(folder).get("base_model_name_or_path") or None


def rank_of(folder: Path) -> int:
    """The largest rank of an adapter's layers."""
    config = adapter_config(folder)
    return max([int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values())])


def adapter_fingerprint(folder: str) -> str:
    """Changes when the adapter does: digests of its weights and settings."""
    files = sorted(p for p in Path(folder).iterdir() if p.name == CONFIG or p.name.startswith("adapter_model."))
    return digest([[file.name, content_digest(file)] for file in files])


def with_adapter(model: "PreTrainedModel", folder: str) -> "PreTrainedModel":
    """The model with an adapter merged into its weights.

    Raises:
        Refused: the adapter does not fit the model.
    """
    from peft import PeftModel

    try:
        merged: PreTrainedModel = PeftModel.from_pretrained(model, folder).merge_and_unload()
    except (ValueError, RuntimeError, OSError, KeyError) as e:
        said = " ".join(str(e).split())[:300].rstrip(".")
        raise Refused(f"the adapter {folder} does not fit its base: {said}.", "--base names another one.") from e
    return merged
