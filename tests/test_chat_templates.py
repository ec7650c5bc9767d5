"""Chat templates as their models ship them (the copies that the installed TRL carries), each with a tokenizer that has
its special tokens: what a student of them is trained on, what a server would ask it, and what is refused."""

from importlib.resources import files
from typing import Any, NamedTuple

import pytest
import tiny
from transformers import PreTrainedTokenizerFast

from distill.chat_template import turn_of
from distill.errors import Refused
from students.render import IGNORED, render

ANSWER = "<think>\n3*7=21, and 12 more\n</think>\n\nIt is 33."
CHAT = [{"role": "system", "content": "Think first."}, {"role": "user", "content": "Make 33 from 3 7 12."}]


class Shipped(NamedTuple):
    """A template, the special tokens that it writes, and what is known of it."""

    file: str
    special: str
    """Divided by white space; the first one is BOS."""
    end: str
    prefilled: bool = False
    system: bool = True


CHATML = "<|endoftext|> <|im_start|> <|im_end|>"
LLAMA = "<|begin_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|>"
DEEPSEEK = "<｜begin▁of▁sentence｜> <｜User｜> <｜Assistant｜> <｜end▁of▁sentence｜>"
GEMMA = "<bos> <start_of_turn> <end_of_turn>"
SHIPPED = [
    Shipped("qwen2_5", CHATML, "<|im_end|>"),
    Shipped("qwen3", CHATML, "<|im_end|>"),
    Shipped("qwen3_instruct_2507", CHATML, "<|im_end|>"),
    Shipped("lfm2", CHATML, "<|im_end|>"),
    Shipped("llama3", LLAMA, "<|eot_id|>"),
    Shipped("llama3_1", LLAMA, "<|eot_id|>"),
    Shipped("llama3_2", LLAMA, "<|eot_id|>"),
    Shipped("deepseek_r1_distill", DEEPSEEK, "<｜end▁of▁sentence｜>", prefilled=True),
    Shipped("deepseekv3", DEEPSEEK, "<｜end▁of▁sentence｜>", prefilled=True),
    Shipped("gemma3", GEMMA, "<end_of_turn>"),
    Shipped("gemma", GEMMA, "<end_of_turn>", system=False),
    Shipped("phi3", "<|endoftext|> <|system|> <|user|> <|assistant|> <|end|>", "<|end|>"),
]


def tokenizer_of(file: str, special: str) -> PreTrainedTokenizerFast:
    source = files("trl").joinpath("chat_templates", f"{file}.jinja")
    if not source.is_file():
        pytest.skip(f"this version of TRL carries no template {file}")
    made = tiny.tokenizer(source.read_text(encoding="utf-8"))
    made.add_special_tokens({"additional_special_tokens": special.split()})
    made.bos_token = special.split()[0]
    return made


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.file)
def test_a_row_is_the_serving_prompt_the_whole_answer_and_the_end_of_the_turn(shipped: Shipped) -> None:
    tokenizer = tokenizer_of(shipped.file, shipped.special)
    chat = CHAT[0 if shipped.system else 1 :]
    turn = turn_of(tokenizer, shipped.file)
    row = render(tokenizer, turn, "p", chat, ANSWER)
    served = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert row.input_ids[: len(served)] == served
    assert {*row.labels[: len(served)]} == {IGNORED}
    learned = row.labels[len(served) :]
    assert learned == row.input_ids[len(served) :]
    opening = "<think>\n" if shipped.prefilled else ""
    assert tokenizer.decode(learned) == ANSWER.removeprefix(opening) + shipped.end
    assert tokenizer.convert_ids_to_tokens(turn.end) == shipped.end
    assert (turn.opening, turn.is_emptied) == (opening, False)
    text = tokenizer.decode(row.input_ids)
    assert (text.count("<think>"), text.count("</think>"), text.count(shipped.special.split()[0])) == (
        1,
        1,
        text.startswith(shipped.special.split()[0]),
    )


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.file)
def test_what_a_student_writes_is_understood_when_the_chat_goes_on(shipped: Shipped) -> None:
    """The answer itself stays in the history, whatever becomes of the thinking."""
    tokenizer = tokenizer_of(shipped.file, shipped.special)
    chat = [*CHAT[0 if shipped.system else 1 :], {"role": "assistant", "content": ANSWER}, CHAT[1]]
    later = str(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))
    assert "It is 33." in later
    assert later.rstrip().endswith(
        str(tokenizer.apply_chat_template(CHAT[1:], add_generation_prompt=True, tokenize=False)).rstrip()[-20:]
    )


