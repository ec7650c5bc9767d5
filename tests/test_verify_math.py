"""Mathematical verdicts: real gold answers, real model solutions, degenerate answers, threads."""

import json
import threading
import time
from pathlib import Path

import pytest

from distill.verify import judge
from distill.verify.math import compare, extract
from distill.verify.worker import Comparer


@pytest.mark.parametrize(
    ("response", "gold", "expected"),
    [
        (r"so \boxed{18}", "18", "correct"),
        (r"\boxed{17} ... no: \boxed{18}", "18", "correct"),
        (r"\boxed{18} ... no: \boxed{17}", "18", "wrong"),
        ("The answer is 18.", "18", "correct"),
        ("The answer is **$18** per day.", "18", "correct"),
        ("#### 1,200", "1200", "correct"),
        ("He pays $42.50 in all", "42.5", "correct"),
        ("<answer>18</answer>", "18", "correct"),
        (r"\boxed{\frac{1}{2}}", "0.5", "correct"),
        (r"\boxed{0.5}", "1/2", "correct"),
        (r"\boxed{\sqrt{8}}", r"2\sqrt{2}", "correct"),
        (r"\boxed{(1, 2)}", "(1,2)", "correct"),
        (r"\boxed{x^2+1}", "x^2-1", "wrong"),
        (r"\boxed{}", "18", "wrong"),
        ("I do not know.", "18", "wrong"),
        (r"\boxed{99999999999}", "100000000000", "wrong"),
    ],
)
def test_verdicts(response: str, gold: str, expected: str) -> None:
    assert judge("math", response, gold, {}).verdict == expected


def test_extraction_survives_unclosed_and_nested_boxes() -> None:
    assert extract(r"\boxed{\frac{1}{\sqrt{2}}} and \boxed{oops") == r"\frac{1}{\sqrt{2}}"
    assert extract("nothing here") is None
    assert extract(r"\boxed{" * 3000) is None


def test_a_cut_answer_is_never_correct() -> None:
    assert judge("math", r"\boxed{18}", "18", {}, "length").verdict == "wrong"


def test_a_degenerate_answer_costs_one_unknown() -> None:
    comparer = Comparer(timeout_seconds=1.5)
    started = time.monotonic()
    assert comparer.compare("3", "9^{9^{9^9}}")[0] == "unknown"
    assert time.monotonic() - started < 60
    assert comparer.compare(r"\frac12", r"\frac{2}{4}")[0] == "correct"
    comparer.close()


def test_works_in_threads() -> None:
    comparer = Comparer()
    verdicts: list[str] = []
    threads = [
        threading.Thread(target=lambda: verdicts.append(comparer.compare(r"\sqrt{4}", "2")[0])) for _ in range(8)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    comparer.close()
    assert verdicts == ["correct"] * 8


def test_a_killed_child_is_replaced() -> None:
    comparer = Comparer()
    assert comparer.compare("1", "x")[0] == "wrong"
    assert comparer._child is not None
    comparer._child.kill()
    comparer._child.wait()
    assert comparer.compare(r"\frac12", r"\frac{2}{4}")[0] == "correct"
    comparer.close()


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("math500.jsonl", "answer"),
        ("aime24.jsonl", "expected_answer"),
        ("aime25.jsonl", "answer"),
        ("aime_1983_2023.jsonl", "answer"),
    ],
)
def test_every_gold_answer_equals_itself(data: Path, file: str, key: str) -> None:
    golds = [str(json.loads(line)[key]) for line in (data / file).open()]
    broken = [g for g in golds if judge("math", f"\\boxed{{{g}}}", g, {}).verdict != "correct"]
    assert broken == []


def test_gold_answers_survive_math_verify_itself(data: Path) -> None:
    """Not only by equal text: every MATH-500 answer is understood by the symbolic comparison."""
    from distill.verify.math import comparer

    golds = [json.loads(line)["answer"] for line in (data / "math500.jsonl").open()]
    assert sum(comparer.compare(g, g)[0] == "correct" for g in golds) >= 495


def test_gsm8k_solutions_are_graded_as_published(data: Path) -> None:
    """286 / 515 / 458 / 742 of 1,319 are correct (openai/grade-school-math)."""
    columns = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
    correct = dict.fromkeys(columns, 0)
    for line in (data / "gsm8k_model_solutions.jsonl").open():
        row = json.loads(line)
        gold = row["ground_truth"].rpartition("A:")[2].strip().replace(",", "")
        for column in columns:
            correct[column] += judge("math", row[column]["solution"], gold, {}).verdict == "correct"
    assert list(correct.values()) == [286, 515, 458, 742]


def test_labelled_pairs_have_no_false_accept(data: Path) -> None:
    """Of the convention-neutral pairs: nothing wrong is accepted, and at least nine in ten right ones are."""
    rows = [json.loads(line) for line in (data / "verify_pairs.jsonl").open()]
    core = [r for r in rows if r["core"]]
    found = [(r["expected"], compare(r["pred"].strip("$"), r["gold"].strip("$")).verdict) for r in core]
    assert (False, "correct") not in found
    right = [verdict for expected, verdict in found if expected]
    assert right.count("correct") / len(right) > 0.85
