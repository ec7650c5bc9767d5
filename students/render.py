"""From a problem and a trace to tokens and labels, with the student's own chat template.

A row is the prompt as serving will render it, the answer as the model is to write it, and the token that ends the turn
(`distill.chat_template`). Prompt and answer are tokenised apart, so the training prompt is token for token the serving
prompt; the loss covers everything behind it, and nothing else.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill.chat_template import Turn, opening_of, rendered
from distill.errors import Refused
from students.unfit import (
    Unfit,
    refuse_broken_thinking,
    refuse_marks,
    refuse_marks_in_messages,
    refuse_no_question,
    refuse_unspeakable,
)

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


def serving_prompt(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], name: str = "") -> str:
    """The text that a server puts before the model's first token.

    Raises:
        Refused: the template does not render these messages.
    """
    return rendered(tokenizer, messages, name, add_generation_prompt=True)


def render(
    tokenizer: "PreTrainedTokenizerBase", turn: Turn, trace_id: str, messages: list[dict[str, str]], answer: str
) -> Row:
    """Tokens and labels of one trace.

    Raises:
        Refused: the prompt begins with two BOS tokens, or is another one when a server hands messages over in parts.
        Unfit: the thinking would be emptied, doubled or is broken already; there is no question; answer or question
            hold a mark of the template; the answer holds what this tokenizer cannot write, or nothing.
    """
    prompt = serving_prompt(tokenizer, messages, tokenizer.name_or_path)
    if turn.takes_blocks:
        _refuse_other_blocks(tokenizer, messages, prompt)
    _refuse_two_bos(tokenizer, prompt)
    refuse_no_question(messages, trace_id)
    refuse_marks_in_messages(tokenizer, turn, messages, trace_id)
    completion = _behind(prompt, answer, trace_id)
    if not completion.strip():
        raise Unfit(f"trace {trace_id} has no answer to learn.", "The student would learn to stop at once.")
    before = "" if opening_of(prompt)[1] else _own_words(tokenizer, messages, prompt)
    refuse_broken_thinking(before, completion, trace_id)
    prompt_ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    answer_ids = tokenizer(completion, add_special_tokens=False)["input_ids"]
    refuse_marks(tokenizer, turn, answer_ids, trace_id)
    refuse_unspeakable(tokenizer, answer_ids, completion, trace_id)
    labels = [IGNORED] * len(prompt_ids) + [*answer_ids, turn.end]
    return Row(trace_id, [*prompt_ids, *answer_ids, turn.end], labels)


def _behind(prompt: str, answer: str, trace_id: str) -> str:
    """What of an answer is left to be written behind the prompt, which may begin it.

    Raises:
        Unfit: prompt and answer do not go together.
    """
    opening, is_emptied = opening_of(prompt)
    thinks = answer.lstrip().startswith("<think>")
    if is_emptied and thinks:
        raise Unfit(
            f"the chat template ends its prompt with an empty thinking block, and trace {trace_id} thinks.",
            "A template for thinking models, or one with enable_thinking on, leaves that to the model.",
        )
    if opening and not thinks and "</think>" not in answer:
        raise Unfit(
            f"the chat template begins every answer with <think>, and trace {trace_id} does not think.",
            "Train it on traces with reasoning (curate.require_reasoning: true), or use another template.",
        )
    return answer.lstrip().removeprefix(opening.rstrip()).lstrip("\n") if opening else answer


def _own_words(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], prompt: str) -> str:
    """What the template writes behind the last message: of it, and not of the messages, an answer must make sense."""
    before = rendered(tokenizer, messages, tokenizer.name_or_path)
    if prompt != before and prompt.startswith(before):
        return prompt.removeprefix(before)
    last = messages[-1]["content"].strip()
    return prompt.rpartition(last)[2] if last and last in prompt else ""


def _refuse_other_blocks(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], prompt: str) -> None:
    blocks = [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in messages]
    if rendered(tokenizer, blocks, tokenizer.name_or_path, add_generation_prompt=True) != prompt:
        raise Refused(
            "the chat template renders messages in another way when their content comes in parts, as vLLM hands it to "
            "a template that goes through them: training and serving would differ.",
            "Where only system messages differ (Gemma 4), put their text into student.prompt.user; else name one "
            "that reads content as text (student.chat_template).",
        )


def _refuse_two_bos(tokenizer: "PreTrainedTokenizerBase", prompt: str) -> None:
    bos = tokenizer.bos_token and re.escape(str(tokenizer.bos_token))
    if bos and re.match(rf"\s*{bos}\s*{bos}", prompt):
        raise Refused(
            f"the chat template begins a prompt with {tokenizer.bos_token!r} twice.",
            "Text from a template is tokenised as it is: let the template write that token once.",
        )