def test_a_template_without_system_messages_says_what_to_do() -> None:
    tokenizer = tokenizer_of("gemma", GEMMA)
    with pytest.raises(Refused, match="System role not supported") as refused:
        render(tokenizer, turn_of(tokenizer, "gemma"), "p", CHAT, ANSWER)
    assert "student.prompt.user" in refused.value.hint


@pytest.mark.parametrize(
    ("file", "special", "said"),
    [
        ("gptoss", "<|startoftext|> <|start|> <|message|> <|channel|> <|end|> <|return|>", "before an answer"),
        ("glm4moe", "[gMASK] <sop> <|system|> <|user|> <|assistant|>", "without a token of its own"),
    ],
)
def test_students_of_other_formats_are_refused(file: str, special: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        turn_of(tokenizer_of(file, special), file)


def test_thinking_switched_off_is_refused() -> None:
    """As `enable_thinking=False` makes it the default of a saved template."""
    tokenizer: Any = tokenizer_of("qwen3", CHATML)
    tokenizer.chat_template = "{% set enable_thinking = false %}" + tokenizer.chat_template
    with pytest.raises(Refused, match="ends its prompt with an empty thinking block"):
        render(tokenizer, turn_of(tokenizer, "qwen3"), "p", CHAT, ANSWER)


@pytest.mark.parametrize(("file", "special", "tells"), [("llama3_2", LLAMA, True), ("qwen2_5", CHATML, False)])
def test_a_prompt_that_tells_the_day_is_noticed(file: str, special: str, tells: bool) -> None:
    assert turn_of(tokenizer_of(file, special), file).tells_date == tells


MISTRAL = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' %}[SYSTEM_PROMPT]{{ m.content }}[/SYSTEM_PROMPT]"
    "{% elif m.role == 'user' %}[INST]{{ m.content }}[/INST]{% else %}{{ m.content + eos_token }}{% endif %}"
    "{% endfor %}"
)
"""As Mistral's write a chat: nothing at all between a question and its answer, and no sign of a generation prompt."""

SMOLLM3 = (
    "{% set mode = '/no_think' if '/no_think' in messages[0].content else '/think' %}"
    "<|im_start|>system\n## Metadata\nToday: {{ strftime_now('%d %B %Y') }}\nReasoning: {{ mode }}<|im_end|>\n"
    "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
    "{{ '<think>\n\n</think>\n' if m.role == 'assistant' and mode == '/no_think' else '' }}{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{{ '<think>\n\n</think>\n' if mode == '/no_think' else '' }}{% endif %}"
)
"""As SmolLM3's: a header with the day, and a word in the system message that turns thinking off."""


def made(template: str, *special: str) -> PreTrainedTokenizerFast:
    tokenizer = tiny.tokenizer(template)
    tokenizer.add_special_tokens({"additional_special_tokens": list(special)})
    tokenizer.bos_token, tokenizer.eos_token = special[0], special[1]
    return tokenizer


def test_an_answer_right_behind_the_question() -> None:
    tokenizer = made(MISTRAL, "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")
    turn = turn_of(tokenizer, "mistral")
    row = render(tokenizer, turn, "p", CHAT, ANSWER)
    text = "<s>[SYSTEM_PROMPT]Think first.[/SYSTEM_PROMPT][INST]Make 33 from 3 7 12.[/INST]"
    assert tokenizer.decode(row.input_ids) == text + ANSWER + "</s>"
    assert tokenizer.decode([t for t in row.labels if t != IGNORED]) == ANSWER + "</s>"


def test_a_word_in_the_system_message_turns_thinking_off() -> None:
    tokenizer = made(SMOLLM3, "<|begin_of_text|>", "<|im_end|>", "<|im_start|>")
    turn = turn_of(tokenizer, "smollm3")
    assert turn.tells_date
    assert tokenizer.decode(render(tokenizer, turn, "p", CHAT, ANSWER).labels[-1:]) == "<|im_end|>"
    with pytest.raises(Refused, match="empty thinking block"):
        render(tokenizer, turn, "p", [{"role": "system", "content": "/no_think"}, CHAT[1]], ANSWER)
