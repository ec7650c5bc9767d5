"""What a chat template does to an assistant's turn, found out by rendering one.

A student learns `prompt + answer + end of turn`: the prompt as a server renders it, the answer as the model is to write
it, and the token that ends the turn. The template's own rendering of a finished turn is not trained on: many drop the
reasoning from it (DeepSeek-R1-Distill, Qwen3 before its last turn), which is meant for the history of a chat.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distill.errors import Refused

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_THOUGHT, _ANSWER = "thought of a probe", "answer of a probe"
_PROBE = f"<think>\n{_THOUGHT}\n</think>\n\n{_ANSWER}"
_PREFILLED = re.compile(r"<think>\s*$")
_EMPTIED = re.compile(r"<think>\s*</think>\s*$")
_OVER_BLOCKS = re.compile(r"""\bfor\s+\w+\s+in\s+[\w.\[\]'"]*\bcontent['"]?\]?\s*(?:\||-?%\}|if\b)""")


@dataclass(frozen=True)
class Turn:
    """How an assistant's turn begins and ends."""

    opening: str
    """What the prompt ends in that belongs to the answer: `<think>\\n`, or nothing."""
    is_emptied: bool
    """Does the prompt end in a thinking block without content, so that the model will not think?"""
    end: int
    """The token that ends it."""
    tells_date: bool
    """Does the prompt hold the day on which it is rendered?"""
    takes_blocks: bool
    """Does the template go through the parts of a message? vLLM hands it those then (`type: text`), and not a text."""
    marks: frozenset[int]
    """Special tokens that the template writes, and those that begin, end and pad: none belongs into an answer."""


def turn_of(tokenizer: "PreTrainedTokenizerBase", name: str, roles: Sequence[str] = ("user",)) -> Turn:
    """`roles` are those of the chat before the answer: templates may treat a chat with a system message otherwise.

    Raises:
        Refused: the template of the model `name` cannot be rendered, loses a message, writes something of its own
            before an answer, or ends it with no token of its own.
    """
    asked = [{"role": role, "content": f"{role} {i} of a probe"} for i, role in enumerate(roles)]
    prompt = rendered(tokenizer, asked, name, add_generation_prompt=True)
    whole = rendered(tokenizer, [*asked, {"role": "assistant", "content": _PROBE}], name)
    opening, is_emptied = opening_of(prompt)
    _refuse_lost_words(asked, prompt, name)
    _refuse_own_words(prompt.removesuffix(opening), whole, name)
    template, written = str(tokenizer.get_chat_template()), tokenizer(prompt + whole, add_special_tokens=False)
    fixed = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id} - {None}
    return Turn(
        opening,
        is_emptied,
        _end(tokenizer, whole, name),
        "strftime_now" in template,
        _OVER_BLOCKS.search(template) is not None,
        frozenset(fixed | (special_ids(tokenizer) & {*written["input_ids"]})),
    )


def special_ids(tokenizer: "PreTrainedTokenizerBase") -> set[int]:
    """Tokens that are marks and no text: servers leave them out of what they return."""
    added = tokenizer.added_tokens_decoder.items()
    return {*tokenizer.all_special_ids, *(i for i, token in added if token.special)}


def opening_of(prompt: str) -> tuple[str, bool]:
    """What a prompt ends in that belongs to the answer (`Turn.opening`), and whether it ends the thinking as well.

    Of each prompt by itself: a word in a system message can turn thinking off, as SmolLM3's /no_think.
    """
    prefilled = _PREFILLED.search(prompt)
    return prefilled[0] if prefilled else "", _EMPTIED.search(prompt) is not None


