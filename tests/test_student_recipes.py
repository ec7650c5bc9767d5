"""The recipes of students: planned and dry-run offline in the shapes of the real models, heads that agree, prices."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import hub_cache
import pytest
import tiny
import torch
from commands import refused
from peft import LoraConfig, get_peft_model
from test_chat_templates import tokenizer_of
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

import students.plan
from distill import models, presets
from distill.chat_template import turn_of
from distill.errors import Refused
from distill.published_sets import SETS
from distill.recipe import Train
from distill.recipe_file import load, shipped
from students.price import CARDS, MACHINE, SHARE, offers, operations
from students.render import render
from students.small import FEW, LONG, SMALL

ROOT = Path(__file__).parents[1]
STUDENTS = [name for name in shipped() if name.startswith("students/")]
QUICK = ("students/qwen2.5-1.5b",)
QUICK_PRESETS = ("openthoughts3-lora",)


def some(names: list[str], quick: tuple[str, ...]) -> list[Any]:
    """Names for a test that plans each: a plan simulates training steps for seconds, so that most are slow."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def script(name: str) -> ModuleType:
    """A benchmark as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"benchmarks/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


HEADERS = script("recipe_headers")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a terabyte of GPU memory that has asked the hub for every student's config and tokenizer."""
    hub_cache.fill(tmp_path / "hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(students.plan, "available_memory", lambda: (2**40, "GPU memory"))
    models.config.cache_clear()
    models.tokenizer.cache_clear()


def needs(student: str) -> None:
    if load(student).train.method == "qlora" and importlib.util.find_spec("bitsandbytes") is None:
        pytest.skip("bitsandbytes is not installed (the extra 'gpu')")


# ---- offline, in real shapes ----


@pytest.mark.parametrize("model", hub_cache.SHAPES)
def test_shapes_have_the_published_number_of_parameters(model: str) -> None:
    assert models.parameter_count(HEADERS.config_of(model)) == hub_cache.SHAPES[model]["parameters"]


@pytest.mark.parametrize("student", some(STUDENTS, QUICK))
def test_every_student_is_planned_and_dry_run(hub: None, distill: Any, student: str) -> None:
    needs(student)
    done = distill("run", student, "--dry-run")
    assert done.code == 0, done.err
    assert f"model: {load(student).student.model}" in done.out
    planned = distill("plan", student)
    assert planned.code == 0, planned.err
    hours = [line.strip() for line in planned.out.splitlines() if line.endswith("predicted") and "$" in line]
    head = (ROOT / f"recipes/{student}.yaml").read_text()
    assert hours
    for line in hours:
        assert line.removeprefix("hours").removesuffix(", predicted").strip() in head
    assert "WILL BE REFUSED" not in planned.out


@pytest.mark.parametrize("preset", some(presets.names(), QUICK_PRESETS))
def test_every_preset_is_dry_run_and_planned(hub: None, distill: Any, preset: str) -> None:
    if preset.endswith("-qlora") and importlib.util.find_spec("bitsandbytes") is None:
        pytest.skip("bitsandbytes is not installed (the extra 'gpu')")
    done = distill("run", "qwen2.5-7b", f"preset={preset}", "--dry-run")
    assert done.code == 0, done.err
    planned = distill("plan", "qwen2.5-7b", f"preset={preset}").out
    fewer = preset in ("r1-distill-lora", "r1-distill-qlora", "openthoughts3-lora", "openthoughts3-qlora")
    assert ("expect less than of all weights" in planned) == fewer
    assert "H100" in planned


@pytest.mark.parametrize("student", some(STUDENTS, QUICK))
def test_heads_are_what_the_script_writes_and_name_a_command(student: str) -> None:
    text = (ROOT / f"recipes/{student}.yaml").read_text()
    assert HEADERS.with_head(text, HEADERS.head(load(student))) == text, "python benchmarks/recipe_headers.py --write"
    commands = [line.split() for line in text.splitlines() if line.startswith("#   distill run ")]
    assert len(commands) == 2
    for words in commands:
        assert words[3] == student
        assert load(words[3], words[4:5]).student.model == load(student).student.model
    assert load(student, commands[1][4:5]).train != load(student).train


@pytest.mark.parametrize("family", hub_cache.TEMPLATES)
def test_traces_with_thinking_suit_every_template_and_without_it_all_but_r1_distills(family: str) -> None:
    template, special = hub_cache.TEMPLATES[family]
    tokenizer = tokenizer_of(template, special)
    turn, asked = turn_of(tokenizer, family), [{"role": "user", "content": "What is 2 plus 2?"}]
    assert render(tokenizer, turn, "t", asked, "<think>\nTwo more than two.\n</think>\n\n4")
    if family == "R1-Distill":
        with pytest.raises(Refused, match="think"):
            render(tokenizer, turn, "t", asked, "Two more than two. 4")
    else:
        assert render(tokenizer, turn, "t", asked, "Two more than two. 4")


def test_a_student_of_70b_says_what_it_needs() -> None:
    recipe = load("students/llama-3.3-70b")
    assert recipe.train.method == "qlora"
    assert "QLoRA" in shipped()["students/llama-3.3-70b"].read_text()
    found = offers(HEADERS.config_of(recipe.student.model), recipe.train, 2, 10**6, 9000)
    assert ("H200", 1) in {(offer.card.name, offer.cards) for offer in found}
    assert min(offer.card.gib * offer.cards for offer in found) >= 70 * 0.52, "a base of 4 bits has to lie somewhere"
    whole = load("students/llama-3.3-70b", ["preset=s1.1"])
    assert not offers(HEADERS.config_of(recipe.student.model), whole.train, 2, 10**6, 9000), "16 bytes a weight"


SMALL_SETS = ["s1-lora", "s1.1-lora", "limo-lora", "small-student-lora"]


@pytest.mark.parametrize("student", ["llama-3.2-1b", "qwen2.5-1.5b", "r1-distill-qwen-1.5b", "qwen3-1.7b"])
@pytest.mark.parametrize("preset", SMALL_SETS)
def test_adapters_for_small_sets_have_a_parameter_for_each_token(student: str, preset: str) -> None:
    """The smallest students; larger ones have larger adapters of the same rank."""
    recipe = load(student, [f"preset={preset}"])
    work = HEADERS.known(recipe)
    config = HEADERS.config_of(recipe.student.model)
    assert models.adapter_size(config, recipe.train.lora_r) >= work.rows * work.tokens


@pytest.mark.parametrize("qwen", [True, False])
def test_an_adapters_size_is_pefts(qwen: bool) -> None:
    model = tiny.model(qwen=qwen)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    assert models.adapter_size(model.config, 4) == adapted.get_nb_trainable_parameters()[0]


# ---- small students ----


@pytest.mark.parametrize(
    ("student", "preset"), [("qwen2.5-1.5b", "limo"), pytest.param("llama-3.2-3b", "s1.1-lora", marks=pytest.mark.slow)]
)
def test_few_long_traces_are_refused_for_a_small_student(hub: None, distill: Any, student: str, preset: str) -> None:
    done = distill("run", student, f"preset={preset}", "--dry-run")
    refused(done, "few long traces make students of up to 3 billion worse")
    assert "preset=small-student" in done.err
    assert "WILL BE REFUSED" in distill("plan", student, f"preset={preset}").out
    assert distill("run", student, f"preset={preset}", "train.accept_long_traces=true", "--dry-run").code == 0


@pytest.mark.slow  # plans three students
@pytest.mark.parametrize(
    ("student", "preset"), [("qwen2.5-1.5b", "openthoughts"), ("qwen2.5-7b", "limo"), ("qwen2.5-3b", "small-student")]
)
def test_many_rows_larger_students_and_short_traces_are_not(hub: None, distill: Any, student: str, preset: str) -> None:
    done = distill("run", student, f"preset={preset}", "--dry-run")
    assert done.code == 0, done.err


def test_long_rows_of_ones_own_are_refused_once_they_are_seen(
    distill: Any, recipe_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The gate counts the tokens of the curated rows themselves; here 20 of them count as long."""
    monkeypatch.setattr("students.small.LONG", 20)
    where = ["--run-dir", tmp_path / "run"]
    assert distill("run", recipe_file, *where, "--until", "curate").code == 0
    refused(distill("check", recipe_file, *where), "few long traces make students")
    assert distill("check", recipe_file, "train.accept_long_traces=true", *where).code == 0


def test_what_is_small_few_and_long() -> None:
    small = {name for name, shape in hub_cache.SHAPES.items() if shape["parameters"] < SMALL}
    assert {name.partition("/")[2] for name in small} == {
        "Qwen2.5-1.5B-Instruct",
        "Qwen2.5-3B-Instruct",
        "Qwen3-1.7B-Base",
        "Llama-3.2-1B-Instruct",
        "Llama-3.2-3B-Instruct",
        "DeepSeek-R1-Distill-Qwen-1.5B",
    }
    assert SETS["open-thoughts/OpenThoughts-114k"].rows >= FEW
    assert SETS["UWNSL/Mix-Long_long_0.2_short_0.8"].tokens < LONG < SETS["NovaSky-AI/Sky-T1_data_17k"].tokens


# ---- operations and price ----


def counted(config: LlamaConfig, tokens: int) -> int:
    """Operations of one training step, by torch's own counter: forward and backward over one row."""
    torch.manual_seed(0)
    model = LlamaForCausalLM._from_config(config, attn_implementation="eager")
    ids = torch.randint(0, config.vocab_size, (1, tokens))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("tokens", [64, 512])
@pytest.mark.parametrize("tied", [True, False])
def test_operations_are_those_that_torch_counts(tokens: int, tied: bool) -> None:
    config = LlamaConfig(
        vocab_size=320,
        hidden_size=64,
        intermediate_size=160,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=tied,
    )
    train = Train(method="full", max_length=2 * tokens)
    # eager attention computes both halves of the square, and here all rows are equally long: twice and once the mean
    # length come to the same
    assert operations(config, train, tokens, tokens) == pytest.approx(counted(config, tokens), rel=0.03)


def test_an_adapter_spares_a_third_and_recomputing_costs_one() -> None:
    config = HEADERS.config_of("Qwen/Qwen2.5-7B-Instruct")
    full, lora = (operations(config, Train(method=m), 1000, 100) for m in ("full", "lora"))
    again = operations(config, Train(method="full", gradient_checkpointing=True), 1000, 100)
    assert 0.66 < lora / full < 0.69
    assert again / full == pytest.approx(4 / 3, rel=0.01)


def test_prices_follow_from_hours() -> None:
    recipe = load("students/qwen2.5-7b")
    config = HEADERS.config_of(recipe.student.model)
    found = offers(config, recipe.train, 2, 10**9, 5000)
    work = operations(config, recipe.train, 10**9, 5000)
    for offer in found:
        assert offer.dollars == pytest.approx(offer.hours * offer.cards * offer.card.dollars)
        assert offer.hours * 3600 * offer.cards * offer.card.teraflops * 1e12 >= work / SHARE * 0.999
    one, eight = ([o for o in found if o.card.name == "H100" and o.cards == n] for n in (1, MACHINE))
    assert eight[0].hours == pytest.approx(one[0].hours / MACHINE)
    assert {offer.card for offer in found} <= set(CARDS)
    assert all(offer.cards < MACHINE for offer in offers(config, recipe.train, 2, 10**6, 5000)), "minutes on one"


@pytest.mark.slow  # plans all students
def test_the_tables_of_the_page_are_the_scripts() -> None:
    page = (ROOT / "docs/recipes.md").read_text()
    for line in [*HEADERS.students_table(), *HEADERS.published_table()]:
        assert line in page, "python benchmarks/recipe_headers.py"


def test_plan_of_a_set_of_ones_own_looks_at_it(distill: Any, recipe_file: Path) -> None:
    """A run that trains on no published set has hours too: of the rows that it can have at most."""
    planned = distill("plan", recipe_file)
    assert planned.code == 0, planned.err
    assert "1 x RTX 4090 (24 GB)" in planned.out
