"""Without a connection to the hub: one attempt, then what is cached, and a sentence about what is not."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hub_cache
import pytest
from huggingface_hub import constants

from distill import hub_reach, models
from distill.curate.decontamination.evaluation_sets import on_hub
from distill.errors import Refused
from distill.evaluate.known_sets import DEFINITIONS
from distill.evaluate.sets import problem_sets
from distill.hub_reach import asking_hub, unreachable
from distill.recipe_evaluate import EvaluationSet
from distill.suitable import refuse_no_student

CACHED = "Qwen/Qwen2.5-1.5B-Instruct"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """A hub that nobody answers for, a cache with a model but its weights; what is asked of the network."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        asked: list[str] = []

        def attempt(where: str) -> str | None:
            asked.append(where)
            return original(where)

        original = hub_reach._attempt
        monkeypatch.setattr(hub_reach, "_attempt", attempt)
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: pytest.fail("the client tries again"))
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        yield asked


def test_what_is_cached_is_taken_at_once(nowhere: list[str], tmp_path: Path) -> None:
    """Of a model some files exist nowhere; the client would try six times to find each."""
    hub_cache.fill(tmp_path)
    source = models.resolve(CACHED)
    refuse_no_student(source)
    assert models.config(source).model_type == "qwen2"
    assert models.tokenizer(source).eos_token == "<|im_end|>"
    assert models.known_stops(source)
    assert models.generation_defaults(source) == {}
    assert len(nowhere) == 1
    assert constants.HF_HUB_OFFLINE is False, "a push may find the network again"


@pytest.mark.parametrize(
    "ask",
    [
        lambda: models.resolve("me/nothing"),
        lambda: models.load(models.resolve(CACHED)),
        lambda: list(on_hub("mine", DEFINITIONS["gsm8k"].hub)),
        lambda: problem_sets([EvaluationSet(name="gsm8k")], [], 0),
        lambda: problem_sets([EvaluationSet(name="mine", hub_id="me/nothing")], [], 0),
    ],
)
def test_what_is_not_cached_is_refused_after_one_attempt(
    nowhere: list[str], tmp_path: Path, ask: Callable[[], Any]
) -> None:
    hub_cache.fill(tmp_path)
    with pytest.raises(Refused, match=r"http://127\.0\.0\.1:\d+ cannot be reached \(.*\), and it is not cached"):
        ask()
    assert len(nowhere) == 1


def test_a_recipe_is_refused_after_one_attempt(distill: Any, recipe_file: Path, nowhere: list[str]) -> None:
    for verb in ("plan", "run", "train", "evaluate"):
        done = distill(verb, recipe_file, "student.model=me/nothing")
        assert done.code == 2
        assert "'me/nothing' is neither a local folder nor to be had from the hub" in done.err
    assert len(nowhere) == 1


def test_an_attempt_is_made_again_later(nowhere: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    assert unreachable()
    assert unreachable()
    assert len(nowhere) == 1
    monkeypatch.setattr("distill.hub_reach.time.monotonic", lambda: now + 1000)
    assert unreachable()
    assert len(nowhere) == 2


def test_a_hub_that_answers_is_asked_by_its_own_client(hub: Any) -> None:
    """With its attempts: only a connection that does not stand is no reason to wait."""
    with asking_hub():
        assert constants.HF_HUB_OFFLINE is False
    with pytest.raises(Refused, match="neither a local folder nor to be had from the hub"):
        models.resolve("me/nothing")
    with pytest.raises(ZeroDivisionError), asking_hub():
        raise ZeroDivisionError


def test_a_damaged_file_is_not_taken_for_a_lack_of_network(nowhere: list[str]) -> None:
    with pytest.raises(OSError, match="not valid JSON"), asking_hub():
        raise OSError("It looks like the config file is not valid JSON")
