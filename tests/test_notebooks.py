"""The notebooks: text and notebook agree, nothing volatile is stored, and all of them run from top to bottom.

At small sizes: tiny random students, on real problems and verdicts. `STORE_NOTEBOOKS=1 pytest tests/test_notebooks.py`
writes the .ipynb files anew (`make notebooks`).
"""

import hashlib
import importlib.util
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import taught
import tiny
import yaml
from conftest import SHARED
from hub_cache import SHAPES
from hub_client import TOKEN
from hub_server import HubServer
from hub_store import Blob, Repository, account
from test_vllm import needs_vllm

from distill.problems import make_problems, write_problems
from distill.recipe import Recipe
from distill.recipe_prompts import PRESETS
from distill.records import Problem, joined
from distill.run import Run
from teachers.countdown import think

pytest.importorskip("jupytext", reason="notebooks need the extra 'notebooks'")
pytest.importorskip("nbclient", reason="notebooks need the extra 'notebooks'")
pytest.importorskip("ipykernel", reason="notebooks need the extra 'notebooks'")

import notebooks
from notebooks import FOLDER, ROOT, TEXTS, as_file, compared, execute, kept_in, kept_of, read

STORE = "STORE_NOTEBOOKS" in os.environ
HAS_VLLM = importlib.util.find_spec("vllm") is not None

VOLATILE = {
    "a time": r"\d\d:\d\d:\d\d|\bin \d+ (s|min)\b|\d{4}-\d\d-\d\d",
    "a path": r"/(tmp|home|root|usr|var|work)/|[A-Z]:\\\\",
    "an address in memory": r"\b0x[0-9a-f]{6,}",
    "an error": r"Traceback|Error\b|\\u001b\[",
    "a version": r"\b(torch|transformers|trl|peft|Python) \d",
}


class Executed:
    """A notebook that ran from top to bottom in a folder of its own."""

    def __init__(self, notebook: Any, folder: Path) -> None:
        self.notebook, self.folder = notebook, folder

    def said(self, code: str) -> str:
        """What the first cell with this code printed."""
        cell = next(c for c in self.notebook.cells if c.cell_type == "code" and code in c.source)
        return "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Executes a notebook; its kept outputs are those that are stored, and its home is as empty as before."""

    def call(name: str, *overrides: str, **environment: str) -> Executed:
        text = FOLDER / f"{name}.py"
        folder = tmp_path / "notebooks"
        executed = execute(read(text), folder, {"OVERRIDES": " ".join(overrides), **environment})
        found = kept_of(executed)
        if STORE:
            text.with_suffix(".ipynb").write_text(as_file(read(text), found))
        assert compared(found) == compared(kept_in(text.with_suffix(".ipynb"))), "run: make notebooks"
        assert sorted(p.name for p in folder.iterdir()) == ["runs"]
        assert not list(notebooks.home_of(folder).glob("user/**/*"))
        return Executed(executed, folder)

    return call


def small(model: Path) -> list[str]:
    """A tiny random student in place of the real one."""
    return [
        *(f"student.model={model}", "student.dtype=float32", "train.max_length=400", "train.lora_r=4"),
        *("train.num_train_epochs=0.3", "evaluate.max_tokens=16"),
    ]


def test_the_whole_idea(run: Any, tiny_model: Path) -> None:
    done = run("1_the_whole_idea", *small(tiny_model))
    assert "passed: rows 977" in done.said("distill check")
    assert "student - base: " in done.said("summary[")
    assert (done.folder / "runs/countdown/published/README.md").is_file()


@pytest.fixture(scope="session")
def gsm8k(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Problems in GSM8K's layout whose answer is always 12, a teacher that says so, and a student that says 9."""
    home = tmp_path_factory.mktemp("gsm8k")
    asked = [f"Ada has {n} red and {12 - n} blue marbles. How many are they together?" for n in range(1, 12)]
    for name, questions in {"train": asked[:7], "test": asked[7:]}.items():
        rows = [json.dumps({"question": question, "answer": "#### 12"}) + "\n" for question in questions]
        (home / f"{name}.jsonl").write_text("".join(rows))
    prompts = [PRESETS["boxed"]["user"].replace("{question}", question) for question in asked[::4]]
    for who, answer in {"teacher": "12", "student": "9"}.items():
        taught.folder(home / who, dict.fromkeys(prompts, f"They are \\boxed{{{answer}}}."), steps=80)
    models = {"TEACHER": str(home / "teacher"), "STUDENT": str(home / "student")}
    return {"GSM8K": str(home), **models, "TEST_PROBLEMS": "4"}


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("vllm", marks=needs_vllm),
        pytest.param("local", marks=pytest.mark.skipif(HAS_VLLM, reason="vLLM is installed and serves the teacher")),
    ],
)
def test_a_real_teacher(run: Any, gsm8k: dict[str, str], engine: str) -> None:
    served = ["teacher.kv_cache_memory_bytes=67108864", "teacher.serve_args.enforce_eager=true"]
    done = run(
        "2_a_real_teacher",
        *("problems.count=7", "student.dtype=float32", "train.lora_r=8", "train.num_train_epochs=8"),
        *("train.learning_rate=0.003", "evaluate.max_tokens=60"),
        *(served if engine == "vllm" else []),
        ENGINE=engine,
        **gsm8k,
    )
    before = json.loads((done.folder / "runs/before/summary.json").read_text())["sets"]["gsm8k"]
    assert before["differences"][0]["mean"] == 1.0, "the teacher knows everything, the base nothing"
    counts = json.loads((done.folder / "runs/gsm8k/stages/harvest.json").read_text())["counts"]
    assert counts["problems_solved"] == 7
    assert "student - base: " in done.said("gain[")


def test_which_traces(run: Any, tmp_path: Path) -> None:
    """On rows that were published where they are at hand."""
    published = SHARED / "data" / "s1k_5rows.parquet"
    if not published.is_file():
        published = tmp_path / "s1k.jsonl"
        row = {"question": "What is 1 + 1?", "solution": "\\boxed{2}", "cot_type": "math", "source_type": "made"}
        row |= {"gemini_thinking_trajectory": "One and one make two.", "gemini_attempt": "\\boxed{2}"}
        published.write_text(json.dumps(row) + "\n")
    done = run("3_which_traces", TRACES=str(published))
    assert re.search(r"\d rows? -> runs/s1k-500", done.said('"$PUBLISHED"'))


def test_more_thinking(run: Any, tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    """With a student that has six searches by heart: cut at 16 tokens it guesses, at 256 it has found an answer."""
    recipe = Recipe.model_validate(tiny_recipe | {"problems": tiny_recipe["problems"] | {"held_out": 6}})
    problems = make_problems(recipe.problems, recipe.seed)
    known = [p for p in problems if p.held_out]
    said = {p.question: thought(p) for p in known}
    with Run(tmp_path / "notebooks/runs/countdown", recipe) as held:
        held.begin("train", "f")
        taught.folder(held.folder / "student" / "merged", said, system=recipe.student_prompt().system)
        held.seal("train", "f", {}, 0.0)
        write_problems(held.folder / "problems.parquet", problems)
    done = run("4_more_thinking", "count=6")
    points = json.loads((done.folder / "runs/countdown/scaling/curve.json").read_text())["points"]
    assert sorted(p["budget"] for p in points) == [16, 32, 64, 128, 256]
    assert points[0]["accuracy"] < points[-1]["accuracy"]
    assert points[0]["cut"] == 1.0
    sampled = json.loads((done.folder / "runs/countdown/scaling/sampling/curve.json").read_text())["samples"]
    assert sampled["coverage"][-1] >= sampled["coverage"][0] > 0


def thought(problem: Problem) -> str:
    """The search's own trace, which the student has by heart."""
    thoughts, solution = think(problem.data["numbers"], problem.data["target"], "dfs", 30)
    return joined(thoughts, f"<answer>{solution}</answer>")


def test_to_a_cluster(run: Any, tmp_path: Path) -> None:
    """With layers of 128, as 4 bits need them, and a hub on loopback, which has configs and takes the push."""
    pytest.importorskip("bitsandbytes", reason="QLoRA needs bitsandbytes (the extra 'gpu')")
    with HubServer({TOKEN: account("me")}) as hub:
        for name, shape in SHAPES.items():
            content = json.dumps({key: value for key, value in shape.items() if key != "parameters"}).encode()
            blob = Blob(hashlib.sha1(content).hexdigest(), len(content), content)
            hub.repositories["model", name] = Repository(private=False, files={"config.json": blob})
        reached = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        student = tiny.folder(tmp_path / "student", hidden_size=128)
        done = run("5_to_a_cluster", *small(student), HUB_ID="me/laptop", **reached)
        pushed = hub.files("me/laptop")
    assert "model.safetensors" in pushed
    logs = [done.folder / f"runs/{one}/student/metrics.jsonl" for one in ("laptop", "two-processes")]
    losses = [[json.loads(line)["loss"] for line in log.read_text().splitlines()] for log in logs]
    assert len(losses[0]) > 2
    assert losses[1] == pytest.approx(losses[0], abs=1e-3), "two processes train what one trains"


def test_its_recipe_is_the_quickstart(tmp_path: Path) -> None:
    """What was measured of the one is true of the other."""
    source = read(FOLDER / "1_the_whole_idea.py")
    (cell,) = [c.source for c in source.cells if "RECIPE.write_text" in c.source]
    recipe = yaml.safe_load(cell.split('"""')[1])
    assert recipe == yaml.safe_load((ROOT / "recipes/quickstart.yaml").read_text()) | {"name": "countdown"}


def test_there_are_notebooks() -> None:
    assert [text.stem for text in TEXTS] == [path.stem for path in sorted(FOLDER.glob("*.ipynb"))]
    assert TEXTS


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_the_notebook_is_its_text(text: Path) -> None:
    """Byte for byte: cells, tags, metadata, and outputs of the cells that keep them."""
    stored = text.with_suffix(".ipynb")
    if STORE:  # words have changed, and nothing has been run
        stored.write_text(as_file(read(text), kept_in(stored)))
    assert stored.read_text() == as_file(read(text), kept_in(stored)), "run: make notebooks"


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_nothing_volatile_is_stored(text: Path) -> None:
    kept = kept_in(text.with_suffix(".ipynb"))
    assert kept
    assert all(kept), "a cell that is tagged `kept` has no output"
    for what, pattern in VOLATILE.items():
        assert not re.search(pattern, str(kept)), what
    assert all(o.get("name") != "stderr" for outputs in kept for o in outputs)
