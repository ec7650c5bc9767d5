"""Presets: what lies over what, the published values, their adapters, and that each set is read and trained on."""

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import tiny
import yaml
from commands import refused
from datasets import Dataset
from test_training import TOK, TRAIN, rows

from distill import presets
from distill.errors import Refused
from distill.files import read_json
from distill.problems import make_problems
from distill.recipe_file import load, shipped
from distill.run import dump_recipe
from students.pack import pack
from students.rates import refuse_strange_rate
from students.train import build_trainer, fit

NAMES = presets.names()
STUDENTS = [name for name in shipped() if name.startswith("students/")]
MINE = {
    "problems": {"source": "file", "path": "mine.jsonl"},
    "teacher": {"kind": "local", "model": "x"},
    "student": {"model": "Qwen/Qwen2.5-7B-Instruct"},
}


def some_students(turn: int) -> list[str]:
    """Four students of all sizes and families; in five turns it is everybody's."""
    return STUDENTS[turn % 5 :: 5]


@pytest.fixture
def mine(tmp_path: Path) -> Callable[..., str]:
    """Writes a recipe of one's own with these keys."""

    def write(**keys: Any) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({**MINE, **keys}))
        return str(path)

    return write


# ---- what lies over what ----


def test_a_file_lies_over_the_preset_that_it_names(mine: Callable[..., str]) -> None:
    recipe = load(mine(preset="s1", train={"learning_rate": 3e-5}))
    assert (recipe.train.learning_rate, recipe.train.num_train_epochs) == (3e-5, 5)
    assert recipe.problems.source == "file", "its own problems, whole"


def test_a_preset_on_the_command_line_lies_over_the_file_and_under_its_other_words(mine: Callable[..., str]) -> None:
    file = mine(train={"learning_rate": 3e-5, "num_train_epochs": 1})
    for words in itertools.permutations(["preset=s1", "train.num_train_epochs=7"]):
        recipe = load(file, words)
        assert (recipe.train.learning_rate, recipe.train.num_train_epochs) == (1e-5, 7)
        assert (recipe.problems.source, recipe.teacher.kind) == ("traces", "replay")


def test_a_preset_on_the_command_line_takes_the_place_of_the_files(mine: Callable[..., str]) -> None:
    recipe = load(mine(preset="limo"), ["preset=s1"])
    assert (recipe.train.num_train_epochs, recipe.harvest.prompt.system) == (5, None), "nothing of LIMO is left"
    without = load(mine(preset="limo"), ["preset=null"])
    assert without.train == load(mine()).train
    assert load(mine(preset=None)) == load(mine())


@pytest.mark.parametrize("preset", ["s1", "s1-lora"])
def test_nothing_of_a_files_hyper_parameters_is_left_under_a_preset(mine: Callable[..., str], preset: str) -> None:
    own = {"lora_alpha": 64, "use_dora": True, "weight_decay": 0.3, "max_grad_norm": 0.1, "stop_at_token_accuracy": 0.9}
    assert load(mine(train=own), [f"preset={preset}"]).train == load(mine(), [f"preset={preset}"]).train
    kept = load(mine(train={"gradient_checkpointing": True}), [f"preset={preset}"]).train
    assert kept.gradient_checkpointing, "how, not what"


def test_a_run_is_named_after_file_and_preset(mine: Callable[..., str]) -> None:
    assert load(mine(), ["preset=s1.1-lora"]).name == "mine-s1.1-lora"
    assert load(mine(name="chosen"), ["preset=s1"]).name == "chosen"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("preset=s2", "there is no preset 's2'"),
        ("preset=limo_lora", "Did you mean 'limo-lora'?"),
        ("preset=[1]", "there is no preset '[1]'"),
        ("preset=", None),
    ],
)
def test_presets_that_are_none(mine: Callable[..., str], word: str, said: str | None) -> None:
    if said is None:
        assert load(mine(), [word]) == load(mine())
        return
    with pytest.raises(Refused) as caught:
        load(mine(), [word])
    assert said in f"{caught.value} {caught.value.hint}"


