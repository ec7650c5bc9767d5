"""The three things that flow through a run, and how they lie on disk.

    problem -> trace (a teacher's or student's answer) -> verdict (is it right?)

All three are frozen pydantic models; on disk each is one JSON object a line.
"""

import hashlib
import json
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FinishReason = Literal["stop", "length", "loop", "filter", "error"]
VerdictName = Literal["correct", "wrong", "unknown"]


class Record(BaseModel):
    """A frozen record that refuses unknown fields, so that a file of another layout is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Record):
    """One task with what is needed to judge an answer to it."""

    id: str
    """Unique within a run; the same problem has the same id in every run."""
    question: str
    """The task in words, without any instruction on how to answer."""
    answer: str
    """The gold answer as text; empty where the verdict needs none (countdown)."""
    kind: str
    """Which verifier judges it: a name of `distill.verify.KINDS`."""
    data: dict[str, Any] = {}
    """What the verifier or a program teacher needs beyond the text, such as Countdown's numbers."""
    known: dict[str, float | str] = {}
    """What tells beforehand how hard it is: a level, a subject, the length of a solution, others' pass rate."""
    source: str
    """Where it comes from: a generator with its seed, a file name or a hub id."""
    licence: str = "unknown"
    """Licence of the source, carried to the cards."""
    held_out: bool = False
    """True for problems that only the evaluation may see."""


class Sampling(Record):
    """How one answer is sampled."""

    temperature: float = 0.6
    """0 means greedy decoding."""
    top_p: float = 0.95
    """Nucleus; 1 means off."""
    max_tokens: int = 4096
    """Longest answer in tokens. Longer ones finish with `length` and are never correct."""
    seed: int = 0
    """Of this one sample, not of the run."""


class ToldSampling(Record):
    """How an answer that others published was sampled, as far as they tell it; null is unknown."""

    temperature: float | None = None
    """0 means greedy decoding."""
    top_p: float | None = None
    """Nucleus; 1 means off."""
    max_tokens: int | None = None
    """Longest answer in tokens."""
    seed: int | None = None
    """Of this one sample."""


class Trace(Record):
    """One sampled answer: what was asked (by digest), what came back, what it cost."""

    id: str
    """`<problem id>/<sample index>`."""
    problem_id: str
    request: str
    """Digest of model, messages and sampling: the same digest is the same sample, never paid twice."""
    reasoning: str
    """What stands between `<think>` and `</think>`, or came in a field of its own; empty if none."""
    response: str
    """What follows the reasoning: the part that is judged."""
    finish_reason: FinishReason
    """How it ended: `stop` by itself, `length` at max_tokens, `loop` cut by us, `filter` withheld by the server."""
    prompt_tokens: int
    completion_tokens: int
    """Tokens sampled, reasoning included, the end-of-turn token included."""
    counted: bool = True
    """False where the server told no usage and the tokens are an estimate."""
    model: str
    """Who answered."""
    sampling: Sampling | ToldSampling


class Verdict(Record):
    """What a verifier says of one trace."""

    trace_id: str
    verdict: VerdictName
    extracted: str | None
    """The answer that was judged; null where none was found."""
    reason: str
    """Why, in a few words; groups well in counts."""
    kind: str
    """The verifier."""
    flaw: str | None = None
    """What speaks against it apart from its answer: form, length or language; null if nothing does."""
    by: Literal["rules", "judge"] = "rules"
    """Who decided. A judge's verdict stands in a line of its own after that of the rules, which it revises."""
    judge: str | None = None
    """The judge's model; null for the rules."""

    @property
    def accepted(self) -> bool:
        """Correct, complete, and as the recipe wants it (`harvest.accept`)."""
        return self.verdict == "correct" and self.flaw is None


def digest(value: Any, length: int = 16) -> str:
    """Hex digest of any JSON value, independent of key order and of the machine."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]  # halves of pairs count, too


def derived_seed(*parts: Any) -> int:
    """A 31-bit seed from any JSON values: stable across machines and Python versions."""
    return int(digest(list(parts), 8), 16) & 0x7FFFFFFF


CONTROL_TOKEN = re.compile(
    r"<\|(im_start|im_end|endoftext|eot_id|eom_id|start_header_id|end_header_id|begin_of_text|end_of_text)\|>"
    r"|<｜(begin▁of▁sentence|end▁of▁sentence|User|Assistant)｜>"
)
"""Marks of chat templates. In a question they would end the user's turn; a trace that holds one as text has run on into
another turn, or would end a turn when it is trained on."""


def split_reasoning(text: str) -> tuple[str, str]:
    """Split an answer into reasoning and response at the last `</think>`.

    The opening tag may be missing (some chat templates put it into the prompt). A text whose
    thinking never closes is all reasoning: its response is empty and nothing in it is judged. Thinking that
    opens again and never closes is left out with all that follows.
    """
    head, closing, tail = text.rpartition("</think>")
    if closing:
        tail = tail.partition("<think>")[0]
        return head.partition("<think>")[2].strip() if "<think>" in head else head.strip(), tail.strip()
    if "<think>" in text:
        return text.partition("<think>")[2].strip(), ""
    return "", text.strip()


def joined(reasoning: str, response: str) -> str:
    """The assistant's turn that a student learns: the inverse of `split_reasoning`."""
    return f"<think>\n{reasoning}\n</think>\n\n{response}" if reasoning else response
