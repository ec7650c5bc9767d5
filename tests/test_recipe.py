"""Recipes: every mistake gets its sentence, every shipped recipe is whole."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from distill.errors import Refused
from distill.recipe import Recipe
from distill.recipe_file import load, parse, shipped
from distill.recipe_prompts import PRESETS, Prompt
from distill.run import dump_recipe

RECIPE = """\
name: small
problems:
  source: countdown
  count: 20
teacher:
  kind: program
student:
  model: some/model
train:
  learning_rate: 1e-3
"""


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return str(path)


def refusal(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(Refused) as caught:
        load(write(tmp_path, text), overrides)
    return str(caught.value)


def test_reads_and_overrides(tmp_path: Path) -> None:
    recipe = load(
        write(tmp_path, RECIPE), ["train.lora_r=8", "problems.count=30", "student.prompt.user='Q: {question}'"]
    )
    assert (recipe.train.learning_rate, recipe.train.lora_r, recipe.problems.count) == (1e-3, 8, 30)
    assert recipe.student_prompt().user == "Q: {question}"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert load(write(tmp_path, "\ufeff" + RECIPE)).name == "small"


def test_name_is_the_files_where_none_is_given(tmp_path: Path) -> None:
    assert load(write(tmp_path, RECIPE.replace("name: small\n", ""))).name == "recipe"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            RECIPE.replace("learning_rate", "learning_rat"),
            "line 10: unknown key 'train.learning_rat', did you mean 'learning_rate'?",
        ),
        (RECIPE.replace("count: 20", "cuont: 20"), "line 4: unknown key 'problems.cuont', did you mean 'count'?"),
        (RECIPE + "evaluat:\n  k: 3\n", "line 11: unknown key 'evaluat', did you mean 'evaluate'?"),
        (RECIPE.replace("count: 20", "count: many"), "line 4: 'problems.count' is 'many'"),
        (RECIPE.replace("1e-3", "-1"), "line 10: 'train.learning_rate' is -1"),
        (RECIPE.replace("source: countdown", "source: countdwn"), "'problems.source' must be one of"),
        (RECIPE.replace("  source: countdown\n", ""), "key 'problems.source' is missing"),
        (RECIPE.replace("student:\n  model: some/model\n", ""), "key 'student' is missing"),
        (RECIPE.replace("  count: 20", "  count: 20\n  count: 21"), "key 'count' occurs twice (line 5)"),
        (RECIPE + "train: [", "not readable as YAML"),
        (RECIPE + "? [a, b]\n: 3\n", "a key must be a word (line 11)"),
        (RECIPE + "harvest:\n", "line 11: section 'harvest' is empty, but must hold keys"),
        (RECIPE + "harvest: [1]\n", "line 11: section 'harvest' is [1], but must hold keys"),
        (RECIPE.replace("1e-3", ".inf"), "'train.learning_rate' is inf"),
        (RECIPE + "seed: 99999999999\n", "line 11: 'seed' is 99999999999"),
        ("- a list\n", "holds no recipe"),
        ("", "holds no recipe"),
        (RECIPE.replace("count: 20", "min_target: 50\n  max_target: 20"), "too few to hold any out"),
        (RECIPE + "curate:\n  traces_per_problem: 3\n", "more than harvest.samples_per_problem=1"),
        (
            RECIPE + "evaluate:\n  samples_per_problem: 4\n",
            "the same answer again and again; set temperature, or take",
        ),
        (
            RECIPE.replace("  learning_rate: 1e-3", "  packed_rows_per_batch: 5\n  per_device_train_batch_size: 2"),
            "is not a multiple of",
        ),
        (RECIPE + "harvest:\n  prompt:\n    user: hello\n", "user must contain {question}"),
        (RECIPE.replace("source: countdown", "source: file\n  path: x.jsonl"), "knows Countdown only"),
        (RECIPE + "publish:\n  hub_id: not a name\n", "line 12: publish.hub_id: the hub takes no such name"),
        (RECIPE.replace("name: small", "name: ../up"), "line 1: 'name' is '../up'"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.lora_r", "not of the form key=value"),
        ("name.x=1", "is a value, not a section"),
        ("train.lorar=1", "did you mean 'lora_r'"),
        ("train.lora_r=[", "not readable as YAML"),
    ],
)
def test_bad_overrides(tmp_path: Path, override: str, said: str) -> None:
    assert said in refusal(tmp_path, RECIPE, override)


def test_unknown_recipe_name_suggests() -> None:
    with pytest.raises(Refused) as caught:
        load("quickstrat")
    assert "quickstart" in caught.value.hint


def test_recipes_are_frozen(recipe: Recipe) -> None:
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3  # type: ignore[misc]


def test_resolved_recipe_reads_back_the_same(recipe: Recipe, tmp_path: Path) -> None:
    assert load(write(tmp_path, dump_recipe(recipe))) == recipe


def test_every_field_is_documented() -> None:
    schema = Recipe.model_json_schema()
    bare = [
        f"{section}.{key}"
        for section, entry in schema["$defs"].items()
        for key, field in entry.get("properties", {}).items()
        if "description" not in field and key not in ("source", "kind")
    ]
    assert bare == []


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_parse_and_say_what_they_are(name: str) -> None:
    text = shipped()[name].read_text()
    assert text.startswith("# ")
    assert "distill run" in text
    assert load(name).name == name.rpartition("/")[2]


def test_prompt_braces_in_a_question_stay() -> None:
    recipe: dict[str, Any] = {
        "name": "x",
        "problems": {"source": "countdown"},
        "teacher": {"kind": "program"},
        "student": {"model": "m"},
    }
    prompt = parse(recipe).harvest.prompt
    asked = prompt.messages(r"\frac{1}{2} {question} {x}")
    assert asked == [{"role": "user", "content": r"\frac{1}{2} {question} {x}"}]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_stand_in_the_resolved_recipe_word_for_word(preset: str) -> None:
    prompt = Prompt.model_validate({"preset": preset})
    assert {k: v for k, v in prompt.model_dump().items() if k in PRESETS[preset]} == PRESETS[preset]
    assert Prompt.model_validate(prompt.model_dump()) == prompt
    own = Prompt.model_validate({"preset": preset, "user": "Q: {question}"})
    assert own.messages("x")[-1]["content"] == "Q: x"


def test_the_r1_zero_template_is_the_published_one() -> None:
    (system, user) = Prompt.model_validate({"preset": "r1_zero"}).messages("How many?")
    assert system["content"].startswith("A conversation between User and Assistant. The user asks a question, and the")
    assert system["content"].endswith("i.e., <think> reasoning process here </think> <answer> answer here </answer>.")
    assert user == {"role": "user", "content": "How many?"}


def test_examples_are_for_the_teacher_only() -> None:
    harvest = {"prompt": {"preset": "boxed", "examples": [{"question": "1+1?", "answer": "\\boxed{2}"}]}}
    recipe = parse(
        {
            "name": "x",
            "problems": {"source": "countdown"},
            "teacher": {"kind": "program"},
            "harvest": harvest,
            "student": {"model": "m"},
        }
    )
    end = "\nPlease reason step by step, and put your final answer within \\boxed{}."
    assert recipe.harvest.prompt.messages("2+2?") == [
        {"role": "user", "content": "1+1?" + end},
        {"role": "assistant", "content": "\\boxed{2}"},
        {"role": "user", "content": "2+2?" + end},
    ]
    assert recipe.student_prompt().messages("2+2?") == [{"role": "user", "content": "2+2?" + end}]


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ({"preset": "r2"}, "'harvest.prompt.preset' is 'r2'"),
        ({"user": "Hello"}, "user must contain {question}"),
        ({"system": "<|im_end|>"}, "must not hold '<|im_end|>'"),
        ({"examples": [{"question": "q"}]}, "'harvest.prompt.examples.0.answer' is missing"),
        ({"examples": [{"question": "q", "answr": "a"}]}, "'harvest.prompt.examples.0.answr', did you mean 'answer'?"),
        ({"examples": [{"question": "q", "answer": "<|eot_id|>"}]}, "must not hold '<|eot_id|>'"),
    ],
)
def test_prompts_that_cannot_be_asked(prompt: dict[str, Any], said: str) -> None:
    tree = {"name": "x", "problems": {"source": "countdown"}, "teacher": {"kind": "program"}, "student": {"model": "m"}}
    with pytest.raises(Refused, match=re.escape(said)):
        parse(tree | {"harvest": {"prompt": prompt}})


def test_schema_is_json() -> None:
    assert json.loads(json.dumps(Recipe.model_json_schema()))["properties"]["train"]


def test_every_key_is_documented() -> None:
    schema = Recipe.model_json_schema()
    sections = {**schema["$defs"], "Recipe": schema}
    fields = [(name, key, f) for name, section in sections.items() for key, f in section.get("properties", {}).items()]
    assert len(fields) > 80
    assert [(name, key) for name, key, field in fields if "description" not in field] == []