def test_a_preset_is_no_recipe(distill: Any) -> None:
    refused(distill("run", "s1-lora"), "'s1-lora' is a preset, not a recipe.")


def test_files_may_name_a_preset_by_the_schema(distill: Any) -> None:
    schema = json.loads(distill("recipes", "schema").out)
    assert schema["properties"]["preset"]["anyOf"][0]["enum"] == NAMES


def test_origins_are_told_and_what_is_shown_reads_back(distill: Any, tmp_path: Path) -> None:
    words = ["preset=limo-qlora", "train.lora_r=8"]
    text = distill("recipes", "show", "qwen2.5-7b", *words).out
    told = {line.split(":")[0].strip(): line.rpartition("  # ")[2] for line in text.splitlines() if "  # " in line}
    wanted = {"lora_r": "command line", "learning_rate": "preset limo-qlora", "model": "qwen2.5-7b.yaml"}
    assert wanted.items() <= told.items()
    assert "save_steps" not in told, "a default"
    (tmp_path / "shown.yaml").write_text(text)
    assert load(str(tmp_path / "shown.yaml")) == load("qwen2.5-7b", words)


@pytest.mark.parametrize("name", [name for name in shipped() if name not in STUDENTS])
def test_what_is_shown_of_other_recipes_reads_back(distill: Any, tmp_path: Path, name: str) -> None:
    words = ["harvest.prompt.examples=[{question: 'a: #b\n', answer: \"c'd\"}]"] if name == "cpu/gsm8k" else []
    (tmp_path / "shown.yaml").write_text(distill("recipes", "show", name, *words).out)
    assert load(str(tmp_path / "shown.yaml")) == load(name, words)


# ---- the values ----


@pytest.mark.parametrize("preset", NAMES)
def test_students_take_presets_and_the_result_names_none(preset: str) -> None:
    for student in some_students(NAMES.index(preset)):
        recipe = load(student, [f"preset={preset}"])
        tree = yaml.safe_load(dump_recipe(recipe))
        assert "preset" not in tree
        assert type(recipe).model_validate(json.loads(recipe.model_dump_json()), strict=False) == recipe
        size = float(re.findall(r"([\d.]+)B", recipe.student.model)[-1]) * 1e9
        refuse_strange_rate(recipe.train, int(size))
        assert (recipe.train.method == "full") == (preset in presets.published())


PUBLISHED = {  # rate, schedule, warm-up, epochs, traces a step, length, weight decay, beta2
    "s1": (1e-5, "cosine", 0.05, 5, 16, 32768, 1e-4, 0.95),
    "s1.1": (1e-5, "cosine", 0.05, 5, 16, 20000, 1e-4, 0.95),
    "limo": (5e-6, "cosine", 0, 15, 64, 16384, 0, 0.999),
    "sky-t1": (1e-5, "cosine", 0.1, 3, 96, 16384, 0, 0.999),
    "openthoughts": (1e-5, "cosine", 0.1, 3, 96, 16384, 0, 0.999),
    "openthoughts3": (8e-5, "cosine", 0.1, 5, 512, 16384, 0, 0.999),
    "r1-distill": (6e-5, "cosine_with_min_lr", 0.03, 3, 64, 32768, 0, 0.999),
    "small-student": (1e-5, "cosine", 0.1, 2, 32, 16384, 0, 0.999),
}
"""At 32B; the sources stand in the files."""


@pytest.mark.parametrize("preset", presets.published())
def test_published_values(preset: str) -> None:
    rate, schedule, warmup, epochs, traces, length, decay, beta2 = PUBLISHED[preset]
    recipe = load("students/qwen2.5-32b", [f"preset={preset}"])
    train = recipe.train
    assert (train.learning_rate, train.lr_scheduler_type, train.warmup_ratio) == (rate, schedule, warmup)
    assert (train.num_train_epochs, train.max_length) == (epochs, length)
    assert (train.weight_decay, train.adam_beta2) == (decay, beta2)
    assert train.rows_per_batch == traces


