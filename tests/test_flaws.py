"""What is not worth learning from is found, and healthy traces are left alone, on 14,000 real ones."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from distill.recipe import Accept
from distill.records import Sampling, Trace, split_reasoning
from distill.verify.form import flaw, text_flaw
from distill.verify.leak import leaked
from distill.verify.repetition import MOST_SHARE, repeated_places, repeats
from distill.verify.thinking import malformed, malformed_text

THOUGHT = "Let me count the eggs. Sixteen a day, three eaten, four baked, so nine are left. "


def made(reasoning: str, response: str) -> Trace:
    return Trace(
        id="p/0", problem_id="p", request="r", reasoning=reasoning, response=response, finish_reason="stop",
        prompt_tokens=1, completion_tokens=100, model="m", sampling=Sampling(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<think>\nHm.\n</think>\n\nIt is 9.", None),
        ("Hm.\n</think>\n\nIt is 9.", None),  # the template wrote the opening tag
        ("  \n<think>Hm.</think>It is 9.", None),
        ("It is 9.", None),
        ("<think></think>It is 9.", None),
        ("3 < 4 and <b>think</b> of x>2. It is 9.", None),
        ("I think</s> it is 9.", None),
        ("<think>Hm.", "thinking never closes"),
        ("<think>Hm.</think>It is <think>9.", "thinking never closes"),
        ("<think>Hm.</think>", "no answer after the thinking"),
        ("<think>Hm.</think>\n \n", "no answer after the thinking"),
        ("", "no answer after the thinking"),
        ("Sure! <think>Hm.</think>It is 9.", "text before the thinking"),
        ("<think>Hm.</think>It is 9.</think>", "more than one block of thinking"),
        ("<think>a<think>b</think>c</think>It is 9.", "more than one block of thinking"),
        ("<think>a</think><think>b</think>It is 9.", "more than one block of thinking"),
        ("</think>It is 9.<think>", "thinking never closes"),
        ("</think><think>a</think>It is 9.", "more than one block of thinking"),
        ("<think>a</think>b</ Think >It is 9.", "more than one block of thinking"),
        ("<think>a</think>b＜/think＞It is 9.", "more than one block of thinking"),
        ("<think>a</think>◁think▷b◁/think▷It is 9.", "more than one block of thinking"),
        ("<think>a</think><reasoning>b</reasoning>It is 9.", "thinking in tags of another kind"),
        ("<thinking>a</thinking>It is 9.", "thinking in tags of another kind"),
        ("<think>a</think>It is 9.<|im_end|>", "holds special tokens"),
        ("<think>a</think>It is 9.</s>\n", "holds special tokens"),
        ("<think>a<|tool_call|></think>It is 9.", "holds special tokens"),
        ("<think>a</think><｜tool▁calls▁begin｜>It is 9.", "holds special tokens"),
        ("<|channel|>analysis<|message|>It is 9.", "holds special tokens"),
        ("It is 9.<end_of_turn>", "holds special tokens"),
        ("[INST] What? [/INST] It is 9.", "holds special tokens"),
    ],
)
def test_the_form_of_a_turn(text: str, why: str | None) -> None:
    assert malformed_text(text) == why
    assert text_flaw(text, Accept(repetition=False, leak=False)) == why
    assert text_flaw(text, Accept(format=False)) is None


def test_a_turn_that_must_think() -> None:
    accept = Accept(reasoning=True)
    assert text_flaw("It is 9.", accept) == "no thinking"
    assert text_flaw("<think> \n</think>It is 9.", accept) == "no thinking"
    assert text_flaw("<think>Hm.</think>It is 9.", accept) is None
    assert text_flaw("It is 9.", Accept(reasoning=True, format=False)) == "no thinking"


def test_the_form_of_a_trace_and_of_its_turn_agree() -> None:
    for text in ("<think>a</think>It is 9.", "It is 9.", "<think>a</think>b<|im_end|>", "<think>a</think>"):
        reasoning, response = split_reasoning(text)
        assert malformed(reasoning, response) == malformed_text(text)


FILLS_A_ROOM = ("light", "sound", "a shadow", "a thought", "smoke", "warmth", "music", "darkness", "air", "love")
CIRCLE = [f"Perhaps it is {word}, since that would fill a room without weighing anything. " for word in FILLS_A_ROOM]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (THOUGHT * 40, "loops"),
        ("A long beginning. " + "Wait, no. " * 300 + THOUGHT + "So it is 9.", "loops"),  # it went on afterwards
        ("It is 0." + "3" * 700, "repeats itself"),  # too short for the first test
        ("".join(CIRCLE * 3), "repeats itself"),  # three times only
        ("".join(CIRCLE) + THOUGHT, None),
        (THOUGHT * 3, None),
        ("".join(f"{i}. {i} + {i} = {2 * i}\n" for i in range(3000)), None),  # the form repeats, the numbers do not
        ("", None),
        ("首先，我们需要计算每天卖出的鸡蛋数量，然后减去早餐吃掉的三个鸡蛋。" * 12, "repeats itself"),
    ],
)
def test_repetition(text: str, why: str | None) -> None:
    assert repeats(text) == why


def test_repetition_is_looked_for_in_reasoning_and_response() -> None:
    circles = "".join(CIRCLE * 3)
    for trace in (made(circles, "It is 9."), made("", circles)):
        assert flaw(trace, Accept()) == "repeats itself"
        assert flaw(trace, Accept(repetition=False)) is None


def test_what_is_written_twice_has_half_its_places_again() -> None:
    words = " ".join(random.Random(0).choices([a + b for a in "abcdefghij" for b in "klmnopqrst"], k=2000))
    places, again = repeated_places(words + " " + words)
    assert again / places == pytest.approx(0.5, abs=0.01)
    assert again <= MOST_SHARE * places


LEAKS = [
    ("The given answer is 9, so we need 16 - 7.", "quotes an answer it was given"),
    ("Hm, the expected answer is 9. How do I get there?", "quotes an answer it was given"),
    ("The reference solution says that nine are left.", "quotes an answer it was given"),
    ("According to the provided answer, she sells nine.", "quotes an answer it was given"),
    ("That matches the ground truth answer.", "quotes an answer it was given"),
    ("Our result agrees with the\nofficial  solution.", "quotes an answer it was given"),
    ("Since the answer is given in the prompt, we are done.", "quotes an answer it was given"),
    ("I’ve been given the correct answer, 9.", "quotes an answer it was given"),
    ("参考答案是9，所以", "quotes an answer it was given"),
    ("As the hint says, take 16 - 7.", "quotes a hint"),
    ("According to the hint, it is 9.", "quotes a hint"),
    ("根据提示，答案是9。", "quotes a hint"),
    ("As an AI language model, I do not eat eggs. It is 9.", "speaks as an AI"),
    ("I'm an AI, so I cannot see the picture.", "speaks as an AI"),
    ("作为一个AI语言模型，我不吃鸡蛋。", "speaks as an AI"),
    ("Als KI-Sprachmodell esse ich keine Eier.", "speaks as an AI"),
    ("I'm sorry, but I can't assist with that.", "refuses"),
    ("I’m really sorry, but I cannot provide an answer.", "refuses"),
    ("Sorry, I am not able to help with this request.", "refuses"),
    ("I cannot comply with that.", "refuses"),
    ("很抱歉，我无法回答这个问题。", "refuses"),
    ('{"error": {"message": "Rate limit reached", "type": "requests"}}', "an error saved as text"),
    ('{ "object": "error", "message": "the model is overloaded"}', "an error saved as text"),
    ('{"detail": "Not Found"}', "an error saved as text"),
    ("<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title>", "an error saved as text"),
    ("  <html>\r\n<body>", "an error saved as text"),
    ('<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "an error saved as text"),
    ("Error code: 429 - {'error': {'message': 'quota'}}", "an error saved as text"),
    ("Error: Request timed out.", "an error saved as text"),
    ("openai.RateLimitError: Error code: 429", "an error saved as text"),
    ("APIConnectionError: Connection error.", None),  # a name that we do not know
    ("Traceback (most recent call last):\n  File", "an error saved as text"),
    ("502 Bad Gateway", "an error saved as text"),
    ("upstream request timeout", "an error saved as text"),
    ("It is\n[ERROR] max retries exceeded\n", "an error saved as text"),
    ("[error]", "an error saved as text"),
]


@pytest.mark.parametrize(("text", "why"), LEAKS)
def test_what_was_not_thought(text: str, why: str | None) -> None:
    assert leaked("", text) == why
    assert flaw(made("", text), Accept(leak=False)) is None


def test_errors_and_refusals_stand_at_the_beginning() -> None:
    for text, why in LEAKS:
        anywhere = "[ERROR]" in text or str(why).startswith(("quotes", "speaks"))
        assert leaked("", THOUGHT * 20 + text) == (why if anywhere else None), text


@pytest.mark.parametrize(
    "text",
    [
        "So nine is the correct answer.",
        "The answer is given by 16 - 7 = 9.",
        "I think the expected number of heads is 5, and that is the answer they look for.",
        "The solution is given in the form x = a + b.",
        "A reference solution of pH 7 has ten times fewer ions.",
        "I'm sorry, but none of the available tools can find schools.",
        "I can't divide by zero, so x is not 0.",
        "I cannot see how, but let me try.",
        "The company sells an AI for 9 dollars. She works as an AI engineer.",
        "Error analysis: the relative error is 5 %.",
        "Error: 0.05 m",
        "The request errors grow with n.",
        "404 is divisible by 4.",
        "500 internal nodes have 501 leaves.",
        '{"answer": 9}',
        '{"message": "nine eggs"}',
        "We use the hint of symmetry.",
        "A list [errors, tries] holds both.",
        "x[error] = 0",
    ],
)
def test_what_only_looks_like_it(text: str) -> None:
    assert leaked("", text) is None
    assert leaked(text, "It is 9.") is None


def test_a_hint_of_the_question_may_be_quoted() -> None:
    said = "As the hint says, we use symmetry."
    assert leaked(said, "9", "Find x. Hint: use symmetry.") is None
    assert leaked(said, "9", "Find x.") == "quotes a hint"
    checked = "The given answer is 9, which is wrong."
    assert leaked(checked, "8", "Bob says the given answer is 9. Is he right?") is None


def real_texts(data: Path) -> Iterator[tuple[str, str]]:
    for i, line in enumerate((data / "r1_distill_traces_500.jsonl").read_text().splitlines()):
        yield f"r1/{i}", json.loads(line)["response"]
    for i, row in enumerate(pq.read_table(data / "s1k_5rows.parquet").to_pylist()):
        yield from ((f"s1k/{i}/{key}", value) for key, value in row.items() if isinstance(value, str))
    for i, line in enumerate((data / "reasoning_messages_50.jsonl").read_text().splitlines()):
        for j, turn in enumerate(json.loads(line)["messages"]):
            if turn["role"] == "assistant":
                yield from ((f"chat/{i}/{j}", block["value"]) for block in turn["content"])
    for i, line in enumerate((data / "gsm8k_model_solutions.jsonl").read_text().splitlines()):
        columns: dict[str, Any] = json.loads(line)
        yield from ((f"gsm/{i}/{k}", v["solution"]) for k, v in columns.items() if isinstance(v, dict))
    for name, key in (("math500", "solution"), ("gsm8k_train", "answer")):
        for i, line in enumerate((data / f"{name}.jsonl").read_text().splitlines()):
            yield f"{name}/{i}", json.loads(line)[key]


def test_alarms_on_real_texts_are_true(data: Path) -> None:
    """All were judged by eye: five digits or lines that never end, and a riddle that goes round in six paragraphs."""
    found: dict[str, str] = {}
    number = 0
    for number, (name, text) in enumerate(real_texts(data), 1):  # noqa: B007
        reasoning, response = split_reasoning(text)
        why = malformed(reasoning, response or "cut") or leaked(reasoning, response)
        if why := why or repeats(reasoning) or repeats(response):
            found[name] = why
    assert number > 13_000
    assert found == {
        "r1/287": "loops",
        "gsm/48/175b_finetuning": "repeats itself",
        "gsm/150/6b_finetuning": "repeats itself",
        "gsm/150/175b_finetuning": "repeats itself",
        "gsm/633/6b_finetuning": "repeats itself",
        "gsm/756/175b_finetuning": "repeats itself",
    }


PIECES = [
    "<think>", "</think>", "<", "＜ think", "<|", "<|a", "[error", "[error]", "\n[error",
    " ", "\n", "\0", "answer ",
    "the given answer ", "i'm sorry, but ", "hint ", "as an ai ", "a", "3", "wait, no. ", '{"message": "', "\u0301",
    "答案",
    "根据", "error: ", "<?xml ", "🙂", "\ud7ff", "[/", "<</", "</s>", "</s> ",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_anything_takes_no_longer_than_a_text(piece: str) -> None:
    """What is quadratic takes hundreds of times as long."""

    def seconds(text: str) -> float:
        begin = time.process_time()
        text_flaw(text, Accept())
        text_flaw(text, Accept(format=False))
        return time.process_time() - begin

    rng = random.Random(0)
    words = [f"{a}{b}{c}" for a in "bcdfg" for b in "aeiou" for c in "klmnp"]
    prose = " ".join(rng.choices(words, k=250_000))
    assert seconds(piece * (10**6 // len(piece.encode()))) < 20 * seconds(prose)
