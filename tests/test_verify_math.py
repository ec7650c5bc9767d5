"""Mathematical verdicts: real gold answers, real model solutions, degenerate answers, threads."""

import json
import re
import threading
import time
from pathlib import Path

import pytest

from distill.verify import judge
from distill.verify.extract import final_answer as extract
from distill.verify.two_answers import compare
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
        (".5", "5", "wrong"),
        ("5", ".5", "wrong"),
        (".5 cm", "5 cm", "wrong"),
        (r".5\pi", r"5\pi", "wrong"),
        (".5", "0.5", "correct"),
        ("0.5.", ".5", "correct"),
        (r"\boxed{3m}", "3", "unknown"),
        (r"\boxed{3\text{ m}}", "3", "correct"),
        (r"\boxed{3m}", "3m", "correct"),
        (r"\boxed{12V}", r"12\text{ V}", "correct"),
    ],
)
def test_verdicts(response: str, gold: str, expected: str) -> None:
    assert judge("math", response, gold, {}).verdict == expected


def _pairs(table: dict[str, list[str] | str]) -> list[tuple[str, str]]:
    """Gold answers with each of their answers; a text holds several, with bars between."""
    return [
        (gold, answer)
        for gold, answers in table.items()
        for answer in (re.split(r"\s+\|\s+", answers.strip()) if isinstance(answers, str) else answers)
    ]


NOT: dict[str, list[str] | str] = {
    "56": [r"5 6", r"5\,6", r"$5 $6", r"5\$6", r"\$5\$6"],
    "12, 3": ["1 2,3"],
    "111": ["1 11"],
    "(1,23)": ["(1, 2 3)"],
    r"x\rightarrow y": ["xarrow y"],
    "42": r"""
        > 42 | \geq 42 | \leq 42 | \lt 42 | \neq 42 | \not=42 | \neg 42 | 41 = 42 | 0=42 | x = 41 = 42 |
        41+2=42 | 42 \approx 41 | 41\equiv42 | 41 \\ 42 | 41 \implies 42 | 42\text{ thousand} |
        42\text{ million} | 42\text{ or more} | 42\text{ not} | 42\text{ ft }6\text{ in} |
        42 \text{ hours } 30 \text{ minutes} | 42\text{i} | 42\mathrm{\pi} | 42_8 | 42\ldots | \prod 42 |
        \exists 42 | 42' | 42x | 42?
    """,
    "5": [r"6 \to 5", r"\phantom{5}"],
    r"42\text{ cm}": [r"42\text{ km}"],
    "12_5": ["12_6"],
    "(1,2)": [r"\{1,2\}"],
    r"\{1,2\}": ["(1,2)"],
}


@pytest.mark.parametrize(("gold", "answer"), _pairs(NOT))
def test_what_math_verify_alone_would_take_for_right(gold: str, answer: str) -> None:
    assert compare(answer, gold).verdict != "correct"


SAME: dict[str, list[str] | str] = {
    "42": r"""
        x = 42 | f(41)=42 | 6 \cdot 7 = 42 | x=6\times 7=42 | 42^\circ | 42° | 42\degree | €42 | £42 | 42€ |
        \underline{42} | \bigl(42\bigr) | \text{Total: }42 | (A) 42 | 6(7) | (6)(7) | 6·7 | 42 m/s | 42\,cm^2 |
        42\text{ dollars} | \text{x = }42 | 42. | 42, | \approx 42 | 42\text{ cm} | n=42 | \$42 | $42$ |
        \(42\) | **42**
    """,
    "-8": ["50–58", "−8"],
    "1000000": ["1e6", "1{,}000{,}000", r"1\,000\,000", "1 000 000", "10^6"],
    "5": ["5,", "5\u200b"],
    r"\text{(3, 4)}": ["(3,4)"],
    r"(-\infty,2)": ["x<2"],
    "[2,5)": [r"2 \leq x < 5"],
    r"\frac{1}{2}": ["1/2", "0.5", r"\dfrac12", r"\tfrac{1}{2}"],
    r"\text{Evelyn}": ["Evelyn", r"\text{Evelyn}", "evelyn"],
    r"3\sqrt{13}": [r"\sqrt{117}"],
    r"\left( 3, \frac{\pi}{2} \right)": [r"(3,\pi/2)"],
    "p - q": ["-q+p"],
    "12_5": ["12_{5}", "12"],
    r"x \in [-2,7]": ["[-2,7]"],
    "x^2+1=0": ["1+x^2=0"],
    "1,2": ["2,1", "1 and 2", "x=1,2"],
    "p=5,q=2": ["p=5, q=2"],
}


@pytest.mark.parametrize(("gold", "answer"), _pairs(SAME))
def test_the_same_in_other_spellings(gold: str, answer: str) -> None:
    assert compare(answer, gold).verdict == "correct"