@pytest.mark.parametrize(
    ("student", "rate"),
    [
        ("qwen2.5-1.5b", 1e-4),
        ("qwen2.5-7b", 8e-5),
        ("qwen2.5-14b", 7e-5),
        ("qwen2.5-32b", 6e-5),
        ("llama-3.1-8b", 5e-5),
        ("llama-3.3-70b", 2e-5),
        ("r1-distill-llama-8b", 5e-5),
        ("qwen3-1.7b", 1e-4),
        ("qwen3-8b", 8e-5),
    ],
)
def test_r1_distill_takes_the_published_rate_of_the_size(student: str, rate: float) -> None:
    train = load(student, ["preset=r1-distill"]).train
    assert (train.learning_rate, train.min_lr_ratio) == (rate, 0.1)


def test_the_size_is_that_of_the_model_that_is_trained() -> None:
    words = ["preset=r1-distill", "student.model=/models/Llama-3.1-8B"]
    assert load("qwen2.5-32b", words).train.learning_rate == 5e-5
    assert load("qwen2.5-32b", ["preset=r1-distill", "student.model=/models/mine"]).train.learning_rate is None


@pytest.mark.parametrize("preset", presets.published())
def test_an_adapter_trains_on_the_same_rows_at_a_higher_rate_in_no_larger_batches(preset: str) -> None:
    for student in some_students(list(presets.published()).index(preset)):
        full, lora, qlora = (load(student, [f"preset={preset}{ending}"]) for ending in ("", "-lora", "-qlora"))
        assert (lora.problems, lora.curate, lora.harvest) == (full.problems, full.curate, full.harvest)
        assert lora.train.model_copy(update={"method": "qlora"}) == qlora.train
        assert lora.train.lora_target_modules == "all-linear"
        assert 0 < (lora.train.rows_per_batch or 0) <= (full.train.rows_per_batch or 0)
        if full.train.learning_rate is not None and lora.train.learning_rate is not None:
            assert 2 < lora.train.learning_rate / full.train.learning_rate < 10.01


# ---- what the keys do in training ----


def test_the_rate_falls_to_its_floor_and_adam_gets_its_numbers(tmp_path: Path) -> None:
    keys = {"lr_scheduler_type": "cosine_with_min_lr", "min_lr_ratio": 0.1, "warmup_ratio": 0.0}
    adam = {"adam_beta1": 0.8, "adam_beta2": 0.95, "adam_epsilon": 1e-6, "weight_decay": 1e-4}
    train = TRAIN.model_copy(update=keys | adam)
    trainer = build_trainer(
        tiny.model(), TOK, pack(rows(), 128, TOK.pad_token_id, 0), train, 0, tmp_path, lambda _: None
    )
    fit(trainer)
    group = trainer.optimizer.param_groups[0]
    assert (*group["betas"], group["eps"], group["weight_decay"]) == (0.8, 0.95, 1e-6, 1e-4)
    assert trainer.lr_scheduler.get_last_lr()[0] == pytest.approx(0.1 * 1e-3)


@pytest.mark.parametrize("word", ["train.min_lr_ratio=0.1", "train.lr_scheduler_type=cosine_with_min_lr"])
def test_a_floor_and_its_schedule_go_together(mine: Callable[..., str], word: str) -> None:
    with pytest.raises(Refused, match="go together"):
        load(mine(), [word])


# ---- the sets ----

THOUGHT = "First 2 and 2 are counted: 1, 2, 3, 4. The count ends at four, so the sum is four."


def chat(marks: tuple[str, str, str, str]) -> Callable[[int], dict[str, Any]]:
    opening, closing, before, after = marks

    def row(i: int) -> dict[str, Any]:
        said = f"{opening}{THOUGHT}{closing}{before}The answer is \\boxed{{{i}}}.{after}"
        return {"system": "Think.", "conversations": [asked(i), {"from": "gpt", "value": said}]}

    return row


def asked(i: int) -> dict[str, str]:
    return {"from": "human", "value": question(i)}


