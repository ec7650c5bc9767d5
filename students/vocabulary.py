"""Does a tokenizer fit its model, and what servers do with it?"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from distill.chat_template import Turn, special_ids
from distill.errors import Refused

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DATED = "the chat template writes the day into the prompt: a server will show the student other days than its training"
"""As Llama-3.2's does."""


def refuse_unseen_thinking(tokenizer: "PreTrainedTokenizerBase") -> None:
    """
    Raises:
        Refused: servers, which leave special tokens out, would return thinking and answer as one text.
    """
    for tag in ("<think>", "</think>"):
        ids = tokenizer(tag, add_special_tokens=False)["input_ids"]
        if len(ids) == 1 and ids[0] in special_ids(tokenizer):
            raise Refused(
                f"the tokenizer has {tag!r} as a special token, which servers leave out of what they return.",
                "Nobody could tell thinking from answer. Mark it as not special in tokenizer.json and its config.",
            )


def refuse_tokens_without_embedding(ids: Iterable[int], tokenizer: "PreTrainedTokenizerBase", vocab_size: int) -> None:
    """`ids` are what is trained on; the tokenizer's own end and padding count too.

    Raises:
        Refused: the tokenizer writes tokens, or pads with one, that the model has no embedding for.
    """
    last = max((tokenizer.eos_token_id, tokenizer.pad_token_id, *ids))
    if last >= vocab_size:
        raise Refused(
            f"the tokenizer writes token {last} ({tokenizer.convert_ids_to_tokens(last)!r}), and the model has "
            f"{vocab_size} embeddings.",
            "They do not belong together, or tokens were added: resize the model's embeddings and save it first.",
        )


def notes_of(tokenizer: "PreTrainedTokenizerBase", turn: Turn, ids: Sequence[int]) -> Iterator[str]:
    """What is to be known, and no reason to refuse."""
    if turn.tells_date:
        yield DATED
    bos = tokenizer.bos_token_id
    if bos is not None and tokenizer("a")["input_ids"][:1] == [bos] != list(ids[:1]):
        yield f"the tokenizer begins texts with {tokenizer.bos_token}, and the chat template does not"
