"""Countdown: problems are disjoint and solvable, thoughts are true, the verifier cannot be talked into anything."""

import contextlib
import random
import re
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.countdown_problems import countdown_problems
from distill.recipe import CountdownProblems
from distill.verify import judge
from distill.verify.countdown import evaluate
from teachers.countdown import think

PROBLEM = {"numbers": [3, 7, 12], "target": 33}


def verdict(response: str, data: dict = PROBLEM) -> str:
    return judge("countdown", response, "", data).verdict


@pytest.mark.parametrize(
    "expression",
    [
        "3*7+12",
        "12+(7*3)",
        "12 + 7 × 3",
        "(3*7)+12 = 33",
        "((12))+3*7",
        "[3*7]+12",
        "33 = 3*7+12",
        r"$3 \times 7 + 12$",
        r"3 \cdot 7+12",
        "`3⋅7+12`",
    ],
)
def test_accepts_every_spelling_of_a_solution(expression: str) -> None:
    assert verdict(f"<answer>{expression}</answer>") == "correct"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("<answer>7*3+12-0</answer>", "wrong numbers"),
        ("<answer>3*7+12+3-3</answer>", "wrong numbers"),  # Stream of Search's check accepts a re-used number
        ("<answer>33</answer>", "wrong numbers"),
        ("<answer>3+7+12</answer>", "misses the target"),
        ("<answer>3*7+12=34</answer>", "claims another target"),
        ("<answer>3*7+12=33=33</answer>", "claims another target"),
        ("<answer>3**7</answer>", "not an expression"),
        ("<answer>3*7+12)</answer>", "not an expression"),
        ("<answer>-3*7+12</answer>", "not an expression"),
        ("<answer></answer>", "not an expression"),
        ("<answer>12/(7-7)*3</answer>", "divides by zero"),
        ("<answer>" + "(" * 5000 + "</answer>", "too long"),
        ("<answer>" + "(" * 399 + "5</answer>", "not an expression"),
        ("<answer>__import__('os').system('true')</answer>", "not an expression"),
        ("<answer>3*7+12</answer> no wait <answer>3+7</answer>", "wrong numbers"),
        ("3*7+12", "no answer"),
        ("", "empty response"),
    ],
)
def test_rejects(answer: str, reason: str) -> None:
    found = judge("countdown", answer, "", PROBLEM)
    assert (found.verdict, found.reason) == ("wrong", reason)


def test_exact_arithmetic_and_rounding_never_help() -> None:
    assert verdict("<answer>8/(3-8/3)</answer>", {"numbers": [8, 3, 8, 3], "target": 24}) == "correct"
    assert (
        verdict("<answer>99999999999999999/1</answer>", {"numbers": [99999999999999999, 1], "target": 10**17})
        == "wrong"
    )


def test_undecidable_without_numbers() -> None:
    assert judge("countdown", "<answer>1</answer>", "", {}).verdict == "unknown"


@given(
    st.recursive(
        st.integers(0, 99).map(str),
        lambda e: st.tuples(e, st.sampled_from("+-*"), e).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        max_leaves=8,
    )
)
def test_evaluates_as_python_does(expression: str) -> None:
    value, used = evaluate(expression)
    assert value == eval(expression)
    assert used == [int(n) for n in re.findall(r"\d+", expression)]


@given(st.text(max_size=60))
def test_never_raises_anything_but_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        evaluate(text)


@pytest.mark.parametrize("strategy", ["dfs", "bfs"])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_thoughts_are_true_and_answers_right(strategy: str, count: int) -> None:
    rng = random.Random(count)
    solved = 0
    for _ in range(150):
        numbers = [rng.randint(1, 15) for _ in range(count)]
        target = rng.randint(10, 60)
        thoughts, expression = think(numbers, target, strategy, budget=60, beam_size=4)
        for left, operator, right, result in re.findall(r"(\d+)([-+*/])(\d+)=(\d+)", thoughts):
            assert Fraction(eval(f"Fraction({left}){operator}Fraction({right})")) == int(result), thoughts
        if expression is None:
            assert thoughts.endswith(("I give up", "no way to make it"))
        else:
            solved += 1
            assert verdict(f"<answer>{expression}</answer>", {"numbers": numbers, "target": target}) == "correct"
    assert solved


