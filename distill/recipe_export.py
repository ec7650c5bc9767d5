"""GGUF files of a student."""

from typing import Annotated, Literal

from pydantic import AfterValidator

GgufType = Literal[
    "f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0",
    "q6_k", "q5_k_m", "q5_k_s", "q4_k_m", "q4_k_s", "q3_k_m", "q2_k",
]  # fmt: skip
"""Types of a GGUF file; those with a k are made by llama.cpp's quantiser, which must be installed."""


def _once(value: list[str]) -> list[str]:
    if len(set(value)) < len(value):
        raise ValueError("a type is named twice")
    return value


GgufTypes = Annotated[list[GgufType], AfterValidator(_once)]
"""One file of each."""
