"""All figures of an evaluation, as `summary.json` holds them: by set, by model, and between models.

{"models": ["base", "student"],
 "sets": {"held_out": {"figures": {"base": {...}, "student": {...}},
                       "differences": [{"of": "student", "minus": "base", ...}],
                       "warnings": ["sentence", ...],
                       "protocol": {...}}},
 "over_sets": {...}}                                      with several sets
"""

from dataclasses import asdict
from typing import Any

from distill.evaluate.answers import Method, Sampled, SetResult, in_order, refuse_broken_set
from distill.evaluate.exact_tests import compared
from distill.evaluate.figures import bootstrapped, figures
from distill.evaluate.groups import group_differences
from distill.evaluate.over_sets import over_sets
from distill.evaluate.paired import paired_difference

ORDER = ("base", "sft", "student", "model", "teacher")
"""In which models are told; others follow as they come."""

COMPARED = ("student", "model")
"""Models that are compared with all others."""


def summarise(sets: dict[str, SetResult]) -> dict[str, Any]:
    """Figures of all models on all sets, their paired differences, and the protocols that they hold for.

    Raises:
        Refused: answers that are missing, stand twice or belong to no problem; problems that nothing can match.
    """
    sampled = {name: _sampled(result) for name, result in sets.items()}
    told = {name: _of_set(sampled[name], result) for name, result in sets.items()}
    models = _ordered({who: None for by_model in sampled.values() for who in by_model})
    between = {"over_sets": over_sets(sampled, told, next(iter(sets.values())).method)} if len(sets) > 1 else {}
    return {"models": models, "sets": told, **between}


def pairs_of(models: list[str]) -> list[tuple[str, str]]:
    """Which model is compared with which: the student with each other one."""
    return [(of, minus) for of in COMPARED if of in models for minus in models if minus != of]


def _sampled(result: SetResult) -> dict[str, Sampled]:
    refuse_broken_set(result.problems, result.method.cluster_by)
    k = int(result.protocol["k"])
    return {who: in_order(who, result.answers[who], result.problems, k) for who in _ordered(result.answers)}


def _of_set(sampled: dict[str, Sampled], result: SetResult) -> dict[str, Any]:
    method = result.method
    by_model = {who: figures(one, method) for who, one in sampled.items()}
    differences = [_difference(sampled, of, minus, method) for of, minus in pairs_of(list(sampled))]
    return {
        "figures": by_model,
        "differences": differences,
        "warnings": [*result.warnings, *_warnings(by_model)],
        "protocol": result.protocol | {"interval": intervals_in_words(int(result.protocol["k"]), method)},
    }


def _difference(sampled: dict[str, Sampled], of: str, minus: str, method: Method) -> dict[str, Any]:
    """Of two models on the same problems, paired."""
    before, after = sampled[minus], sampled[of]
    clusters = before.clusters(method)
    found = paired_difference(before.scores, after.scores, before.k, method.confidence, clusters)
    low, high = bootstrapped(after, method, before)
    tested = compared(before.correct, after.correct, before.k, method.seed, clusters)
    more = {"bootstrap": {"low": low, "high": high}, "groups": group_differences(before, after, method)}
    return {"of": of, "minus": minus, **asdict(found), **tested._asdict(), **more}


def intervals_in_words(k: int, method: Method) -> str:
    """How the intervals of a set were made."""
    told = "Wilson score intervals; Newcombe's paired score interval for the difference"
    if method.cluster_by is not None:
        return f"{told}; both for as many independent answers as problems of the same {method.cluster_by} are worth"
    return told if k == 1 else f"{told}; both for as many independent answers as {k} samples of a problem are worth"


def _warnings(by_model: dict[str, dict[str, Any]]) -> list[str]:
    """What a reader must know before the figures are believed."""
    return [
        f"{told['unknown']} of {told['n'] * told['k']} answers of {who} could not be judged and count as not correct."
        for who, told in by_model.items()
        if told["unknown"]
    ]


def _ordered(models: dict[str, Any]) -> list[str]:
    known = [who for who in ORDER if who in models]
    return known + [who for who in models if who not in ORDER]
