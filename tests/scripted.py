"""An engine that says what its script says, token by token, and remembers what it was asked."""

from collections.abc import Sequence

import tiny
from transformers import PreTrainedTokenizerFast

from teachers.continuing import Ask, Continuation, ended


def thinking_tokenizer() -> PreTrainedTokenizerFast:
    """The tiny one, with think tags that are one token each, as in Qwen3 and R1-Distill."""
    made = tiny.tokenizer()
    made.add_tokens(["<think>", "</think>"])
    return made


class Scripted:
    """Continues a prefix with the next text of its script, up to an end or as far as max_tokens allow."""

    name, concurrency = "scripted", 4

    def __init__(self, tokenizer: PreTrainedTokenizerFast, script: Sequence[str]) -> None:
        self.tokenizer, self.script = tokenizer, list(script)
        self.asks: list[Ask] = []
        self.closed = False

    async def proceed(self, ask: Ask) -> Continuation:
        return self.say(ask)

    def say(self, ask: Ask) -> Continuation:
        """The same at once."""
        text = self.script[len(self.asks)]
        self.asks.append(ask)
        ids: list[int] = []
        for token in self.tokenizer(text, add_special_tokens=False)["input_ids"]:
            ids.append(token)
            if found := ended(self.tokenizer, ids, ask.ends):
                return found
            if len(ids) == ask.sampling.max_tokens:
                break
        else:
            raise AssertionError(f"the script's {text!r} neither ends nor fills {ask.sampling.max_tokens} tokens")
        return Continuation(ids=tuple(ids), reason="length", tokens=len(ids))

    async def close(self) -> None:
        self.closed = True

    def prefix(self, number: int) -> str:
        """What stood before the answer to an ask, as text."""
        return self.tokenizer.decode(self.asks[number].prefix)