def test_depth_first_finds_every_solution_of_three_numbers() -> None:
    """With the budget off, the search agrees with trying everything."""
    rng = random.Random(1)
    for _ in range(300):
        numbers = [rng.randint(1, 12) for _ in range(3)]
        target = rng.randint(10, 60)
        solvable = target in _reachable(tuple(map(Fraction, numbers)))
        found = think(numbers, target, "dfs", budget=10**6)[1] is not None
        assert found == solvable or (not found and not _reachable_in_integers(tuple(numbers), target))


def test_budget_makes_some_searches_fail_and_they_say_so() -> None:
    rng = random.Random(2)
    results = [think([rng.randint(1, 15) for _ in range(3)], rng.randint(10, 60), "dfs", budget=6) for _ in range(200)]
    gave_up = [thoughts for thoughts, expression in results if "I give up" in thoughts]
    assert 20 < len(gave_up) < 180
    assert all(expression is None for thoughts, expression in results if "I give up" in thoughts)


def test_problems_are_disjoint_solvable_and_reproducible() -> None:
    spec = CountdownProblems(source="countdown", count=300, held_out=80, numbers=3, max_number=15, max_target=60)
    problems = countdown_problems(spec, seed=3)
    assert problems == countdown_problems(spec, seed=3) != countdown_problems(spec, seed=4)
    train = [p for p in problems if not p.held_out]
    held = [p for p in problems if p.held_out]
    assert (len(train), len(held), len({p.id for p in problems})) == (300, 80, 380)
    assert not {p.data["target"] for p in train} & {p.data["target"] for p in held}
    assert not {tuple(sorted(p.data["numbers"])) for p in train} & {tuple(sorted(p.data["numbers"])) for p in held}
    for p in problems:
        assert Fraction(p.data["target"]) in _reachable(tuple(map(Fraction, p.data["numbers"])))


def _reachable(values: tuple[Fraction, ...]) -> set[Fraction]:
    if len(values) == 1:
        return {values[0]}
    found: set[Fraction] = set()
    for i in range(len(values)):
        for j in range(len(values)):
            if i != j:
                a, b = values[i], values[j]
                rest = tuple(v for k, v in enumerate(values) if k not in (i, j))
                made = [a + b, a - b, a * b] + ([a / b] if b else [])
                for value in made:
                    found |= _reachable((value, *rest))
    return found


def _reachable_in_integers(values: tuple[int, ...], target: int) -> bool:
    """As the searcher plays: positive whole numbers only."""
    if len(values) == 1:
        return values[0] == target
    for i in range(len(values)):
        for j in range(i + 1, len(values)):
            high, low = max(values[i], values[j]), min(values[i], values[j])
            rest = tuple(v for k, v in enumerate(values) if k not in (i, j))
            made = (
                [high + low, high * low]
                + ([high - low] if high > low else [])
                + ([high // low] if high % low == 0 else [])
            )
            if any(_reachable_in_integers((value, *rest), target) for value in made):
                return True
    return False


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("<answer>1</answer> no, <ANSWER>3*7+12</ANSWER>", "correct"),
        ("İ<answer>3*7+12</answer>İ", "correct"),
        ("<answer>3*7 <answer>3*7+12</answer>", "correct"),
        ("<answer>3*7+12", "wrong"),
        ("3*7+12</answer>", "wrong"),
        ("</answer>3*7+12<answer>", "wrong"),
        ("<answer>" * 200_000, "wrong"),  # a search for each opening tag would take hours
        ("<answer>" * 200_000 + "3*7+12</answer>" * 200_000, "wrong"),
    ],
)
def test_the_last_closed_tag_counts(response: str, expected: str) -> None:
    assert verdict(response) == expected


