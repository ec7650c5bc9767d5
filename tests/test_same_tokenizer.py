"""Do student and teacher read the same tokens? Otherwise the first difference is named."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import tiny
from tokenizers import Tokenizer

from distill.errors import Refused
from students.same_tokenizer import prompt_ids, refuse_other_prompts, refuse_other_tokenizer

TOK = tiny.tokenizer()
CHATS = [[{"role": "user", "content": f"Make {i}."}] for i in range(7)]


def changed(change: Callable[[dict[str, Any]], None]) -> Any:
    """The tiny tokenizer with another inside."""
    made = tiny.tokenizer()
    inside = json.loads(made.backend_tokenizer.to_str())
    change(inside)
    made._tokenizer = Tokenizer.from_str(json.dumps(inside))
    return made


def swap_tokens(inside: dict[str, Any]) -> None:
    vocabulary = inside["model"]["vocab"]
    vocabulary["!"], vocabulary['"'] = vocabulary['"'], vocabulary["!"]


def _swap_merges(inside: dict[str, Any]) -> None:
    merges = inside["model"]["merges"]
    merges[2], merges[3] = merges[3], merges[2]


def other_end() -> Any:
    made = tiny.tokenizer()
    made.eos_token = "<|im_start|>"
    return made


def other_mark() -> Any:
    made = tiny.tokenizer()
    made.add_tokens(["ss"])  # in the vocabulary already, and read as one piece from now on
    return made


OTHERS = {
    "another number": (lambda: changed(swap_tokens), r"token 3 is '!' for the student and '\"' for the teacher"),
    "another merge": (lambda: changed(_swap_merges), "merge 2 is '.+' for the student and '.+' for the teacher"),
    "another end": (other_end, "ends with '<|im_end|>' for the student and '<|im_start|>' for the teacher"),
    "a further token": (
        lambda: changed(lambda inside: inside["model"]["vocab"].update({"new": 320})),
        "token 320 is no token for the student and 'new' for the teacher",
    ),
}


@pytest.mark.parametrize(("make", "said"), OTHERS.values(), ids=OTHERS.keys())
def test_another_tokenizer_is_refused_with_the_first_difference(make: Callable[[], Any], said: str) -> None:
    refuse_other_tokenizer(TOK, tiny.tokenizer())
    with pytest.raises(Refused, match=said.replace("|", r"\|")) as told:
        refuse_other_tokenizer(TOK, make())
    assert "on_policy.teacher" in told.value.hint


def test_another_prompt_is_refused_with_the_first_token_that_differs() -> None:
    refuse_other_prompts(TOK, tiny.tokenizer(), CHATS)
    thinking = tiny.tokenizer(tiny.CHATML.replace("assistant\\n'", "assistant\\n<think>'"))
    at = len(prompt_ids(TOK, CHATS[0]))
    with pytest.raises(Refused, match=f"token {at} is none .the prompt has ended. for the student and '<' for"):
        refuse_other_prompts(TOK, thinking, CHATS)
