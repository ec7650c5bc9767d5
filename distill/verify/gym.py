"""Problems of reasoning_gym: its own scorer decides, in a process that can be killed.

The answer is what stands in the last `<answer>...</answer>` of the response, as reasoning_gym's own evaluation reads
it, else in the last `\\boxed{}`. Partial scores are told in the reason.
"""

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from distill.verify.boxes import last_boxed
from distill.verify.gym_rules import THOUSANDS
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.notation import last_answer_tag
from distill.verify.process import NoReply, Worker

MAX_ANSWER = 100_000
"""A longer answer is not read: no verdict."""

SHOWN = 400
"""Characters of an answer that a verdict keeps."""

ROUNDING = 1e-9
"""Scores are sums of shares."""

MOST_LAYERS = 6
"""Of wrapping around an answer."""

_TEXT = re.compile(r"\\(?:text|mathrm|texttt|textbf|mathbf)\s*\{([^{}]*)\}")
_FENCE = re.compile(r"```[a-zA-Z]*\n(.*?)\n?```", re.DOTALL)
_PAIRS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"))
_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+")
_DASHES = str.maketrans("−–", "--")


SCORING_SECONDS = 5.0
"""Computing time for one score."""


class Scorer(Worker):
    """Starts its child at the first call. Hash seeds are fixed: the order of sets decides what some generators make."""

    def __init__(self, timeout_seconds: float = SCORING_SECONDS) -> None:
        super().__init__("distill.verify.gym_worker", {"PYTHONHASHSEED": "0", "MPLBACKEND": "agg"})
        self.timeout_seconds = timeout_seconds


scorer = Scorer()


@cache
def installed_version() -> str | None:
    """Of reasoning_gym; None where it is missing."""
    try:
        return version("reasoning-gym")
    except PackageNotFoundError:
        return None


def judge(response: str, answer: str, data: dict) -> Judgement:
    """Judge a response by the scorer of the problem's data set; `data` says which, with which config and entry."""
    extracted = extract(response)
    if extracted is None:
        return wrong(None, "no answer")
    shown = extracted[:SHOWN]
    if len(extracted) > MAX_ANSWER:
        return unknown(shown, "answer too long to read")
    installed = installed_version()
    if installed != data["version"]:
        return unknown(shown, f"made with reasoning_gym {data['version']}, {installed or 'none'} is installed")
    found = _scored(extracted, data)
    if found.verdict == "correct" or (unwrapped := bare(extracted, data["dataset"])) == extracted:
        return found
    again = _scored(unwrapped, data)
    return again if again.verdict == "correct" else found


def _scored(text: str, data: dict) -> Judgement:
    shown = text[:SHOWN]
    question = ["score", data["dataset"], data["config"], data["seed"], data["entry"], text]
    try:
        found = scorer.ask(question, scorer.timeout_seconds)
    except NoReply as e:
        return unknown(shown, str(e))
    if "failed" in found:
        return unknown(shown, found["failed"])
    return _verdict(shown, found["score"], found["right"], data["min_score"])


def _verdict(shown: str, score: float, right: bool, enough: float) -> Judgement:
    if not 0 <= score <= 1 + ROUNDING:  # NaN too
        return unknown(shown, "score outside 0 to 1")
    reason = f"score {score:.2f}"
    if score < enough - ROUNDING:
        return wrong(shown, reason if score < 0.995 else "score just below 1")
    if score >= 1 - ROUNDING and not right:
        return wrong(shown, f"{reason}, for what is no answer")
    return correct(shown, reason)


def bare(text: str, dataset: str = "") -> str:
    """An answer without what people put around it: code fences, dollars, stars, boxes.

    It is scored as it stands first, as some puzzles are about just such signs.
    """
    for _ in range(MOST_LAYERS):
        before, text = text, text.strip()
        if fenced := _FENCE.fullmatch(text):
            text = fenced[1]
        for opening, closing in _PAIRS:
            inside = text[len(opening) : -len(closing)]
            if text.startswith(opening) and text.endswith(closing) and inside and opening not in inside:
                text = inside
                break
        if text.startswith("\\boxed") and text.endswith("}") and text.count("\\boxed") == 1:
            text = last_boxed(text) or text
        if whole := _TEXT.fullmatch(text):
            text = whole[1]
        if text == before:
            break
    if _NUMBER.fullmatch(plain := text.translate(_DASHES).removeprefix("$").removesuffix(".")):
        return re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain) if dataset in THOUSANDS else plain
    return text


def extract(response: str) -> str | None:
    """The final answer of a response, None where there is none."""
    tagged = last_answer_tag(response)
    found = last_boxed(response) if tagged is None else tagged
    if found is None:
        return None
    if found.startswith("\\boxed") and last_boxed(found) is not None and found.endswith("}"):
        found = last_boxed(found) or ""
    whole = _TEXT.fullmatch(found.strip())
    return whole[1].strip() if whole else found.strip()