@pytest.mark.parametrize(
    ("response", "is_right"),
    [
        (r"<answer>\dfrac{12}{4} \cdot 9</answer>", True),
        (r"\boxed{\frac{12}{4} \times 9}", True),
        (r"\[\boxed{9 \div \left(\frac{4}{12}\right) = 27}\]", True),
        (r"<answer>\boxed{9 \cdot \tfrac{12}{4}}</answer>", True),
        (r"<answer>**9 * 12 / 4**.</answer>", True),
        (r"<answer>\( 9\,\cdot\,12 \div 4 \)</answer>", True),
        (r"\boxed{\frac{9 \cdot 12}{4}}", True),
        (r"First \boxed{9 + 12 + 4}. No: \boxed{27 = 9 \cdot 12 / 4}", True),
        (r"\boxed{\frac{9}{\frac{4}{12}}}", True),
        (r"\boxed{9 \cdot 12 / 4} no, <answer>9 + 12 + 4</answer>", False),
        (r"\boxed{9 \cdot 12 / 4} or \boxed{9 + 12 + 4}", False),
        (r"\boxed{9 + 12 + 4} or \boxed{9 \cdot 12 / 4}", False),
        (r"\boxed{\frac{12}{4}9}", False),
        (r"\boxed{\frac{12}{4} \cdot 9 = 28}", False),
        (r"\boxed{\frac{12}{4} \cdot 3^2}", False),
        (r"\boxed{\frac{12 \cdot 9}{4 - 4}}", False),
        (r"\boxed{\frac 12 4 \cdot 9}", False),
        (r"\boxed{27}", False),
        (r"\boxed{9 \cdot 12 \backslash 4}", False),
        (r"\boxed{9 \cdot 12 / 4", False),
        (r"\boxed{{9} \cdot 12 / 4", False),
        (r"<answer>9 * 12 / 4*</answer>", False),
        (r"<answer>9 \cdot 12 / 4 \approx 27</answer>", False),
        (r"<answer>\boxed{9 + 12 + 4} \boxed{9 \cdot 12 / 4}</answer>", False),
        (r"<answer>\frac{12}</answer>", False),
        (r"\boxed{\frac{9 \cdot 12}{4}} Wait, that is wrong.", False),
    ],
)
def test_latex_and_boxes(response: str, is_right: bool) -> None:
    found = judge("countdown", response, "", {"numbers": [4, 9, 12], "target": 27})
    assert (found.verdict == "correct") is is_right, found


def test_a_digit_is_an_argument_of_a_fraction() -> None:
    assert verdict(r"\boxed{\frac12 + 3}", {"numbers": [1, 2, 3], "target": 3}) == "wrong"
    assert verdict(r"\boxed{\frac62 + 3}", {"numbers": [6, 2, 3], "target": 6}) == "correct"
    assert verdict(r"\boxed{\frac{12}4 + 3}", {"numbers": [12, 4, 3], "target": 6}) == "correct"
    assert verdict(r"\boxed{\frac124 + 3}", {"numbers": [12, 4, 3], "target": 6}) == "wrong"


@pytest.mark.parametrize("piece", [r"\frac{", r"\boxed{", r"\boxed{3*7+12} ", "$", "(", r"\frac1", "**", "<answer>"])
def test_a_megabyte_of_anything_is_decided_at_once(piece: str) -> None:
    def seconds(text: str) -> float:
        begin = time.process_time()
        for form in ("{}", "<answer>{}</answer>", r"\boxed{{}}"):
            judge("countdown", form.replace("{}", text), "", PROBLEM)
        return time.process_time() - begin

    text = piece * (10**6 // len(piece))
    least = min(seconds(text[: len(text) // 10]) for _ in range(3))
    assert seconds(text) < max(30 * least, 0.2)
