"""Do student and teacher read the same tokens? On-policy distillation compares their probabilities token by token.

Names say little: DeepSeek-R1-Distill-Qwen has the vocabulary of Qwen2.5 with other special tokens at the same ids. So
the vocabularies are compared, the merges, what ends an answer, and the tokens of prompts that are really asked.
"""

import json
from typing import TYPE_CHECKING, Any

from distill.errors import Refused
from students.render import serving_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SAME_FAMILY = "Choose a teacher and a student of one family, such as Qwen2.5-7B and Qwen2.5-1.5B: on_policy.teacher."


def refuse_other_tokenizer(student: "PreTrainedTokenizerBase", teacher: "PreTrainedTokenizerBase") -> None:
    """
    Raises:
        Refused: the two cut or number texts in different ways; it names the first difference.
    """
    difference = _vocabularies(student, teacher) or _merges(student, teacher) or _special(student, teacher)
    if difference:
        raise Refused(
            "on-policy distillation compares teacher and student token by token, which needs one tokenizer, and "
            f"theirs differ: {difference}.",
            SAME_FAMILY,
        )


def refuse_other_prompts(
    student: "PreTrainedTokenizerBase", teacher: "PreTrainedTokenizerBase", chats: list[list[dict[str, str]]]
) -> None:
    """
    Raises:
        Refused: the teacher's chat template renders one of these chats in other tokens than the student's; or cannot.
    """
    for messages in chats:
        ours, theirs = (prompt_ids(tokenizer, messages) for tokenizer in (student, teacher))
        if ours != theirs:
            pairs = enumerate(zip(ours, theirs, strict=False))
            at = next((i for i, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
            raise Refused(
                f"the teacher's chat template puts a prompt in other tokens: token {at} is {_shown(student, ours, at)} "
                f"for the student and {_shown(teacher, theirs, at)} for the teacher.",
                "It would judge answers to a prompt that it does not know. Give both the same chat template, or set "
                "on_policy.accept_other_template=true if you mean it.",
            )


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]]) -> list[int]:
    """Tokens of a chat up to where the model begins to write, as a server makes them."""
    text = serving_prompt(tokenizer, messages, tokenizer.name_or_path)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _vocabularies(student: "PreTrainedTokenizerBase", teacher: "PreTrainedTokenizerBase") -> str | None:
    """The first token, by its number, that the two do not share."""
    ours, theirs = student.get_vocab(), teacher.get_vocab()
    if ours == theirs:
        return None
    numbered = [{number: token for token, number in vocabulary.items()} for vocabulary in (ours, theirs)]
    first = min(n for n in numbered[0].keys() | numbered[1].keys() if numbered[0].get(n) != numbered[1].get(n))
    mine, others = (repr(by[first]) if first in by else "no token" for by in numbered)
    return f"token {first} is {mine} for the student and {others} for the teacher"


def _merges(student: "PreTrainedTokenizerBase", teacher: "PreTrainedTokenizerBase") -> str | None:
    """The first rule by which a byte-pair encoding joins pieces, where both are one."""
    ours, theirs = (_rules(tokenizer) for tokenizer in (student, teacher))
    if ours == theirs or not ours or not theirs:
        return None
    both = zip(ours, theirs, strict=False)
    first = next((n for n, (a, b) in enumerate(both) if a != b), min(len(ours), len(theirs)))
    mine, others = (" + ".join(map(repr, r[first])) if first < len(r) else "none" for r in (ours, theirs))
    return f"merge {first} is {mine} for the student and {others} for the teacher"


def _rules(tokenizer: "PreTrainedTokenizerBase") -> list[Any]:
    found: list[Any] = json.loads(tokenizer.backend_tokenizer.to_str())["model"].get("merges", [])
    return [rule.split(" ") if isinstance(rule, str) else rule for rule in found]


def _special(student: "PreTrainedTokenizerBase", teacher: "PreTrainedTokenizerBase") -> str | None:
    """What ends an answer, and which tokens are read as marks and not as text."""
    if student.eos_token_id != teacher.eos_token_id:
        return f"an answer ends with {student.eos_token!r} for the student and {teacher.eos_token!r} for the teacher"
    ours, theirs = (set(tokenizer.added_tokens_encoder) for tokenizer in (student, teacher))
    if ours == theirs:
        return None
    token = min(ours ^ theirs)
    return f"{token!r} is a mark of its own for the {'student' if token in ours else 'teacher'} only"


def _shown(tokenizer: "PreTrainedTokenizerBase", ids: list[int], at: int) -> str:
    return repr(tokenizer.convert_ids_to_tokens(ids[at])) if at < len(ids) else "none (the prompt has ended)"
