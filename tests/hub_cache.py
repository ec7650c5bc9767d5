"""A hub cache as huggingface_hub lays it out, with real models' shapes and templates, tiny tokenizers."""

import json
from pathlib import Path

from test_chat_templates import CHATML, DEEPSEEK, LLAMA, tokenizer_of

SHAPES = json.loads((Path(__file__).parent / "student_configs.json").read_text())
"""Hub id -> published config (shapes are facts), and under `parameters` the published count."""

TEMPLATES = {
    "R1-Distill": ("deepseek_r1_distill", DEEPSEEK),
    "Qwen2.5": ("qwen2_5", CHATML),
    "Qwen3": ("qwen3", CHATML),
    "Llama-3.2": ("llama3_2", LLAMA),
    "Llama-3": ("llama3_1", LLAMA),
}
"""Part of a name -> chat template (as TRL carries it) and the special tokens that it writes."""

REVISION = "0" * 40


def fill(cache: Path) -> None:
    """Put every model of `SHAPES` into the cache: all that can be asked of the hub before training, but no weights."""
    for name, shape in SHAPES.items():
        folder = cache / f"models--{name.replace('/', '--')}"
        snapshot = folder / "snapshots" / REVISION
        snapshot.mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(REVISION)
        config = {key: value for key, value in shape.items() if key != "parameters"}
        (snapshot / "config.json").write_text(json.dumps(config))
        template, special = next(found for beginning, found in TEMPLATES.items() if beginning in name)
        tokenizer_of(template, special).save_pretrained(snapshot)
