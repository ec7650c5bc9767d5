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

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""Label of a token outside the loss."""

_EMPTY_THOUGHT = re.compile(r"<think>\s*</think>")


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
        Refused: the prompt begins with two BOS tokens; the thinking would be emptied, doubled or is empty already; the
            answer holds the token that ends it, or nothing.
    """
    prompt = serving_prompt(tokenizer, messages, tokenizer.name_or_path)
    completion = _behind(prompt, answer, trace_id)
    prompt_ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    answer_ids = tokenizer(completion, add_special_tokens=False)["input_ids"]
    _refuse_two_bos(tokenizer, prompt_ids)
    if not completion.strip():
        raise Refused(f"trace {trace_id} has no answer to learn.", "The student would learn to stop at once. Drop it.")
    if turn.end in answer_ids:
        raise Refused(
            f"trace {trace_id} holds the end-of-turn token {_shown(tokenizer, turn)} in the middle of its answer.",
            "The student would learn to stop there. Drop the trace.",
        )
    labels = [IGNORED] * len(prompt_ids) + [*answer_ids, turn.end]
    return Row(trace_id, [*prompt_ids, *answer_ids, turn.end], labels)


def _behind(prompt: str, answer: str, trace_id: str) -> str:
    """What of an answer is left to be written behind the prompt, which may begin it.

    Raises:
        Refused: prompt and answer together do not hold one thinking block, as the trace has it.
    """
    opening, is_emptied = opening_of(prompt)
    thinks = answer.lstrip().startswith("<think>")
    if is_emptied and thinks:
        raise Refused(
            f"the chat template ends its prompt with an empty thinking block, and trace {trace_id} thinks.",
            "A template for thinking models, or one with enable_thinking on, leaves that to the model.",
        )
    if opening and not thinks:
        raise Refused(
            f"the chat template begins every answer with <think>, and trace {trace_id} does not think.",
            "Train it on traces with reasoning (curate.require_reasoning: true), or use another template.",
        )
    if answer.count("<think>") > 1 or answer.count("</think>") > 1 or _EMPTY_THOUGHT.search(answer):
        raise Refused(
            f"trace {trace_id} has more than one thinking block, or one without content.",
            "curate drops such traces where harvest.accept.format is true.",
        )
    return answer.lstrip().removeprefix(opening.rstrip()).lstrip("\n") if opening else answer


def _refuse_two_bos(tokenizer: "PreTrainedTokenizerBase", ids: list[int]) -> None:
    if tokenizer.bos_token_id is not None and ids[:2] == [tokenizer.bos_token_id] * 2:
        raise Refused(
            f"the chat template begins a prompt with {tokenizer.bos_token!r} twice.",
            "Text from a template is tokenised as it is: let the template write that token once.",
        )


def _shown(tokenizer: "PreTrainedTokenizerBase", turn: Turn) -> str:
    return repr(tokenizer.convert_ids_to_tokens(turn.end))