def question(i: int) -> str:
    names = ["apples", "pears", "plums", "figs", "dates", "limes", "nuts", "beans", "eggs", "cups"]
    return f"{names[i % 10]} and {names[i // 10 % 10]}: what is {i} plus 0?"


OF_THOUGHT = ("<|begin_of_thought|>", "<|end_of_thought|>", "<|begin_of_solution|>", "<|end_of_solution|>")
ROWS: dict[str, Callable[[int], dict[str, Any]]] = {
    "simplescaling/s1K": lambda i: {
        "solution": str(i),
        "question": question(i),
        "cot_type": "math",
        "source_type": "AIME",
        "metadata": "{}",
        "cot": None,
        "thinking_trajectories": [THOUGHT],
        "attempt": f"\\boxed{{{i}}}",
    },
    "simplescaling/s1K-1.1": lambda i: {
        "solution": str(i),
        "question": question(i),
        "gemini_thinking_trajectory": "wrong",
        "gemini_attempt": "\\boxed{-1}",
        "deepseek_thinking_trajectory": THOUGHT,
        "deepseek_attempt": f"\\boxed{{{i}}}",
    },
    "GAIR/LIMO-v2": lambda i: {
        "question": question(i),
        "solution": f"{THOUGHT} \\boxed{{{i}}}",
        "answer": str(i),
    },
    "NovaSky-AI/Sky-T1_data_17k": chat(OF_THOUGHT),
    "open-thoughts/OpenThoughts-114k": chat(OF_THOUGHT),
    "open-thoughts/OpenThoughts3-1.2M": chat(("<think>", "</think>", "", "")),
    "open-r1/Mixture-of-Thoughts": lambda i: {
        "messages": [
            {"role": "user", "content": question(i)},
            {"role": "assistant", "content": f"<think>{THOUGHT}</think>\\boxed{{{i}}}"},
        ],
        "num_tokens": 9,
        "source": "open-r1",
    },
    "UWNSL/Mix-Long_long_0.2_short_0.8": lambda i: {
        "problem": question(i),
        "solution": f"{THOUGHT} \\boxed{{{i}}}",
    },
}
"""Rows with the columns that the cards of the sets tell; what they say is made up."""


@pytest.fixture
def hub_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every set that a preset names, with made-up rows in its columns."""

    def of(name: str, *_: Any, **__: Any) -> Dataset:
        if name in ROWS:
            return Dataset.from_list([ROWS[name](i) for i in range(24)])
        held = [{"problem": f"Of {i} ducks all swim; how many?", "answer": str(i)} for i in range(500, 1000)]
        return Dataset.from_list(held)

    monkeypatch.setattr(datasets, "load_dataset", of)


@pytest.mark.parametrize("preset", presets.published())
def test_each_set_is_read_in_its_layout(hub_sets: None, preset: str) -> None:
    recipe = load("students/qwen2.5-7b", [f"preset={preset}"])
    problems = make_problems(recipe.problems, 0)
    assert [sum(p.held_out == side for p in problems) for side in (False, True)] == [24, 500]


@pytest.mark.parametrize("preset", ["sky-t1-lora"])
def test_a_preset_runs_from_its_set_to_a_student(
    hub_sets: None, distill: Any, recipe_file: Path, tiny_recipe: dict[str, Any], tmp_path: Path, preset: str
) -> None:
    small = {"max_length": 512, "num_train_epochs": 1, "packed_rows_per_batch": 4}
    recipe_file.write_text(json.dumps({"student": tiny_recipe["student"], "evaluate": tiny_recipe["evaluate"]}))
    words = [f"train.{key}={value}" for key, value in small.items()]
    run = tmp_path / "run"
    done = distill("run", recipe_file, f"preset={preset}", *words, "--run-dir", run, "--until", "train")
    assert done.code == 0, done.err
    assert read_json(run / "stages" / "train.json")["counts"]["rows"] == 24
    assert "preset" not in yaml.safe_load((run / "recipe.yaml").read_text())
    assert (run / "student" / "adapter").exists() == preset.endswith("lora")
