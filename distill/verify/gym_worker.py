"""reasoning_gym in a process of its own: makes problems and scores answers, under the limits of `confine.py`.

Questions are `["check", name, config]`, `["make", name, config, seed, index]` and `["score", name, config, seed,
entry, answer]`.
"""

import difflib
import json
import random
from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
import reasoning_gym
from reasoning_gym.factory import DATASETS

from distill.verify import gym_guard
from distill.verify.child import serve
from distill.verify.gym_rules import is_right_too
from distill.verify.tagged import decode, encode

MEMORY_BYTES = 2 << 30
"""Address space of the child."""

CHUNK = 500
"""Problems of one seed; some data sets draw all of them at once."""

NONSENSE = "zyx"
"""A scorer that takes this for right takes anything."""


def answer(question: list[Any]) -> Any:
    todo: dict[str, Callable[..., Any]] = {"check": check, "make": make, "score": score}
    return todo[question[0]](*question[1:])


def check(name: str, config: dict[str, Any]) -> list[str]:
    """What is wrong with a data set as a recipe names it: a sentence and a hint, or nothing."""
    if name not in DATASETS:
        near = difflib.get_close_matches(name, DATASETS, n=1, cutoff=0.5)
        hint = f"Did you mean '{near[0]}'?" if near else "Its names are those of reasoning_gym.create_dataset."
        return [f"reasoning_gym has no data set '{name}'.", hint]
    known = [field.name for field in fields(DATASETS[name][1])]
    for key in config:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            has = ", ".join(k for k in known if k not in ("seed", "size"))
            return [f"'{name}' of reasoning_gym has no setting '{key}'" + _guess(near), f"It has: {has}."]
    try:
        _dataset(name, json.dumps(config), 0)
    except Exception as e:  # noqa: BLE001 - whatever a constructor raises is said in its own words
        return [f"'{name}' of reasoning_gym does not take its config: {_words(e)}.", ""]
    return []


def make(name: str, config: dict[str, Any], seed: int, index: int) -> dict[str, Any]:
    """The entry at an index, or why it is of no use."""
    random.seed(f"{seed}/{index}")  # some generators use the global generators
    np.random.seed(seed % 2**32)
    try:
        dataset = _dataset(name, json.dumps(config), seed)
        entry = encode(dataset[index])
        json.dumps(entry)
        gold = entry["answer"]
        if isinstance(gold, str) and not _accepts(dataset, name, gold.strip(), entry):
            return {"unusable": "its scorer rejects its own answer"}
        if _accepts(dataset, name, NONSENSE, entry):
            return {"unusable": "its scorer accepts any answer"}
    except Exception as e:  # noqa: BLE001 - generators give up in many ways
        return {"unusable": _words(e)}
    return {"entry": entry}


def score(name: str, config: dict[str, Any], seed: int, entry: dict[str, Any], text: str) -> dict[str, Any]:
    """The scorer's number, whether the answer is right beyond it, and what was not evaluated."""
    gym_guard.refused.clear()
    entry = decode(entry)
    try:
        found = float(_dataset(name, json.dumps(config), seed).score_answer(text, entry))
    except (Exception, RecursionError, MemoryError) as e:  # noqa: BLE001 - any failure is "unknown", never a verdict
        return {"failed": f"scorer failed: {type(e).__name__}"}
    if gym_guard.refused:
        return {"failed": f"not evaluated: {gym_guard.refused[0]}"}
    return {"score": found, "right": is_right_too(name, text, entry)}


def _accepts(dataset: Any, name: str, text: str, entry: dict[str, Any]) -> bool:
    entry = decode(json.loads(json.dumps(entry)))
    try:
        found = float(dataset.score_answer(text, entry))
    except Exception:  # noqa: BLE001 - many scorers fail on what they cannot read
        return False
    return abs(found - 1) < 1e-9 and is_right_too(name, text, entry)


@lru_cache(maxsize=64)
def _dataset(name: str, config: str, seed: int) -> Any:
    return reasoning_gym.create_dataset(name, **_as_declared(name, json.loads(config)), seed=seed, size=CHUNK)


def _as_declared(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Lists as tuples where the data set's own default is one: YAML knows lists only."""
    tuples = {field.name for field in fields(DATASETS[name][1]) if isinstance(field.default, tuple)}
    return {key: tuple(v) if key in tuples and isinstance(v, list) else v for key, v in config.items()}


def _words(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")[:300]


def _guess(near: list[str]) -> str:
    return f", did you mean '{near[0]}'?" if near else "."


if __name__ == "__main__":
    gym_guard.install()
    serve(answer, MEMORY_BYTES)
