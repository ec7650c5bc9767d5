"""Problems with the same letters and digits that ask something else are two, one problem in two spellings is one: for
the step that drops copies, and for the near-duplicates."""

import pytest

from distill.curate.steps.duplicates import asked_before, near_problems
from distill.records import Problem

TASK = "{} How many letters has the result when it is written in words on the board of the classroom?"

OTHERS = [
    ("Divide 3.5 by the rest.", "Divide 35 by the rest."),
    ("The ratio is 3:12 here.", "The ratio is 31:2 here."),
    ("Take 12 × 4 first.", "Take 12 ÷ 4 first."),
    ("Let x ≤ 4 hold.", "Let x ≥ 4 hold."),
    ("Take 5! + 3 first.", "Take 5 + 3 first."),
    ("Take $n!$ first.", "Take $n$ first."),
    (r"Take $\frac{1}{23}$ first.", r"Take $\frac{12}{3}$ first."),
    (r"Take $\frac{x+1}{2}$ first.", r"Take $x+\frac{1}{2}$ first."),
    (r"Take $\frac{1}{x+2}$ first.", r"Take $\frac{1}{x}+2$ first."),
    (r"Take $\frac{1}{2x}$ first.", r"Take $\frac{1}{2}x$ first."),
    (r"Take $\binom{5}{2}$ first.", r"Take $\frac{5}{2}$ first."),
    ("Expand $(a+b)^2$ first.", "Expand $a+b^2$ first."),
    ("Let $f(x+1)=x^2$ hold.", "Let $f(x)+1=x^2$ hold."),
    ("Take $24/(4*2)$ first.", "Take $24/4*2$ first."),
    ("Take $(3+4)*5$ first.", "Take $3+(4*5)$ first."),
    (r"Take $2^{n+1}$ first.", r"Take $2^n+1$ first."),
    (r"Take $\sqrt{2x}$ first.", r"Take $\sqrt{2}x$ first."),
    ("Take √16 + 9 first.", "Take 16 + 9 first."),
    ("Take A ∪ B first.", "Take A ∩ B first."),
    ("Let x ∈ S hold.", "Let x ∉ S hold."),
    ("Take $|x-1|$ first.", "Take $x-1$ first."),
    ("Take $x|x|$ first.", "Take $xx$ first."),
    ("Take $f'(2)$ first.", "Take $f(2)$ first."),
    ("Look at [0, 5] first.", "Look at (0, 5) first."),
    ("Look at (0, 5] first.", "Look at (0, 5) first."),
    ("The points are (1,12) and (3,4).", "The points are (11,2) and (3,4)."),
    ("It rises by 30% at noon.", "It rises by 30 at noon."),
    ("Take $x - a$ first.", "Take $x + a$ first."),
    ("Take $12 - xyz$ first.", "Take $12 + xyz$ first."),
    (r"Take $A - \begin{pmatrix} 3 \\ 4 \end{pmatrix}$.", r"Take $A + \begin{pmatrix} 3 \\ 4 \end{pmatrix}$."),
]  # fmt: skip

COPIES = [
    ("Take $x^2 + 1$ first.", "Take $x^{2}+1$ first."),
    ("Take $x² + 1$ first.", "Take $x^2 + 1$ first."),
    ("Take 3 × 4 first.", r"Take $3 \times 4$ first."),
    ("Let x ≤ 4 hold.", r"Let $x \leq 4$ hold."),
    ("Take √16 + 9 first.", r"Take $\sqrt{16} + 9$ first."),
    ("Take an angle of 60° first.", r"Take an angle of $60^\circ$ first."),
    ("Take A ∪ B first.", r"Take $A \cup B$ first."),
    (r"Take $\frac{x+1}{2}$ first.", r"Take $\dfrac{x + 1}{2}$ first."),
    (r"Take $\frac{x+1}{2}$ first.", "Take $(x+1)/2$ first."),
    (r"Take $\left(\frac{3}{4}\right)^n$ first.", "Take $(3/4)^n$ first."),
    ("Take $2^{n+1}$ first.", "Take $2^(n+1)$ first."),
    (r"Take $10,\!000$ rolls.", "Take 10,000 rolls."),
    (r"It rises by $30\%$ at noon.", "It rises by 30% at noon."),
    ("He takes 'x' for it.", "He takes $x$ for it."),
]


def problems(*questions: str) -> list[Problem]:
    return [
        Problem(id=str(number), question=TASK.format(question), answer="1", kind="math", source="made")
        for number, question in enumerate(questions)
    ]


@pytest.mark.parametrize("pair", OTHERS, ids=lambda pair: pair[1])
def test_another_formula_of_the_same_letters_is_another_problem(pair: tuple[str, str]) -> None:
    for some in (problems(*pair), problems(*reversed(pair))):
        assert asked_before(some) == {}
        assert near_problems(some, 0.8) == []


@pytest.mark.parametrize("pair", COPIES, ids=lambda pair: pair[1])
def test_a_formula_in_another_spelling_is_the_same_problem(pair: tuple[str, str]) -> None:
    for some in (problems(*pair), problems(*reversed(pair))):
        before = asked_before(some)
        assert before == {"1": "0"} or [(one.id, one.stays, one.similarity) for one in near_problems(some, 0.8)] == [
            ("1", "0", 1.0)
        ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Find the square root of 1.6", "Find the square root of 16"),
        ("Compute 5!", "Compute 5"),
        ("一个苹果3.5元, 买四个苹果一共要多少元", "一个苹果35元 买四个苹果一共要多少元"),
    ],
)
def test_a_text_that_just_has_no_punctuation_has_lost_none(one: str, other: str) -> None:
    some = [p.model_copy(update={"question": q}) for p, q in zip(problems("", ""), (one, other), strict=True)]
    assert asked_before(some) == {}
    assert near_problems(some, 0.8) == []


def test_of_several_problems_with_the_same_letters_each_is_compared_with_all() -> None:
    some = problems("Take 12 × 4.", "Take 12 ÷ 4.", "Take 12 ÷  4.", "Take 1.2 × 4.", "take 12×4.", "Take 12 × 4.")
    assert asked_before(some) == {"2": "1", "4": "0", "5": "0"}


def test_braces_without_end_take_no_time() -> None:
    for text in ("2^{" * 30_000, r"\frac{" * 30_000, "{" * 30_000 + "}" * 30_000):
        assert len(asked_before(problems(text, f"{text} "))) == 1
