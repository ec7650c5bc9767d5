"""Words that were replaced blindly are told from another problem's."""

import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.curate.decontamination.decontaminate import Decontaminator

OTHERS = [
    "Find the domain of the function $f(x)=\\sqrt{1-x^2}$.",
    "A box of $12$ red and $5$ blue marbles is emptied one by one. What is expected?",
    "Compute the integral $\\int_0^1 x^2\\,dx$ by parts.",
]


def found(question: str, text: str) -> str | None:
    """Of what kind the flag of a text is."""
    flags = Decontaminator([question, *OTHERS], ["asked"] + 3 * ["others"]).flags([text])
    return flags[0].match.kind if flags else None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (
            "Solve the rational equation: $\\frac{x^{2}-2 x+1}{x+5}=7$",
            "Solve the rational equation: $\\frac{x^{2}-2 hogs",
        ),
        (
            "Compute the limit: $\\lim _{x \\rightarrow 4} 3 x^{3}-5 x $.",
            "Compute violin limit: $\\lim _{x \\rightarrow 4} 3 pancakes x $.",
        ),
        (
            "Find the inverse of the given matrix: $B=\\begin{pmatrix}12 & -7 \\\\ -5 & 3\\end{pmatrix}$",
            "Find the inverse of bolded given matrix: thrift & -7 \\\\ -5 & 3\\end{pmatrix}$",
        ),
        (
            "Determine the least $n>2$ such that $n^2-9n+5$ is divisible by $11$.",
            'Determine the label("A",(0,1),E); $n>2$ such that $n^2-9n+5$ is divisible by $11$.',
        ),
        (
            "The populations of the two towns satisfy $P(t)=3t^2+8$ and $Q(t)=40t$. When are they equal?",
            "The populations of Isabella two towns satisfy $P(t)=3t^2+8$ and caroling When are they equal?",
        ),
    ],
)
def test_a_copy_whose_formulas_lost_words_too(question: str, text: str) -> None:
    assert found(question, text) == "near"


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Solve the rational equation: $\\frac{x+1}{x+5}=7$", "Solve the rational equation: $\\frac{x+2}{x+9}=3$"),
        ("Find all real $x$ such that $x^2+3x=10$.", "Find all real $x$ such that $x^2+5x=14"),  # a `$` was forgotten
        ("What is the area of this trapezoid?", "What is the area of region $AMCN$?"),
        (
            "A hat costs 20 euros and a coat 40 more than that. How much are both of them?",
            "A hat costs $35 dollars and a coat 60 more than that. How much are both of them?",
        ),
        ("How many of the 20 boys have 3 dogs each?", "How many of the 24 boys have 7 dogs each?"),
        ("Solve $2x+3<9$ on the interval $[0,2\\pi)$.", "Solve $5x+1<8$ on the interval $(0,2\\pi]$."),
        (
            "If 15 customers buy a television that costs $\\$1500$, how many buy one that costs $\\$2500$?",
            "If 12 customers buy a toaster that costs $\\$500$, how many buy one that costs $\\$750$?",
        ),
    ],
)
def test_another_problem_is_none(question: str, text: str) -> None:
    assert found(question, text) in ("changed", None)


def replaced(text: str, words: list[str], rng: random.Random) -> str:
    return " ".join(rng.choice(words) if rng.random() < 0.1 else word for word in text.split())


def number_changed(text: str, words: list[str], rng: random.Random) -> str:
    digits = [at for at, char in enumerate(text) if char.isdigit()]
    at = rng.choice(digits)
    return text[:at] + str((int(text[at]) + rng.randrange(1, 9)) % 10) + text[at + 1 :]


@pytest.mark.parametrize(("change", "least", "most"), [(replaced, 0.92, 1.0), (number_changed, 0.0, 0.02)])
def test_real_questions(
    data: Path, change: Callable[[str, list[str], random.Random], str], least: float, most: float
) -> None:
    problems = [json.loads(line)["problem"] for line in (data / "math500.jsonl").open()]
    questions = [problem for problem in problems if re.search(r"\d", problem) and "[asy]" not in problem]
    words = [word for word in (data / "gsm8k_train.jsonl").read_text().split() if word.isascii() and word.isalpha()]
    rng = random.Random(0)
    flags = Decontaminator(questions).flags([change(question, words, rng) for question in questions])
    same = {flag.row for flag in flags if flag.row == flag.question and flag.match.kind != "changed"}
    assert least <= len(same) / len(questions) <= most


def test_a_row_of_many_questions_is_no_more_work_than_they_are(data: Path) -> None:
    questions = [json.loads(line)["question"] for line in (data / "gsm8k_test.jsonl").open()][:400]
    finder = Decontaminator(questions)
    begin = time.process_time()
    alone = finder.flags(questions)
    between = time.process_time()
    joined = finder.flags(["\n\n".join(3 * questions)])
    end = time.process_time()
    assert {flag.question for flag in joined} >= {flag.question for flag in alone if flag.match.kind == "exact"}
    assert end - between < 12 * (between - begin)  # it was some forty times where all of a row was compared
