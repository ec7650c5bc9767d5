"""A chat template of one's own, and one with its variables set: the same in training, evaluation and the checkpoint."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import tiny
from commands import refused
from transformers import AutoTokenizer

from distill import models
from distill.errors import Refused
from distill.recipe import Student

QWEN3 = files("trl").joinpath("chat_templates", "qwen3.jinja").read_text(encoding="utf-8")
CHAT = [{"role": "user", "content": "Make 33."}]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model as base models are: no chat template, and an end token of its own."""
    folder = tiny.folder(tmp_path / "base")
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = None
    tokenizer.eos_token = "<|pad|>"
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    return folder


def of(model: Path, **keys: Any) -> Any:
    return models.tokenizer(models.of_student(Student(model=str(model), **keys)))


def prompt(tokenizer: Any, **told: Any) -> str:
    return str(tokenizer.apply_chat_template(CHAT, add_generation_prompt=True, tokenize=False, **told))


def test_a_base_model_is_trained_and_evaluated_with_the_template_that_is_named(
    distill: Any, recipe_file: Path, tiny_recipe: dict[str, Any], base: Path, tmp_path: Path
) -> None:
    tiny_recipe["student"]["model"] = str(base)
    recipe_file.write_text(json.dumps(tiny_recipe))
    run = ("run", recipe_file, "--run-dir", tmp_path / "run")
    refused(distill(*run), "has no chat template")
    (tmp_path / "mine.jinja").write_text(tiny.CHATML.replace("assistant\\n", "assistant\\n<think>\\n"))
    done = distill(*run, f"student.chat_template={tmp_path / 'mine.jinja'}", "--until", "evaluate")
    assert done.code == 0, done.err
    served = AutoTokenizer.from_pretrained(tmp_path / "run" / "student" / "merged")
    assert served.chat_template == (tmp_path / "mine.jinja").read_text()
    assert prompt(served).endswith("<|im_start|>assistant\n<think>\n"), "prefilled, as it was trained"
    assert served.eos_token == "<|im_end|>"
    first = json.loads((tmp_path / "run" / "student" / "first_rows.json").read_text())[0]
    assert first[0][0].endswith("<|im_start|>assistant\n<think>\n")
    assert not first[0][1]
    assert "<think>" not in first[1][0]
    again = distill(*run, f"student.chat_template={tmp_path / 'mine.jinja'}", "--until", "train")
    assert again.err.count("already done") == 4
    (tmp_path / "mine.jinja").write_text(tiny.CHATML)
    changed = distill(*run, f"student.chat_template={tmp_path / 'mine.jinja'}", "--until", "train")
    assert changed.err.count("already done") == 3, "another text is another student"


@pytest.mark.parametrize("thinking", [True, False])
def test_variables_hold_whatever_a_request_says(base: Path, tmp_path: Path, thinking: bool) -> None:
    (tmp_path / "qwen3.jinja").write_text(QWEN3, encoding="utf-8")
    plain = of(base, chat_template=str(tmp_path / "qwen3.jinja"))
    told = of(base, chat_template=str(tmp_path / "qwen3.jinja"), chat_template_kwargs={"enable_thinking": thinking})
    assert prompt(told) == prompt(plain, enable_thinking=thinking)
    assert prompt(told, enable_thinking=not thinking) == prompt(told)
    assert prompt(plain, enable_thinking=False) != prompt(plain, enable_thinking=True)


@pytest.mark.parametrize("value", ['it\'s "so"\n', 3, 0.5, None, [1, "a"], {"b": False}])
def test_any_value_arrives(base: Path, tmp_path: Path, value: Any) -> None:
    (tmp_path / "t.jinja").write_text(tiny.CHATML + "{{ told | tojson }}")
    found = of(base, chat_template=str(tmp_path / "t.jinja"), chat_template_kwargs={"told": value})
    assert json.loads(prompt(found).rpartition("assistant\n")[2]) == value


def test_a_template_that_cannot_be_used_is_a_sentence(base: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no chat template") as caught:
        of(base)
    assert "student.chat_template" in caught.value.hint
    with pytest.raises(Refused, match=r"student\.chat_template=.*nowhere\.jinja cannot be read: No such file"):
        of(base, chat_template=str(tmp_path / "nowhere.jinja"))
    (tmp_path / "bad.jinja").write_text("{% for m in messages %}")
    with pytest.raises(Refused, match="cannot render a chat of user"):
        of(base, chat_template=str(tmp_path / "bad.jinja"))
    (tmp_path / "good.jinja").write_text(tiny.CHATML)
    with pytest.raises(Refused, match=r"chat_template_kwargs\.enable_thinking: the chat template has no such variable"):
        of(base, chat_template=str(tmp_path / "good.jinja"), chat_template_kwargs={"enable_thinking": True})


@pytest.mark.parametrize(
    ("key", "said"),
    [("messages", "set by the server"), ("a b", "no name of a variable"), ("if", "no name of a variable")],
)
def test_names_that_are_no_variables_of_a_template(key: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Student(model="m", chat_template_kwargs={key: 1})