def rendered(
    tokenizer: "PreTrainedTokenizerBase",
    messages: Sequence[Mapping[str, Any]],
    name: str,
    add_generation_prompt: bool = False,
) -> str:
    """
    Raises:
        Refused: the template says no, such as Gemma's to a system message.
    """
    from jinja2 import TemplateError

    try:
        chat = [dict(message) for message in messages]
        return str(tokenizer.apply_chat_template(chat, add_generation_prompt=add_generation_prompt, tokenize=False))
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RuntimeError) as e:
        roles = ", ".join(message["role"] for message in messages)
        raise Refused(
            f"the chat template of '{name}' cannot render a chat of {roles}: {str(e).rstrip('.')}.",
            "Where it is about the system message, put its text into student.prompt.user.",
        ) from e


def with_settings(template: str, settings: Sequence[tuple[str, str]]) -> str:
    """The template with variables set at its head, whatever a request says of them: a student knows one way only.

    So training, evaluation and every server render alike, without being told.

    Raises:
        Refused: the template has no such variable.
    """
    for name, _ in settings:
        if not re.search(rf"\b{name}\b", template):
            raise Refused(
                f"student.chat_template_kwargs.{name}: the chat template has no such variable.",
                "Its text names those that it has, such as enable_thinking in Qwen3's.",
            )
    return "".join(f"{{%- set {name} = {value} %}}" for name, value in settings) + template


def _refuse_lost_words(asked: Sequence[dict[str, str]], prompt: str, name: str) -> None:
    """Refuse a template that leaves out what somebody says: the student would never be told."""
    lost = next((m["role"] for m in asked if m["role"] in ("system", "user") and m["content"] not in prompt), None)
    if lost == "system":
        raise Refused(
            f"the chat template of '{name}' leaves the system message out of the prompt.",
            "Put its text into student.prompt.user, or name another template (student.chat_template).",
        )
    if lost:
        raise Refused(
            f"the chat template of '{name}' leaves the question out of the prompt.",
            "One that reads content in parts only, such as those of models that see, does: name another template "
            "(student.chat_template).",
        )


def _refuse_own_words(base: str, whole: str, name: str) -> None:
    """Refuse a template that writes more than white space between the prompt and an answer: the model writes that."""
    pairs = enumerate(zip(base, whole, strict=False))
    shared = next((at for at, (a, b) in pairs if a != b), min(len(base), len(whole)))
    if base[shared:].strip():
        return  # the prompt has a beginning of its own; what a finished turn looks like otherwise is not trained on
    turn = whole[shared:]
    begins = [at for at in map(turn.find, ("<think>", _THOUGHT, _ANSWER)) if at >= 0]
    if head := turn[: min(begins)].strip() if begins else "":
        raise Refused(
            f"the chat template of '{name}' puts {head!r} before an answer, which the model has to write itself.",
            "A student of this template would need traces in its format; those with <think> do not fit it.",
        )


def _end(tokenizer: "PreTrainedTokenizerBase", whole: str, name: str) -> int:
    """The first token behind the answer that is one by itself, and no text."""
    _, answer, behind = whole.rpartition(_ANSWER)
    if not answer:
        raise Refused(
            f"the chat template of '{name}' leaves out what an assistant says, or writes it in another way.",
            "Nobody could tell what ends an answer. Name another template (student.chat_template).",
        )
    blank = {token for token, added in tokenizer.added_tokens_decoder.items() if added.content.isspace()}
    known = (special_ids(tokenizer) | {*tokenizer.added_tokens_decoder}) - blank
    ids = tokenizer(behind, add_special_tokens=False)["input_ids"]
    at = next((at for at, token in enumerate(ids) if token in known), None)
    if at is None:
        raise Refused(
            f"the chat template of '{name}' ends an answer without a token of its own: it ends in {behind[-20:]!r}.",
            "A student trained on it never stops. Use a template that ends a turn with a special token.",
        )
    if words := tokenizer.decode(ids[:at]).strip():
        raise Refused(
            f"the chat template of '{name}' puts {words!r} behind an answer, which is no token of this tokenizer.",
            "The model would have to spell it. Use a template that ends a turn with a token of this tokenizer.",
        )
    return int(ids[at])
