"""Verdicts for other harnesses: ours, and the one by which lm-eval's own GSM8K task compares numbers."""

import json
from functools import lru_cache
from typing import Any

from distill.recipe import Verify
from distill.records import split_reasoning
from distill.verify import configure, judge

FLEXIBLE = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"
"""Of lm-eval's GSM8K task (version 3), filter `flexible-extract`: the last number of the answer."""

IGNORED = [",", r"\$", r"(?s).*#### ", r"\.$"]
"""What that task's exact match leaves out."""


def judged(verify: str, doc: dict[str, Any], results: list[Any]) -> dict[str, float]:
    """lm-eval's `process_results`: the share of a problem's answers that are right, `correct` by our verifier,
    `exact_match` by lm-eval's GSM8K definition.

    A harness does not tell whether an answer was cut at its limit, which with us is never correct.
    """
    texts = results[0] if isinstance(results[0], list) else results
    return {
        "correct": correct_share(verify, doc, texts),
        "exact_match": sum(flexible_match(text, doc["answer"]) for text in texts) / len(texts),
    }


def correct_share(verify: str, doc: dict[str, Any], texts: list[str]) -> float:
    """The share of answers that our verifier calls right, under the settings `verify` (JSON) of a recipe."""
    _configure(verify)
    data, right = json.loads(doc["data"]), 0
    for text in texts:
        reasoning, response = split_reasoning(text)
        found = judge(doc["kind"], response, doc["answer"], data, thought=bool(reasoning))
        right += found.verdict == "correct"
    return right / len(texts)


def flexible_extract(text: str) -> str:
    """What lm-eval's GSM8K task takes from an answer, by lm-eval's own code."""
    from lm_eval.filters.extraction import RegexFilter

    found = RegexFilter(FLEXIBLE, group_select=-1).apply([[text]], [{}])
    return str(next(iter(found))[0])


def flexible_match(text: str, answer: str) -> bool:
    """Is that the gold answer? By lm-eval's own code."""
    from lm_eval.api.metrics import exact_match_hf_evaluate

    found = exact_match_hf_evaluate([flexible_extract(text)], [answer], regexes_to_ignore=IGNORED, ignore_case=True)
    return bool(found["exact_match"])


@lru_cache(maxsize=1)
def _configure(verify: str) -> None:
    configure(Verify.model_validate_json(verify))