@pytest.mark.parametrize(
    ("response", "extracted"),
    [
        ("The answer is 42, which is 6 times 7.", "42"),
        ("The answer is 12, since 3*4=12", "12"),
        ("The answer is 5 km/h.", "5 km/h"),
        ("It is .5", ".5"),
        ("so we get −3", "-3"),
        (r"\boxed5", "5"),
        (r"\boxed 52.", "52"),
        ("The answer is not 42", "not 42"),
        ("The answer is 42 million.", "42 million"),
        ("The answer = 42 is incorrect", "42 is incorrect"),
        ("The answer is forty-two, not 41.", "forty-two, not 41"),
    ],
)
def test_what_is_taken_for_the_answer(response: str, extracted: str) -> None:
    assert extract(response) == extracted


@pytest.mark.parametrize(
    "response", ["at least 42", "less than 42", "minus 42", "twice 42", "x. Let's verify: 41+1 is 42"]
)
def test_a_number_among_words_that_change_it(response: str) -> None:
    assert judge("math", f"The answer is {response}.", "42", {}).verdict == "unknown"


@pytest.mark.parametrize(
    ("response", "extracted"),
    [
        ("\\boxed{3}\n\nCheck: $2(3)+4=10$.\nSo LHS = 10.", "3"),
        ("\\boxed{3}\n\nThus 3 + 4 = 7.", "3"),
        ("So $x=\\boxed{3}$.\n\nCheck:\nThus $f(3) = 0$.", "3"),
        ("\\boxed{3}\n\nTo double check, 3 + 4 gives 7.", "3"),
        ("The answer is 3.\nSo 3^2 = 9.", "3"),
        ("\\boxed{3}\n\nLet me double-check: I get 6.", "6"),
        ("\\boxed{3}\nSo x = 6", "6"),
        ("\\boxed{3}\nThus the answer = 6.", "6"),
        ("\\boxed{5}\n\nA common mistake is to forget the sign; then the answer would be 7.", "5"),
        ("\\boxed{5}\n\nI made a common mistake; the answer is 7.", "7"),
        ("$\\boxed{5}$\n\nHmm, I forgot the +1. It is 6.", "6"),
        ("\\boxed{5}\n\nOops, that should read 6.", "6"),
        ("\\boxed{5}\n\nSorry, I meant 6.", "6"),
        ("\\boxed{5}\n\nErratum: the result is 6.", "6"),
        ("**6**\n\nConfidence: 5", "6"),
        ("The result is $6$.\n\n**Difficulty:** 5/10\n**Confidence: 90%**", "6"),
        ("$6:\\boxed{5}$", "6:5"),
        ("Question 6: \\boxed{5}", "5"),
        ("$\\boxed{5}_{8}$", "5_{8}"),
        (r"\boxed{x = 12 \text{ is extraneous}}", None),
        (r"$\boxed{12}$ is extraneous.", None),
        ("So x = 13, with x = 12 rejected.", "13"),
        ("\\boxed{5}\n\nOtherwise the answer would be 7.", "5"),
    ],
)
def test_what_stands_behind_an_answer(response: str, extracted: str | None) -> None:
    assert extract(response) == extracted


@pytest.mark.parametrize(
    "response",
    [
        "So x = 13, with x = 12 rejected.",
        "So $x = 13$, with $x = 12$ rejected.",
        "So x = 13, rejecting x = 12.",
        "The solutions are 12 and 13, but 12 is extraneous.",
        r"The answer is $\boxed{12}$ for even $n$ and $\boxed{13}$ otherwise.",
        r"The answer is $\boxed{13}$ for even $n$ and $\boxed{12}$ otherwise.",
        r"\boxed{13} if n = 2, \boxed{12} if n = 3",
    ],
)
def test_a_value_that_is_rejected_or_holds_for_a_case_is_none(response: str) -> None:
    assert judge("math", response, "12", {}).verdict != "correct"


def test_two_hundred_thousand_boxes_are_no_work() -> None:
    started = time.monotonic()
    assert extract(r"\boxed{" * 200_000) is None
    assert time.monotonic() - started < 60, "hours, were each looked for from the start"


def test_extraction_survives_unclosed_and_nested_boxes() -> None:
    assert extract(r"\boxed{\frac{1}{\sqrt{2}}} and \boxed{oops") == r"\frac{1}{\sqrt{2}}"
    assert extract("There is nothing here.") is None
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
    from distill.verify.second_reader import comparer

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


def _computing(response: str, rounds: int) -> float:
    def once() -> float:
        began = time.process_time()
        judge("math", response, "12", {})
        return time.process_time() - began

    return min(once() for _ in range(rounds))


@pytest.mark.parametrize(
    "piece", ["if A then ", "suppose A ", "when x = 2 the answers ", "we double counted ", "x=y=", "5万"]
)
def test_cost_grows_with_the_length_of_what_stands_behind_a_box(piece: str) -> None:
    """Eight times the text in sixteen times the time at most; the square would take sixty-four times."""
    short, long = (r"\boxed{12}" + piece * (size // len(piece)) for size in (24_000, 192_000))
    assert _computing(long, 2) < 16 * max(_computing(short, 5), 0.005)
