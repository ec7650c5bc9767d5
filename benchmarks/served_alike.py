"""Do transformers and llama.cpp (from a GGUF file) answer greedily alike, each with the chat template that it applies?

    python benchmarks/served_alike.py FOLDER_OF_A_CHECKPOINT [--tokens 128]

Needs llama-cpp-python. Both compute in float32, of float32 weights.
"""

import argparse
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from engines import Chat, by_transformers, tokens_by_llama_cpp

from students.export import export

QUESTIONS = (
    "Make 24 from 3 8 1 with + - * /, each number once.",
    "Make 33 from 3 7 12 with + - * /, each number once.",
    "What is 17 times 24? Think step by step.",
    "Write a Python function that returns the n-th prime number.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--tokens", type=int, default=128)
    args = parser.parse_args()
    chats: list[Chat] = [[{"role": "user", "content": question}] for question in QUESTIONS]
    expected = by_transformers(args.checkpoint, chats, args.tokens)
    with tempfile.TemporaryDirectory() as folder:
        (made,) = export(args.checkpoint, Path(folder), ["f32"], "student")
        print(made.line())
        found = tokens_by_llama_cpp(Path(folder) / made.file, chats, args.tokens)
    for question, one, other in zip(QUESTIONS, expected, found, strict=True):
        same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        print(f"{same} of {len(one)} tokens alike: {question}")
    versions = ", ".join(f"{name} {version(name)}" for name in ("transformers", "torch", "llama-cpp-python", "gguf"))
    print(f"{sum(a == b for a, b in zip(expected, found, strict=True))} of {len(chats)} answers the same; {versions}")


if __name__ == "__main__":
    main()
