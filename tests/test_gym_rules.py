"""Scorers of reasoning_gym that take more than the right answer: what is added to one makes it wrong."""

import json
from typing import Any

import pytest

from distill.verify import judge
from distill.verify.gym import installed_version

gym = pytest.importorskip("reasoning_gym", reason="the extra `gym` is not installed")

JUNK = ("{} or 7", "not {}", "{} is wrong", "{}, {}", "It is not true that {}")
JUNK_OF = {
    "letter_jumble": ("{} or something else entirely", "{} {}"),
    "gsm_symbolic": (*JUNK, "{} 5", "{}\n5"),
    "knights_knaves": ("not {}", "{} is wrong", "It is not true that {}", "{} or 7", "{} 5"),
    "quantum_lock": ("{} is wrong", "not {}", "{} or 7"),
    "kakurasu": ("not {}", "{} is wrong", "{} 5"),
    "sokoban": ("not {}", "{} is wrong", "{} or 7"),
    "survo": ("not {}", "{} is wrong"),
    "fraction_simplification": ("not {}", "{} or 7", "{} {}"),
    "cryptarithm": ("A=0,{}", "{},{}"),
}


def entries(name: str, size: int) -> list[dict[str, Any]]:
    made = gym.create_dataset(name, seed=3, size=size)
    return [json.loads(json.dumps(made[i], default=str)) for i in range(size)]


def verdict(name: str, entry: dict[str, Any], text: str) -> str:
    data = {"dataset": name, "config": {}, "seed": 3, "entry": entry, "version": installed_version(), "min_score": 1.0}
    return judge("reasoning_gym", f"<answer>{text}</answer>", "", data).verdict


@pytest.mark.parametrize("name", JUNK_OF)
def test_what_is_added_to_an_answer_makes_it_wrong(name: str) -> None:
    for entry in entries(name, 5):
        gold = str(entry["answer"])
        assert verdict(name, entry, gold) == "correct", gold
        for junk in JUNK_OF[name]:
            text = junk.replace("{}", gold)
            assert verdict(name, entry, text) != "correct", text


def test_a_number_near_the_right_one_is_another() -> None:
    for entry in entries("number_format", 20):
        gold = entry["answer"]
        shown = dict(zip(entry["metadata"]["candidates"], entry["metadata"]["formatted_candidates"], strict=True))
        assert verdict("number_format", entry, gold) == "correct"
        assert verdict("number_format", entry, shown[float(gold)]) == "correct"
        assert verdict("number_format", entry, str(float(gold) + 0.009)) == "wrong"


def test_a_premise_is_no_conclusion() -> None:
    for entry in entries("propositional_logic", 20):
        example, premises = entry["metadata"]["example_answer"], entry["metadata"]["premises"]
        assert verdict("propositional_logic", entry, example) == "correct"
        for premise in premises:
            assert premise == example or verdict("propositional_logic", entry, premise) == "wrong"
            doubled = f"({premise} ∧ {premise})"
            assert verdict("propositional_logic", entry, doubled) == "wrong"
