"""A hub cache as huggingface_hub lays it out, with configs in the shapes of real models and a tiny tokenizer."""

import json
from pathlib import Path

import tiny

SHAPES = json.loads((Path(__file__).parent / "student_configs.json").read_text())
"""Hub id -> published config (shapes are facts), and under `parameters` the published count."""

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
        tiny.tokenizer().save_pretrained(snapshot)
