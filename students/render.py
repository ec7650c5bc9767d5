"""From a problem and a trace to tokens and labels, with the student's own chat template.

The mask is found by difference: the prompt is rendered as serving will render it, the whole
conversation as training sees it, and what follows the prompt is the answer. Prompt and answer are
tokenised apart, so the training prompt is token for token the serving prompt. The last label is the
end-of-turn token; a template that hides it, or the reasoning, is refused.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill.errors import Refused

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""Label of a token outside the loss."""


@dataclass(frozen=True)
class Row:
    """One training example."""

    trace_id: str
    input_ids: list[int]
    labels: list[int]
    """`IGNORED` over the prompt, the token itself from the answer's first token to the end of the turn."""

    def __len__(self) -> int:
        return len(self.input_ids)


def serving_prompt(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]]) -> str:
    """The text that a server puts before the model's first token."""
    return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))


def render(tokenizer: "PreTrainedTokenizerBase", trace_id: str, messages: list[dict[str, str]], answer: str) -> Row:
    """Tokens and labels of one trace.

    Raises:
        Refused: the template rewrites the prompt, changes the answer, or does not end the turn
            with the end-of-turn token.
    """
    prompt = serving_prompt(tokenizer, messages)
    turn = [*messages, {"role": "assistant", "content": answer}]
    whole = str(tokenizer.apply_chat_template(turn, tokenize=False))
    if not whole.startswith(prompt):
        raise Refused(
            f"the chat template renders the prompt of trace {trace_id} in another way once the answer follows: "
            f"serving ends in {prompt[-40:]!r}, training does not.",
            "The student would be trained on a prompt that it never sees. Use a template that only appends.",
        )
    completion = whole[len(prompt) :]
    _refuse_changed_answer(_opening(tokenizer, messages, prompt) + completion, answer, trace_id)
    prompt_ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    answer_ids = _until_end(tokenizer, tokenizer(completion, add_special_tokens=False)["input_ids"], trace_id)
    return Row(trace_id, [*prompt_ids, *answer_ids], [IGNORED] * len(prompt_ids) + answer_ids)


def _opening(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], prompt: str) -> str:
    """What the generation prompt puts at the start of the assistant's turn, such as a prefilled `<think>`."""
    before = str(tokenizer.apply_chat_template(messages, tokenize=False))
    return prompt[len(before) :] if prompt.startswith(before) else ""


def _refuse_changed_answer(turn: str, answer: str, trace_id: str) -> None:
    """The assistant's turn must hold the answer as it is, with no thinking tag removed or doubled."""
    tags_changed = any(turn.count(tag) != answer.count(tag) for tag in ("<think>", "</think>"))
    if tags_changed or answer.strip() not in turn:
        raise Refused(
            f"the chat template does not keep the answer of trace {trace_id} as it is (reasoning removed or doubled): "
            f"it renders {turn[:60]!r} ...",
            "Use a template that leaves <think> in the last assistant turn.",
        )


def _until_end(tokenizer: "PreTrainedTokenizerBase", ids: list[int], trace_id: str) -> list[int]:
    """Cut what a template writes after the end of the turn (usually a newline): it is never generated."""
    if tokenizer.eos_token_id not in ids:
        raise Refused(
            f"the chat template ends the answer of trace {trace_id} without {tokenizer.eos_token!r}, the token that "
            f"stops generation; it ends in {tokenizer.decode(ids[-3:])!r}.",
            "A student trained on it never stops. Set the tokenizer's eos_token to the template's end of turn.",
        )
    end = len(ids) - 1 - ids[::-1].index(tokenizer.eos_token_id)
    if tokenizer.eos_token_id in ids[:end]:
        raise Refused(
            f"trace {trace_id} holds the end-of-turn token {tokenizer.eos_token!r} in the middle of its answer.",
            "The student would learn to stop there. Drop the trace.",
        )
    return ids[: end + 1]
