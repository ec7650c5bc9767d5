"""What of llama.cpp is on this machine: its converter of checkpoints, and its quantiser for types of few bits."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from distill.errors import DistillError, Refused
from distill.files import user_path

SOURCES = "LLAMA_CPP"
"""Environment variable with the folder of llama.cpp's sources."""

CONVERTER, QUANTISER = "convert_hf_to_gguf.py", "llama-quantize"

CONVERTED = ("f32", "f16", "bf16", "q8_0")
"""Types that the converter writes."""

K_TYPES = ("q2_k", "q3_k_m", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m", "q6_k")
"""Types that only the quantiser makes."""

_BY_LIBRARY = """
import ctypes, sys, llama_cpp
settings = llama_cpp.llama_model_quantize_default_params()
settings.ftype = getattr(llama_cpp, "LLAMA_FTYPE_MOSTLY_" + sys.argv[3])
sys.exit(llama_cpp.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(), ctypes.byref(settings)))
"""


def converter() -> Path | None:
    """llama.cpp's converter: in the folder that LLAMA_CPP names, or on the PATH.

    Raises:
        Refused: LLAMA_CPP names a folder without it.
    """
    if named := os.environ.get(SOURCES):
        found = user_path(named) / CONVERTER
        if not found.is_file():
            raise Refused(
                f"{SOURCES}={named} holds no {CONVERTER}.", "Name the folder of llama.cpp's sources, or unset it."
            )
        return found
    on_path = shutil.which(CONVERTER)
    return Path(on_path) if on_path else None


def convert(script: Path, checkpoint: Path, path: Path, kind: str) -> None:
    """Let the converter write a checkpoint as `kind`, one of `CONVERTED`.

    Raises:
        DistillError: it failed; its last line is told.
    """
    command = [sys.executable, str(script), str(checkpoint), "--outfile", str(path), "--outtype", kind]
    hint = f"Without {SOURCES} and with no {CONVERTER} on the PATH distill writes llama, qwen2 and qwen3 itself."
    _run(command, f"llama.cpp's converter {script}", hint)


def quantise_command() -> list[str] | None:
    """The command that takes a file of 16 or 32 bits, the new file and a type; None where there is none."""
    built = user_path(os.environ.get(SOURCES, "")) / "build" / "bin" / QUANTISER
    program = str(built) if os.environ.get(SOURCES) and built.is_file() else shutil.which(QUANTISER)
    if program:
        return [program]
    if importlib.util.find_spec("llama_cpp"):
        return [sys.executable, "-c", _BY_LIBRARY]
    return None


def quantise(source: Path, path: Path, kind: str) -> None:
    """Make a file of type `kind`, one of `K_TYPES`, from one of 16 or 32 bits.

    Raises:
        Refused: there is no quantiser.
        DistillError: it failed.
    """
    command = refuse_without_quantiser(kind)
    name = "_".join(part.upper() for part in kind.split("_"))
    _run([*command, str(source), str(path), name], "llama.cpp's quantiser", "Types of 4 bits and more: q4_0 to q8_0.")


def refuse_without_quantiser(kind: str) -> list[str]:
    """
    Raises:
        Refused: neither the program nor the library is there.
    """
    command = quantise_command()
    if command is None:
        raise Refused(
            f"GGUF files of type {kind} are made by llama.cpp's quantiser, which is not installed.",
            f"Put {QUANTISER} on the PATH, or pip install llama-cpp-python; q4_0, q5_1 and q8_0 need neither.",
        )
    return command


def _run(command: Sequence[str], what: str, hint: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = ([line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"])[-1]
        raise DistillError(f"{what} failed: {last.strip().rstrip('.')}.", hint)
