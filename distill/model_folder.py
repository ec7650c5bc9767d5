"""Folders that are given as models, and are something else, or not whole: found out before anything is done."""

import json
from pathlib import Path

from distill.adapters import CONFIG as ADAPTER
from distill.adapters import base_of
from distill.errors import DistillError, Refused

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
INDEX = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
"""What lists the files over which large weights are spread."""

TORN = "It was not copied or downloaded to its end."


def refuse_no_model(folder: Path, name: str) -> None:
    """Look at what a folder holds, and at the headers of its weights: a torn download shows there.

    Raises:
        Refused: it is no model that transformers has saved, or a part of one, or is damaged.
    """
    whole = (folder / "config.json").is_file()
    if (folder / ADAPTER).is_file():
        raise _is_adapter(folder, name, whole)
    if not whole:
        raise Refused(
            f"model folder '{name}' has no config.json.",
            _gguf_hint(folder) or "Name the folder that save_pretrained wrote.",
        )
    if not any(any(folder.glob(pattern)) for pattern in WEIGHTS):
        hint = "A download that has ended holds them; git without git-lfs brings none."
        raise Refused(f"model folder '{name}' has no weights (*.safetensors).", _gguf_hint(folder) or hint)
    _refuse_lost_parts(folder, name)
    _refuse_damaged(folder)


def _is_adapter(folder: Path, name: str, whole: bool) -> Refused:
    """transformers would load the adapter along with weights beside it, or another base instead of them."""
    if whole:
        return Refused(
            f"model folder '{name}' holds an adapter ({ADAPTER}) beside a model: which of the two is meant?",
            "Move the adapter to a folder of its own, or merge it (PEFT's merge_and_unload) and name that.",
        )
    try:
        base = base_of(folder)
    except DistillError:  # it is refused as what it claims to be
        base = None
    of = f" for '{base}'" if base else ""
    return Refused(
        f"'{name}' is an adapter{of} (PEFT), and no model by itself.",
        "A student is trained from a whole model: merge it into its base (PEFT's merge_and_unload, save_pretrained) "
        "and name that folder. `distill evaluate` takes the adapter as it is.",
    )


def _gguf_hint(folder: Path) -> str:
    files = sorted(file.name for file in folder.glob("*.gguf"))
    return f"Of its GGUF files name one: {', '.join(str(folder / file) for file in files[:3])}." if files else ""


def _refuse_lost_parts(folder: Path, name: str) -> None:
    index = next((folder / file for file in INDEX if (folder / file).is_file()), None)
    if index is None or any((folder / file).is_file() for file in ("model.safetensors", "pytorch_model.bin")):
        return
    try:
        listed = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, LookupError, TypeError, AttributeError) as e:
        raise Refused(f"{index} is damaged: it does not list the files of weights.", TORN) from e
    lost = [file for file in listed if not (folder / file).is_file()]
    if lost:
        told = f"{len(lost)} of {len(listed)} files of weights are missing ({', '.join(lost[:3])})"
        raise Refused(f"model folder '{name}' is not whole: {told}.", TORN)


def _refuse_damaged(folder: Path) -> None:
    from safetensors import SafetensorError, safe_open

    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, "np"):
                pass
        except SafetensorError as e:
            raise Refused(f"{file} is damaged: {e}.", TORN) from e
