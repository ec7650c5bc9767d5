"""Budget forcing (s1, arXiv 2501.19393): thinking that is cut at a budget, or made to go on when it would end.

    thinking    continue the prompt and `opening` until the model ends its thinking, or the budget is used up
    to extend   the end is left out, "Wait" stands in its place, and the model goes on with what is left of the budget
    to cut      a line end (where none stands there), the end of the thinking and the answer's prefix are put behind it
    answer      continue all of that until the end of the turn

What budget there is decreases from round to round, as in the README of s1; the published harness gives each round the
whole budget and cuts the sum. Thinking tokens are those that stand between opening and end: what was put there counts,
an end that was left out does not. docs/test-time-scaling.md names all differences.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from distill.chat_template import opening_of, rendered
from distill.errors import Refused
from distill.records import Sampling, derived_seed, split_reasoning
from distill.scaling.forced import FINAL, FORMATS, WAIT, Forced, Format, Limits
from teachers.base import Completion, Request
from teachers.continuing import Ask, Continuation, Continues, Ends

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Thought(NamedTuple):
    """Thinking as it stands in the text, and how it came to its end."""

    ids: list[int]
    last: Continuation
    waits: int
    rounds: tuple[int, ...]
    exact: bool


class Forcing:
    """Thinks within limits and answers: the token operations, on any engine that continues a prefix."""

    def __init__(
        self,
        engine: Continues,
        tokenizer: "PreTrainedTokenizerBase",
        turn_ends: Sequence[int],
        form: Format = FORMATS["think"],
        wait: str = WAIT,
        final: str = FINAL,
    ) -> None:
        """`turn_ends` are the tokens that end the model's turn.

        Raises:
            Refused: `wait` is no text.
        """
        if not wait:
            raise Refused("wait_text is empty: the model would be asked to go on where it ended.", "Such as Wait.")
        self.engine, self.form, self.wait, self.final = engine, form, wait, final
        self._tokenizer, self._turn_ends = tokenizer, tuple(sorted(turn_ends))
        self._wait = self._ids(wait)
        end = self._ids(form.end)
        self._end = end[0] if len(end) == 1 else None
        """The end of thinking, where it is one token."""

    @property
    def foreign(self) -> str | None:
        """What to know of a model to whose tokenizer the end of thinking is no token, but letters like others."""
        if self._end is not None:
            return None
        return (
            f"{self.form.end} is {len(self._ids(self.form.end))} tokens of this model and none of its own: it has "
            "hardly learnt to think between such marks, and a curve of it tells what is forced on it, not what it "
            "thinks."
        )

    def prompt(self, messages: list[dict[str, str]]) -> list[int]:
        """The chat as the server renders it, and the thinking opened.

        Raises:
            Refused: the template turns thinking off.
        """
        text = rendered(self._tokenizer, messages, self._tokenizer.name_or_path, add_generation_prompt=True)
        opening, is_emptied = opening_of(text)
        if is_emptied:
            raise Refused(
                "the chat template ends the prompt in an empty thinking block: there would be no thinking to force.",
                "Turn thinking on in the template (such as enable_thinking).",
            )
        return self._ids(text if opening and self.form.end == "</think>" else text + self.form.opening)

    def longest(self, prompt: int, limits: Limits) -> int:
        """Tokens of context that an answer may need."""
        return prompt + limits.budget + 1 + len(self._ids(self._cutting())) + limits.answer

    async def think(self, prompt: list[int], limits: Limits, sampling: Sampling) -> Thought:
        """Think until the model has ended it more often than it is to go on, or the budget is used up."""
        ids: list[int] = []
        rounds: list[int] = []
        waits, exact = 0, True
        while True:
            said = await self._go_on([*prompt, *ids], limits.budget - len(ids), len(rounds), limits, sampling)
            rounds.append(said.tokens)
            ids += said.kept
            exact = exact and said.exact
            has_room = len(ids) + len(self._wait) < limits.budget
            goes_on = said.reason == "stop" and not self._is_told_to_stop(said, limits)
            if not goes_on or waits == limits.waits or not has_room:
                return Thought(ids, said, waits, tuple(rounds), exact)
            ids += self._wait
            waits += 1

    async def answer(
        self, request: Request, prompt: list[int], thought: Thought, limits: Limits
    ) -> tuple[Completion, Forced]:
        """End the thinking, by force where it did not end by itself, and have the answer to it."""
        ended = self._ended(thought.last, limits)
        prefix = (*prompt, *self._closed(thought, ended))
        own = request.sampling.model_copy(
            update={
                "max_tokens": limits.answer,
                "seed": derived_seed(request.sampling.seed, "answer", len(thought.rounds)),
            }
        )
        said = await self.engine.proceed(Ask(prefix, Ends(self._turn_ends), own))
        behind = self._text(said.kept)
        more, response = split_reasoning(f"</think>{self.final if ended == 'cut' else ''}{behind}")
        completion = Completion(
            text=response,
            finish_reason=said.reason,
            prompt_tokens=len(prompt),
            completion_tokens=sum(thought.rounds) + said.tokens,
            reasoning="\n\n".join(part for part in (self._text(thought.ids).strip(), more) if part),
            counted=thought.exact and said.exact,
        )
        return completion, Forced(
            trace_id=request.id,
            budget=limits.budget,
            waits=thought.waits,
            ended=ended,
            thinking_tokens=len(thought.ids),
            rounds=thought.rounds,
            answer_tokens=said.tokens,
            answered=bool(behind.strip()),
            exact=completion.counted,
        )

    async def _go_on(
        self, prefix: list[int], room: int, number: int, limits: Limits, sampling: Sampling
    ) -> Continuation:
        """A round of thinking. Behind a "Wait" no end is sampled at once, as in the paper's code."""
        texts = (() if self._end is not None else (self.form.end,)) + ((limits.stop_at,) if limits.stop_at else ())
        tokens = self._turn_ends if self._end is None else (self._end, *self._turn_ends)
        own = sampling.model_copy(update={"max_tokens": room, "seed": derived_seed(sampling.seed, "round", number)})
        return await self.engine.proceed(Ask(tuple(prefix), Ends(tokens, texts), own, at_least=min(number, 1)))

    def _is_told_to_stop(self, said: Continuation, limits: Limits) -> bool:
        return bool(limits.stop_at) and said.by == limits.stop_at

    def _ended(self, said: Continuation, limits: Limits) -> Literal["end", "turn", "text", "cut"]:
        if said.reason == "length":
            return "cut"
        if self._is_told_to_stop(said, limits):
            return "text"
        by_token = not said.by and said.exact and said.ids[-1] in self._turn_ends
        return "turn" if by_token else "end"

    def _closed(self, thought: Thought, ended: str) -> list[int]:
        """The thinking with its end: the tokens that the model wrote, or those that are put in their place."""
        form, last = self.form, thought.last
        if ended == "cut":
            line_end = "" if self._text(thought.ids).endswith("\n") else "\n"
            return [*thought.ids, *self._ids(line_end), *self._ids(self._cutting())]
        if ended == "end" and last.exact:
            whole = thought.ids[: len(thought.ids) - len(last.head)]
            return [*whole, *last.ids[len(last.ids) - last.end :], *self._ids(form.after_end)]
        return [*thought.ids, *self._ids(form.end + form.after_end)]

    def _cutting(self) -> str:
        return self.form.end + self.form.after_end + self.form.before_answer + self.final

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []
