"""What makes a single row unfit to be trained on, while the others may be sound."""

import re
import unicodedata
from typing import TYPE_CHECKING

from distill.chat_template import Turn
from distill.errors import Refused

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OPEN, CLOSE = "<think>", "</think>"

_EMPTY_THOUGHT = re.compile(rf"{OPEN}\s*{CLOSE}")


class Unfit(Refused):
    """One row cannot be trained on. `train.drop_unfit` leaves such rows out."""


def refuse_broken_thinking(before: str, completion: str, trace_id: str) -> None:
    """`before` is what the template writes of the answer's turn, `completion` what the model is to write behind it.

    Raises:
        Unfit: together they are not one block of thinking with an answer behind it, or an answer alone.
    """
    turn = before + completion
    opens, closes = turn.find(OPEN), turn.find(CLOSE)
    if turn.count(OPEN) > 1 or turn.count(CLOSE) > 1 or _EMPTY_THOUGHT.search(turn):
        by = f", of which the chat template begins one: {before[-40:]!r}" if OPEN in before else ""
        raise Unfit(
            f"trace {trace_id} has more than one thinking block, or one without content{by}.",
            "curate drops such traces where harvest.accept.format is true.",
        )
    if closes >= 0 and not 0 <= opens < closes:
        raise Unfit(
            f"trace {trace_id} closes its thinking and never opens it.", "The student would learn half a block."
        )
    if closes < 0 and (OPEN in before or completion.lstrip().startswith(OPEN)):
        raise Unfit(
            f"trace {trace_id} never closes its thinking.", "It was cut: the student would learn to stop in its midst."
        )
    if completion.rstrip().endswith(CLOSE):
        raise Unfit(f"trace {trace_id} ends with its thinking.", "The student would learn to give no answer.")


def refuse_marks(tokenizer: "PreTrainedTokenizerBase", turn: Turn, answer_ids: list[int], trace_id: str) -> None:
    """
    Raises:
        Unfit: the answer holds the token that ends it, or another that belongs to templates and servers.
    """
    if turn.end in answer_ids:
        raise Unfit(
            f"trace {trace_id} holds the end-of-turn token {_shown(tokenizer, turn.end)} in the middle of its answer.",
            "The student would learn to stop there.",
        )
    held = next((token for token in answer_ids if token in turn.marks), None)
    if held is not None:
        raise Unfit(
            f"trace {trace_id} holds {_shown(tokenizer, held)} in its answer, a mark of chats and no text.",
            "The student would learn to write it; servers stop there, or leave it out.",
        )


def refuse_marks_in_messages(
    tokenizer: "PreTrainedTokenizerBase", turn: Turn, messages: list[dict[str, str]], trace_id: str
) -> None:
    """A teacher of another family has read such text as letters; this student would read the end of the turn.

    System messages may hold other marks: their writers know the model (Magistral's shows its thinking tokens).

    Raises:
        Unfit: a message holds the token that ends a turn, or a question any mark of templates and servers.
    """
    for message in messages:
        refused = {turn.end} if message["role"] == "system" else turn.marks | {turn.end}
        found = refused & {*tokenizer(message["content"], add_special_tokens=False)["input_ids"]}
        for text in map(str, tokenizer.convert_ids_to_tokens(sorted(found))):
            if text in message["content"]:  # a token for what is unknown stands for letters
                of = "its system message" if message["role"] == "system" else "its question"
                raise Unfit(
                    f"trace {trace_id} holds {text!r} in {of}, a mark of chats and no text.",
                    "The student would read another chat there than the one that was answered.",
                )


def refuse_no_question(messages: list[dict[str, str]], trace_id: str) -> None:
    """
    Raises:
        Unfit: nobody asks for anything.
    """
    if not any(message["role"] == "user" and message["content"].strip() for message in messages):
        raise Unfit(f"trace {trace_id} has no question.", "The student would learn to say this whatever it is asked.")


def refuse_unspeakable(
    tokenizer: "PreTrainedTokenizerBase", answer_ids: list[int], completion: str, trace_id: str
) -> None:
    """White space aside, which some tokens swallow, and apart from composed letters (NFC), which read the same.

    Raises:
        Unfit: the tokens do not read back as the answer.
    """
    said = tokenizer.decode(answer_ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    wanted, found = (unicodedata.normalize("NFC", "".join(text.split())) for text in (completion, said))
    if wanted == found:
        return
    at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), min(len(wanted), len(found)))
    raise Unfit(
        f"the tokenizer cannot write trace {trace_id}: {wanted[at : at + 20]!r} becomes {found[at : at + 20]!r}.",
        "The student would learn another text than the one that was judged.",
    )


def _shown(tokenizer: "PreTrainedTokenizerBase", token: int) -> str:
    return repr(tokenizer.convert_ids_to_tokens(token))
