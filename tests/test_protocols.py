"""Protocols: what presets set is what was published, and keys beside them win and are told."""

import pytest

from distill.errors import Refused
from distill.evaluate.known_sets import COMPLETION, MATHS
from distill.evaluate.looks import level_of, looks_of, reach_of
from distill.evaluate.protocols import PRESETS, lines_of, protocol_of
from distill.evaluate.sets import ProblemSet
from distill.recipe import Evaluate, Prompt
from distill.recipe_evaluate import EvaluationSet
from distill.records import Problem


def problem_set(name: str, n: int = 30, kind: str = "math", **fields: int) -> ProblemSet:
    from distill.evaluate.known_sets import DEFINITIONS

    problems = [Problem(id=str(i), question="q", answer="1", kind=kind, source="t") for i in range(n)]
    return ProblemSet(name, EvaluationSet(name=name, **fields), problems, DEFINITIONS.get(name))


@pytest.mark.parametrize(
    ("preset", "name", "n", "k", "temperature", "top_p"),
    [
        ("r1", "aime24", 30, 64, 0.6, 0.95),
        ("r1", "math500", 500, 16, 0.6, 0.95),
        ("r1", "gpqa", 198, 64, 0.6, 0.95),
        ("r1", "livecodebench", 279, 8, 0.6, 0.95),
        ("lighteval", "math500", 500, 4, 0.6, 0.95),
        ("lighteval", "gpqa", 198, 8, 0.6, 0.95),
        ("lighteval", "livecodebench", 279, 16, 0.6, 0.95),
        ("s1", "aime24", 30, 1, 0.0, 1.0),
        ("limo", "aime24", 30, 4, 0.6, 1.0),
        ("limo", "amc23", 49, 4, 0.6, 1.0),
        ("limo", "math500", 50, 1, 0.0, 1.0),
    ],
)
def test_presets_as_published(preset: str, name: str, n: int, k: int, temperature: float, top_p: float) -> None:
    found = protocol_of(Evaluate(preset=preset), problem_set(name, n), "auto")  # type: ignore[arg-type]
    assert (found.samples_per_problem, found.temperature, found.top_p) == (k, temperature, top_p)
    assert found.max_tokens == 32768
    assert found.overridden == {}
    assert found.dtype == ("float32" if preset == "s1" else "auto")


def test_the_instruction_of_r1_is_that_of_its_usage_notes() -> None:
    asked = protocol_of(Evaluate(preset="r1"), problem_set("aime24"), "auto").prompt.messages("1 + 1?")
    assert asked == [
        {
            "role": "user",
            "content": "1 + 1?\nPlease reason step by step, and put your final answer within \\boxed{}.",
        }
    ]


def test_keys_beside_a_preset_win_and_are_told() -> None:
    spec = Evaluate(preset="r1", max_tokens=3000, samples_per_problem=64)
    found = protocol_of(spec, problem_set("aime24", samples_per_problem=8), "auto")
    assert (found.max_tokens, found.samples_per_problem, found.temperature) == (3000, 8, 0.6)
    assert found.overridden == {"max_tokens": 3000, "samples_per_problem": 8}
    assert found.preset_sets["max_tokens"] == 32768
    told = found.told()
    assert (told["preset"], told["k"], told["preset_overridden"]) == ("r1", 8, found.overridden)
    sets, beside = lines_of(found, "aime24")
    assert "preset r1 sets samples_per_problem 64, temperature 0.6, top_p 0.95, max_tokens 32768" in sets
    assert beside.endswith("counts: samples_per_problem 8, max_tokens 3000")


def test_a_key_that_says_what_the_preset_says_is_no_change() -> None:
    assert protocol_of(Evaluate(preset="r1", temperature=0.6), problem_set("aime24"), "auto").overridden == {}


def test_without_a_preset_one_greedy_answer() -> None:
    found = protocol_of(Evaluate(), problem_set("gsm8k"), "bfloat16")
    assert (found.samples_per_problem, found.temperature, found.max_tokens, found.dtype) == (1, 0.0, 1024, "bfloat16")
    assert found.prompt == MATHS
    assert lines_of(found, "gsm8k") == []


def test_several_greedy_answers_are_refused() -> None:
    with pytest.raises(Refused, match="4 samples at temperature 0 are one answer again and again"):
        protocol_of(Evaluate(preset="greedy", samples_per_problem=4), problem_set("aime24"), "auto")


def test_a_student_is_asked_as_it_was_trained_but_for_programs() -> None:
    trained = Prompt(user="Riddle: {question}")
    assert protocol_of(Evaluate(preset="r1"), problem_set("aime24"), "auto", trained).prompt == trained
    assert protocol_of(Evaluate(), problem_set("humaneval", kind="code"), "auto", trained).prompt == COMPLETION
    assert protocol_of(Evaluate(), problem_set("held_out", kind="code"), "auto", trained).prompt == trained
    said = Prompt(user="Say: {question}")
    assert protocol_of(Evaluate(prompt=said), problem_set("aime24"), "auto", trained).prompt == said


def test_every_preset_of_the_recipe_is_one() -> None:
    for preset in PRESETS:
        assert Evaluate(preset=preset).preset == preset  # type: ignore[arg-type]


def test_looks_are_fixed_beforehand_and_their_levels_hold_together() -> None:
    assert [looks_of(k) for k in (1, 2, 3, 4, 8, 64)] == [
        [1],
        [1, 2],
        [1, 3],
        [1, 2, 4],
        [1, 2, 4, 8],
        [8, 16, 32, 64],
    ]
    for looks in (1, 2, 3, 4):
        assert looks * (1 - level_of(0.95, looks)) == pytest.approx(0.05)


def test_an_interval_reaches_to_its_farther_side() -> None:
    alone = {"differences": [], "figures": {"model": {"accuracy": 0.9, "low": 0.7, "high": 0.95}}}
    assert reach_of(alone) == (pytest.approx(0.2), "the accuracy of model")
    compared = alone | {"differences": [{"of": "model", "minus": "base", "mean": 0.1, "low": 0.0, "high": 0.3}]}
    assert reach_of(compared) == (pytest.approx(0.2), "model - base")
